"""Telemetry files under a path, and their rows in pieces whatever the format."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow.parquet as pq

from placement.adapters.formats.csv_source import read_csv
from placement.adapters.formats.jsonl_source import read_jsonl
from placement.adapters.formats.pieces import DAMAGE, PIECE_ROWS, Piece, Unreadable, regrouped, to_frame
from placement.errors import InvalidInput

__all__ = ["QUARANTINE_SUFFIX", "read_pieces", "telemetry_files"]

#: Files with this ending are what an earlier read refused, not telemetry.
QUARANTINE_SUFFIX = ".quarantine.jsonl"

_TEXT = {".csv": read_csv, ".jsonl": read_jsonl, ".ndjson": read_jsonl}
_ENDINGS = (".parquet", *_TEXT, *(f"{ending}.gz" for ending in _TEXT))


def telemetry_files(path: Path) -> list[Path]:
    """Return the telemetry files at or, in order of their names, anywhere below `path`.

    Raises
    ------
    InvalidInput
        Nothing there, or nothing of a known kind.
    """
    if not path.exists():
        raise InvalidInput(f"no telemetry at {path}: no such file or folder")
    if path.is_file():
        if not _is_telemetry(path):
            raise InvalidInput(f"{path} is of no known kind; expected a name that ends in one of {_ENDINGS}")
        return [path]
    files = sorted(each for each in path.rglob("*") if each.is_file() and _is_telemetry(each))
    if not files:
        raise InvalidInput(f"no telemetry in folder {path}: no file ends in one of {_ENDINGS}")
    return files


def read_pieces(path: Path) -> Iterator[Piece]:
    """Yield the rows of one file, at most `PIECE_ROWS` at a time.

    Raises
    ------
    Unreadable
        The file, or the rest of it, cannot be read.
    """
    try:
        if path.name.lower().endswith(".parquet"):
            yield from _read_parquet(path)
        else:
            yield from _read_text(path)
    except DAMAGE as wrong:
        raise Unreadable(f"{type(wrong).__name__}: {str(wrong).strip() or 'cannot be read'}") from wrong


def _read_text(path: Path) -> Iterator[Piece]:
    name = path.name.lower()
    reader = _TEXT[Path(name.removesuffix(".gz")).suffix]
    with path.open("rb") as raw:
        yield from reader(cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if name.endswith(".gz") else raw)


def _read_parquet(path: Path) -> Iterator[Piece]:
    if path.stat().st_size == 0:
        raise Unreadable("the file is empty")
    with pq.ParquetFile(path) as file:
        last = 0
        for table in regrouped(file.iter_batches(batch_size=PIECE_ROWS)):
            yield Piece(to_frame(table), np.arange(last + 1, last + len(table) + 1, dtype=np.int64))
            last += len(table)
        if not last:
            yield Piece(to_frame(file.schema_arrow.empty_table()), np.empty(0, dtype=np.int64))


def _is_telemetry(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_ENDINGS) and not name.endswith(QUARANTINE_SUFFIX) and not name.startswith(".")
