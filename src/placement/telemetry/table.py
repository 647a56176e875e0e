"""Telemetry as read: rows in schema columns, what the schema lacked, and an account of every row not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from placement.telemetry.clean import NOISY_WEIGHT, clean
from placement.telemetry.features import Feature

__all__ = ["ReadReport", "Telemetry", "fingerprint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What became of every row.

    Parameters
    ----------
    rows_read
        Rows found in all files, readable or not: ``rows_kept + rows_quarantined``.
    quarantined
        Reason → rows; a row with two reasons counts under both.
    dropped
        Reason → rows that cleaning took out of what was kept.
    unreadable
        File → why (part of) it could not be read.
    quarantine
        Where the quarantined rows were written, None where there were none.
    notes
        What else happened: mappings found by themselves, values filled, encodings, columns not used.
    """

    files: int = 0
    rows_read: int = 0
    rows_kept: int = 0
    rows_quarantined: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    quarantine: str | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line a fact, for people."""
        lines = [
            f"{self.rows_read} rows in {self.files} files: {self.rows_kept} kept, "
            f"{self.rows_quarantined} quarantined" + (f" in {self.quarantine}" if self.quarantine else "")
        ]
        lines += [f"  quarantined {count:>8}  {reason}" for reason, count in _by_count(self.quarantined)]
        lines += [f"  dropped     {count:>8}  {reason}" for reason, count in _by_count(self.dropped)]
        lines += [f"  unreadable  {name}: {why}" for name, why in self.unreadable.items()]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Telemetry:
    """Checked rows in canonical columns, units and dtypes.

    Parameters
    ----------
    rows
        Every schema column and every declared feature; float64 or strings, missing where the source has none.
    features
        Features that a mapping declared beyond the schema's.
    fingerprint
        SHA-256 over the content of `rows`: the same whatever files and batches they came in.
    """

    rows: pd.DataFrame
    features: tuple[Feature, ...]
    report: ReadReport
    fingerprint: str

    def cleaned(self, *, noisy_weight: float = NOISY_WEIGHT) -> Telemetry:
        """Return the telemetry to learn from, its report saying what was dropped; see `placement.telemetry.clean`."""
        rows, dropped = clean(self.rows, noisy_weight=noisy_weight)
        return replace(self, rows=rows, report=replace(self.report, dropped=dropped))


def fingerprint(rows: pd.DataFrame) -> str:
    """Return the SHA-256 of the content of canonical `rows`, in order; columns without any value do not count.

    Examples
    --------
    >>> one = pd.DataFrame({"run_time": [1.0]})
    >>> fingerprint(one) == fingerprint(one.assign(spp=np.nan)) != fingerprint(one * 2)
    True
    """
    digest = hashlib.sha256(str(len(rows)).encode())
    for name in sorted(map(str, rows.columns)):
        values = rows[name]
        if values.notna().any():
            digest.update(f"\0{name}\0".encode())
            digest.update(_content(values))
    return digest.hexdigest()


def _content(values: pd.Series) -> bytes:
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype="<f8") + 0.0
        return np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes()
    text = pa.array(values, type=pa.large_string(), from_pandas=True)
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    lengths = pc.fill_null(pc.binary_length(text), -1).to_numpy(zero_copy_only=False).astype("<i8")
    return bytes(lengths.tobytes()) + "".join(pc.fill_null(text, "").to_pylist()).encode()


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))
