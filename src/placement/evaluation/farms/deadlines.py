"""Metrics of jobs: in time or how late, what that is worth, when they end."""

from __future__ import annotations

import numpy as np

from placement.evaluation.farms.bounds import earliest_ends
from placement.evaluation.farms.window import counted_jobs
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Bools, Floats, Seconds

__all__ = ["completion", "delivered", "in_time", "makespan", "on_time", "tardiness", "tardy"]


def in_time(world: FarmWorld, history: FarmHistory) -> Bools:
    """Tell which jobs ended by their deadline, or at all where they have none, shape ``(jobs,)``."""
    return np.isfinite(history.job_end) & (history.job_end <= world.jobs.deadline)


def on_time(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return shares of the counted jobs with a deadline that ended by it; NaN where there are none.

    Returns
    -------
    dict
        `on_time`: by job. `on_time_importance`: each job counts with its importance. `on_time_possible`: of the jobs
        that could be in time if each had the farm to itself (`placement.evaluation.farms.bounds.earliest_ends`).
        Failed jobs are not in time.
    """
    jobs = world.jobs
    rows = np.flatnonzero(counted_jobs(world) & np.isfinite(jobs.deadline))
    good = in_time(world, history)[rows]
    possible = (earliest_ends(world) <= jobs.deadline)[rows]
    return {
        "on_time": _share(good, np.ones(len(rows))),
        "on_time_importance": _share(good, jobs.importance[rows]),
        "on_time_possible": _share(good, possible.astype(float)),
    }


def delivered(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return the value delivered, of all jobs of the world, so that it compares with the bound on it.

    Returns
    -------
    dict
        `value`: jobs that ended by their deadline, and those without one that ended at all, as in
        `placement.evaluation.farms.bounds.most_value`. `value_on_deadline`: of the former alone.
    """
    good, bound = in_time(world, history), np.isfinite(world.jobs.deadline)
    value = world.jobs.value
    return {"value": float(value[good].sum()), "value_on_deadline": float(value[good & bound].sum())}


def tardy(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return each job's seconds beyond its deadline, shape ``(jobs,)``.

    0 without a deadline. A job that did not finish is late until the history's end. NaN for jobs that failed for good:
    no time would have been enough.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(jobs={"deadline": [45.0]})
    >>> tardy(world, live(world, "fifo")).tolist()
    [15.0]
    """
    end = np.minimum(history.job_end, history.end)
    late = np.maximum(end - world.jobs.deadline, 0.0)
    return np.where(history.job_failed, np.nan, late)


def tardiness(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return how late the counted jobs with a deadline were, s; failed jobs are left out.

    Returns
    -------
    dict
        `weighted_tardiness`: importance × tardiness, summed. `tardiness_mean`, `tardiness_p95`, `tardiness_max`: over
        jobs, those in time with 0; NaN without any.
    """
    late = tardy(world, history)
    rows = counted_jobs(world) & np.isfinite(world.jobs.deadline) & np.isfinite(late)
    late = late[rows]
    if not len(late):
        nothing = float("nan")
        return {
            "weighted_tardiness": 0.0,
            "tardiness_mean": nothing,
            "tardiness_p95": nothing,
            "tardiness_max": nothing,
        }
    return {
        "weighted_tardiness": float(late @ world.jobs.importance[rows]),
        "tardiness_mean": float(late.mean()),
        "tardiness_p95": float(np.quantile(late, 0.95)),
        "tardiness_max": float(late.max()),
    }


def makespan(world: FarmWorld, history: FarmHistory) -> Seconds:
    """Return when the last attempt of all ended, s from the world's begin; the history's end if a job is unfinished."""
    unfinished = ~np.isfinite(history.job_end) & ~history.job_failed & ~world.jobs.held
    return history.end if unfinished.any() else float(history.attempts.end.max(initial=0.0))


def completion(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return when counted jobs ended.

    Returns
    -------
    dict
        `mean_completion`: release to end, s, averaged; unfinished jobs until the history's end, failed ones left out.
        `makespan`: see `makespan`, of the whole run. `jobs_counted`, `jobs_unfinished`, `jobs_failed`: how many.
    """
    counted = counted_jobs(world)
    rows = counted & ~history.job_failed
    took = np.minimum(history.job_end, history.end)[rows] - world.jobs.release[rows]
    return {
        "makespan": makespan(world, history),
        "mean_completion": float(took.mean()) if len(took) else float("nan"),
        "jobs_counted": float(counted.sum()),
        "jobs_unfinished": float((rows & ~np.isfinite(history.job_end)).sum()),
        "jobs_failed": float((counted & history.job_failed).sum()),
    }


def _share(good: Bools, weight: Floats) -> float:
    return float((good * weight).sum() / weight.sum()) if weight.sum() > 0 else float("nan")
