"""Facts into rows and rows into entries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select

from placement.adapters.stores.journal.chain import Row, chained, hashed
from placement.adapters.stores.journal.codec import Codec
from placement.adapters.stores.journal.naming import (
    Salt,
    looks_hidden,
    named,
    names_behind,
    names_in,
    pseudonyms_of,
    storable,
)
from placement.adapters.stores.journal.schema import anchors, events
from placement.adapters.stores.journal.store import Head, Store, in_parts
from placement.errors import InvalidInput, Tampered
from placement.farm.facts import Fact
from placement.runtime.ports import Entry

__all__ = ["Entries"]


class Entries:
    """Writes facts as chained rows under pseudonyms, and reads them back under names.

    Parameters
    ----------
    store
        Where the rows are.
    codec
        Turns facts into text.
    salt
        Makes the salts of pseudonyms.
    """

    def __init__(self, store: Store, codec: Codec, salt: Salt) -> None:
        self._store = store
        self._codec = codec
        self._salt = salt

    def write(
        self,
        connection: Connection,
        head: Head,
        facts: Sequence[Fact],
        *,
        term: int | None = None,
        keys: Sequence[str] | None = None,
    ) -> Head:
        """Add facts after the head, in a transaction that writes; return the new head.

        Raises
        ------
        InvalidInput
            A fact cannot be written down, or a key is there already.
        """
        wanted = _keys(facts, keys)
        _unused(connection, [key for key in wanted if key])
        hidden = pseudonyms_of(connection, set().union(*map(names_in, facts)), self._salt) if facts else {}
        rows: list[Row] = []
        seq, digest = head.seq, head.digest
        for fact, key in zip(facts, wanted, strict=True):
            seq += 1
            row = self._row(seq, named(fact, hidden) if hidden else fact, key, term)
            digest = chained(digest, row)
            rows.append(row._replace(digest=digest))
        if rows:
            self._store.add(connection, rows)
            due = [row for row in rows if row.seq % head.every == 0]
            if due:
                noted = [{"seq": row.seq, "digest": row.digest, "at": row.at} for row in due]
                connection.execute(insert(anchors), noted)
        return Head(seq, digest, head.every)

    def _row(self, seq: int, fact: Fact, key: str | None, term: int | None) -> Row:
        kind, version, body = self._codec.encode(fact)
        at = float(fact.at) + 0.0  # SQLite knows no -0.0
        if not math.isfinite(at):
            raise InvalidInput(f"{kind}: at is {fact.at} s, expected a finite time since 1970")
        return Row(seq, at, kind, version, body, hashed(body), key, term, b"")

    def read(self, connection: Connection, rows: Iterable[Row]) -> list[Entry]:
        """Return the entries of rows that have a body.

        Raises
        ------
        IncompatibleJournal
            A later release wrote one of them.
        Tampered
            A body cannot be read.
        """
        there = [row for row in rows if row.body is not None]
        facts = [self.fact(row) for row in there]
        hidden = {name for fact in facts for name in names_in(fact) if looks_hidden(name)}
        if hidden:
            names = names_behind(connection, hidden)
            facts = [named(fact, names) for fact in facts]
        return [
            Entry(seq=row.seq, fact=fact, key=row.key or "", digest=row.digest.hex())
            for row, fact in zip(there, facts, strict=True)
        ]

    def text(self, fact: Fact) -> str:
        """Return a fact as JSON."""
        return self._codec.encode(fact)[2]

    def fact(self, row: Row) -> Fact:
        """Return the fact of a row that has a body, with pseudonyms."""
        try:
            return self._codec.decode(row.kind, row.version, row.body or "")
        except Tampered as wrong:
            raise Tampered(f"entry {row.seq}: {wrong}") from wrong


def _keys(facts: Sequence[Fact], keys: Sequence[str] | None) -> list[str | None]:
    if keys is None:
        return [None] * len(facts)
    if len(keys) != len(facts):
        raise InvalidInput(f"got {len(keys)} keys for {len(facts)} facts, expected one each")
    given = [key for key in keys if key]
    for key in given:
        storable("key", key)
    if len(set(given)) != len(given):
        raise InvalidInput(f"a key stands for one fact, got one twice in {given[:10]}")
    return [key or None for key in keys]


def _unused(connection: Connection, keys: Sequence[str]) -> None:
    for part in in_parts(keys):
        query = select(events.c.key, events.c.seq).where(events.c.key.in_(part)).order_by(events.c.seq).limit(1)
        if found := connection.execute(query).first():
            raise InvalidInput(f"key {found[0]!r} stands for entry {found[1]} already: look for it first")
