"""Many seeds, in one process or in several, and what they found."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter

from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.world import Played, play
from placement.units import Seconds

__all__ = ["Swept", "sweep"]

_CHUNK = 16


@dataclass(slots=True)
class Swept:
    """What cases came to.

    Parameters
    ----------
    cases, steps, entries
        How many were played, with how many steps, and facts in all journals.
    struck
        Faults by kind.
    failures
        Cases in which something did not hold.
    last
        The case that was counted last.
    simulated, calm
        Simulated seconds of all cases, and the longest that one needed to come to rest.
    seconds
        That it took.
    """

    cases: int = 0
    steps: int = 0
    entries: int = 0
    struck: Counter[Fault] = field(default_factory=Counter)
    failures: list[Played] = field(default_factory=list)
    last: Case | None = None
    simulated: Seconds = 0.0
    calm: Seconds = 0.0
    seconds: Seconds = 0.0

    def add(self, played: Played) -> None:
        """Count a case."""
        self.cases += 1
        self.last = played.case
        self.steps += played.case.steps
        self.entries += played.entries
        self.struck.update(played.struck)
        self.simulated += played.seconds
        self.calm = max(self.calm, played.calm)
        if played.broken:
            self.failures.append(played)


def sweep(
    cases: Iterable[Case], *, processes: int = 1, progress: Callable[[Swept], None] = lambda so_far: None
) -> Swept:
    """Play cases and count what happened; failures come in the order of the cases.

    Parameters
    ----------
    processes
        How many play at a time.
    progress
        Hears of it after each case.

    Examples
    --------
    >>> done = sweep([Case(seed=1, steps=5, jobs=1)])
    >>> done.cases, done.steps, done.failures
    (1, 5, [])
    """
    swept, begun = Swept(), perf_counter()
    for played in _played(cases, processes):
        swept.add(played)
        swept.seconds = perf_counter() - begun
        progress(swept)
    return swept


def _played(cases: Iterable[Case], processes: int) -> Iterator[Played]:
    if processes == 1:
        yield from map(play, cases)
        return
    with ProcessPoolExecutor(processes, initializer=_quiet) as pool:
        yield from pool.map(play, cases, chunksize=_CHUNK)


def _quiet() -> None:
    """Let a process say nothing of what it goes through."""
    logging.disable(logging.CRITICAL)
