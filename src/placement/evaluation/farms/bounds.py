"""What no schedule of a whole farm can beat: least makespan, node-seconds and worth-seconds, most value on time."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from placement.evaluation.farms.like_work import (
    doable,
    least_cost,
    least_time,
    like_work,
    machines_of,
    prices,
    resource_shares,
    step_seconds,
)
from placement.farm.machines import Resource
from placement.simulator.farm_world import FarmWorld
from placement.units import Floats, Seconds

__all__ = [
    "earliest_ends",
    "fluid_needs",
    "least_load",
    "least_makespan",
    "least_node_seconds",
    "least_worth_seconds",
    "most_value",
]

_PERIODS = 96
_COUNTED = (Resource.CORES, Resource.GPUS)


def least_load(world: FarmWorld) -> Floats:
    """Return the least node-seconds of each step on the quickest node of each class, shape ``(steps, classes)``.

    A frame counts for its dominant share, memory left out; 0 where a step does not have to be done.
    """
    slowness = np.full(len(world.classes.names), np.inf)
    np.minimum.at(slowness, world.fleet.node_class, world.fleet.slowness)
    slowness = np.where(np.isfinite(slowness), slowness, 1.0)
    load = _times(step_seconds(world), slowness * resource_shares(world).max(axis=2))
    return np.where(doable(world)[:, None], load, 0.0)


def _times(seconds: Floats, share: Floats) -> Floats:
    """Return seconds × share, infinite where the seconds are, whatever the share."""
    return np.asarray(np.multiply(seconds, share, out=np.full(seconds.shape, np.inf), where=np.isfinite(seconds)))


def least_node_seconds(world: FarmWorld, until: Seconds | None = None) -> float:
    """Return the node-seconds below which no schedule gets that ends by `until`, seconds; None: whenever it ends.

    Without an end every frame is where it takes fewest. With one, a linear program in which frames may be cut and no
    resource is taken more than there is from the first release to the end.

    Raises
    ------
    Infeasible
        No schedule ends by `until`.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(fleet={"node_class": [0, 0], "slowness": [1.0, 2.0]}, steps={"frames": [16]})
    >>> least_node_seconds(world), round(least_node_seconds(world, until=90.0), 3)
    (120.0, 150.0)
    """
    return _least_spent(world, np.ones(len(world.classes.names)), until)


def least_worth_seconds(world: FarmWorld, until: Seconds | None = None) -> float:
    """Return the same with each node-second times the node's worth."""
    return _least_spent(world, world.classes.worth, until)


def _least_spent(world: FarmWorld, worth: Floats, until: Seconds | None) -> float:
    if until is None:
        return float((least_load(world) * worth).min(axis=1, initial=np.inf).sum()) if len(world.steps.job) else 0.0
    # A run that is as short as can be must not fail by a rounding.
    seconds = (until - _start(world)) * (1 + 1e-9)
    return least_cost(like_work(world), machines_of(world), worth, seconds)


def _start(world: FarmWorld) -> Seconds:
    return float(world.jobs.release.min(initial=np.inf)) if len(world.jobs.release) else 0.0


def least_makespan(world: FarmWorld) -> Seconds:
    """Return a makespan that no schedule can beat.

    The largest of: the linear program for unrelated machines with frames that may be cut, from the first release on;
    and each job's release and longest chain of steps, every frame on its fastest class with the farm to itself.

    Raises
    ------
    Infeasible
        A step can run on no class that has nodes.
    """
    must = np.bincount(world.steps.job[doable(world)], minlength=world.jobs.count) > 0
    chain = float(earliest_ends(world)[must].max(initial=0.0))
    work = like_work(world)
    return max(_start(world) + least_time(work, machines_of(world)), chain) if len(work.seconds) else chain


def most_value(world: FarmWorld) -> float:
    """Return the value of jobs that any schedule could at most end by their deadlines.

    A linear program: jobs may be done in part for part of their value; cores, GPUs, and all resources of all nodes at
    their prices in the least makespan (its dual), are one divisible resource each, of which a job takes what it takes
    where it takes least; windows are widened to the grid's periods. Jobs without a deadline count with their whole
    value.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> most_value(farm_world_of())
    1.0
    """
    jobs = world.jobs
    earliest = earliest_ends(world)
    bound = np.isfinite(jobs.deadline)
    free = float(jobs.value[~bound].sum())
    rows = np.flatnonzero(bound & (earliest <= jobs.deadline))
    if not len(rows):
        return free
    edges = np.linspace(float(jobs.release[rows].min()), float(jobs.deadline[rows].max()), _PERIODS + 1)
    there = np.clip(edges[1:, None] - np.maximum(edges[:-1, None], world.fleet.joins), 0.0, None)
    needs = [(work[rows], there @ rate) for work, rate in fluid_needs(world) if work[rows].any()]
    return free + _fluid(needs, jobs.value[rows], jobs.release[rows], jobs.deadline[rows], edges)


