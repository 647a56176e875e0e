"""Chance: one named stream of random numbers per cause, drawn when the world is made."""

from __future__ import annotations

import zlib

import numpy as np

from placement.errors import InvalidInput

__all__ = ["stream"]


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers of one cause; streams of other names or seeds are independent of it.

    Policies judged under one seed then meet the same luck (common random numbers).

    Raises
    ------
    InvalidInput
        The seed is negative.

    Examples
    --------
    >>> stream(1, "run times").random() == stream(1, "run times").random()
    True
    >>> stream(1, "run times").random() == stream(1, "arrivals").random()
    False
    """
    if seed < 0:
        raise InvalidInput(f"seed {seed} is negative, expected 0 or more")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()),)))
