"""What was heard lately: the controller's own impression, no part of the journal, and begun anew by a new leader."""

from __future__ import annotations

from dataclasses import dataclass, field

from placement.units import Seconds

__all__ = ["Senses"]


@dataclass(slots=True)
class Senses:
    """When nodes and attempts were heard of.

    Nothing in here is durable. Who begins to lead trusts every node and attempt for one lease from then on.

    Parameters
    ----------
    nodes
        Node -> when something was heard of it.
    pulse
        Attempt -> (progress, when it was first that much).
    missing
        Attempt -> since when its node reports without it.
    now
        The clock when it was last looked at.
    awake
        Since when the controller looks at the clock without a gap.
    scanned, due
        When everything was last looked through for what is overdue, and when the next of it will be.
    """

    nodes: dict[str, Seconds] = field(default_factory=dict)
    pulse: dict[int, tuple[float, Seconds]] = field(default_factory=dict)
    missing: dict[int, Seconds] = field(default_factory=dict)
    now: Seconds | None = None
    awake: Seconds = float("-inf")
    scanned: Seconds = float("-inf")
    due: Seconds = float("-inf")

    def look(self, now: Seconds, patience: Seconds) -> None:
        """Look at the clock: after a gap longer than `patience`, or a step back, silence is counted anew.

        Examples
        --------
        >>> senses = Senses()
        >>> senses.look(0.0, 30.0); senses.look(10.0, 30.0); senses.awake
        0.0
        >>> senses.look(3610.0, 30.0); senses.awake
        3610.0
        """
        if self.now is None or not 0 <= now - self.now <= patience:
            self.awake = now
        self.now = now

    def hear(self, node: str, now: Seconds) -> None:
        """Note that a node was heard."""
        self.nodes[node] = now

    def heard(self, node: str, now: Seconds) -> Seconds:
        """Return when a node was last heard, at the earliest when the controller began to listen.

        What was heard by a clock that was ahead of `now` does not count.
        """
        heard = self.nodes.get(node, self.awake)
        return heard if self.awake < heard <= now else self.awake

    def forget(self, attempt: int) -> None:
        """Drop what was heard of an attempt that is over."""
        self.pulse.pop(attempt, None)
        self.missing.pop(attempt, None)
