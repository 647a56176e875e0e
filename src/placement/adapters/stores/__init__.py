"""Where models and shipped data are kept."""
