"""CSV files in pieces: delimiter and encoding found out, rows that are no rows told, every value as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from placement.adapters.formats.pieces import BrokenRow, Piece, Unreadable, regrouped, to_frame
from placement.adapters.formats.text import Recoded, decoded, encoding_of
from placement.units import Ints

__all__ = ["read_csv"]

_BLOCK_BYTES = 8 << 20
_HEAD_BYTES = 1 << 20
_DELIMITERS = ",;\t|"


def read_csv(stream: BinaryIO) -> Iterator[Piece]:
    r"""Yield the rows of a CSV file; UTF-16 and UTF-8 with a byte-order mark are recognised.

    Raises
    ------
    Unreadable
        No header, doubled column names, a header that is not text, or the rest cannot be taken apart.

    Examples
    --------
    >>> pieces = list(read_csv(io.BytesIO(b"job_id,run_time\na,1.5\nb\nc,2\n")))
    >>> pieces[0].frame["job_id"].tolist(), pieces[0].numbers.tolist(), pieces[0].broken[0].reason
    (['a', 'c'], [1, 3], 'row: 1 values for 2 columns')
    """
    head = stream.read(_HEAD_BYTES)  # a stream damaged within its first MiB gives no rows
    encoding = encoding_of(head)
    text = decoded(head, encoding)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    names = _header(text, delimiter)
    broken: list[BrokenRow] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        reason = f"row: {row.actual_columns} values for {row.expected_columns} columns"
        broken.append(BrokenRow(row.number - 1, reason, row.text))
        return "skip"

    whole = Recoded(head, stream, encoding)
    batches = pa_csv.open_csv(
        io.BufferedReader(whole, _HEAD_BYTES),
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), null_values=[""], strings_can_be_null=True
        ),
    )
    yield from _pieces(batches, broken, encoding)
    if whole.damage is not None:
        raise whole.damage


def _pieces(batches: pa_csv.CSVStreamingReader, broken: list[BrokenRow], encoding: str) -> Iterator[Piece]:
    last = 0
    for table in regrouped(batches):
        numbers = _numbers(last, len(table), broken)
        last = int(numbers[-1])
        met = [row for row in broken if row.number <= last]
        broken[:] = [row for row in broken if row.number > last]
        yield Piece(to_frame(table), numbers, met, encoding)
    if broken or not last:
        empty = to_frame(pa.table({name: pa.nulls(0, pa.large_string()) for name in batches.schema.names}))
        yield Piece(empty, np.empty(0, dtype=np.int64), tuple(broken), encoding)


def _numbers(last: int, rows: int, broken: list[BrokenRow]) -> Ints:
    """Numbers of the next `rows` good rows after row `last`: those in the file that are not broken."""
    candidates = np.arange(last + 1, last + rows + len(broken) + 1, dtype=np.int64)
    return candidates[~np.isin(candidates, [row.number for row in broken])][:rows]


def _header(text: str, delimiter: str) -> list[str]:
    if not text.strip():
        raise Unreadable("the file is empty")
    if "\0" in text.partition("\n")[0]:
        raise Unreadable("NUL characters in the header: UTF-16 without a byte-order mark?")
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise Unreadable(f"columns {doubled} appear more than once in the header")
    return names
