"""What clients and artists get: a farm that is really used, guarantees that hold, previews that come soon."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.farm_runs import OURS, farm_runs, lived, means, setting
from benchmarks.result import Result, Row
from placement.evaluation.farms.like_work import (
    doable,
    like_work,
    machines_of,
    prices,
    resource_shares,
    step_seconds,
)
from placement.evaluation.farms.usage import attempt_node_seconds
from placement.evaluation.farms.usage import utilisation as used
from placement.evaluation.farms.waiting import preview_latency
from placement.evaluation.farms.window import counted_jobs
from placement.scheduling.plan import Reason
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.units import Floats, Seconds

__all__ = ["fluid", "guarantees", "previews", "saturated", "served", "utilisation"]

_PEER = "epvm"
_LEAST_SPAN = 600.0
_SOON = 0.1
_INSTANTS = 1441

Lives = list[tuple[FarmWorld, FarmHistory]]


def utilisation(scale: float = 1.0, seeds: int = 2, **settings: Any) -> Result:
    """Measure work served of what a fluid farm serves at 95 % load, and how full the farm is in saturation."""
    day, peer = (lived("studio-day", name, seeds, scale=scale, **settings) for name in (OURS, "fifo"))
    full, told = (lived("crunch", name, seeds, scale=scale, **settings) for name in (OURS, "clairvoyant"))
    of_offered, of_peer = (100 * float(np.mean([served(*life) for life in lives])) for lives in (day, peer))
    (useful, reserved, hours), (best, _, _) = _saturation(full), _saturation(told)
    rows = (
        Row("studio-day, 95 % offered: work done of what a fluid farm does", of_offered, 95.0, ">=", "%", of_peer),
        Row("crunch in saturation: useful of available", useful, 98.0, ">=", "%", best),
    )
    notes = (
        f"{setting(seeds, scale, **settings)}; baselines: fifo, and the clairvoyant",
        f"studio-day between warm-up and the last release: {_levels(day)}; fifo {_levels(peer)}",
        f"crunch: {hours:.1f} hours in saturation; reserved there {reserved:.1f} %, which counts lost work and memory "
        "that was kept and not used; no policy can fill what no waiting frame fits",
    )
    return Result("utilisation", rows, notes)


def _levels(lives: Lives) -> str:
    levels = [used(*life) for life in lives]
    return ", ".join(f"{name} {np.mean([each[name] for each in levels]):.1%}" for name in ("useful", "reserved"))


def served(world: FarmWorld, history: FarmHistory) -> float:
    """Return work that was done and kept until the last release, of what a fluid farm would have done.

    Work has the prices of the least makespan (`placement.evaluation.farms.like_work.prices`): a frame counts what it
    takes where that is least, so that work on an unfit node counts no more, and a second of the whole farm counts 1.
    The fluid farm does what is there at that rate and within clients' limits; a step's work is there no sooner than
    what it waits for can be done and its frames can run, on the quickest nodes.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(steps={"frames": [8]}, measure=(0.0, 60.0))
    >>> round(served(world, live(world, "fifo")), 6)
    1.0
    """
    until, work = world.measure[1], _step_work(world)
    times = np.linspace(0.0, until, _INSTANTS)
    there = _arrived(world, times) * work
    could, limited = fluid(there.sum(axis=1), times, 1.0), 0.0
    for client, limit in enumerate(world.clients.limit.tolist()):
        limited += fluid(there[:, world.jobs.client[world.steps.job] == client].sum(axis=1), times, limit)
    could = min(could, limited)
    return _done(world, history, work, until) / could if could > 0 else float("nan")


def fluid(arrived: Floats, times: Floats, rate: float) -> float:
    """Return the most work that can be done by the last of some instants at a rate, none before it is there.

    Parameters
    ----------
    arrived
        Work that was there by each instant, in all.

    Examples
    --------
    >>> fluid(np.array([10.0, 10.0, 90.0]), np.array([0.0, 50.0, 100.0]), 1.0)
    60.0
    """
    return float((arrived + rate * (times[-1] - times)).min())


def _arrived(world: FarmWorld, times: Floats) -> Floats:
    """Return the share of each step that could be done by each instant, shape ``(instants, steps)``."""
    steps, first = world.steps, world.steps.first
    quickest = np.maximum(steps.seconds.min(axis=1) - steps.startup, 0.0) * world.fleet.slowness.min()
    shortest, longest = (quickest * pick.reduceat(world.frames.factor, first[:-1]) for pick in (np.minimum, np.maximum))
    begin = world.jobs.release[steps.job]
    for row, after in enumerate(steps.after.tolist()):
        if after >= 0:
            begin[row] = begin[after] + longest[after]
    return np.asarray(np.clip((times[:, None] - begin) / np.maximum(shortest, 1e-9), 0.0, 1.0))


def _step_work(world: FarmWorld) -> Floats:
    """Return the price of all frames of each step, in seconds of the whole farm, 0 where they need not be done."""
    machines, seconds, share = machines_of(world), step_seconds(world), resource_shares(world)
    price = prices(like_work(world), machines)
    least = np.full(len(seconds), np.inf)
    for row, klass in enumerate(machines.klass.tolist()):
        with np.errstate(invalid="ignore"):
            takes = seconds[:, klass] * machines.slowness[row] * (share[:, klass] @ price[row])
        least = np.fmin(least, takes)
    return np.where(doable(world), least, 0.0)


def _done(world: FarmWorld, history: FarmHistory, work: Floats, until: Seconds) -> float:
    """Return the work of frames done so far; a frame's attempts share it by the seconds of each that were kept."""
    attempts, frames = history.attempts, world.frames
    step = np.repeat(np.arange(len(work)), world.steps.frames)
    each = frames.factor * (work / np.bincount(step, frames.factor, len(work)))[step]
    kept = attempts.end - attempts.lost - attempts.start
    by_then = np.clip(until - attempts.start, 0.0, kept)
    total = np.bincount(attempts.frame, kept, len(each))
    ended = np.zeros(len(each), np.bool_)
    ended[attempts.frame[attempts.outcome == Outcome.DONE]] = True
    share = np.bincount(attempts.frame, by_then, len(each)) / np.where(total > 0, total, 1.0)
    return float((each * share)[ended].sum())


