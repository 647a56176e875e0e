"""Foreign traces as farms."""
