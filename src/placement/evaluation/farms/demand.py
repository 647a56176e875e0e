"""What clients held and wanted at every instant, rebuilt from attempts and the queue of ready frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from placement.evaluation.farms.usage import attempt_share
from placement.farm.machines import Resource
from placement.scheduling.shares_worth import dominant_share
from placement.simulator.farm_world import FarmWorld, Fault
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.units import Bools, Floats, Ints

__all__ = ["Changes", "Queue", "changes", "queue_of", "requests", "roots_of"]

_ROUNDING = 1e-9
_AGAIN = (Outcome.INTERRUPTED, Outcome.LOST, Outcome.OOM, Outcome.FAILED)


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """By how much the worth changes that clients hold, and that their ready frames could take, in the order of time.

    Parameters
    ----------
    time
        Seconds, shape ``(changes,)``.
    client
        Row of the client; a leaf.
    held, ready, frames
        Worth held, and of ready frames; number of these.
    """

    time: Floats
    client: Ints
    held: Floats
    ready: Floats
    frames: Floats

    @classmethod
    def joined(cls, parts: Sequence[tuple[Floats, Ints, Floats, Floats, Floats]]) -> Changes:
        """Return all parts, each with the columns of changes, in the order of time."""
        time, client, held, ready, frames = (np.concatenate([part[at] for part in parts]) for at in range(5))
        order = np.argsort(time, kind="stable")
        return cls(time[order], client[order], held[order], ready[order], frames[order])


def changes(world: FarmWorld, history: FarmHistory) -> Changes:
    """Return how what clients hold and want changes.

    A frame holds its dominant share of the node, with the memory that was kept for it, times the node's worth. A frame
    waits from when its step is ready, or its attempt ended without finishing it, until an attempt starts. Ready frames
    count with the mean worth they would take on the nodes of the world that can run them, as `requests` says; no more
    of a step than fit on those nodes beside those that run; per licence no more of a client than are free. Paused jobs
    want nothing, failed ones no more after their last attempt.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [9]})
    >>> course = changes(world, live(world, "fifo"))
    >>> now = course.time == 0  # nine frames are ready, eight start
    >>> float(course.held[now].sum()), float(course.ready[now].sum())
    (8.0, 0.0)
    """
    attempts = history.attempts
    client = world.jobs.client[world.steps.job]
    holds = attempt_share(world, attempts, attempts.memory)
    holds = holds * world.classes.worth[world.fleet.node_class[attempts.node]]
    who, none = client[attempts.step], np.zeros(attempts.count)
    queue = queue_of(world, history)
    licence = world.steps.licence[queue.step]
    plain = queue.where(licence < 0)
    parts = [
        (attempts.start, who, holds, none, none),
        (attempts.end, who, -holds, none, none),
        (plain.time, client[plain.step], np.zeros(len(plain.step)), *plain.growth()),
    ]
    for each in range(len(world.licences)):
        parts += _licensed(world, queue.where(licence == each), each)
    return Changes.joined(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """Frames of steps after each change, in the order of steps and time.

    `ready` are frames that wait and fit beside those that run, `each` is the worth of one.
    """

    step: Ints
    time: Floats
    running: Floats
    ready: Floats
    each: Floats

    def where(self, rows: Bools) -> Queue:
        """Return some rows."""
        return Queue(*(getattr(self, name)[rows] for name in self.__slots__))

    def growth(self) -> tuple[Floats, Floats]:
        """Return by how much the worth and the number of ready frames grew with each change."""
        return _growth(self.ready * self.each, self.step), _growth(self.ready, self.step)


def queue_of(world: FarmWorld, history: FarmHistory) -> Queue:
    """Return the queue of ready frames after each change; `changes` says what counts."""
    attempts = history.attempts
    rows, again = np.flatnonzero(np.isfinite(history.step_ready)), np.isin(attempts.outcome, _AGAIN)
    failed = np.where(history.job_failed, 0.0, np.inf)
    np.maximum.at(failed, world.steps.job[attempts.step], attempts.end)
    ends = np.flatnonzero(np.isfinite(failed)[world.steps.job])
    parts = (
        (rows, history.step_ready[rows], world.steps.frames[rows], np.zeros(len(rows))),
        (attempts.step, attempts.start, np.full(attempts.count, -1), np.ones(attempts.count)),
        (attempts.step, attempts.end, again.astype(int), np.full(attempts.count, -1)),
        (ends, failed[world.steps.job[ends]], np.zeros(len(ends)), np.zeros(len(ends))),
    )
    step, time, waits, runs = (np.concatenate([part[at] for part in parts]) for at in range(4))
    order = np.lexsort((time, step))
    step, time = step[order], time[order]
    waiting, running = _total(waits[order], step), _total(runs[order], step)
    job = world.steps.job[step]
    waiting[(time >= failed[job]) | world.jobs.held[job]] = 0.0
    fit, each = _fitting(world, history)
    ready = np.clip(np.minimum(waiting, fit[step] - running), 0.0, None)
    return Queue(step, time, running, ready, each[step])


def roots_of(parent: Ints) -> Ints:
    """Return for each client the one above it that has no parent, itself where it has none, shape ``(clients,)``."""
    root: Ints = np.arange(len(parent))
    for row in np.flatnonzero(parent >= 0).tolist():
        root[row] = root[parent[row]]
    return root


def requests(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return what a frame of each step takes, shape ``(steps, resources)``, with memory as it was kept for it.

    That is the mean over the step's attempts; where none began, the mean true peak.
    """
    steps, attempts, request = world.steps, history.attempts, world.steps.request.copy()
    if not len(steps.job):
        return request
    peaks = np.add.reduceat(world.frames.memory, steps.first[:-1]) / steps.frames
    began = np.bincount(attempts.step, minlength=len(peaks))
    kept = np.bincount(attempts.step, attempts.memory, len(peaks)) / np.maximum(began, 1)
    request[:, Resource.MEMORY] = np.where(began > 0, kept, peaks)
    return request


