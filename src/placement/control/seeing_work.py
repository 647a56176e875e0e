"""Jobs, steps and attempts of the state as the planner's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from placement.control.forecasting import Forecasts, StepAsked
from placement.control.holdings import Holdings
from placement.control.nouns import JobEntry, StepEntry
from placement.control.suiting import asks
from placement.control.transitions import JobLife, Status
from placement.farm.job_checks import IMPORTANCES
from placement.farm.jobs import Checkpoint
from placement.farm.work import Attempts, Jobs, Steps
from placement.scheduling.previews import preview_dues
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["asked", "attempts_of", "due", "jobs_of", "jobs_seen", "steps_of", "steps_seen"]

_PLAIN_PRIORITY = 50


def jobs_seen(farm: Holdings, now: Seconds) -> list[JobEntry]:
    """Return the jobs that are released and not over."""
    return [
        entry
        for entry in farm.jobs.values()
        if entry.release <= now or any(step.counts[Status.RUNNING] for step in entry.steps)
    ]


def steps_seen(jobs: Sequence[JobEntry]) -> tuple[list[StepEntry], list[int]]:
    """Return the steps that are not finished, those of a job in the order they depend on each other; and their jobs."""
    steps, rows = [], []
    for row, entry in enumerate(jobs):
        open_ones = [step for step in entry.steps if step.open]
        if len(open_ones) > 1:
            open_ones.sort(key=attrgetter("index"))
        steps += open_ones
        rows += [row] * len(open_ones)
    return steps, rows


def asked(entry: JobEntry, step: StepEntry) -> StepAsked:
    """Return what a forecaster is asked about a step."""
    if step.asked is None:
        needs = step.step.requirements
        if step.raised > needs.memory:
            needs = replace(needs, memory=step.raised)
        step.asked = StepAsked(
            job=entry.name, step=step.name, job_type=step.step.job_type, requirements=needs, quality=step.step.quality,
            declared=step.step.seconds, finished=step.finished, peaks=step.peaks, chunk=step.step.frames.chunk,
            preview=step.preview_of >= 0,
        )  # fmt: skip
    return step.asked


def due(entry: JobEntry) -> Seconds:
    """Return when the next of a job's deadline and milestones is due, those reached or past reach not counted.

    Seconds; infinite: never. Until a milestone is reached the planner treats the whole job as due with it.
    """
    soonest = float("inf") if entry.job.deadline is None else entry.job.deadline
    for milestone in entry.job.milestones:
        if milestone.due >= soonest:
            continue
        step = entry.steps[entry.rows[milestone.step]]
        frames = step.step.frames
        size = frames.by * frames.chunk
        first = frames.first if milestone.first is None else milestone.first
        last = frames.last if milestone.last is None else milestone.last
        part = step.status[(first - frames.first) // size : (last - frames.first) // size + 1]
        if (part < Status.DONE).any():
            soonest = milestone.due
    return soonest


def jobs_of(farm: Holdings, jobs: Sequence[JobEntry], clients: dict[str, int]) -> Jobs:
    """Return the columns of jobs; `clients` are rows by name."""
    importance = [entry.job.importance * farm.importance(entry.job.group) for entry in jobs]  # may leave all bounds
    value = np.array([entry.job.value for entry in jobs], float)
    return Jobs(
        index=np.array([entry.index for entry in jobs], np.int64),
        client=np.array([clients[entry.job.client] for entry in jobs], np.int64),
        release=np.array([entry.release for entry in jobs], float),
        deadline=np.array([due(entry) for entry in jobs], float),
        importance=np.clip(np.array(importance, float), *IMPORTANCES),
        value=np.where(value > 0, np.maximum(value, IMPORTANCES[0]), 0.0),
        priority=np.full(len(jobs), _PLAIN_PRIORITY, np.int64),
        held=np.array([entry.life is JobLife.PAUSED for entry in jobs], bool),
    )


def steps_of(  # noqa: PLR0913 - what there is of them, and what is expected
    farm: Holdings,
    now: Seconds,
    *,
    jobs: Sequence[JobEntry],
    steps: Sequence[StepEntry],
    job: Sequence[int],
    licences: dict[str, int],
    forecasts: Forecasts,
    memory: Floats,
    preview_share: float,
) -> Steps:
    """Return the columns of steps.

    Parameters
    ----------
    job
        Row of each step's job.
    licences
        Rows by name.
    memory
        MiB that tasks are asked with, shape ``(steps,)``.
    """
    ripe = Counter((name, row) for (name, row, _), again in farm.backing_off.items() if again <= now)
    counts = np.array([step.counts for step in steps], np.int64).reshape(len(steps), len(Status))
    soon = np.zeros(len(steps), np.int64)
    if ripe:
        soon[:] = [ripe.get((jobs[row].name, step.row), 0) for row, step in zip(job, steps, strict=True)]
    needs = [step.step.requirements for step in steps]
    request = np.array([asks(each) for each in needs], float).reshape(len(steps), 5)
    declared = request[:, 1].copy()
    request[:, 1] = memory
    fastest = forecasts.seconds.min(axis=1, initial=np.inf)
    return Steps(
        index=np.array([step.index for step in steps], np.int64),
        job=np.array(job, np.int64),
        after=_after(steps, job),
        waiting=counts[:, Status.WAITING] + soon,
        blocked=counts[:, Status.BLOCKED] + counts[:, Status.BACKING_OFF] - soon,
        running=counts[:, Status.RUNNING],
        done=counts[:, Status.DONE],
        request=request,
        declared_memory=declared,
        declared_seconds=np.array([step.step.seconds for step in steps], float),
        licence=np.array([licences[each.licence] if each.licence else -1 for each in needs], np.int64),
        checkpoint=_checkpoint(steps, fastest),
        startup=np.zeros(len(steps)),
        preview_due=_preview_due(jobs, steps, job, fastest, preview_share),
        since=np.array([step.since for step in steps], float),
    )


def _after(steps: Sequence[StepEntry], job: Sequence[int]) -> Ints:
    """Return for each step that has tasks which wait the last of the steps that they wait for, -1: none."""
    after = np.full(len(steps), -1, np.int64)
    rows: dict[int, int] = {}
    last = -1
    for row, (step, of) in enumerate(zip(steps, job, strict=True)):
        if of != last:
            rows, last = {}, of
        if step.counts[0] and step.behind:
            after[row] = max((rows[each] for each in step.behind if each in rows), default=-1)
        rows[step.row] = row
    return after


def _checkpoint(steps: Sequence[StepEntry], fastest: Floats) -> Floats:
    """Return seconds of work between checkpoints; infinite: an interrupted task starts anew."""
    between = np.full(len(steps), np.inf)
    for row, step in enumerate(steps):
        if step.step.checkpoint is Checkpoint.RESUMES and step.step.checkpoint_seconds is not None:
            between[row] = step.step.checkpoint_seconds
        elif step.step.checkpoint is Checkpoint.FRAMES and step.step.frames.chunk > 1:
            between[row] = fastest[row] / step.step.frames.chunk
    return between


def _preview_due(
    jobs: Sequence[JobEntry], steps: Sequence[StepEntry], job: Sequence[int], fastest: Floats, share: float
) -> Floats:
    """Return when previews are due: after a share of the longest chain of the job's open steps, NaN: no preview."""
    shown = np.array([step.preview_of >= 0 for step in steps], bool)
    when = np.full(len(steps), np.nan)
    if not shown.any():
        return when
    chain: dict[tuple[int, int], float] = {}
    longest = np.zeros(len(jobs))
    for row, (step, of) in enumerate(zip(steps, job, strict=True)):
        if step.preview_of < 0:
            before = max((chain.get((of, each), 0.0) for each in step.behind), default=0.0)
            chain[of, step.row] = before + fastest[row]
            longest[of] = max(longest[of], before + fastest[row])
    dues = preview_dues(np.array([entry.release for entry in jobs], float), longest, share)
    when[shown] = dues[np.array(job, np.int64)[shown]]
    return when


