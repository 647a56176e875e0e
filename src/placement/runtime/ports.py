"""Ports: what the loop needs of the outside world. A simulated farm and a real one differ in these alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from placement.control.messages import Report, Said, Start, Stop
from placement.farm.facts import Fact
from placement.units import Seconds

__all__ = ["Clock", "Engine", "Entry", "Journal", "Kept", "Report", "Said", "Start", "Stop"]


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
