"""What a planner sees of a farm in virtual time: columns of what lives, none of what is still to come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.farm.machines import Nodes, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.farm.work import Attempts, Jobs, Steps
from placement.scheduling.previews import preview_dues
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.farm import Farm
from placement.units import Floats, Seconds

__all__ = ["preview_due", "snapshot"]


def preview_due(world: FarmWorld, rules: Rules) -> Floats:
    """Return when previews are due, seconds, NaN where a step is none, shape ``(steps,)``.

    After `Rules.preview_share` of the forecast render time of the job: the longest chain of its steps that are no
    previews, one frame each on the class that is fastest for it. No job renders in less.
    """
    steps = world.steps
    chain = np.where(steps.preview == 1, 0.0, world.forecasts.seconds.min(axis=1, initial=np.inf))
    before = steps.after.copy()
    best = chain.copy()
    while (rows := np.flatnonzero(before >= 0)).size:
        best[rows] += chain[before[rows]]
        before[rows] = steps.after[before[rows]]
    job = np.zeros(world.jobs.count)
    np.maximum.at(job, steps.job, best)
    due = preview_dues(world.jobs.release, job, rules.preview_share)
    return np.where(steps.preview == 1, due[steps.job], np.nan)


def snapshot(farm: Farm, now: Seconds, due: Floats, free: Floats) -> FarmSnapshot:
    """Return the farm at `now`.

    Parameters
    ----------
    due
        When previews are due, as `preview_due` returns it.
    free
        What nothing uses, shape ``(nodes, resources)``.
    """
    world = farm.world
    return FarmSnapshot(
        now=now,
        classes=world.classes,
        nodes=_nodes(farm, free),
        clients=replace(world.clients, history=farm.history.copy(), short_since=farm.short_since),
        jobs=_jobs(farm),
        steps=_steps(farm, due),
        attempts=_attempts(farm),
        licences=farm.free_licences(now),
        outlook=world.tariff.outlook(now),
        power_cap=world.power_cap,
    )


def _nodes(farm: Farm, free: Floats) -> Nodes:
    machines = farm.machines
    return Nodes(
        node_class=farm.world.fleet.node_class,
        state=machines.state.copy(),
        ready=machines.ready.copy(),
        free=free.copy(),
        idle_since=machines.idle_since.copy(),
        warm_job=machines.warm_job.copy(),
        rack=farm.world.fleet.rack,
    )


def _jobs(farm: Farm) -> Jobs:
    jobs, rows = farm.world.jobs, farm.progress.jobs
    return Jobs(
        index=jobs.index[rows],
        client=jobs.client[rows],
        release=jobs.release[rows],
        deadline=jobs.deadline[rows],
        importance=jobs.importance[rows],
        value=jobs.value[rows],
        priority=jobs.priority[rows],
        held=jobs.held[rows],
    )


def _steps(farm: Farm, due: Floats) -> Steps:
    world, progress, rows = farm.world, farm.progress, farm.progress.steps
    steps, waiting, done = world.steps, farm.queues.waiting[rows], progress.done[rows]
    after = steps.after[rows]
    pending = (after >= 0) & ~progress.finished[after]
    running = np.bincount(progress.row[farm.running.step[: farm.running.count]], minlength=len(rows))
    request = steps.request[rows]
    request[:, Resource.MEMORY] = farm.asked[rows]
    return Steps(
        index=rows.copy(),
        job=np.searchsorted(progress.jobs, steps.job[rows]),
        after=np.where(pending, progress.row[after], -1),
        waiting=waiting,
        blocked=np.where(pending, steps.frames[rows], 0),
        running=running,
        done=done,
        request=request,
        declared_memory=steps.request[rows, Resource.MEMORY],
        declared_seconds=steps.declared_seconds[rows],
        licence=steps.licence[rows],
        checkpoint=steps.checkpoint[rows],
        startup=steps.startup[rows],
        preview_due=due[rows],
        since=np.where(np.isfinite(progress.since[rows]), progress.since[rows], world.jobs.release[steps.job[rows]]),
    )


def _attempts(farm: Farm) -> Attempts:
    running, count = farm.running, farm.running.count
    return Attempts(
        index=running.index[:count].copy(),
        step=farm.progress.row[running.step[:count]],
        node=running.node[:count].copy(),
        mode=running.mode[:count].copy(),
        started=running.start[:count].copy(),
        saved=running.saved[:count].copy(),
        interrupted=farm.queues.interrupted[running.frame[:count]],
        stopping=running.stopping[:count].copy(),
    )
