"""Deciding what runs where."""
