"""Whole farms in virtual time: columns that move forward in waves between decisions."""
