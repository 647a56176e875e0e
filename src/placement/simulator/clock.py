"""A clock in virtual time: it moves when somebody waits, and may be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from placement.errors import InvalidInput
from placement.units import Seconds

__all__ = ["SimulatedClock"]


class SimulatedClock:
    """A clock that reads virtual time plus its error.

    Parameters
    ----------
    start
        What it reads first, seconds since 1970.
    jumps
        (true instant, seconds that the clock then jumps by, negative: back).

    Attributes
    ----------
    true
        Virtual time, seconds; never goes back.

    Examples
    --------
    >>> clock = SimulatedClock(100.0, jumps=[(150.0, -30.0)])
    >>> clock.move(149.0); clock()
    149.0
    >>> clock.move(151.0); clock(), clock.true
    (121.0, 151.0)
    """

    def __init__(self, start: Seconds = 0.0, jumps: Sequence[tuple[Seconds, Seconds]] = ()) -> None:
        self.true: Seconds = start
        self._error: Seconds = 0.0
        self._jumps = sorted(jumps, reverse=True)

    def __call__(self) -> Seconds:
        """Return what the clock reads."""
        return self.true + self._error

    @property
    def next_jump(self) -> Seconds:
        """True instant of the next jump; infinite: none."""
        return self._jumps[-1][0] if self._jumps else float("inf")

    def true_at(self, reading: Seconds) -> Seconds:
        """Return when the clock will read this, should it not jump; now where it does already."""
        to = self.true + max(reading - self(), 0.0)
        while to + self._error < reading:
            to += math.ulp(max(abs(to), abs(reading)))
        return to

    def move(self, to: Seconds) -> None:
        """Let virtual time pass until `to`.

        Raises
        ------
        InvalidInput
            That instant has passed, or never comes.
        """
        if not self.true <= to < float("inf"):
            raise InvalidInput(f"virtual time cannot move from {self.true} s to {to} s")
        self.true = to
        while self._jumps and self._jumps[-1][0] <= to:
            self._error += self._jumps.pop()[1]
