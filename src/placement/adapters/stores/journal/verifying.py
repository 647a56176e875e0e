"""Verify the journal in a database: the chain, then kept states and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from placement.adapters.stores.journal.chain import GENESIS, Row, hashed_state
from placement.adapters.stores.journal.checking import Chain, known_by_number
from placement.adapters.stores.journal.entries import Entries
from placement.adapters.stores.journal.naming import looks_hidden, names_in, pseudonym
from placement.adapters.stores.journal.schema import anchors, events, names, states
from placement.adapters.stores.journal.store import Store, head_of, rows_of, watched
from placement.errors import JournalError, Tampered
from placement.farm.facts import BodiesDropped, NameRedacted
from placement.runtime.ports import Anchor, Entry

__all__ = ["noted_anchors", "verify"]

_BEFORE_ALL = -(2**63)


def noted_anchors(connection: Connection) -> list[Anchor]:
    """Return the anchors that the journal holds itself."""
    rows = connection.execute(select(anchors.c.seq, anchors.c.digest, anchors.c.at).order_by(anchors.c.seq))
    return [Anchor(seq, digest.hex(), at) for seq, digest, at in rows]


def verify(store: Store, entries: Entries, copies: Iterable[Entry] = (), known: Iterable[Anchor] = ()) -> int:
    """Check everything, also against copies of entries and of anchors; return how many entries there are.

    Raises
    ------
    Tampered
        Something was changed; the message names the first bad entry.
    """
    elsewhere = known_by_number(known)
    with store.reading() as connection:
        head = head_of(connection)
        if head.every < 1:
            raise Tampered(f"the head was edited: it tells of an anchor every {head.every} entries")
        noted = {seq: (digest, at) for seq, digest, at in connection.execute(select(*anchors.c["seq", "digest", "at"]))}
        chain = Chain(noted, head.every, elsewhere, _drops(connection, entries))
        seen = _Seen(_states(connection))
        for row in chain.follow(watched(rows_of(connection, _BEFORE_ALL), "verified")):
            seen.take(row, entries)
        chain.end(head.seq, head.digest)
        seen.end(connection)
        _compare(connection, entries, copies)
    return chain.seq


@dataclass(slots=True)
class _Seen:
    """What the entries said of things that are kept beside them."""

    states: dict[int, tuple[bytes, bytes]]
    hidden: dict[str, int] = field(default_factory=dict)
    redacted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._check_state(0, GENESIS)

    def take(self, row: Row, entries: Entries) -> None:
        """Note what one more row says; raises `Tampered` if a state kept there was edited."""
        self._check_state(row.seq, row.digest)
        if row.body is None:
            return
        fact = entries.fact(row)
        if isinstance(fact, NameRedacted):
            self.redacted.add(fact.pseudonym)
        for name in names_in(fact):
            if looks_hidden(name):
                self.hidden.setdefault(name, row.seq)

    def _check_state(self, seq: int, digest: bytes) -> None:
        if found := self.states.pop(seq, None):
            blob, written = found
            if hashed_state(digest, blob) != written:
                raise Tampered(f"entry {seq}: the state kept there was edited")

    def end(self, connection: Connection) -> None:
        """Compare states and names with what all rows said; raises `Tampered` if they do not fit."""
        if self.states:
            raise Tampered(f"a state was added: it tells of entry {min(self.states)}, which is not there")
        there = set()
        for hidden, name, salt in connection.execute(select(names.c.pseudonym, names.c.name, names.c.salt)):
            there.add(hidden)
            where = f"entry {self.hidden.get(hidden, '?')}: the name behind {hidden}"
            if pseudonym(name, salt) != hidden:
                raise Tampered(f"{where} was edited")
            if hidden in self.redacted:
                raise Tampered(f"{where} was put back after it was erased")
        for hidden, seq in self.hidden.items():
            if hidden not in there and hidden not in self.redacted:
                raise Tampered(f"entry {seq}: the name behind {hidden} was removed, and no NameRedacted tells of it")


def _states(connection: Connection) -> dict[int, tuple[bytes, bytes]]:
    rows = connection.execute(select(states.c.seq, states.c.blob, states.c.digest))
    return {seq: (blob, digest) for seq, blob, digest in rows}


def _drops(connection: Connection, entries: Entries) -> list[tuple[int, BodiesDropped]]:
    found = []
    query = select(*events.c).where(events.c.kind == BodiesDropped.__name__, events.c.body.is_not(None))
    for one in connection.execute(query.order_by(events.c.seq)):
        row = Row._make(one)
        with suppress(JournalError):  # what is wrong with it is found where the chain comes to it
            fact = entries.fact(row)
            if isinstance(fact, BodiesDropped):
                found.append((row.seq, fact))
    return found


def _compare(connection: Connection, entries: Entries, copies: Iterable[Entry]) -> None:
    """Compare entries that were kept elsewhere with the journal's."""
    wanted: Mapping[int, Entry] = {copy.seq: copy for copy in copies}
    if not wanted:
        return
    first, last = min(wanted), max(wanted)
    there = {row.seq: row for row in rows_of(connection, first - 1, last) if row.seq in wanted}
    read = {entry.seq: entry for entry in entries.read(connection, there.values())}
    for seq, copy in sorted(wanted.items()):
        if seq not in there:
            raise Tampered(f"entry {seq} is missing: a copy of it is elsewhere")
        if there[seq].digest.hex() != copy.digest or (seq in read and read[seq].key != copy.key):
            raise Tampered(f"entry {seq} is not the one that its copy elsewhere tells of")
