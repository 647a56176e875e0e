"""Offline evaluation: paired experiments, bounds, reports."""
