"""What no schedule of a whole farm can beat: least makespan and node-seconds, most value on time."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from placement.errors import Infeasible
from placement.farm.machines import Resource
from placement.scheduling.class_mix import class_mix
from placement.simulator.farm_world import FarmWorld
from placement.units import Floats, Seconds

__all__ = [
    "earliest_ends", "least_load", "least_makespan", "least_node_seconds", "least_worth_seconds", "most_value",
    "step_seconds",
]  # fmt: skip

_PERIODS = 96


def step_seconds(world: FarmWorld) -> Floats:
    """Return the least true seconds that all frames of each step take together, warm, shape ``(steps, classes)``."""
    first = world.steps.first
    total = np.add.reduceat(world.frames.factor, first[:-1]) if len(world.frames.factor) else np.zeros(0)
    slowness = np.full(len(world.classes.names), np.inf)
    np.minimum.at(slowness, world.fleet.node_class, world.fleet.slowness)
    slowness = np.where(np.isfinite(slowness), slowness, 1.0)
    each = np.maximum(world.steps.seconds - world.steps.startup[:, None], 0.0)
    return np.asarray(each * slowness * total[:, None])


def least_load(world: FarmWorld) -> Floats:
    """Return the least node-seconds of each step, shape ``(steps, classes)``: a frame counts for its dominant share."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = world.steps.request[:, None, :] / world.classes.offer[None]
    kept = np.ones(parts.shape[2], bool)
    kept[Resource.MEMORY] = False  # what is declared of memory is no bound: frames may need less
    share = np.where(world.steps.request[:, None, :] > 0, parts, 0.0)[:, :, kept].max(axis=2)
    return np.asarray(step_seconds(world) * share)


def least_node_seconds(world: FarmWorld) -> float:
    """Return the node-seconds below which no schedule gets: every frame where it takes fewest."""
    return float(least_load(world).min(axis=1, initial=np.inf).sum()) if len(world.steps.job) else 0.0


def least_worth_seconds(world: FarmWorld) -> float:
    """Return the same with each node-second times the node's worth."""
    worth = least_load(world) * world.classes.worth
    return float(worth.min(axis=1, initial=np.inf).sum()) if len(world.steps.job) else 0.0


def least_makespan(world: FarmWorld) -> Seconds:
    """Return a makespan that no schedule can beat.

    The largest of: the linear program for unrelated machines with frames that may be cut, from the first release on;
    and each job's release and longest chain of steps, every frame on its fastest class with the farm to itself.

    Raises
    ------
    Infeasible
        A step can run on no class that has nodes.
    """
    load = least_load(world)
    nodes = np.bincount(world.fleet.node_class, minlength=len(world.classes.names)).astype(float)
    there = nodes > 0
    if not np.isfinite(load[:, there]).any(axis=1).all():
        raise Infeasible("a step of the world can run on no class that has nodes")
    start = float(world.jobs.release.min(initial=np.inf)) if len(world.jobs.release) else 0.0
    cut = class_mix(np.ones(len(load)), load[:, there], nodes[there], np.zeros(int(there.sum()))).makespan
    return max(start + cut, float(earliest_ends(world).max(initial=0.0)))


def most_value(world: FarmWorld) -> float:
    """Return the value of jobs that any schedule could at most end by their deadlines.

    A linear program: jobs may be done in part for part of their value, the farm is one resource of normalised capacity
    of which each job takes what it takes where it takes least, and windows are widened to the grid's periods.
    Jobs without a deadline count with their whole value.

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
    worth = (least_load(world) * world.classes.worth).min(axis=1, initial=np.inf)
    work = np.bincount(world.steps.job, worth, minlength=jobs.count).astype(float)[rows]
    edges = np.linspace(float(jobs.release[rows].min()), float(jobs.deadline[rows].max()), _PERIODS + 1)
    capacity = float(np.bincount(world.fleet.node_class, minlength=len(world.classes.names)) @ world.classes.worth)
    return free + _fluid(work, jobs.value[rows], jobs.release[rows], jobs.deadline[rows], edges, capacity)


def _fluid(work: Floats, value: Floats, release: Floats, deadline: Floats, edges: Floats, capacity: float) -> float:
    """Return the most value of a divisible resource: variables are work of a job in a period, and its share done."""
    inside = (release[:, None] < edges[None, 1:]) & (deadline[:, None] > edges[None, :-1])
    job, period = np.nonzero(inside)
    cells, count, periods = len(job), len(work), len(edges) - 1
    done = coo_array((np.ones(cells), (job, np.arange(cells))), shape=(count, cells + count))
    owed = coo_array((-work, (np.arange(count), cells + np.arange(count))), shape=(count, cells + count))
    room = coo_array((np.ones(cells), (period, np.arange(cells))), shape=(periods, cells + count))
    solved = linprog(
        np.concatenate([np.zeros(cells), -value]),
        A_ub=vstack([owed * -1 - done, room]).tocsr(),
        b_ub=np.concatenate([np.zeros(count), capacity * np.diff(edges)]),
        bounds=[(0, None)] * cells + [(0, 1)] * count,
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
