"""What every format's reader hands over: a bounded piece of a foreign table, and where its rows stand in the file."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd
import pyarrow as pa

from placement.telemetry.canonical import TEXT
from placement.units import Ints

__all__ = ["DAMAGE", "PIECE_ROWS", "BrokenRow", "Piece", "Unreadable", "WholePart", "regrouped", "to_frame"]

#: Rows read at once; what is decided about a whole file is decided on its first piece, whatever the batch size.
PIECE_ROWS = 65_536


#: What reading a damaged file raises.
DAMAGE = (OSError, EOFError, zlib.error, pa.ArrowException, UnicodeError)

_Item = TypeVar("_Item")


class Unreadable(Exception):
    """A file, or the rest of one, cannot be read; the rows before stay usable."""


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that is no row: its number in the file (the first data row is 1), what is wrong, and its text."""

    number: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some rows of a file.

    Parameters
    ----------
    frame
        The foreign columns as they are in the file, index 0, 1, ….
    numbers
        Number of each row in its file, from 1, shape ``(rows,)``.
    broken
        Rows met on the way that could not be taken apart.
    encoding
        How text was read.
    """

    frame: pd.DataFrame
    numbers: Ints
    broken: Sequence[BrokenRow] = field(default=())
    encoding: str = "utf-8"


class WholePart(Iterator[_Item]):
    """The items before a source's damage; the damage is kept, to be raised when they have been used.

    Examples
    --------
    >>> def torn():
    ...     yield 1
    ...     raise EOFError("torn")
    >>> part = WholePart(torn())
    >>> list(part), part.damage
    ([1], EOFError('torn'))
    """

    def __init__(self, source: Iterable[_Item]) -> None:
        self._source = iter(source)
        self.damage: Exception | None = None

    def __next__(self) -> _Item:
        if self.damage is not None:
            raise StopIteration
        try:
            return next(self._source)
        except DAMAGE as damage:
            self.damage = damage
            raise StopIteration from damage

    def tell(self) -> None:
        """Raise the damage, if there was one."""
        if self.damage is not None:
            raise self.damage


def regrouped(batches: Iterable[pa.RecordBatch], rows: int = PIECE_ROWS) -> Iterator[pa.Table]:
    """Yield the same rows in tables of exactly `rows` rows, the last one shorter.

    Examples
    --------
    >>> batches = [pa.RecordBatch.from_pydict({"a": list(range(n))}) for n in (2, 3)]
    >>> [len(table) for table in regrouped(batches, 2)]
    [2, 2, 1]
    """
    waiting: list[pa.RecordBatch] = []
    count = 0
    part = WholePart(batches)
    for batch in part:
        waiting.append(batch)
        count += len(batch)
        while count >= rows:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, rows)
            waiting = table.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(waiting)
    part.tell()


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as pandas: strings as `TEXT`, dictionaries and decimals as plain values."""
    fields = [pa.field(each.name, _plain(each.type)) for each in table.schema]
    plain = table.cast(pa.schema(fields))
    text = {pa.string(): TEXT, pa.large_string(): TEXT}
    frame: pd.DataFrame = plain.to_pandas(types_mapper=text.get, ignore_metadata=True)
    return frame


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.float64() if pa.types.is_decimal(kind) else kind
