"""Reading columns of a table that a user wrote: names checked, numbers bounded, cells of names made into sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.units import Floats, Ints

__all__ = ["Sets", "Table", "as_frame", "check_names", "names", "numbers", "sets"]

#: What a user may hand over as a table.
Table: TypeAlias = pd.DataFrame | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """One set of names per row, equal sets stored once.

    Parameters
    ----------
    codes
        Which set each row has, shape ``(rows,)``.
    members
        The different sets.

    Examples
    --------
    >>> one = sets(["arnold;denoiser", "arnold", ""])
    >>> one.covered([frozenset({"arnold"})]).tolist()
    [[1.0], [1.0], [0.0]]
    >>> one.sizes.tolist()
    [2.0, 1.0, 0.0]
    """

    codes: Ints
    members: tuple[frozenset[str], ...]

    @property
    def sizes(self) -> Floats:
        """How many names each different set has, shape ``(sets,)``."""
        return np.array([len(each) for each in self.members], dtype=float)

    def covered(self, owners: Sequence[frozenset[str]]) -> Floats:
        """Count the names of each set that each owner has, shape ``(sets, owners)``."""
        owned = sorted(frozenset().union(*owners))
        position = {name: place for place, name in enumerate(owned)}
        wanted = np.zeros((len(self.members), len(owned)), dtype=np.float32)
        places = [(row, position[name]) for row, each in enumerate(self.members) for name in each if name in position]
        if places:
            rows, columns = zip(*places, strict=True)
            wanted[list(rows), list(columns)] = 1.0
        having = np.array([[name in owner for owner in owners] for name in owned], dtype=np.float32)
        return (wanted @ having.reshape(len(owned), len(owners))).astype(float)


def as_frame(table: Table, what: str) -> pd.DataFrame:
    """Return a table as a DataFrame.

    Raises
    ------
    InvalidInput
        It is neither a DataFrame nor a sequence of mappings, or has a column twice.

    Examples
    --------
    >>> as_frame([{"node_class": "big"}], "nodes").shape
    (1, 1)
    """
    if not isinstance(table, pd.DataFrame):
        if not isinstance(table, Sequence) or not all(isinstance(each, Mapping) for each in table):
            given = type(table).__name__
            raise InvalidInput(f"{what} must be a DataFrame or a list of records (mappings), got {given}")
        table = pd.DataFrame.from_records([dict(each) for each in table])
    if not table.columns.is_unique:
        twice = sorted({str(name) for name in table.columns[table.columns.duplicated()]})
        raise InvalidInput(f"{what} have columns {twice} more than once")
    return table


def check_names(given: Iterable[object], known: Collection[str], what: str) -> None:
    """Refuse columns that nobody knows, and name the ones they may have meant.

    Raises
    ------
    InvalidInput
        A column is unknown.

    Examples
    --------
    >>> check_names(["memmory"], ["memory"], "nodes")
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: nodes have unknown columns: 'memmory' (did you mean 'memory'?); known are memory
    """
    unknown = [str(name) for name in given if name not in known]
    if not unknown:
        return
    hints = []
    for name in unknown:
        close = get_close_matches(name, known, n=1)
        hints.append(f"{name!r}" + (f" (did you mean {close[0]!r}?)" if close else ""))
    raise InvalidInput(f"{what} have unknown columns: {', '.join(hints)}; known are {', '.join(sorted(known))}")


def numbers(
    frame: pd.DataFrame, name: str, default: float, *, what: str, low: float = 0.0, high: float = np.inf
) -> Floats:
    """Return a column of numbers, shape ``(rows,)``; a missing column or cell gets the default.

    Raises
    ------
    InvalidInput
        A cell is not a number, or lies outside ``[low, high]``.

    Examples
    --------
    >>> numbers(pd.DataFrame({"cores": [4, None]}), "cores", 1.0, what="tasks").tolist()
    [4.0, 1.0]
    """
    if name not in frame.columns:
        return np.full(len(frame), default)
    try:
        given = pd.to_numeric(frame[name]).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as wrong:
        raise InvalidInput(f"{what}: column {name!r} must hold numbers ({wrong})") from wrong
    missing = np.isnan(given)
    bad = ~missing & ((given < low) | (given > high))
    if bad.any():
        row = int(bad.argmax())
        raise InvalidInput(f"{what}: {name} {given[row]:g} in row {row} is outside {low:g} … {high:g}")
    return np.where(missing, default, given)


def names(cell: object) -> frozenset[str]:
    """Return the names in one cell: a list, a ``;``-separated text, or nothing.

    Raises
    ------
    InvalidInput
        The cell is neither.

    Examples
    --------
    >>> sorted(names("arnold; denoiser"))
    ['arnold', 'denoiser']
    >>> sorted(names(["vray"])), names(None), names(float("nan"))
    (['vray'], frozenset(), frozenset())
    """
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return frozenset()
    if isinstance(cell, str):
        return frozenset(each.strip() for each in cell.split(";") if each.strip())
    if isinstance(cell, (list, tuple, set, frozenset, np.ndarray)) and all(isinstance(each, str) for each in cell):
        return frozenset(str(each) for each in cell)
    raise InvalidInput(f"expected a list of names or a text separated by ';', got {cell!r}")


def sets(cells: Iterable[object]) -> Sets:
    """Return the set of names of every cell, equal sets once."""
    place: dict[frozenset[str], int] = {}
    seen: dict[str, int] = {}
    codes = []
    for cell in cells:
        if isinstance(cell, str) and cell in seen:
            codes.append(seen[cell])
            continue
        code = place.setdefault(names(cell), len(place))
        if isinstance(cell, str):
            seen[cell] = code
        codes.append(code)
    return Sets(np.array(codes, dtype=np.int64), tuple(place))
