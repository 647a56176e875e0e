"""How soon jobs could end in the mean at best: whatever the order, whatever is known."""

from __future__ import annotations

import heapq

import numpy as np

from placement.evaluation.farms.bounds import earliest_ends, fluid_needs
from placement.evaluation.farms.like_work import doable
from placement.evaluation.farms.window import counted_jobs
from placement.simulator.farm_world import FarmWorld
from placement.units import Floats, Seconds

__all__ = ["least_mean_completion"]


def least_mean_completion(world: FarmWorld) -> Seconds:
    """Return the mean seconds from release to end below which no schedule gets the jobs that count.

    The larger of two: each job with the farm to itself; and the farm as one divisible machine, for cores, for GPUs and
    for all resources at their prices in the least makespan, which works off what each job takes at least, always for
    the job with the least left (optimal there: Schrage, "A proof of the optimality of the shortest remaining processing
    time discipline", Operations Research 16, 1968). Jobs that do not count take nothing. NaN if no job counts.

    Examples
    --------
    Two jobs of 8 frames of 60 s that fill the only node: one after the other.

    >>> from placement.testing.planner_farms import farm_world_of
    >>> least_mean_completion(farm_world_of(steps={"job": [0, 1], "frames": [8, 8]}))
    90.0
    """
    must = np.bincount(world.steps.job[doable(world)], minlength=world.jobs.count) > 0
    rows = np.flatnonzero(counted_jobs(world) & must)
    if not len(rows):
        return float("nan")
    release = world.jobs.release[rows]
    least = float((earliest_ends(world)[rows] - release).mean())
    for work, rate in fluid_needs(world):
        if work[rows].any():
            least = max(least, float((_shortest_first(release, work[rows] / rate.sum()) - release).mean()))
    return least


def _shortest_first(release: Floats, seconds: Floats) -> Floats:
    """Return when jobs end on one machine that always works for the one with the least left."""
    end, ready = release.copy(), list[tuple[float, int]]()
    order, now = np.argsort(release, kind="stable").tolist(), 0.0
    for place, job in enumerate(order):
        now = max(now, float(release[job]))
        heapq.heappush(ready, (float(seconds[job]), job))
        until = float(release[order[place + 1]]) if place + 1 < len(order) else np.inf
        while ready and now < until:
            left, first = heapq.heappop(ready)
            if now + left > until:
                heapq.heappush(ready, (left - (until - now), first))
                now = until
            else:
                now += left
                end[first] = now
    return end