def _saturation(lives: Lives) -> tuple[float, float, float]:
    """Return useful and reserved in saturation, per cent of what is available, and hours of it a world."""
    found = np.array([saturated(*life) for life in lives])
    available = found[:, 2].sum()
    if not available > 0:
        return float("nan"), float("nan"), 0.0
    useful, reserved = (100 * float((found[:, row] * found[:, 2]).sum() / available) for row in (0, 1))
    return useful, reserved, float(found[:, 3].mean()) / 3600


def saturated(world: FarmWorld, history: FarmHistory) -> tuple[float, float, float, float]:
    """Return useful and reserved over available, available worth-seconds, and seconds, while the farm is saturated.

    It is from a decision to the next when the planner made frames wait because the farm was full with others; spans
    below ten minutes and what lies outside `FarmWorld.measure` are left out.
    """
    found = np.zeros((1, 4))
    for start, end in _full_spans(world, history):
        level = used(replace(world, measure=(start, end)), history)
        found = np.append(found, [[level["useful"], level["reserved"], level["available"], end - start]], axis=0)
    available = found[:, 2].sum()
    per = found[:, 2] / available if available > 0 else found[:, 2]
    return float(found[:, 0] @ per), float(found[:, 1] @ per), float(available), float(found[:, 3].sum())


def _full_spans(world: FarmWorld, history: FarmHistory) -> list[tuple[Seconds, Seconds]]:
    log = history.decisions
    waits = np.concatenate([[False], log.waits[:, Reason.OTHERS_FIRST] > 0, [False]])
    turns = np.flatnonzero(waits[1:] != waits[:-1])
    edges = np.clip(np.append(log.time, history.end)[turns], *world.measure).reshape(-1, 2)
    return [(float(start), float(end)) for start, end in edges if end - start >= _LEAST_SPAN]


def guarantees(scale: float = 1.0, seeds: int = 2, **settings: Any) -> Result:
    """Measure what clients are short of their guarantees beyond the time in which these must be back."""
    rows, notes = [], [f"{setting(seeds, scale, **settings)}; means a world; baseline: the peer {_PEER}"]
    for workload in ("studio-day", "crunch"):
        runs = farm_runs(workload, (OURS, _PEER), seeds, scale=scale, **settings)
        overdue, share, all_short = (
            means(runs, name) for name in ("shortfall_overdue", "shortfall_overdue_share", "shortfall")
        )
        rows += [
            Row(f"{workload}: overdue", overdue[OURS], 0.0, "<=", "worth-s", overdue[_PEER]),
            Row(f"{workload}: overdue, of what was owed", 100 * share[OURS], 0.0, "<=", "%", 100 * share[_PEER]),
        ]
        notes.append(f"{workload}: short in all, within the time or not, {all_short[OURS]:.4g} worth-s")
    return Result("guarantees", tuple(rows), tuple(notes))


