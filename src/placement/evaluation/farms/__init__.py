"""Whole farms judged: who competes, what is measured, how it is compared and shown."""
