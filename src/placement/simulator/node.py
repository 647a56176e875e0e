"""One node of a simulated engine: there, asleep or dead, and what runs on it."""

from __future__ import annotations

from collections.abc import Iterable

from placement.farm.facts import NodeSpec
from placement.farm.machines import NodeState
from placement.runtime.ports import Report, Said
from placement.simulator.attempt import Attempt
from placement.units import Seconds

__all__ = ["SimulatedNode"]


class SimulatedNode:
    """A machine.

    Parameters
    ----------
    there
        Whether it is up from the start; a node that is not joins later.

    Attributes
    ----------
    attempts
        What runs on it, by number.
    slow
        How many times as long work takes for now.
    back
        When it is there again after a death, virtual time.
    wish
        Whether it was last told to be awake.
    changes
        Grows with every change of its power, so that what an earlier one announced can be told from the present.
    """

    __slots__ = ("_last", "_state", "attempts", "back", "changes", "slow", "spec", "wish")

    def __init__(self, spec: NodeSpec, *, there: bool = True) -> None:
        self.spec = spec
        self.attempts: dict[int, Attempt] = {}
        self.slow = 1.0
        self._last: Report | None = None
        self.back: Seconds = 0.0 if there else float("inf")
        self.changes = 0
        self.wish = True
        self._state = NodeState.UP if there else NodeState.DOWN

    @property
    def there(self) -> bool:
        """Whether it takes orders and says something."""
        return self._state is NodeState.UP

    @property
    def asleep(self) -> bool:
        """Whether it sleeps, or is on the way there or back."""
        return self._state in (NodeState.ASLEEP, NodeState.WAKING, NodeState.FALLING_ASLEEP)

    def switch(self, *, up: bool) -> Seconds | None:
        """Begin to wake or to fall asleep; return how long that takes, None: nothing begins now."""
        self.wish = up
        if up and self._state is NodeState.ASLEEP:
            self._state, seconds = NodeState.WAKING, self.spec.wake_seconds
        elif not up and self._state is NodeState.UP and not self.attempts:
            self._state, seconds = NodeState.FALLING_ASLEEP, self.spec.sleep_seconds
        else:
            return None
        self.changes += 1
        return seconds

    def settle(self) -> None:
        """Be awake or asleep, after `switch` and the time that takes."""
        self._state = NodeState.UP if self._state is NodeState.WAKING else NodeState.ASLEEP

    def says(self) -> Said | None:
        """Return what it says of its power; None: it is on the way, or dead."""
        return {NodeState.UP: Said.UP, NodeState.ASLEEP: Said.ASLEEP}.get(self._state)

    def put(self, attempt: Attempt) -> None:
        """Run an attempt."""
        self.attempts[attempt.order.attempt] = attempt
        self._last = None

    def take(self, number: int) -> Attempt:
        """Run an attempt no more; return it."""
        self._last = None
        return self.attempts.pop(number)

    def alive(self) -> Report:
        """Return what it says when it is asked whether it is there."""
        if self._last is None:
            self._last = Report(said=Said.ALIVE, node=self.spec.name, running=tuple(self.attempts))
        return self._last

    def die(self, back: Seconds) -> Iterable[Attempt]:
        """Lose everything until `back`; return what ran."""
        lost = tuple(self.attempts.values())
        self.attempts.clear()
        self._last = None
        self.back = max(back, self.back) if self._state is NodeState.DOWN else back
        self._state = NodeState.DOWN
        self.changes += 1
        return lost

    def boot(self, now: Seconds) -> bool:
        """Come up, unless it is up or another trouble keeps it down; return whether it did."""
        if self._state is not NodeState.DOWN or now < self.back:
            return False
        self._state, self.wish = NodeState.UP, True
        self.changes += 1
        return True
