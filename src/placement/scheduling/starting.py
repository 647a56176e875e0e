"""What every policy that only starts work needs: what is ready, what clients may still hold, a record of the starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.packing import Room
from placement.scheduling.plan import Plan, Reason, Starts
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Starting", "ceilings", "held", "lots"]

#: Takes what a frame takes, classes and a number of frames, and returns nodes and how many frames each gets.
Choose = Callable[[Floats, Bools, int], tuple[Ints, Ints]]

_MASK = (1 << 64) - 1


def lots(now: Seconds, names: Ints, stream: int = 0) -> Floats:
    """Return a number in (0, 1) for each name that looks drawn by chance, the same for the same instant and name.

    A hash (SplitMix64's finaliser) stands in for dice, so that a plan depends on the snapshot alone.

    Parameters
    ----------
    names
        What the numbers are for, by names that do not change with the rows, any shape.
    stream
        Numbers of different streams have nothing to do with each other.

    Examples
    --------
    >>> one, other = lots(60.0, np.array([3, 4])), lots(60.0, np.array([4, 3]))
    >>> bool((one == other[::-1]).all()), bool((one == lots(61.0, np.array([3, 4]))).any())
    (True, False)
    """
    seed = (int(np.float64(now).view(np.uint64)) * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03) & _MASK
    mixed = np.asarray(names).astype(np.uint64)
    for salt in (np.uint64(seed), np.uint64(stream + 1)):
        mixed = (mixed + salt) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return np.asarray(((mixed >> np.uint64(12)).astype(float) + 0.5) / 2.0**52)


def held(farm: FarmSnapshot) -> Floats:
    """Return the normalised capacity that each client and the projects under it run on, shape ``(clients,)``."""
    clients, attempts = farm.clients, farm.attempts
    kind = farm.nodes.node_class[attempts.node]
    worth = farm.share_of_node()[attempts.step, kind] * farm.classes.worth[kind]
    client = farm.jobs.client[farm.steps.job[attempts.step]]
    running = np.asarray(np.bincount(client, worth, minlength=clients.count), float)
    for row in range(clients.count - 1, -1, -1):
        if clients.parent[row] >= 0:
            running[clients.parent[row]] += running[row]
    return running


def ceilings(farm: FarmSnapshot) -> Floats:
    """Return the normalised capacity that each client may hold at most, shape ``(clients,)``.

    A limit of 1 is no limit: shares of nodes that frames of different shapes hold can sum to more than the farm. A
    client that neither lends nor borrows (`Lending.STATIC`) is limited to its guarantee.
    """
    most = np.where(farm.clients.lending == Lending.STATIC, farm.clients.guarantee, farm.clients.limit)
    return np.where(most >= 1, np.inf, most * farm.worth())


class _Made(NamedTuple):
    step: int
    nodes: Ints
    counts: Ints
    reason: int
    frames: int


class Starting:
    """Starts while they are decided: takes room and licences, and keeps every client within its limit.

    Parameters
    ----------
    farm, cost
        Read, not changed.

    Attributes
    ----------
    room
        What is free after the starts so far.
    left
        Frames of each step that may start and were not started yet; none of jobs that are held, shape ``(steps,)``.
    held
        Normalised capacity that each client holds with the starts so far, shape ``(clients,)``.
    headroom
        What it may take beyond that, shape ``(clients,)``; below 0 if it is above its limit.
    frame
        Normalised capacity that one frame holds, shape ``(steps, classes)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import clients_of, cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"waiting": [20]}, clients=clients_of(limit=[0.5]))
    >>> starting = Starting(farm, cost_of(farm))
    >>> starting.start(0, starting.able[0])
    4
    >>> starting.plan().starts.node.tolist()
    [0, 0, 0, 0]
    """

    def __init__(self, farm: FarmSnapshot, cost: Cost) -> None:
        self.room = Room(farm)
        self.left: Ints = np.where(farm.jobs.held[farm.steps.job], 0, farm.steps.waiting)
        self.able: Bools = cost.able
        self.held = held(farm)
        self.headroom: Floats = ceilings(farm) - self.held
        self.frame: Floats = farm.share_of_node() * farm.classes.worth
        self._farm = farm
        self._client = farm.jobs.client[farm.steps.job].tolist()
        parent, self._above = farm.clients.parent.tolist(), list[list[int]]()
        for row in range(farm.clients.count):
            self._above.append([row, *(self._above[parent[row]] if parent[row] >= 0 else [])])
        self._made: list[_Made] = []

    def sweep(self, order: Ints) -> Iterator[int]:
        """Go through steps with frames left, in `order`, passing over those that fit nowhere."""
        return self.room.sweep(self._farm.steps.request, self.able, order[self.left[order] > 0])

    def allowed(self, step: int, klass: int) -> int:
        """Return how many frames of a step may start on a class by limit, licences and what is left."""
        most, licence = int(self.left[step]), int(self._farm.steps.licence[step])
        spare, each = self._spare(step), float(self.frame[step, klass])
        if spare < most * each:
            most = max(int(spare / each + 1e-9), 0)
        return most if licence < 0 else min(most, int(self.room.licences[licence]))

    def _spare(self, step: int) -> float:
        return min(float(self.headroom[row]) for row in self._above[self._client[step]])

    def start(
        self,
        step: int,
        classes: Bools,
        count: int | None = None,
        choose: Choose | None = None,
        reason: Reason = Reason.SHARE,
    ) -> int:
        """Start up to `count` frames (by default all that are left) of a step and return how many started.

        Parameters
        ----------
        classes
            Where they may start, shape ``(classes,)``; classes that cannot run the step are left out.
        choose
            Chooses nodes; by default best fit.
        """
        spare = self._spare(step)
        if spare <= 0:
            return 0
        classes = classes & self.able[step] & (self.frame[step] <= spare * (1 + 1e-9))
        cheapest = int(np.where(classes, self.frame[step], np.inf).argmin())
        most = self.allowed(step, cheapest)
        nodes, counts = (choose or self.room.best_fit)(
            self._farm.steps.request[step], classes, most if count is None else min(most, count)
        )
        if not len(nodes):
            return 0
        each = self.frame[step, self._farm.nodes.node_class[nodes]]
        if counts @ each > spare * (1 + 1e-9):
            last = int((np.cumsum(counts * each) > spare * (1 + 1e-9)).argmax())
            nodes, counts, each = nodes[: last + 1], counts[: last + 1].copy(), each[: last + 1]
            counts[last] = int((spare - counts[:last] @ each[:last]) / each[last] + 1e-9)
        self._take(step, nodes, counts, float(counts @ each), reason)
        return self._made[-1].frames

    def _take(self, step: int, nodes: Ints, counts: Ints, worth: float, reason: Reason) -> None:
        self.room.take(self._farm.steps.request[step], nodes, counts, int(self._farm.steps.licence[step]))
        for row in self._above[self._client[step]]:
            self.held[row] += worth
            self.headroom[row] -= worth
        self._made.append(_Made(step, nodes, counts, int(reason), int(counts.sum())))
        self.left[step] -= self._made[-1].frames

    @property
    def latest(self) -> tuple[Ints, Ints]:
        """Nodes of the latest start and how many frames each got."""
        return self._made[-1].nodes, self._made[-1].counts

    def plan(self, reserved: Ints | None = None) -> Plan:
        """Return the starts as a plan."""
        sizes = [made.frames for made in self._made]
        step = np.repeat(np.array([made.step for made in self._made], np.int64), sizes)
        reason = np.repeat(np.array([made.reason for made in self._made], np.int64), sizes)
        node = [np.repeat(made.nodes, made.counts) for made in self._made]
        starts = Starts.of(step, np.concatenate([np.zeros(0, np.int64), *node]), reason)
        return Plan(starts=starts, reserved=reserved)
