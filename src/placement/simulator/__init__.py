"""A farm in virtual time."""