def previews(scale: float = 1.0, seeds: int = 2, **settings: Any) -> Result:
    """Measure when the first image of every shot is there, as a share of when the shot is done, and what they add."""
    ours, peer = (lived("studio-day", name, seeds, scale=scale, **settings) for name in (OURS, _PEER))
    own, other = ([preview_latency(*life) for life in lives] for lives in (ours, peer))
    rows = (
        Row("latest first image, of its final render time", _worst(own), 10.0, "<=", "%", _worst(other)),
        Row("node-seconds added by previews", _added(ours), 2.0, "<=", "%", _added(peer)),
    )
    soonest = np.concatenate([_soonest_images(*life) for life in ours])
    could, least = 100 * float((soonest <= _SOON).mean()), 100 * float(soonest.max(initial=0.0))
    released = np.concatenate([_from_release(*life) for life in ours])
    late = 100 * float((released <= _SOON).mean()) if len(released) else float("nan")
    notes = (
        f"{setting(seeds, scale, **settings)}; baseline: the peer {_PEER}; {len(released)} shots",
        f"within 10 %: {_mean(own, 'preview_within'):.1f} % of the shots ({_PEER} {_mean(other, 'preview_within'):.1f} "
        f"%); mean {_mean(own, 'preview_mean'):.1f} %, p95 {_mean(own, 'preview_p95'):.1f} %",
        f"had every preview started at once on the quickest node, {could:.1f} % of the same shots would be within "
        f"10 %, and the latest at {least:.1f} %: nothing is sooner",
        "counted from when a preview could start, since nothing can be shown of a scene that is still simulated; "
        f"counted from the release of the shot {late:.1f} % are within 10 %",
    )
    return Result("previews", rows, notes)


def _soonest_images(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return the share of each shot's time in which its quickest preview frame is done at once on the quickest node.

    Loading counts where no step before it could have done it.
    """
    steps, preview = world.steps, world.steps.preview == 1
    loaded = np.where(steps.after >= 0, steps.startup, 0.0)
    seconds = (steps.seconds.min(axis=1) - loaded) * world.fleet.slowness.min()
    seconds = seconds * np.minimum.reduceat(world.frames.factor, steps.first[:-1])
    first, begin = np.full((2, world.jobs.count), np.inf)
    np.minimum.at(first, steps.job[preview], seconds[preview])
    np.minimum.at(begin, steps.job[preview], history.step_ready[preview])
    rows = np.isfinite(first) & np.isfinite(begin) & counted_jobs(world) & ~history.job_failed
    whole = np.minimum(history.job_end, history.end)[rows] - begin[rows]
    return np.asarray(first[rows] / np.maximum(whole, 1e-9))


def _worst(found: list[dict[str, float]]) -> float:
    return 100 * float(np.max([each["preview_max"] for each in found]))


def _mean(found: list[dict[str, float]], metric: str) -> float:
    return 100 * float(np.mean([each[metric] for each in found]))


def _added(lives: Lives) -> float:
    """Return node-seconds of previews over those of all else, per cent, over whole runs."""
    previews = others = 0.0
    for world, history in lives:
        spent = attempt_node_seconds(world, history.attempts)
        preview = world.steps.preview[history.attempts.step] == 1
        previews, others = previews + float(spent[preview].sum()), others + float(spent[~preview].sum())
    return 100 * previews / others if others > 0 else float("nan")


def _from_release(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return each shot's seconds to the first image over those to its end, both from its release."""
    attempts, jobs = history.attempts, world.jobs
    done = (world.steps.preview[attempts.step] == 1) & (attempts.outcome == Outcome.DONE)
    first = np.full(jobs.count, np.inf)
    np.minimum.at(first, world.steps.job[attempts.step[done]], attempts.end[done])
    has = np.bincount(world.steps.job[world.steps.preview == 1], minlength=jobs.count) > 0
    rows = has & counted_jobs(world) & ~history.job_failed
    took, whole = (np.minimum(end, history.end)[rows] - jobs.release[rows] for end in (first, history.job_end))
    return np.asarray(took / np.maximum(whole, 1e-9))
