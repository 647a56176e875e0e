"""Where attempts run: engines on real machines."""
