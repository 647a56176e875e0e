"""Numbers the project promises, each measured afresh by its name."""
