"""A process of the orchestrator as the simulation sees it: it may die or stand still wherever it touches the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from placement.errors import JournalError
from placement.farm.facts import Fact
from placement.orchestrator.farm import Farm
from placement.runtime.ports import Entry, Journal, Kept, Report, Start, Stop
from placement.units import Seconds

__all__ = ["Crash", "DiskTrouble", "Process", "Surroundings"]

Result = TypeVar("Result")


class Crash(BaseException):
    """The process is dead; nothing of the orchestrator may catch this."""


class DiskTrouble(JournalError):
    """A write failed, or did not say that it succeeded."""


class Surroundings(Protocol):
    """What a process touches."""

    def write(self, process: Process, act: Callable[[], Result]) -> Result:
        """Do a write, with all that may befall it."""
        ...

    def wrote(self, facts: Sequence[Fact], term: int | None) -> None:
        """Hear what became durable."""
        ...

    def order(self, process: Process, orders: Sequence[Start | Stop]) -> None:
        """Give orders to the engine."""
        ...

    def power(self, process: Process, node: str, up: bool) -> None:
        """Tell a node to wake, or to sleep."""
        ...

    def hear(self, process: Process, until: Seconds) -> Sequence[Report]:
        """Wait for reports until a true clock reads `until`."""
        ...

    def now(self) -> Seconds:
        """Return what a clock without an error of its own reads."""
        ...


class Process:
    """One process: its farm, its clock, its way to the journal and to the engine.

    Parameters
    ----------
    name
        Unique.
    world
        What it touches.
    journal
        Opened for it alone.
    skew
        By which its clock is wrong, seconds.
    make
        Opens the farm on this process's journal, engine and clock.
    """

    def __init__(
        self, name: str, world: Surroundings, journal: Journal, skew: Seconds, make: Callable[[Process], Farm]
    ) -> None:
        self.name, self.world, self.inner, self.skew = name, world, journal, skew
        self.alive, self.frozen = True, False
        self.checked = -1
        self.back = 0.0
        self.farm = make(self)

    def clock(self) -> Seconds:
        """Return what its clock reads."""
        return self.world.now() + self.skew

    def check(self) -> None:
        """Let nothing more happen in a process that is dead.

        Raises
        ------
        Crash
            It is.
        """
        if not self.alive:
            raise Crash(self.name)

    def die(self) -> None:
        """Be gone: what was in memory is lost."""
        self.alive = False
        self.inner.close()

    # The journal.

    def append(
        self, facts: Sequence[Fact], *, after: int, term: int | None = None, keys: Sequence[str] | None = None
    ) -> int:
        """Append, and let the world know."""

        def act() -> int:
            last = self.inner.append(facts, after=after, term=term, keys=keys)
            self.world.wrote(facts, term)
            return last

        return self.world.write(self, act)

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Return entries."""
        self.check()
        return self.inner.read(after, until)

    def last(self) -> int:
        """Return the number of the last entry."""
        self.check()
        return self.inner.last()

    def find(self, key: str) -> Entry | None:
        """Return the entry of a key."""
        self.check()
        return self.inner.find(key)

    def lead(self, leader: str, now: Seconds, seconds: Seconds) -> int | None:
        """Take or keep the lead."""
        return self.world.write(self, lambda: self.inner.lead(leader, now, seconds))

    def resign(self, leader: str) -> None:
        """Give the lead up."""
        self.world.write(self, lambda: self.inner.resign(leader))

    def keep(self, kept: Kept) -> None:
        """Store a state."""
        self.world.write(self, lambda: self.inner.keep(kept))

    def kept(self) -> Kept | None:
        """Return the youngest stored state."""
        self.check()
        return self.inner.kept()

    def verify(self, entries: Iterable[Entry] | None = None) -> int:
        """Check the chain."""
        self.check()
        return self.inner.verify(entries)

    def close(self) -> None:
        """Let go of journal and engine: a farm that is closed calls it for both."""

    # The engine.

    def start(self, orders: Sequence[Start]) -> None:
        """Order to start."""
        self.world.order(self, orders)

    def stop(self, orders: Sequence[Stop]) -> None:
        """Order to stop."""
        self.world.order(self, orders)

    def power(self, node: str, *, up: bool) -> None:
        """Order to wake, or to sleep."""
        self.world.power(self, node, up)

    def hear(self, until: Seconds) -> Sequence[Report]:
        """Wait for reports."""
        return self.world.hear(self, until - self.skew)
