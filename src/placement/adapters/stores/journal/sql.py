"""The journal in a database: a SQLite file, or PostgreSQL for many machines."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from placement.adapters.stores.journal.chain import hashed_state
from placement.adapters.stores.journal.codec import Codec
from placement.adapters.stores.journal.entries import Entries
from placement.adapters.stores.journal.export import export
from placement.adapters.stores.journal.naming import Salt, storable
from placement.adapters.stores.journal.retention import HIGH_VOLUME, Rewrite, compact, drop_bodies, redact
from placement.adapters.stores.journal.schema import events, states
from placement.adapters.stores.journal.schema import leader as lease
from placement.adapters.stores.journal.store import Store, digest_at, head_of, page_of
from placement.adapters.stores.journal.verifying import noted_anchors, verify
from placement.errors import Fenced, InvalidInput, Moved, Tampered
from placement.farm.facts import Fact
from placement.runtime.ports import Anchor, Entry, Kept
from placement.units import Seconds

__all__ = ["ANCHOR_EVERY", "SqlJournal"]

#: Every how many entries the journal notes an anchor.
ANCHOR_EVERY = 1_000
_STATES = 3


class SqlJournal:
    """A `placement.runtime.ports.Journal` in a database; several processes may have it open.

    Parameters
    ----------
    url
        ``sqlite:///path``, ``sqlite://`` (in memory), or ``postgresql+psycopg://user@host/database``.
    anchor_every
        Every how many entries an anchor is noted; what the first process to open the journal says holds for good.
    codec
        Turns facts into text; by default the one of this release.
    salt
        Makes the salts of pseudonyms, 16 bytes each; by default random.

    Raises
    ------
    InvalidInput
        `url` names no database, or `anchor_every` is below 1.
    JournalError
        The database cannot be opened.
    IncompatibleJournal
        A later release made the journal.

    Examples
    --------
    >>> from placement.farm.facts import JobPaused
    >>> journal = SqlJournal("sqlite://")
    >>> journal.append([JobPaused(at=5.0, by="mia", job="job-1")], after=0, keys=["pause-1"])
    1
    >>> journal.find("pause-1").fact
    JobPaused(at=5.0, by='mia', job='job-1')
    >>> journal.append([JobPaused(at=6.0, by="mia", job="job-2")], after=0)
    Traceback (most recent call last):
        ...
    placement.errors.Moved: the journal is at entry 1, the writer has seen 0: read what is new
    >>> journal.close()
    """

    def __init__(
        self, url: str, *, anchor_every: int = ANCHOR_EVERY, codec: Codec | None = None, salt: Salt | None = None
    ) -> None:
        if anchor_every < 1:
            raise InvalidInput(f"an anchor every {anchor_every} entries: expected at least 1")
        self._store = Store(url, anchor_every)
        self._entries = Entries(self._store, codec or Codec(), salt or (lambda: secrets.token_bytes(16)))

    def __repr__(self) -> str:
        return f"SqlJournal({self._store.where!r})"

    def append(
        self, facts: Sequence[Fact], *, after: int, term: int | None = None, keys: Sequence[str] | None = None
    ) -> int:
        """Add facts whole or not at all, durable on return; see `placement.runtime.ports.Journal.append`.

        Raises
        ------
        Moved
            There are entries after `after`: read them and think again.
        Fenced
            `term` is not the term of the last leader.
        InvalidInput
            A fact cannot be written down, or a key is there already.
        JournalError
            The database failed. Where the connection broke in the end, the facts may be there: read what is new.
        """
        with self._store.writing() as (connection, head):
            if head.seq != after:
                raise Moved(f"the journal is at entry {head.seq}, the writer has seen {after}: read what is new")
            _fence(connection, term)
            return self._entries.write(connection, head, facts, term=term, keys=keys).seq

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Return entries with numbers above `after` up to `until`, in order, without those whose body was dropped.

        A fold that starts from `kept` misses none: only bodies that a kept state covers are dropped.
        """
        while True:
            with self._store.reading() as connection:
                page = page_of(connection, after, until)
                entries = self._entries.read(connection, page)
            if not page:
                return
            after = page[-1].seq
            yield from entries

    def last(self) -> int:
        """Return the number of the last entry, 0: none."""
        with self._store.reading() as connection:
            return head_of(connection).seq

    def find(self, key: str) -> Entry | None:
        """Return the entry that was appended with this key.

        Raises
        ------
        InvalidInput
            No entry can have such a key.
        """
        storable("key", key)
        with self._store.reading() as connection:
            seq = connection.execute(select(events.c.seq).where(events.c.key == key)).scalar()
            if seq is None:
                return None
            return self._entries.read(connection, page_of(connection, seq - 1, seq))[0]

    def lead(self, leader: str, now: Seconds, seconds: Seconds) -> int | None:
        """Take or keep the lead for so long; return the term, None: somebody else leads.

        A term grows at each change of leader. `leader` is a name that no other process has.

        Raises
        ------
        InvalidInput
            The name is empty, or the time not above 0.
        """
        storable("leader", leader)
        if not leader or not seconds > 0:
            raise InvalidInput(f"leader {leader!r} for {seconds} s: expected a name and a time above 0 s")
        with self._store.writing() as (connection, _):
            term, holder, held = connection.execute(select(lease.c.term, lease.c.holder, lease.c.until)).one()
            if holder not in {"", leader} and held > now:
                return None
            term = int(term) if holder == leader else int(term) + 1
            connection.execute(update(lease).values(term=term, holder=leader, until=now + seconds))
            return term

    def resign(self, leader: str) -> None:
        """Give the lead up; nothing happens when somebody else has it."""
        with self._store.writing() as (connection, _):
            connection.execute(update(lease).where(lease.c.holder == leader).values(holder="", until=0.0))

    def keep(self, kept: Kept) -> None:
        """Store a state so that opening need not fold everything; the last few are kept.

        Raises
        ------
        InvalidInput
            The journal has no such entry.
        """
        with self._store.writing() as (connection, head):
            digest = digest_at(connection, kept.seq)
            if digest is None:
                raise InvalidInput(f"state of entry {kept.seq}: the journal ends at entry {head.seq}")
            connection.execute(delete(states).where(states.c.seq == kept.seq))
            connection.execute(
                insert(states).values(seq=kept.seq, blob=kept.state, digest=hashed_state(digest, kept.state))
            )
            older = connection.execute(select(states.c.seq).order_by(states.c.seq.desc()).offset(_STATES)).scalars()
            if found := older.first():
                connection.execute(delete(states).where(states.c.seq <= found))

    def kept(self) -> Kept | None:
        """Return the youngest stored state.

        Raises
        ------
        Tampered
            It was changed, or belongs to another chain.
        """
        with self._store.reading() as connection:
            found = connection.execute(
                select(states.c.seq, states.c.blob, states.c.digest).order_by(states.c.seq.desc()).limit(1)
            ).first()
            if found is None:
                return None
            digest = digest_at(connection, found.seq)
        if digest is None or hashed_state(digest, found.blob) != found.digest:
            raise Tampered(f"the state of entry {found.seq} was changed, or folded from other entries")
        return Kept(found.seq, found.blob)

    def anchor(self) -> Anchor:
        """Return the digest of the chain now, to be kept elsewhere and given to `verify` later."""
        with self._store.reading() as connection:
            head = head_of(connection)
            at = connection.execute(select(events.c.at).where(events.c.seq == head.seq)).scalar()
        return Anchor(head.seq, head.digest.hex(), at or 0.0)

    def anchors(self) -> list[Anchor]:
        """Return the anchors that the journal noted itself, one every `anchor_every` entries."""
        with self._store.reading() as connection:
            return noted_anchors(connection)

    def verify(self, entries: Iterable[Entry] | None = None, *, anchors: Iterable[Anchor] = ()) -> int:
        """Check the whole journal and return how many entries it holds.

        Parameters
        ----------
        entries
            Copies of entries that were kept elsewhere: the journal's must be the same.
        anchors
            Anchors that were kept elsewhere. Only these show that somebody rewrote entries and computed all hashes
            afresh.

        Raises
        ------
        Tampered
            Something was changed, removed, added or moved; the message names the first bad entry.
        """
        return verify(self._store, self._entries, entries or (), anchors)

    def drop_bodies(self, until: int, kinds: Sequence[str] = HIGH_VOLUME, *, at: Seconds, by: str = "") -> int:
        """Drop what entries up to `until` say, of some kinds, and return how many that were.

        Their hashes stay and the chain verifies. Entries with a key keep their body, so that `find` finds them.

        Raises
        ------
        Refused
            No kept state covers all of them: a farm could not be opened any more.
        InvalidInput
            There is no such kind, or it is one that `verify` needs.
        """
        return drop_bodies(self._store, self._entries, until, kinds, at=at, by=by)

    def redact(self, name: str, *, at: Seconds, by: str = "", rewrite: Rewrite | None = None) -> str:
        """Erase the name of a client or user from the journal; return the pseudonym that stands there from now on.

        Whoever holds a state in memory has to throw it away on reading the `NameRedacted`, or would write the name
        down again.

        Parameters
        ----------
        rewrite
            (state, name, pseudonym) -> the state with the pseudonym in place of the name; without it, kept states are
            removed, and the farm is next opened by folding everything.

        Raises
        ------
        NotFound
            The journal has no such name.
        Refused
            Bodies were dropped, so that kept states cannot go, and there is no `rewrite`.
        """
        return redact(self._store, self._entries, name, rewrite, at=at, by=by)

    def compact(self) -> int:
        """Remove kept states but the youngest, give room back, and return how many went; all entries stay."""
        return compact(self._store)

    def export(self, path: str | Path) -> int:
        """Write a Parquet file with a row per entry and return how many; see `export.export`."""
        return export(self._store, self._entries, Path(path))

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()


def _fence(connection: Connection, term: int | None) -> None:
    if term is None:
        return
    latest = connection.execute(select(lease.c.term)).scalar_one()
    if latest != term:
        raise Fenced(f"the writer leads in term {term}, the last leader's term is {latest}")
