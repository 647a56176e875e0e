"""Ports: what the loop needs of the outside world. A simulated farm and a real one differ in these alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from placement.farm.facts import Fact
from placement.units import MiB, Seconds

__all__ = ["Clock", "Engine", "Entry", "Journal", "Kept", "Report", "Said", "Start", "Stop"]


class Clock(Protocol):
    """Seconds since 1970; may jump, and must not be trusted to grow."""

    def __call__(self) -> Seconds:
        """Return the time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Order: run a task. The same attempt ordered twice runs once.

    Parameters
    ----------
    attempt
        Name and fencing token: an engine refuses an order for a task that it has a younger attempt of.
    task
        (job, step, number).
    node
        Where.
    command
        Arguments, filled in.
    frames
        Frame numbers, in order.
    memory
        MiB that it may use; more is out of memory.
    cores, gpus
        How many it may use.
    saved
        Share that an earlier attempt's checkpoint holds; 0: from the start.
    checkpoint
        A `placement.farm.jobs.Checkpoint`.
    outputs
        Files that it must write.
    timeout
        Seconds; None: none.
    mode
        Energy mode.
    """

    attempt: int
    task: tuple[str, str, int]
    node: str
    command: tuple[str, ...]
    frames: tuple[int, ...]
    memory: MiB = 0.0
    cores: float = 1.0
    gpus: float = 0.0
    saved: float = 0.0
    checkpoint: str = "none"
    outputs: tuple[str, ...] = ()
    timeout: Seconds | None = None
    mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Order: stop an attempt, `now` (after a checkpoint where the renderer can) or after its frame; may come twice."""

    attempt: int
    node: str
    now: bool = True


class Said(StrEnum):
    """What a report is about."""

    ALIVE = "alive"  #: the node is there, with these attempts running
    GONE = "gone"  #: the node says that it leaves, or the engine that it is unreachable
    UP = "up"  #: the node woke up
    ASLEEP = "asleep"  #: the node fell asleep
    PROGRESS = "progress"  #: of an attempt
    ENDED = "ended"  #: an attempt is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an engine says. Reports may be late, lost, repeated and out of order.

    Parameters
    ----------
    attempt
        0: the report is about the node.
    running
        Of `ALIVE`: attempts that run there.
    progress, saved
        Shares of the task: done, and held by the last checkpoint.
    frames
        Frame numbers that are finished and kept.
    seconds
        That the attempt ran.
    memory
        MiB at its peak, 0: not measured.
    exit_code, signal
        Of the process; None: none.
    cause
        What the engine knows of the end: ``""``, ``"out of memory"``, ``"licence"``, ``"timeout"``, ``"node"``,
        ``"interrupted"``, ``"no output"``, ``"scene"``, ``"unknown attempt"``.
    outputs
        Files that are there.
    detail
        Last words of the log.
    """

    said: Said
    node: str
    attempt: int = 0
    running: tuple[int, ...] = ()
    progress: float = 0.0
    saved: float = 0.0
    frames: tuple[int, ...] = ()
    seconds: Seconds = 0.0
    memory: MiB = 0.0
    exit_code: int | None = None
    signal: int | None = None
    cause: str = ""
    outputs: tuple[str, ...] = ()
    detail: str = ""


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
