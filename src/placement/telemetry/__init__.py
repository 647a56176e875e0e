"""Telemetry of finished attempts: schema, checks, cleaning, features."""
