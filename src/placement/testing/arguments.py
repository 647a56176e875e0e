"""What the commands here understand on their command lines."""

from __future__ import annotations

import argparse

__all__ = ["at_least_one"]


def at_least_one(text: str) -> int:
    """Return a whole number of 1 or more: who tries nothing finds nothing, and that is no success.

    Raises
    ------
    argparse.ArgumentTypeError
        It is not one.

    Examples
    --------
    >>> at_least_one("40")
    40
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
