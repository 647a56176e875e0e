"""Metrics of waiting: how long ready work starves, how soon a shot's first image is there, how long decisions take."""

from __future__ import annotations

import numpy as np

from placement.evaluation.farms.usage import attempt_node_seconds
from placement.evaluation.farms.window import counted_jobs, window_of
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.simulator.whole_farm.snapshots import preview_due
from placement.units import Floats, Ints

__all__ = ["decisions", "first_waits", "preview_latency", "starvation"]

#: A preview is early that comes within this share of its shot's time.
_EARLY = 0.1
_NAN = float("nan")


def first_waits(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return seconds from when each step was ready to its first frame's start, shape ``(steps,)``.

    Until the history's end where none started. NaN: never ready, of a paused job, or its job failed before it started.
    """
    started = _first(history, history.attempts.start, np.arange(history.attempts.count), len(world.steps.job))
    job = world.steps.job
    until = np.where(np.isfinite(started), started, np.where(history.job_failed[job], np.nan, history.end))
    known = np.isfinite(history.step_ready) & ~world.jobs.held[job]
    return np.where(known, until - np.where(known, history.step_ready, 0.0), np.nan)


def starvation(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return `first_wait_max` and `first_wait_p99`, s, over steps of counted jobs; NaN without any."""
    waits = first_waits(world, history)
    waits = waits[np.isfinite(waits) & counted_jobs(world)[world.steps.job]]
    if not len(waits):
        return {"first_wait_max": _NAN, "first_wait_p99": _NAN}
    return {"first_wait_max": float(waits.max()), "first_wait_p99": float(np.quantile(waits, 0.99))}


def preview_latency(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return how soon previews were there, over counted jobs with a preview step that did not fail.

    Returns
    -------
    dict
        `preview_mean`, `preview_p95`, `preview_max`: (first preview frame's end − begin) / (job's end − begin), where
        begin is when the preview could start: nothing can be shown of a scene that is still simulated. What never came
        counts to the history's end. `preview_within`: share of the jobs where that is a tenth or less.
        `preview_forecast_mean`, `preview_forecast_max`: the same over the
        forecast render time, which is the job's longest chain of frames, previews left out. NaN without any.
        `preview_share`: node-seconds of previews over those of all attempts that ended within the window.
    """
    steps, attempts = world.steps, history.attempts
    done = np.flatnonzero((steps.preview[attempts.step] == 1) & (attempts.outcome == Outcome.DONE))
    first = np.full(world.jobs.count, np.inf)
    np.minimum.at(first, steps.job[attempts.step[done]], attempts.end[done])
    has = np.bincount(steps.job[steps.preview == 1], minlength=world.jobs.count) > 0
    rows = np.flatnonzero(has & counted_jobs(world) & ~history.job_failed)
    begin = np.full(world.jobs.count, np.inf)
    np.minimum.at(begin, steps.job[steps.preview == 1], history.step_ready[steps.preview == 1])
    begin = np.where(np.isfinite(begin), begin, world.jobs.release)[rows]
    took = np.minimum(first, history.end)[rows] - begin
    whole = np.minimum(history.job_end, history.end)[rows] - begin
    shares = took / np.maximum(whole, 1e-9)
    told = took / np.maximum(_forecast_render(world)[rows], 1e-9)
    return {
        **_spread("preview", shares, mean=True, p95=True),
        "preview_within": float((shares <= _EARLY).mean()) if len(shares) else _NAN,
        **_spread("preview_forecast", told, mean=True, p95=False),
        "preview_share": _preview_share(world, history),
    }


def _spread(name: str, values: Floats, *, mean: bool, p95: bool) -> dict[str, float]:
    some = len(values) > 0
    found = {f"{name}_mean": float(values.mean()) if some else _NAN} if mean else {}
    if p95:
        found[f"{name}_p95"] = float(np.quantile(values, 0.95)) if some else _NAN
    return {**found, f"{name}_max": float(values.max()) if some else _NAN}


def _forecast_render(world: FarmWorld) -> Floats:
    due = preview_due(world, Rules(preview_share=1.0))
    chain = np.zeros(world.jobs.count)
    rows = np.flatnonzero(np.isfinite(due))
    job = world.steps.job[rows]
    np.maximum.at(chain, job, due[rows] - world.jobs.release[job])
    return chain


def _preview_share(world: FarmWorld, history: FarmHistory) -> float:
    attempts = history.attempts
    spent = attempt_node_seconds(world, attempts) * window_of(world, history).holds(attempts.end)
    total = float(spent.sum())
    return float(spent[world.steps.preview[attempts.step] == 1].sum()) / total if total > 0 else 0.0


def decisions(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return how long decisions took that were made within the window; the only metrics that a clock touches.

    Returns
    -------
    dict
        `decision_p50`, `decision_p99`, `decision_max`: s. `overhead`: their sum over the seconds of all attempts within
        the window. `decisions`: how many.
    """
    window, log, attempts = window_of(world, history), history.decisions, history.attempts
    latency = log.latency[window.holds(log.time)]
    start, end = window.clip(attempts.start, attempts.end)
    rendered = float((end - start).sum())
    p50, p99, most = np.quantile(latency, [0.5, 0.99, 1.0]).tolist() if len(latency) else (_NAN, _NAN, _NAN)
    return {
        "decision_p50": p50,
        "decision_p99": p99,
        "decision_max": most,
        "overhead": float(latency.sum()) / rendered if rendered > 0 else _NAN,
        "decisions": float(len(latency)),
    }


def _first(history: FarmHistory, time: Floats, rows: Ints, steps: int) -> Floats:
    """Return the least time among attempts of each step, infinite without any."""
    least = np.full(steps, np.inf)
    np.minimum.at(least, history.attempts.step[rows], time[rows])
    return least
