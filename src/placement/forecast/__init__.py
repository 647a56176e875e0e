"""Distributions of run time, memory and power."""
