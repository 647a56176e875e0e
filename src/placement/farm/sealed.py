"""Tables as frozen columns: every column has the same number of rows and cannot be written to."""

from __future__ import annotations

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
    rows = None
    for name in table.__dataclass_fields__:  # two dozen tables are sealed in a decision; `fields` took half of the time
        value = getattr(table, name)
        if not isinstance(value, np.ndarray):
            continue
        if rows is None:
            rows = (len(value),)
        expected = rows if shapes is None else shapes.get(name, rows)
        if value.shape != expected:
            raise InvalidInput(f"{type(table).__name__}.{name} has shape {value.shape}, expected {expected}")
        value.setflags(write=False)