def attempts_of(farm: Holdings, rows: dict[int, int], nodes: dict[str, int]) -> tuple[Attempts, Floats]:
    """Return the columns of live attempts, and what each holds, shape ``(attempts, resources)``.

    Parameters
    ----------
    rows
        Step index -> row.
    nodes
        Node name -> row.
    """
    all_of_them = list(farm.attempts.values())
    interrupted = []
    for each in all_of_them:
        trouble = each.step.troubles.get(each.task)
        interrupted.append(0 if trouble is None else trouble.interruptions)
    stopping: Bools = np.array([each.stopping > 0 for each in all_of_them], bool)
    holds = np.array([asks(each.step.step.requirements, each.memory) for each in all_of_them], float)
    columns = Attempts(
        index=np.array([each.number for each in all_of_them], np.int64),
        step=np.array([rows[each.step.index] for each in all_of_them], np.int64),
        node=np.array([nodes[each.node] for each in all_of_them], np.int64),
        mode=np.array([each.mode for each in all_of_them], np.int64),
        started=np.array([each.started for each in all_of_them], float),
        saved=np.array([each.begun for each in all_of_them], float),
        interrupted=np.array(interrupted, np.int64),
        stopping=stopping,
    )
    return columns, holds.reshape(len(all_of_them), 5)
