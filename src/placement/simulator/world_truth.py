"""A world's true run times and faults, for an engine that is asked about one attempt at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.runtime.ports import Start
from placement.simulator.farm_world import FarmWorld, Fault
from placement.simulator.fates import Fate, Run
from placement.units import Seconds

__all__ = ["Names", "WorldTruth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of a world's rows: nodes, jobs, (job, step), licences."""

    nodes: tuple[str, ...]
    jobs: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    licences: tuple[str, ...]

    @classmethod
    def of(cls, world: FarmWorld) -> Names:
        """Name the rows of a world; names sort as the rows do."""
        first = np.searchsorted(world.steps.job, np.arange(world.jobs.count))
        jobs = tuple(f"job-{int(index):06d}" for index in world.jobs.index)
        return cls(
            nodes=tuple(
                f"{world.classes.names[column]}-{row:05d}" for row, column in enumerate(world.fleet.node_class.tolist())
            ),
            jobs=jobs,
            steps=tuple((jobs[job], f"step-{row - first[job]}") for row, job in enumerate(world.steps.job.tolist())),
            licences=tuple(f"licence-{row}" for row in range(len(world.licences))),
        )


class WorldTruth:
    """True run times, memory and failures of a world's frames.

    A scene fails before a node does, a node before memory; a frame has the same luck on every bad node, so that
    whoever decides meets the same world.

    Parameters
    ----------
    names
        Of the world's rows.
    start
        Virtual time of the world's instant 0, seconds.
    """

    def __init__(self, world: FarmWorld, names: Names, start: Seconds = 0.0) -> None:
        self._world, self._start = world, start
        self._row = {name: row for row, name in enumerate(names.steps)}
        self._node = {name: row for row, name in enumerate(names.nodes)}
        self._first = world.steps.first
        faults = world.faults
        self._lasting: dict[tuple[Fault, int], list[tuple[Seconds, Seconds, float]]] = {}
        for kind, target, time, seconds, factor in zip(
            faults.kind.tolist(), faults.target.tolist(), faults.time.tolist(), faults.seconds.tolist(),
            faults.factor.tolist(), strict=True,
        ):  # fmt: skip
            self._lasting.setdefault((Fault(kind), target), []).append((time, time + seconds, factor))

    def __call__(self, order: Start, at: Seconds) -> Run:
        """Return the run of an order that its node takes at virtual time `at`.

        Raises
        ------
        InvalidInput
            The world has no such step, node or frame, or the step cannot run on the node.
        """
        world, row, node = self._world, self._row.get(order.task[:2]), self._node.get(order.node)
        if row is None or node is None:
            raise InvalidInput(f"the world has no task {order.task} on node {order.node!r}")
        frames = self._first[row] + np.asarray(order.frames) - 1
        if not len(frames) or frames.min() < self._first[row] or frames.max() >= self._first[row + 1]:
            raise InvalidInput(f"task {order.task}: the step has no frames {order.frames}")
        column = world.fleet.node_class[node]
        mean = float(world.steps.seconds[row, column])
        if np.isinf(mean):
            raise InvalidInput(f"task {order.task} can never run on node {order.node!r}")
        slow = float(world.fleet.slowness[node] / world.classes.speed[column, order.mode])
        fate, part = self._fate(row, node, float(world.frames.luck[frames[0]]), at - self._start)
        return Run(
            seconds=mean * float(world.frames.factor[frames].sum()) * slow,
            memory=float(world.frames.memory[frames].max()), fate=fate, at=part,
            checkpoint=float(world.steps.checkpoint[row]),
        )  # fmt: skip

    def _fate(self, row: int, node: int, luck: float, now: Seconds) -> tuple[Fate, float]:
        licence = int(self._world.steps.licence[row])
        if licence >= 0 and self._factor(Fault.LICENCE_LOSS, licence, now) is not None:
            return Fate.LICENCE, 0.0
        if self._factor(Fault.CORRUPT_SCENE, row, now) is not None:
            return Fate.SCENE, luck
        bad = self._factor(Fault.BAD_NODE, node, now)
        if bad is not None and luck < bad:
            return Fate.ERROR, luck / bad
        return Fate.DONE, luck

    def _factor(self, fault: Fault, target: int, now: Seconds) -> float | None:
        """Return the greatest factor of the faults that last now; None: there is none."""
        lasting = self._lasting.get((fault, target), ())
        return max((factor for begin, end, factor in lasting if begin <= now < end), default=None)
