"""Ports: what the loop needs of the outside world. A simulated farm and a real one differ in these alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from placement.control.messages import Report, Said, Start, Stop
from placement.errors import InvalidInput
from placement.farm.facts import Fact
from placement.units import Seconds

__all__ = ["Anchor", "Archive", "Clock", "Engine", "Entry", "Journal", "Kept", "Report", "Said", "Start", "Stop"]


class Clock(Protocol):
    """Seconds since 1970; may jump, and must not be trusted to grow."""

    def __call__(self) -> Seconds:
        """Return the time."""
        ...


class Engine(Protocol):
    """Runs attempts somewhere."""

    def start(self, orders: Sequence[Start]) -> None:
        """Take orders to start; what becomes of them comes as reports, a refusal as an end with its cause."""
        ...

    def stop(self, orders: Sequence[Stop]) -> None:
        """Take orders to stop."""
        ...

    def power(self, node: str, *, up: bool) -> None:
        """Wake a node, or put it to sleep."""
        ...

    def hear(self, until: Seconds) -> Sequence[Report]:
        """Return reports as soon as there are some, none when the clock is at `until`."""
        ...

    def close(self) -> None:
        """Let go of everything; what runs may go on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A fact in the journal.

    Parameters
    ----------
    seq
        Counted from 1, without gaps.
    key
        The caller's key that makes its mutation idempotent; empty: none.
    digest
        Hash over this entry and the digest of the one before, hexadecimal.
    """

    seq: int
    fact: Fact
    key: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored state: the fold of all facts up to and with `seq`."""

    seq: int
    state: bytes


@dataclass(frozen=True, slots=True, order=True)
class Anchor:
    """The digest of the chain at an entry: a copy kept elsewhere shows a journal that was rewritten as a whole.

    Parameters
    ----------
    seq
        Number of the entry; 0: before the first.
    digest
        Hexadecimal.
    at
        When the entry happened, seconds since 1970.

    Raises
    ------
    InvalidInput
        `seq` is negative, or the digest is not one of SHA-256.

    Examples
    --------
    >>> Anchor(3, "ab", 0.0)
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: anchor of entry 3: digest 'ab' must have 64 hexadecimal digits
    """

    seq: int
    digest: str
    at: Seconds = 0.0

    def __post_init__(self) -> None:
        if self.seq < 0:
            raise InvalidInput(f"anchor of entry {self.seq}: entries are counted from 1")
        if len(self.digest) != 64 or set(self.digest) - set("0123456789abcdef"):
            raise InvalidInput(f"anchor of entry {self.seq}: digest {self.digest!r} must have 64 hexadecimal digits")


class Journal(Protocol):
    """Durable, ordered facts. Several processes may hold one open."""

    def append(
        self, facts: Sequence[Fact], *, after: int, term: int | None = None, keys: Sequence[str] | None = None
    ) -> int:
        """Add facts whole or not at all, durable on return, and return the last one's number.

        Parameters
        ----------
        after
            Number of the last entry that the writer has seen.
        term
            The writer leads in this term; None: it need not lead.
        keys
            One per fact, empty: none.

        Raises
        ------
        Moved
            There are entries after `after`: read them and think again.
        Fenced
            Somebody leads in a later term.
        """
        ...

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Return entries with numbers above `after` up to `until`, in order."""
        ...

    def last(self) -> int:
        """Return the number of the last entry, 0: none."""
        ...

    def find(self, key: str) -> Entry | None:
        """Return the entry that was appended with this key."""
        ...

    def lead(self, leader: str, now: Seconds, seconds: Seconds) -> int | None:
        """Take or keep the lead for so long; return the term, None: somebody else leads."""
        ...

    def resign(self, leader: str) -> None:
        """Give the lead up."""
        ...

    def keep(self, kept: Kept) -> None:
        """Store a state so that opening need not fold everything."""
        ...

    def kept(self) -> Kept | None:
        """Return the youngest stored state."""
        ...

    def verify(self, entries: Iterable[Entry] | None = None) -> int:
        """Check the chain and return how many entries it holds.

        Raises
        ------
        Tampered
            An entry was changed, removed, added or moved; names the first one.
        """
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


@runtime_checkable
class Archive(Journal, Protocol):
    """A journal that can be anchored, exported, thinned out and made to forget names."""

    def verify(self, entries: Iterable[Entry] | None = None, *, anchors: Iterable[Anchor] = ()) -> int:
        """Check the chain, also against entries and anchors that were kept elsewhere."""
        ...

    def anchor(self) -> Anchor:
        """Return the digest of the chain now."""
        ...

    def drop_bodies(self, until: int, kinds: Sequence[str] = ..., *, at: Seconds, by: str = "") -> int:
        """Drop what entries up to `until` say, of some kinds; their hashes stay."""
        ...

    def redact(
        self, name: str, *, at: Seconds, by: str = "", rewrite: Callable[[bytes, str, str], bytes] | None = None
    ) -> str:
        """Erase a name, also from kept states by `rewrite`, and return its pseudonym."""
        ...

    def compact(self) -> int:
        """Remove kept states but the youngest."""
        ...

    def export(self, path: str | Path) -> int:
        """Write a Parquet file with a row per entry."""
        ...
