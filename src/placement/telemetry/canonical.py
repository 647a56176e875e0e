"""Any column to its canonical dtype: float64 numbers and flags, strings for names; what does not fit is pointed out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from placement.telemetry.features import Feature
from placement.telemetry.schema import COLUMNS, Column
from placement.units import Bools, Floats

__all__ = ["TEXT", "Finding", "canonical", "extra_columns", "to_flags", "to_numbers", "to_text"]

#: Strings that miss as NaN, the same on every pandas this package allows.
TEXT = pd.StringDtype(na_value=np.nan)

#: A reason to quarantine and the rows it holds for, shape ``(rows,)``.
Finding = tuple[str, Bools]

_MISSING_WORDS = ("", "nan", "na", "n/a", "null", "none")
_FLAG_WORDS = {"true": 1.0, "yes": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "no": 0.0, "0": 0.0, "0.0": 0.0}
_KIND_OF_SCALE = {"log": "number", "count": "number", "linear": "number", "category": "category", "flag": "flag"}


def extra_columns(features: Sequence[Feature]) -> tuple[Column, ...]:
    """Return schema columns for declared features that the schema does not have.

    Examples
    --------
    >>> [(each.name, each.kind, each.low) for each in extra_columns([Feature(name="objects", scale="log")])]
    [('objects', 'number', 0.0)]
    """
    known = {each.name for each in COLUMNS}
    return tuple(
        Column(
            name=each.name,
            kind=_KIND_OF_SCALE[each.scale],  # type: ignore[arg-type]
            role="before",
            about="declared by the mapping",
            unit=each.unit,
            low=0.0 if each.scale in ("log", "count") else None,
        )
        for each in features
        if each.name not in known and not each.product
    )


def canonical(frame: pd.DataFrame, columns: Sequence[Column] = COLUMNS) -> tuple[pd.DataFrame, list[Finding]]:
    """Bring `frame` to `columns` and their dtypes; values that do not fit become missing and are pointed out.

    Returns
    -------
    rows
        All `columns` in order, index as `frame`; absent columns are missing throughout.
    findings
        One ``(reason, rows)`` for each column with values of the wrong type.

    Examples
    --------
    >>> rows, findings = canonical(pd.DataFrame({"run_time": ["1.5", "fast"]}))
    >>> rows["run_time"].tolist(), [(reason, where.tolist()) for reason, where in findings]
    ([1.5, nan], [('run_time: not a number', [False, True])])
    """
    made: dict[str, Any] = {}
    findings: list[Finding] = []
    for column in columns:
        if column.name not in frame:
            made[column.name] = _absent(column, len(frame))
            continue
        made[column.name], wrong, expected = _typed(frame[column.name], column)
        if wrong.any():
            findings.append((f"{column.name}: {expected}", wrong))
    return pd.DataFrame(made, index=frame.index), findings


def to_numbers(values: pd.Series) -> tuple[Floats, Bools]:
    """Return `values` as float64 and where a present value is not a number; moments become seconds since 1970.

    Examples
    --------
    >>> numbers, wrong = to_numbers(pd.Series(["3", None, "x"]))
    >>> numbers.tolist(), wrong.tolist()
    ([3.0, nan, nan], [False, False, True])
    """
    nothing_wrong = np.zeros(len(values), dtype=bool)
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind in "mM":
        return _seconds(values), nothing_wrong
    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c":
        return _floats(values), nothing_wrong
    try:
        text = pa.array(values, type=pa.large_string(), from_pandas=True)
        return np.asarray(pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64), nothing_wrong
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        return _parsed(values)


def to_flags(values: pd.Series) -> tuple[Floats, Bools]:
    """Return `values` as 0, 1 or NaN and where a present value is none of true, false, yes, no, 0, 1."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = _floats(values)
        wrong = ~(np.isnan(numbers) | np.isin(numbers, (0.0, 1.0)))
        return np.where(wrong, np.nan, numbers), wrong
    words = values.map(_word).map(lambda word: str(word).lower(), na_action="ignore")
    flags = _floats(words.map(_FLAG_WORDS))
    return flags, np.isnan(flags) & ~_missing(words)


def to_text(values: pd.Series, *, nested: bool = False) -> tuple[pd.Series, Bools]:
    """Return `values` as trimmed strings, empty ones missing, and where a present value is not text.

    Parameters
    ----------
    nested
        Lists and mappings are written as JSON instead of refused.

    Examples
    --------
    >>> text, wrong = to_text(pd.Series([17.0, None, "a "]))
    >>> text.tolist(), wrong.tolist()
    (['17', nan, 'a'], [False, False, False])
    """
    wrong = np.zeros(len(values), dtype=bool)
    try:
        # Arrow makes arrays of mixed types out of floats that all are NaN; so only what may be text goes to it.
        loose = list(values) if values.dtype.kind in "fiub" else values
        text = pa.array(loose, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError):
        written = [_written(value, nested=nested) for value in values]
        wrong = np.array([value is ... for value in written], dtype=bool)
        text = pa.array([None if value is ... else value for value in written], type=pa.large_string())
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    text = pc.utf8_trim(text, " ")
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)
    return pd.Series(pd.array(text, dtype=TEXT), index=values.index), wrong


def _typed(values: pd.Series, column: Column) -> tuple[Any, Bools, str]:
    if column.kind in ("number", "integer"):
        numbers, wrong = to_numbers(values)
        return numbers, wrong, "not a number"
    if column.kind == "flag":
        flags, wrong = to_flags(values)
        return flags, wrong, "not a flag (true, false, yes, no, 0, 1)"
    text, wrong = to_text(values, nested=column.kind == "json")
    return text, wrong, "not text"


def _absent(column: Column, rows: int) -> Any:
    if column.kind in ("text", "category", "json"):
        return pd.array(pa.nulls(rows, pa.large_string()), dtype=TEXT)
    return np.full(rows, np.nan)


def _seconds(values: pd.Series) -> Floats:
    if values.dtype.kind == "m":
        return _floats(values.dt.total_seconds())
    moments = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
    return _floats((moments - pd.Timestamp(0)).dt.total_seconds())


def _parsed(values: pd.Series) -> tuple[Floats, Bools]:
    words = values.map(_word)
    numbers = _floats(pd.to_numeric(words, errors="coerce"))
    return numbers, np.isnan(numbers) & ~_missing(words)


def _word(value: object) -> object:
    """Text without blanks around it; numbers beyond float64 and lists as text, which then is no number."""
    if isinstance(value, str):
        stripped = value.strip()
        return None if stripped.lower() in _MISSING_WORDS else stripped
    if isinstance(value, int) and abs(value) > 2**63:
        return float(value) if abs(value) < 1e300 else "beyond float64"
    if isinstance(value, (list, dict, tuple, set, bytes, np.ndarray)):
        return "nested"
    return value


def _floats(values: pd.Series) -> Floats:
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _missing(values: pd.Series) -> Bools:
    return np.asarray(values.isna(), dtype=bool)


def _written(value: Any, *, nested: bool) -> Any:
    """One value as text, None where missing, Ellipsis where it cannot be."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, dict, tuple)):
        return json.dumps(value, default=str) if nested else ...
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    try:
        text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
        text.encode("utf-8")
    except UnicodeError:
        return ...
    return text