def fluid_needs(world: FarmWorld) -> list[tuple[Floats, Floats]]:
    """Return what each job takes at least, and what each node does in a second: of cores, of GPUs, of all at its price.

    Shapes ``(jobs,)`` and ``(nodes,)``, in units that differ from need to need.
    """
    return [*(_of_resource(world, resource) for resource in _COUNTED), _priced(world)]


def _of_resource(world: FarmWorld, resource: Resource) -> tuple[Floats, Floats]:
    """Return what each job takes of nodes' `resource` at least, worth-seconds, and what each node does in a second."""
    fleet, classes = world.fleet, world.classes
    takes = _times(step_seconds(world), resource_shares(world)[:, :, resource] * classes.worth)
    has = classes.offer[fleet.node_class, resource] > 0
    return _by_job(world, takes.min(axis=1, initial=np.inf)), has * classes.worth[fleet.node_class] / fleet.slowness


def _priced(world: FarmWorld) -> tuple[Floats, Floats]:
    """Return the same with every resource of every node at its price in the least makespan."""
    machines = machines_of(world)
    price = prices(like_work(world), machines)
    seconds, share = step_seconds(world), resource_shares(world)
    least = np.full(len(seconds), np.inf)
    for row, klass in enumerate(machines.klass.tolist()):
        least = np.minimum(least, _times(seconds[:, klass], share[:, klass] @ price[row] * machines.slowness[row]))
    return _by_job(world, least), price.sum(axis=1)[machines.of_node]


def _by_job(world: FarmWorld, steps: Floats) -> Floats:
    return np.bincount(world.steps.job, steps, minlength=world.jobs.count).astype(float)


def _fluid(
    needs: list[tuple[Floats, Floats]], value: Floats, release: Floats, deadline: Floats, edges: Floats
) -> float:
    """Return the most value where variables are shares of jobs' work on each resource in a period, and shares done."""
    inside = (release[:, None] < edges[None, 1:]) & (deadline[:, None] > edges[None, :-1])
    job, period = np.nonzero(inside)
    cells, count, periods = len(job), len(value), len(edges) - 1
    shape, done = cells * len(needs) + count, cells * len(needs) + np.arange(count)
    owed, room = [], []
    for part, (work, _) in enumerate(needs):
        columns, wants = part * cells + np.arange(cells), np.flatnonzero(work > 0)
        served = coo_array((np.full(cells, -1.0), (job, columns)), shape=(count, shape))
        wanted = coo_array((np.ones(len(wants)), (wants, done[wants])), shape=(count, shape))
        owed.append(served + wanted)
        room.append(coo_array((work[job], (period, columns)), shape=(periods, shape)))
    solved = linprog(
        np.concatenate([np.zeros(cells * len(needs)), -value]),
        A_ub=vstack([*owed, *room]).tocsr(),
        b_ub=np.concatenate([np.zeros(count * len(needs)), *(capacity for _, capacity in needs)]),
        bounds=[(0, None)] * (cells * len(needs)) + [(0, 1)] * count,
        method="highs",
    )
    return float(-solved.fun)


def earliest_ends(world: FarmWorld) -> Floats:
    """Return when each job could end with the farm to itself, s: release and its longest chain of frames."""
    steps, first = world.steps, world.steps.first
    longest = np.maximum.reduceat(world.frames.factor, first[:-1]) if len(world.frames.factor) else np.zeros(0)
    slowness = float(world.fleet.slowness.min(initial=1.0))
    fastest = np.maximum(steps.seconds.min(axis=1) - steps.startup, 0.0) * longest * slowness
    end = np.zeros(len(steps.job))
    for row, after in enumerate(steps.after.tolist()):
        end[row] = fastest[row] + (end[after] if after >= 0 else 0.0)
    ends = np.zeros(world.jobs.count)
    np.maximum.at(ends, steps.job, end)
    return np.asarray(world.jobs.release + ends)
