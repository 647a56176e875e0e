"""A disk in memory and the journal on it: bytes that are durable, and what a torn write leaves of the last ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from placement.adapters.stores.journal.chain import GENESIS, Row, chained, hashed, hashed_state
from placement.adapters.stores.journal.checking import Chain
from placement.adapters.stores.journal.codec import Codec
from placement.errors import Fenced, InvalidInput, Moved, Tampered
from placement.farm.facts import Fact
from placement.runtime.ports import Entry, Journal, Kept
from placement.units import Seconds

__all__ = ["Disk", "MemoryDisk", "MemoryJournal"]

_HEADER = struct.Struct(">BII")
_ENTRIES, _LEASE, _STATE = range(3)
_STATES = 3
_LONGEST_KEY = 500


class Disk(Protocol):
    """Where a journal is stored, for processes that come and go."""

    def open(self) -> Journal:
        """Return the journal as a process that starts now finds it."""
        ...

    def mark(self) -> int:
        """Return how much is stored now, bytes."""
        ...

    def tear(self, mark: int, share: float) -> None:
        """Lose all but a share of the bytes stored since a mark, as when the machine dies in the middle of a write.

        Journals that were open are of no more use.
        """
        ...

    def close(self) -> None:
        """Remove it."""
        ...


class MemoryDisk:
    """Bytes in memory: a log of records, each with its length and checksum; what was torn off is found at opening.

    Examples
    --------
    >>> from placement.farm.facts import JobPaused
    >>> disk = MemoryDisk()
    >>> journal = disk.open()
    >>> journal.append([JobPaused(at=5.0, job="a")], after=0)
    1
    >>> mark = disk.mark()
    >>> journal.append([JobPaused(at=6.0, job="b")], after=1)
    2
    >>> disk.tear(mark, 0.9)
    >>> disk.open().last()
    1
    """

    def __init__(self) -> None:
        self.log = bytearray()
        self.codec = Codec()
        self._forget()

    def _forget(self) -> None:
        self.rows: list[Row] = []
        self.keys: dict[str, int] = {}
        self.facts: list[Fact | None] = []
        self.lease: tuple[int, str, Seconds] = (0, "", 0.0)
        self.states: dict[int, tuple[bytes, bytes]] = {}

    def open(self) -> MemoryJournal:
        """Return the journal as a process that starts now finds it."""
        return MemoryJournal(self)

    def mark(self) -> int:
        """Return how much is stored now, bytes."""
        return len(self.log)

    def tear(self, mark: int, share: float) -> None:
        """Lose all but a share of the bytes stored since a mark; read the rest back."""
        del self.log[mark + int((len(self.log) - mark) * share) :]
        self._recover()

    def close(self) -> None:
        """Keep nothing."""
        self.log.clear()
        self._forget()

    def write(self, kind: int, content: Any) -> None:
        """Store a record and take it in."""
        packed = msgspec.msgpack.encode(content)
        self.log += _HEADER.pack(kind, len(packed), zlib.crc32(packed)) + packed
        self._take(kind, packed)

    def _recover(self) -> None:
        """Take in every whole record, and cut off the rest."""
        self._forget()
        at = 0
        while at + _HEADER.size <= len(self.log):
            kind, length, sum_ = _HEADER.unpack_from(self.log, at)
            packed = bytes(self.log[at + _HEADER.size : at + _HEADER.size + length])
            if len(packed) < length or zlib.crc32(packed) != sum_:
                break
            self._take(kind, packed)
            at += _HEADER.size + length
        del self.log[at:]

    def _take(self, kind: int, packed: bytes) -> None:
        if kind == _ENTRIES:
            for row in msgspec.msgpack.decode(packed, type=list[Row]):
                self.rows.append(row)
                self.facts.append(None)
                if row.key is not None:
                    self.keys[row.key] = row.seq
        elif kind == _LEASE:
            self.lease = msgspec.msgpack.decode(packed, type=tuple[int, str, float])
        else:
            seq, state, digest = msgspec.msgpack.decode(packed, type=tuple[int, bytes, bytes])
            self.states[seq] = (state, digest)
            for older in sorted(self.states)[:-_STATES]:
                del self.states[older]

    def fact(self, seq: int) -> Fact:
        """Return what an entry says, decoded from its bytes."""
        fact = self.facts[seq - 1]
        if fact is None:
            row = self.rows[seq - 1]
            fact = self.facts[seq - 1] = self.codec.decode(row.kind, row.version, row.body or "")
        return fact

    def digest(self, seq: int) -> bytes:
        """Return the digest of the chain at an entry; 0: before the first."""
        return self.rows[seq - 1].digest if seq else GENESIS


class MemoryJournal:
    """A `placement.runtime.ports.Journal` on a `MemoryDisk`, with the codec and the chain of the one in a database."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk

    def append(
        self, facts: Sequence[Fact], *, after: int, term: int | None = None, keys: Sequence[str] | None = None
    ) -> int:
        """Add facts whole or not at all; see `placement.runtime.ports.Journal.append`.

        Raises
        ------
        Moved
            There are entries after `after`.
        Fenced
            `term` is not the term of the last leader.
        InvalidInput
            A fact cannot be written down, or a key is there already.
        """
        disk, last = self._disk, self.last()
        if last != after:
            raise Moved(f"the journal is at entry {last}, the writer has seen {after}: read what is new")
        if term is not None and term != disk.lease[0]:
            raise Fenced(f"the writer leads in term {term}, the last leader's term is {disk.lease[0]}")
        rows, digest = [], disk.digest(last)
        for place, (fact, key) in enumerate(zip(facts, self._keys(facts, keys), strict=True)):
            kind, version, body = disk.codec.encode(fact)
            if not abs(fact.at) < float("inf"):
                raise InvalidInput(f"{kind}: at is {fact.at} s, expected a finite time since 1970")
            row = Row(last + 1 + place, float(fact.at), kind, version, body, hashed(body), key, term, b"")
            digest = chained(digest, row)
            rows.append(row._replace(digest=digest))
        if rows:
            disk.write(_ENTRIES, rows)
        return last + len(rows)

    def _keys(self, facts: Sequence[Fact], keys: Sequence[str] | None) -> list[str | None]:
        wanted: list[str | None] = [key or None for key in ([""] * len(facts) if keys is None else keys)]
        given = [key for key in wanted if key is not None]
        if len(wanted) != len(facts):
            raise InvalidInput(f"got {len(wanted)} keys for {len(facts)} facts, expected one each")
        if len(set(given)) != len(given):
            raise InvalidInput(f"a key stands for one fact, got one twice in {given[:10]}")
        for key in given:
            if len(key) > _LONGEST_KEY or "\0" in key or not key.isascii():
                raise InvalidInput(f"key {key[:50]!r} must have at most {_LONGEST_KEY} characters, all of ASCII")
            if key in self._disk.keys:
                raise InvalidInput(f"key {key!r} stands for entry {self._disk.keys[key]} already: look for it first")
        return wanted

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Return entries with numbers above `after` up to `until`, in order."""
        last = self.last()
        for seq in range(max(after, 0) + 1, (last if until is None else min(until, last)) + 1):
            yield self._entry(seq)

    def _entry(self, seq: int) -> Entry:
        row = self._disk.rows[seq - 1]
        return Entry(seq=seq, fact=self._disk.fact(seq), key=row.key or "", digest=row.digest.hex())

    def last(self) -> int:
        """Return the number of the last entry, 0: none."""
        return len(self._disk.rows)

    def find(self, key: str) -> Entry | None:
        """Return the entry that was appended with this key."""
        seq = self._disk.keys.get(key)
        return None if seq is None else self._entry(seq)

    def lead(self, leader: str, now: Seconds, seconds: Seconds) -> int | None:
        """Take or keep the lead for so long; return the term, None: somebody else leads.

        Raises
        ------
        InvalidInput
            The name is empty, or the time not above 0.
        """
        if not leader or not seconds > 0:
            raise InvalidInput(f"leader {leader!r} for {seconds} s: expected a name and a time above 0 s")
        term, holder, until = self._disk.lease
        if holder not in {"", leader} and until > now:
            return None
        term += holder != leader
        self._disk.write(_LEASE, (term, leader, now + seconds))
        return term

    def resign(self, leader: str) -> None:
        """Give the lead up; nothing happens when somebody else has it."""
        term, holder, _ = self._disk.lease
        if holder == leader:
            self._disk.write(_LEASE, (term, "", 0.0))

    def keep(self, kept: Kept) -> None:
        """Store a state so that opening need not fold everything; the last few are kept.

        Raises
        ------
        InvalidInput
            The journal has no such entry.
        """
        if not 0 <= kept.seq <= self.last():
            raise InvalidInput(f"state of entry {kept.seq}: the journal ends at entry {self.last()}")
        self._disk.write(_STATE, (kept.seq, kept.state, hashed_state(self._disk.digest(kept.seq), kept.state)))

    def kept(self) -> Kept | None:
        """Return the youngest stored state.

        Raises
        ------
        Tampered
            It was changed, or belongs to another chain.
        """
        if not self._disk.states:
            return None
        seq = max(self._disk.states)
        state, digest = self._disk.states[seq]
        if hashed_state(self._disk.digest(seq), state) != digest:
            raise Tampered(f"the state of entry {seq} was changed, or folded from other entries")
        return Kept(seq, state)

    def verify(self, entries: Iterable[Entry] | None = None) -> int:
        """Check the chain and return how many entries it holds.

        Raises
        ------
        Tampered
            An entry was changed, removed, added or moved; names the first one.
        """
        chain = Chain({}, every=2**62)
        for _ in chain.follow(self._disk.rows):
            pass
        for copy in entries or ():
            if not 0 < copy.seq <= self.last():
                raise Tampered(f"entry {copy.seq} is missing: a copy of it is elsewhere")
            if self._disk.digest(copy.seq).hex() != copy.digest:
                raise Tampered(f"entry {copy.seq} is not the one that its copy elsewhere tells of")
        return chain.seq

    def close(self) -> None:
        """Let go of the disk, which stays."""
