"""Learned placement for render farms."""