def _fitting(world: FarmWorld, history: FarmHistory) -> tuple[Floats, Floats]:
    """Return how many frames of each step fit on the farm at once, and the mean worth of one there, ``(steps,)``."""
    steps = world.steps
    share = dominant_share(requests(world, history)[:, None, :], world.classes.offer)
    able = np.isfinite(steps.seconds) & (share <= 1 + _ROUNDING) & (share > 0)
    nodes = np.bincount(world.fleet.node_class, minlength=len(world.classes.names))
    share = np.where(able, share, 1.0)
    frames = np.where(able, np.floor(1 / share + _ROUNDING), 0.0) * nodes
    fit = frames.sum(axis=1)
    return fit, (frames * share) @ world.classes.worth / np.maximum(fit, 1.0)


def _licensed(world: FarmWorld, queue: Queue, licence: int) -> list[tuple[Floats, Ints, Floats, Floats, Floats]]:
    """Return the changes in what clients' frames of one licence could take, with what is free of it."""
    if not len(queue.step):
        return []
    faults = world.faults
    lost = np.flatnonzero((faults.kind == Fault.LICENCE_LOSS) & (faults.target == licence))
    ends = faults.time[lost] + faults.seconds[lost]
    time = np.concatenate([queue.time, faults.time[lost], ends])
    order, losses = np.argsort(time, kind="stable"), np.zeros(2 * len(lost))
    time = time[order]

    def course(change: Floats) -> Floats:
        return np.asarray(np.cumsum(np.concatenate([change, losses])[order]))

    gone = np.cumsum(np.concatenate([np.zeros(len(queue.step)), np.ones(len(lost)), -np.ones(len(lost))])[order])
    free = np.where(gone > 0, 0.0, world.licences[licence] - course(_growth(queue.running, queue.step)))
    client, parts = world.jobs.client[world.steps.job[queue.step]], []
    for row in np.unique(client).tolist():
        worth, asked = (course(np.where(client == row, grown, 0.0)) for grown in queue.growth())
        allowed = np.clip(free / np.maximum(asked, 1.0), 0.0, 1.0)
        who = np.full(len(time), row)
        ready, frames = (np.diff(can * allowed, prepend=0.0) for can in (worth, asked))
        parts.append((time, who, np.zeros(len(time)), ready, frames))
    return parts


def _total(change: Floats, group: Ints) -> Floats:
    """Return running totals within groups, which stand together."""
    total = np.cumsum(change, dtype=float)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    before = total[first] - change[first]
    return np.asarray(total - np.repeat(before, np.diff(np.append(first, len(group)))))


def _growth(level: Floats, group: Ints) -> Floats:
    """Return by how much a level grew since the row before in its group, from 0 on."""
    grown = np.diff(level, prepend=0.0)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    grown[first] = level[first]
    return grown
