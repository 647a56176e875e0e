"""One table of a workload folder, read from CSV or Parquet and checked value by value against its form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_schema import TABLES, Column, TableForm
from placement.units import Floats, Ints

__all__ = ["FarmTable", "read_table"]

_MISSING = ("", "nan", "NaN", "None")


class FarmTable:
    """A checked table: numbers with what is missing filled, words as they stand.

    Parameters
    ----------
    name
        File, for messages.
    rows
        Number of rows.
    """

    def __init__(self, name: str, rows: int, columns: dict[str, Floats | np.ndarray], given: frozenset[str]) -> None:
        self.name, self.rows, self._columns, self._given = name, rows, columns, given

    def has(self, column: str) -> bool:
        """Say whether the file has this column."""
        return column in self._given

    def numbers(self, column: str) -> Floats:
        """Return a column of numbers, shape ``(rows,)``."""
        return np.asarray(self._columns[column], float)

    def whole(self, column: str) -> Ints:
        """Return a column of whole numbers, shape ``(rows,)``."""
        return np.asarray(self._columns[column], float).astype(np.int64)

    def words(self, column: str) -> np.ndarray:
        """Return a column of words, objects of shape ``(rows,)``."""
        return np.asarray(self._columns[column], object)

    def codes(self, column: str, names: Sequence[str], where: str) -> Ints:
        """Return the rows of another table that a column names, -1 where it is empty.

        Raises
        ------
        InvalidInput
            A name is not there; the message says where it was looked for.
        """
        words = self.words(column)
        found = np.asarray(pd.Index(names).get_indexer(pd.Index(words)), np.int64)
        bad = (found < 0) & (words != "")
        if bad.any():
            row = int(bad.argmax())
            raise self.wrong(row, column, words[row], f"a name that is in {where}")
        return found

    def wrong(self, row: int, column: str, value: object, expectation: str) -> InvalidInput:
        """Return the error that says what is wrong with a value; the first row under the header is row 1."""
        shown = repr(value.item() if isinstance(value, np.generic) else value)
        return InvalidInput(f"{self.name}, row {row + 1}, column {column}: {shown}, expected {expectation}")


def read_table(folder: Path, stem: str) -> FarmTable | None:
    """Read ``stem.csv`` or ``stem.parquet``, None if neither is there and it may be missing.

    Raises
    ------
    InvalidInput
        The table must be there, is there twice, cannot be read, or a column or value is not as its form says; the
        message names file, row, column, value and what was expected, with its unit.
    """
    form = TABLES[stem]
    files = [path for path in (folder / f"{stem}.csv", folder / f"{stem}.parquet") if path.is_file()]
    if len(files) > 1:
        raise InvalidInput(f"{folder} has both {files[0].name} and {files[1].name}; expected one of them")
    if not files:
        if form.optional:
            return None
        raise InvalidInput(f"{folder} has no {stem}.csv and no {stem}.parquet")
    path = files[0]
    raw = _raw(path)
    names = [str(name) for name in raw.columns]
    known = [column.name for column in form.columns]
    needed = [column.name for column in form.columns if column.otherwise is None]
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(f"{path.name} has unknown columns {unknown}; known are {known}")
    if missing := [name for name in needed if name not in names]:
        raise InvalidInput(f"{path.name} lacks the columns {missing}; has {names}")
    if len(set(names)) < len(names):
        raise InvalidInput(f"{path.name} has a column twice: {names}")
    found = FarmTable(path.name, len(raw), {}, frozenset(names))
    columns = {column.name: _checked(found, column, raw) for column in form.columns}
    table = FarmTable(path.name, len(raw), columns, frozenset(names))
    _unique(table, form)
    return table


def _raw(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig", skipinitialspace=True
            )
    except (OSError, ValueError, UnicodeError, Warning) as wrong:
        raise InvalidInput(f"{path.name} cannot be read as a table: {wrong}") from wrong
    except Exception as wrong:  # pyarrow and pandas have errors of their own for broken files
        if type(wrong).__module__.split(".")[0] in ("pyarrow", "pandas"):
            raise InvalidInput(f"{path.name} cannot be read as a table: {wrong}") from wrong
        raise
    if not isinstance(table.index, pd.RangeIndex):
        raise InvalidInput(f"{path.name} has more values in a row than the header has columns {list(table.columns)}")
    return table


def _checked(table: FarmTable, column: Column, raw: pd.DataFrame) -> np.ndarray:
    """Return a column's values, checked and with what is missing filled."""
    rows = len(raw)
    if column.name not in raw:
        otherwise = column.otherwise
        return np.full(rows, otherwise, dtype=object if column.words else float)
    series = raw[column.name]
    if column.words:
        return _words(table, column, series)
    numbers = _numbers(table, column, series)
    given = ~np.isnan(numbers)
    low = numbers > column.low if column.above else numbers >= column.low
    bad = given & ~(low & (numbers <= column.high))
    if column.otherwise is None:
        bad |= ~given
    if column.otherwise is None or not np.isinf(column.otherwise):
        bad |= np.isinf(numbers)
    if column.whole:
        bad |= given & (numbers != np.floor(np.where(np.isfinite(numbers), numbers, 0.0)))
    if bad.any():
        row = int(bad.argmax())
        raise table.wrong(row, column.name, _shown(series.iloc[row]), column.expectation())
    return np.where(given, numbers, column.otherwise if column.otherwise is not None else np.nan)


def _words(table: FarmTable, column: Column, series: pd.Series) -> np.ndarray:
    text = series.astype(object).where(series.notna(), "")
    words = np.array([each.strip() if isinstance(each, str) else str(each) for each in text], dtype=object)
    empty = words == ""
    if column.otherwise is None and empty.any():
        row = int(empty.argmax())
        raise table.wrong(row, column.name, "", column.expectation())
    if column.otherwise is not None:
        words = np.where(empty, str(column.otherwise), words)
    if column.among and len(words):
        lower = np.array([word.lower() for word in words], dtype=object)
        bad = ~np.isin(lower, np.array(column.among, dtype=object))
        if bad.any():
            row = int(bad.argmax())
            raise table.wrong(row, column.name, words[row], column.expectation())
        return lower
    return words


def _numbers(table: FarmTable, column: Column, series: pd.Series) -> Floats:
    if pd.api.types.is_numeric_dtype(series.dtype):
        return np.asarray(series.astype("float64"), float)
    text = series.astype(object).where(series.notna(), "").astype(str).str.strip()
    words = text.to_numpy(object)
    words = np.where(np.isin(words, _MISSING), "nan", words)
    if not text.str.contains("_", regex=False).any():
        try:
            return words.astype(float)
        except (ValueError, TypeError):
            pass
    for row, word in enumerate(words):
        try:
            bad = "_" in word or not isinstance(float(word), float)
        except ValueError:
            bad = True
        if bad:
            raise table.wrong(row, column.name, series.iloc[row], column.expectation())
    return words.astype(float)


def _shown(value: object) -> object:
    return value if isinstance(value, str) else getattr(value, "item", lambda: value)()


def _unique(table: FarmTable, form: TableForm) -> None:
    if not form.unique or not table.rows:
        return
    keys = {name: table.words(name) if form.column(name).words else table.numbers(name) for name in form.unique}
    twice = pd.DataFrame(keys).duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        value = ", ".join(str(keys[name][row]) for name in form.unique)
        raise table.wrong(row, " and ".join(form.unique), value, "a row that is not there twice")
