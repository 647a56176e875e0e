"""The columns known before a render as users give them: numbers are possible numbers, names are names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.farm.columns import numbers
from placement.telemetry.schema import COLUMNS, Column
from placement.units import Floats

__all__ = ["given"]

_KNOWN = {each.name: each for each in COLUMNS}
_NUMBERS = ("number", "integer", "flag")


def given(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return rows whose schema columns hold float64 within their bounds, or names; other columns as they are.

    A missing cell stays missing; a number where a name belongs is the name it is written as.

    Parameters
    ----------
    what
        What the rows are, for the message.

    Raises
    ------
    InvalidInput
        A cell is no number, lies outside the schema's bounds, or is no name; the message says which.

    Examples
    --------
    >>> given(pd.DataFrame({"width": ["640"], "renderer": [4]}), "tasks").values.tolist()
    [[640.0, '4']]
    """
    changed: dict[str, pd.Series | Floats] = {}
    for name, values in ((str(name), values) for name, values in rows.items()):
        column = _KNOWN.get(name)
        if column is None:
            continue
        if column.kind in _NUMBERS:
            if not _possible(values, column):
                changed[name] = numbers(rows, name, np.nan, what=what, **_bounds(column))
        elif (found := pd.api.types.infer_dtype(values, skipna=True)) not in ("string", "empty"):
            changed[name] = _names(values, found, what)
    return rows.assign(**changed) if changed else rows


def _possible(values: pd.Series, column: Column) -> bool:
    """Say whether a column is surely as it should be, which is quick for plain numbers."""
    if not isinstance(values.dtype, np.dtype) or values.dtype.kind not in "fiu":
        return False
    bounds = _bounds(column)
    found = values.to_numpy()
    return not ((found < bounds["low"]) | (found > bounds["high"])).any()


def _bounds(column: Column) -> dict[str, float]:
    high = 1.0 if column.kind == "flag" else column.high
    low = column.low if column.low is not None else -np.inf
    return {"low": 0.0 if column.kind == "flag" else low, "high": np.inf if high is None else high}


def _names(values: pd.Series, found: str, what: str) -> pd.Series:
    missing = values.isna()
    wrong = ~missing & ~values.map(lambda cell: isinstance(cell, str | int | float | np.generic)).astype(bool)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        cell = values.iloc[row]
        raise InvalidInput(f"{what}: column {values.name!r} must hold names, got {cell!r} in row {row} ({found})")
    return values.where(missing, values.map(str)).astype(object)
