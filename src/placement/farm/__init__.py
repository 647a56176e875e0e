"""Nouns of a render farm: node classes, energy modes, tariffs."""
