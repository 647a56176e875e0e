"""The audit as a Parquet file: who, what, when, why, of which task, on which node; a row per entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from placement.adapters.stores.journal.chain import Row
from placement.adapters.stores.journal.entries import Entries
from placement.adapters.stores.journal.store import Store, rows_of, watched
from placement.farm.facts import AttemptEnded, AttemptStarted, Fact, JobSubmitted, NodeRegistered

__all__ = ["export"]

_Item = TypeVar("_Item")
_Where = tuple[str, str, int, str]

_ROWS = 20_000
_SCHEMA = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("at", pa.float64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("by", pa.string()),
        pa.field("job", pa.string()),
        pa.field("step", pa.string()),
        pa.field("task", pa.int64()),
        pa.field("attempt", pa.int64()),
        pa.field("node", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("term", pa.int64()),
        pa.field("key", pa.string()),
        pa.field("body", pa.string()),
        pa.field("body_hash", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
    ]
)


def export(store: Store, entries: Entries, path: Path) -> int:
    """Write a Parquet file and return its number of rows.

    Facts about an attempt have the job, step, task and node that it was started with. Columns that a kind of fact has
    nothing for, and those of a dropped body, are null. `body` is the JSON of the fact, with names.
    """
    count = 0
    live: dict[int, _Where] = {}
    with store.reading() as connection, pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        for rows in _in_parts(watched(rows_of(connection), "exported"), _ROWS):
            told = _told(connection, entries, rows)
            columns = [_columns(row, fact, body, live) for row, (fact, body) in zip(rows, told, strict=True)]
            writer.write_table(pa.Table.from_pylist(columns, schema=_SCHEMA))
            count += len(rows)
    return count


def _told(connection: Connection, entries: Entries, rows: list[Row]) -> Iterator[tuple[Fact | None, str | None]]:
    """Yield the fact of every row under its names, and its text."""
    facts = {entry.seq: entry.fact for entry in entries.read(connection, rows)}
    for row in rows:
        fact = facts.get(row.seq)
        yield fact, None if fact is None else entries.text(fact)


def _columns(row: Row, fact: Fact | None, body: str | None, live: dict[int, _Where]) -> dict[str, Any]:
    found: dict[str, Any] = {"seq": row.seq, "at": row.at, "kind": row.kind, "version": row.version}
    found |= {"term": row.term, "key": row.key, "body": body}
    found |= {"body_hash": row.body_hash.hex(), "digest": row.digest.hex()}
    if fact is None:
        return found
    for name in ("by", "job", "step", "task", "attempt", "node", "reason"):
        found[name] = getattr(fact, name, None)
    found["reason"] = found["reason"] or getattr(fact, "why", None) or getattr(fact, "outcome", None)
    if isinstance(fact, JobSubmitted):
        found["job"] = fact.job.name
    elif isinstance(fact, NodeRegistered):
        found["node"] = fact.node.name
    elif isinstance(fact, AttemptStarted):
        live[fact.attempt] = (fact.job, fact.step, fact.task, fact.node)
    elif found["attempt"] in live:
        names = ("job", "step", "task", "node")
        found |= dict(zip(names, live[found["attempt"]], strict=True))
        if isinstance(fact, AttemptEnded):
            del live[fact.attempt]
    return found


def _in_parts(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
