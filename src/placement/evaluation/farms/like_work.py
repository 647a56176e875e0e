"""Work in groups of like steps, and linear programs of which machines do it in pieces: nothing beats them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, linprog
from scipy.sparse import coo_array, csr_array, hstack

from placement.errors import Infeasible
from placement.farm.machines import RESOURCES, Resource
from placement.simulator.farm_world import FarmWorld, Fault
from placement.units import Bools, Floats, Ints, Seconds

__all__ = [
    "LikeWork", "Machines", "doable", "least_cost", "least_time", "like_work", "machines_of", "prices",
    "resource_shares", "step_seconds",
]  # fmt: skip

_GRID = 1.01
_PARTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class LikeWork:
    """Groups of steps that differ by a factor alone.

    Parameters
    ----------
    seconds
        Least seconds of all their frames together on a node of slowness 1 of each class, infinite where they cannot
        run, shape ``(groups, classes)``.
    share
        Of a node that a frame takes, memory left out, shape ``(groups, classes, resources)``.
    """

    seconds: Floats
    share: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Machines:
    """Nodes of a class that are nearly as quick, each taken to be as quick as the quickest of them.

    Parameters
    ----------
    klass, slowness, count
        Row of the class, least slowness, how many; shape ``(machines,)`` each.
    of_node
        Which of these each node is one of, shape ``(nodes,)``.
    """

    klass: Ints
    slowness: Floats
    count: Floats
    of_node: Ints


def step_seconds(world: FarmWorld) -> Floats:
    """Return the least true seconds of all frames of each step, warm, slowness 1, shape ``(steps, classes)``."""
    first = world.steps.first
    total = np.add.reduceat(world.frames.factor, first[:-1]) if len(world.frames.factor) else np.zeros(0)
    return np.asarray(np.maximum(world.steps.seconds - world.steps.startup[:, None], 0.0) * total[:, None])


def resource_shares(world: FarmWorld) -> Floats:
    """Return the share of a node that a frame takes of each resource, shape ``(steps, classes, resources)``.

    0 of memory: what is declared of it is no bound, frames may need less.
    """
    request, offer = world.steps.request[:, None, :], world.classes.offer[None]
    share = np.divide(request, offer, out=np.zeros(np.broadcast_shapes(request.shape, offer.shape)), where=offer > 0)
    share[:, :, Resource.MEMORY] = 0.0
    return share


def like_work(world: FarmWorld) -> LikeWork:
    """Return the work of a world that has to be done.

    Steps are alike that take the same resources and the same times on all classes relative to the quickest, rounded
    down to steps of one per cent.

    Raises
    ------
    Infeasible
        A step can run on no class.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> like_work(farm_world_of(steps={"frames": [2, 3]})).seconds.tolist()
    [[300.0]]
    """
    rows = np.flatnonzero(doable(world))
    seconds = step_seconds(world)[rows]
    base = seconds.min(axis=1, initial=np.inf)
    if not np.isfinite(base).all():
        raise Infeasible("a step of the world can run on no class")
    rows, seconds, base = rows[base > 0], seconds[base > 0], base[base > 0]
    grid = np.floor(np.log(seconds / base[:, None]) / np.log(_GRID) + 1e-6)
    key = np.column_stack([np.where(np.isfinite(grid), grid, -1.0), world.steps.request[rows]])
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    ratio = _GRID ** grid[first]
    work = np.bincount(group.ravel(), base, len(first))
    return LikeWork(work[:, None] * ratio, resource_shares(world)[rows[first]])


def doable(world: FarmWorld) -> Bools:
    """Tell steps that have to be done from those of jobs that are paused or bound to fail, shape ``(steps,)``."""
    corrupt = world.faults.target[world.faults.kind == Fault.CORRUPT_SCENE]
    out = world.jobs.held.copy()
    out[world.steps.job[corrupt]] = True
    return ~out[world.steps.job]


def machines_of(world: FarmWorld) -> Machines:
    """Return the nodes of each class in up to four parts by slowness; those that leave or join are always there."""
    fleet, parts = world.fleet, []
    for klass in np.unique(fleet.node_class).tolist():
        nodes = np.flatnonzero(fleet.node_class == klass)
        nodes = nodes[np.argsort(fleet.slowness[nodes], kind="stable")]
        parts += [part for part in np.array_split(nodes, _PARTS) if len(part)]
    first, count = np.array([part[0] for part in parts]), np.array([float(len(part)) for part in parts])
    of_node = np.zeros(len(fleet.node_class), np.int64)
    for row, part in enumerate(parts):
        of_node[part] = row
    return Machines(fleet.node_class[first], fleet.slowness[first], count, of_node)


def least_time(work: LikeWork, machines: Machines) -> Seconds:
    """Return the least seconds in which the machines can do the work.

    No resource of any node is taken more than it has; frames that take the GPU run beside others that take the cores.

    Raises
    ------
    Infeasible
        Some work can run on none of them.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [16]})
    >>> least_time(like_work(world), machines_of(world))
    120.0
    """
    return _least_time(work, machines)[0]


def prices(work: LikeWork, machines: Machines) -> Floats:
    """Return what a second of each resource of one machine is worth for the least time, ``(machines, resources)``.

    They are not negative, and a second of the whole farm is worth 1: no time does work whose price, each frame where it
    is least, is more than that.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(fleet={"node_class": [0, 0]})
    >>> prices(like_work(world), machines_of(world))[:, 0].tolist()
    [0.5, 0.5]
    """
    return _least_time(work, machines)[1]


def _least_time(work: LikeWork, machines: Machines) -> tuple[Seconds, Floats]:
    if not len(work.seconds):
        return 0.0, np.zeros((len(machines.klass), RESOURCES))
    columns, use, owed = _program(work, machines)
    room = csr_array(np.repeat(machines.count, RESOURCES)[:, None])
    cost = np.append(np.zeros(columns), 1.0)
    whole = hstack([owed, csr_array((owed.shape[0], 1))])
    solved = _solved(cost, hstack([use, -room]), np.zeros(use.shape[0]), whole)
    price = np.maximum(-solved.ineqlin.marginals, 0.0).reshape(-1, RESOURCES)
    return float(solved.fun), price / max(float(machines.count @ price.sum(axis=1)), np.finfo(float).tiny)


def least_cost(work: LikeWork, machines: Machines, worth: Floats, seconds: Seconds) -> float:
    """Return the least node-seconds, each times its class's `worth`, that any schedule of that many seconds takes.

    A frame counts with the largest of its shares.

    Raises
    ------
    Infeasible
        So soon it cannot be done, or some work can run on none of the machines.
    """
    if not len(work.seconds):
        return 0.0
    _, use, owed = _program(work, machines)
    group, machine = _able(work, machines)
    klass = machines.klass[machine]
    cost = work.seconds[group, klass] * work.share[group, klass].max(axis=1) * machines.slowness[machine] * worth[klass]
    return float(_solved(cost, use, seconds * np.repeat(machines.count, RESOURCES), owed).fun)


def _able(work: LikeWork, machines: Machines) -> tuple[Ints, Ints]:
    group, machine = np.nonzero(np.isfinite(work.seconds[:, machines.klass]))
    return group, machine


def _program(work: LikeWork, machines: Machines) -> tuple[int, csr_array, csr_array]:
    """Return the number of shares of groups on machines; what these use of each resource, and how they add up to 1."""
    group, machine = _able(work, machines)
    if len(np.unique(group)) < len(work.seconds):
        raise Infeasible("a step of the world can run on no class that has nodes")
    klass, columns = machines.klass[machine], np.arange(len(group))
    takes = (work.seconds[group, klass] * machines.slowness[machine])[:, None] * work.share[group, klass]
    row = machine[:, None] * RESOURCES + np.arange(RESOURCES)
    shape = (len(machines.klass) * RESOURCES, len(group))
    use = coo_array((takes.ravel(), (row.ravel(), np.repeat(columns, RESOURCES))), shape=shape)
    owed = coo_array((np.ones(len(group)), (group, columns)), shape=(len(work.seconds), len(group)))
    return len(group), use.tocsr(), owed.tocsr()


def _solved(cost: Floats, use: csr_array, room: Floats, owed: csr_array) -> OptimizeResult:
    solved = linprog(
        cost, A_ub=use.tocsr(), b_ub=room, A_eq=owed.tocsr(), b_eq=np.ones(owed.shape[0]), method="highs"
    )
    if solved.status != 0:
        raise Infeasible(f"the work cannot be done in that time: {solved.message}")
    return solved
