"""Placement policies, one file each, none knowing another."""
