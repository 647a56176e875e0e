"""Tables as frozen columns: every column has the same number of rows and cannot be written to."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from placement.errors import InvalidInput

__all__ = ["seal"]


def seal(table: Any, shapes: dict[str, tuple[int, ...]] | None = None) -> None:
    """Check that the array columns of a dataclass have the same number of rows, and make them read-only.

    Parameters
    ----------
    table
        A dataclass instance; fields that are no arrays are left alone.
    shapes
        Expected shapes of columns that are wider than one value a row.

    Raises
    ------
    InvalidInput
        A column has another shape; the message names table, column and both shapes.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Pair:
    ...     left: np.ndarray
    ...     right: np.ndarray
    >>> seal(Pair(np.zeros(2), np.zeros(3)))
    Traceback (most recent call last):
    ...
    placement.errors.InvalidInput: Pair.right has shape (3,), expected (2,)
    """
    columns = {each.name: getattr(table, each.name) for each in fields(table)}
    arrays = {name: value for name, value in columns.items() if isinstance(value, np.ndarray)}
    rows = len(next(iter(arrays.values()))) if arrays else 0
    for name, value in arrays.items():
        expected = (shapes or {}).get(name, (rows,))
        if value.shape != expected:
            raise InvalidInput(f"{type(table).__name__}.{name} has shape {value.shape}, expected {expected}")
        value.setflags(write=False)
