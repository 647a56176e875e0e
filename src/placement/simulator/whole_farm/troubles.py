"""The instants at which something happens to machines whatever is decided: joins, leaves, faults and their ends."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from placement.simulator.farm_world import FarmWorld, Fault
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Trouble", "Troubles"]


class Trouble(IntEnum):
    """What an instant brings."""

    JOIN = 0
    LEAVE = 1
    FAULT = 2
    FAULT_ENDS = 3


class Troubles:
    """Joins, leaves and faults of a world in the order of time."""

    def __init__(self, world: FarmWorld) -> None:
        fleet, faults = world.fleet, world.faults
        nodes, rows = np.arange(len(fleet.node_class)), np.arange(len(faults.time))
        parts = (
            (Trouble.JOIN, nodes, fleet.joins), (Trouble.LEAVE, nodes, fleet.leaves),
            (Trouble.FAULT_ENDS, rows, faults.time + faults.seconds), (Trouble.FAULT, rows, faults.time),
        )  # fmt: skip
        time = np.concatenate([part[2] for part in parts])
        kind = np.concatenate([np.full(len(part[1]), int(part[0])) for part in parts])
        row = np.concatenate([part[1] for part in parts])
        some = np.flatnonzero(np.isfinite(time) & ((kind != Trouble.JOIN) | (time > 0)))
        order = some[np.argsort(time[some], kind="stable")]
        self._time: Floats = time[order]
        self._kind: Ints = kind[order]
        self._row: Ints = row[order]
        self._at = 0
        self._world = world

    @property
    def next_time(self) -> Seconds:
        """When something happens next, seconds; infinite: never."""
        return float(self._time[self._at]) if self._at < len(self._time) else float("inf")

    def pop(self) -> tuple[Seconds, Trouble, Ints]:
        """Return the next instant, what it brings, and the nodes or rows of faults that it brings it to."""
        time, kind, first = self._time[self._at], self._kind[self._at], self._at
        while self._at < len(self._time) and self._time[self._at] == time and self._kind[self._at] == kind:
            self._at += 1
        return float(time), Trouble(kind), self._row[first : self._at]

    def active(self, kind: Fault, now: Seconds) -> Ints:
        """Return rows of the faults of a kind that last at `now`."""
        faults = self._world.faults
        lasts = (faults.kind == kind) & (faults.time <= now) & (now < faults.time + faults.seconds)
        return np.flatnonzero(lasts)

    def slow(self, now: Seconds) -> Floats:
        """Return how many times as long frames take on each node, shape ``(nodes,)``."""
        rows, factor = self.active(Fault.SLOW, now), np.ones(len(self._world.fleet.node_class))
        np.multiply.at(factor, self._world.faults.target[rows], self._world.faults.factor[rows])
        return factor

    def bad(self, now: Seconds) -> tuple[Floats, Floats]:
        """Return with which probability frames fail on each node, and until when, shape ``(nodes,)`` each."""
        rows, faults = self.active(Fault.BAD_NODE, now), self._world.faults
        chance, until = (np.zeros(len(self._world.fleet.node_class)) for _ in range(2))
        np.maximum.at(chance, faults.target[rows], faults.factor[rows])
        np.maximum.at(until, faults.target[rows], (faults.time + faults.seconds)[rows])
        return chance, until

    def no_licence(self, now: Seconds) -> Bools:
        """Return which licences have none to give, shape ``(licences,)``."""
        lost = np.zeros(len(self._world.licences), bool)
        lost[self._world.faults.target[self.active(Fault.LICENCE_LOSS, now)]] = True
        return lost
