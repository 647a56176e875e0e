"""JSON lines in pieces: one object a line; a line that is none is told."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from placement.adapters.formats.pieces import PIECE_ROWS, BrokenRow, Piece, Unreadable
from placement.adapters.formats.text import Recoded, encoding_of

__all__ = ["read_jsonl"]

_HEAD_BYTES = 4  # a byte-order mark, if there is one
_BUFFER_BYTES = 1 << 20


def read_jsonl(stream: BinaryIO) -> Iterator[Piece]:
    r"""Yield the rows of a file of JSON lines; blank lines do not count. Encodings as of CSV files.

    Raises
    ------
    Unreadable
        The file is empty.

    Examples
    --------
    >>> piece = next(read_jsonl(io.BytesIO(b'{"job_id": "a"}\n[1]\n{"job_id": "b", "run_time": 2}\n')))
    >>> piece.frame["run_time"].tolist(), piece.broken[0].reason
    ([nan, 2.0], 'row: not a JSON object')
    """
    head = stream.read(_HEAD_BYTES)
    encoding = encoding_of(head)
    whole = Recoded(head, stream, encoding)
    lines = enumerate((line for line in io.BufferedReader(whole, _BUFFER_BYTES) if line.strip()), start=1)
    found = False
    while some := list(islice(lines, PIECE_ROWS)):
        found = True
        yield _piece(some, encoding)
    if whole.damage is not None:
        raise whole.damage
    if not found:
        raise Unreadable("the file is empty")


def _piece(lines: list[tuple[int, bytes]], encoding: str) -> Piece:
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    broken: list[BrokenRow] = []
    for number, line in lines:
        text = line.decode("utf-8")
        row = _row(text)
        if row is None:
            broken.append(BrokenRow(number, "row: not a JSON object", text.rstrip("\r\n")))
        else:
            numbers.append(number)
            rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    frame = pd.DataFrame({name: _column([row.get(name) for row in rows]) for name in names}, index=range(len(rows)))
    return Piece(frame, np.array(numbers, dtype=np.int64), broken, encoding)


def _row(text: str) -> dict[str, Any] | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _column(values: list[Any]) -> pd.Series:
    """Plain numbers as numbers, anything else as it is: no guess about text that looks like a number."""
    if all(value is None or type(value) is float or (type(value) is int and abs(value) < 2**53) for value in values):
        return pd.Series(np.array([np.nan if value is None else value for value in values], dtype=np.float64))
    return pd.Series(values, dtype=object)
