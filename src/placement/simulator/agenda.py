"""What happens next in virtual time: events ordered by (time, priority, arrival)."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Generic, TypeVar

from placement.errors import InvalidInput
from placement.units import Seconds

__all__ = ["Agenda"]

Event = TypeVar("Event")


class Agenda(Generic[Event]):
    """A queue of events; its clock is the time of the last one taken.

    Examples
    --------
    >>> agenda = Agenda[str]()
    >>> agenda.add(2.0, "later"); agenda.add(1.0, "second", priority=1); agenda.add(1.0, "first")
    >>> [agenda.take() for _ in range(len(agenda))]
    ['first', 'second', 'later']
    >>> agenda.now
    2.0
    """

    def __init__(self) -> None:
        self.now: Seconds = 0.0
        self._heap: list[tuple[Seconds, int, int, Event]] = []
        self._arrival = count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, time: Seconds, event: Event, priority: int = 0) -> None:
        """Let `event` happen at `time`; at equal times lower priority numbers first, then earlier additions.

        Raises
        ------
        InvalidInput
            The time has passed, or is not a number.
        """
        if not time >= self.now:
            raise InvalidInput(f"event {event!r} at {time} s lies before now, {self.now} s")
        heapq.heappush(self._heap, (time, priority, next(self._arrival), event))

    def take(self) -> Event:
        """Remove and return the next event, and move the clock to it."""
        self.now, _, _, event = heapq.heappop(self._heap)
        return event

    @property
    def next_time(self) -> Seconds:
        """When the next event happens, seconds; infinite: never."""
        return self._heap[0][0] if self._heap else float("inf")

    def due(self) -> bool:
        """Tell whether another event happens at this very time."""
        return bool(self._heap) and self._heap[0][0] == self.now
