"""What facts about jobs do to the state: submitted, paused, cancelled, retried, ended, forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.control.holdings import Holdings
from placement.control.nouns import JobEntry, Past, StepEntry, Trouble
from placement.control.previews import preview_rows, with_previews
from placement.control.transitions import ENDED, JOB_MOVES, OPEN, TASK_MOVES, JobLife, Status, check_move
from placement.control.unblocking import doom, fail_onward, gate_opened, lay_out, move
from placement.errors import JournalError
from placement.farm.facts import (
    DeadlineMoved,
    JobCancelled,
    JobPaused,
    JobReprioritised,
    JobResumed,
    JobSubmitted,
    TaskFailed,
    TasksRetried,
)
from placement.farm.jobs import Job
from placement.units import Seconds

__all__ = [
    "KEEP_FAILED",
    "KEEP_PAST",
    "MOST_FAILED",
    "MOST_PAST",
    "cancelled",
    "deadline_moved",
    "failed",
    "group_members",
    "paused",
    "reprioritised",
    "resumed",
    "retried",
    "settle",
    "submitted",
    "task_failed",
]

#: Seconds for which jobs that are over are remembered, and for which those that failed can be retried; and how many.
KEEP_PAST, KEEP_FAILED = 30 * 86400.0, 7 * 86400.0
MOST_PAST, MOST_FAILED = 20_000, 1_000


def submitted(farm: Holdings, fact: JobSubmitted) -> None:
    """Take a job in."""
    job = fact.job
    if job.name in farm.jobs or job.name in farm.past:
        raise JournalError(f"job {job.name!r} is submitted a second time: the facts do not fit together")
    whole = with_previews(job)
    release = fact.at if job.release is None else job.release
    entry = JobEntry(index=farm.next_job, job=job, whole=whole, release=release)
    farm.next_job += 1
    place = np.argsort(entry.edges.order)
    shown = preview_rows(job)
    for row, step in enumerate(whole.steps):
        tasks = step.frames.tasks
        entry.steps.append(
            StepEntry(
                index=farm.next_step + int(place[row]), row=row, step=step, preview_of=shown[row],
                status=np.zeros(tasks, np.int8), counts=[tasks, 0, 0, 0, 0, 0, 0, 0], since=release,
                behind=entry.behind(row),
            )
        )  # fmt: skip
    farm.next_step += len(whole.steps)
    entry.needs = _needs(farm, whole)
    for name, row in entry.needs:
        follows = farm.entry(name)
        if follows is not None:
            follows.followers.append((job.name, row))
    farm.jobs[job.name] = entry
    lay_out(farm, entry, release)
    settle(farm, entry, fact.at)


def group_members(farm: Holdings, group: str) -> list[str]:
    """Return the names of the jobs in a group and below it that are not over."""
    below = group + "/"
    return [name for name, entry in farm.jobs.items() if entry.job.group == group or entry.job.group.startswith(below)]


def _needs(farm: Holdings, job: Job) -> list[tuple[str, int]]:
    """Return the jobs that a job (row -1), or a step of it, waits for; groups are the jobs in them now."""
    needs: dict[tuple[str, int], None] = {}
    for row, all_after in enumerate((job.after, *(step.after for step in job.steps)), -1):
        for after in all_after:
            if after.job:
                needs[after.job, row] = None
            elif after.group:
                needs |= dict.fromkeys((name, row) for name in group_members(farm, after.group))
    return list(needs)


def _turn(entry: JobEntry, life: JobLife) -> None:
    check_move(life in JOB_MOVES[entry.life], f"job {entry.name!r}", entry.life, life)
    entry.life = life


def cancelled(farm: Holdings, fact: JobCancelled) -> None:
    """Cancel what does not run; what runs is ended by facts of its own."""
    entry = farm.job(fact.job)
    _turn(entry, JobLife.CANCELLING)
    for step in entry.steps:
        for task in np.flatnonzero(np.isin(step.status, [int(each) for each in OPEN - {Status.RUNNING}])).tolist():
            if step.status[task] == Status.BACKING_OFF:
                farm.backing_off.pop((entry.name, step.row, task), None)
            move(step, task, Status.CANCELLED)
            farm.totals.cancelled += 1
    settle(farm, entry, fact.at)


def paused(farm: Holdings, fact: JobPaused) -> None:
    """Hold a job."""
    entry = farm.job(fact.job)
    _turn(entry, JobLife.PAUSED)
    entry.paused = True


def resumed(farm: Holdings, fact: JobResumed) -> None:
    """Let a job go on."""
    entry = farm.job(fact.job)
    _turn(entry, JobLife.ACTIVE)
    entry.paused = False


def reprioritised(farm: Holdings, fact: JobReprioritised) -> None:
    """Change a job's importance."""
    entry = farm.job(fact.job)
    entry.job = replace(entry.job, importance=fact.importance)


def deadline_moved(farm: Holdings, fact: DeadlineMoved) -> None:
    """Change a job's deadline."""
    entry = farm.job(fact.job)
    entry.job = replace(entry.job, deadline=fact.deadline)


def failed(farm: Holdings, entry: JobEntry, step: StepEntry, task: int, at: Seconds) -> None:
    """Give a task up, and what waits for it."""
    before = Status(int(step.status[task]))
    check_move(
        Status.FAILED in TASK_MOVES[before], f"task {task} of step {step.name!r} of job {entry.name!r}", before,
        Status.FAILED,
    )  # fmt: skip
    farm.backing_off.pop((entry.name, step.row, task), None)
    move(step, task, Status.FAILED)
    farm.totals.failed += 1
    fail_onward(entry, step.row, np.array([task], np.intp), at)


def task_failed(farm: Holdings, fact: TaskFailed) -> None:
    """Give up one task, or all of a step that do not run."""
    entry = farm.entry(fact.job)
    if entry is None:
        return
    step = entry.steps[entry.rows[fact.step]]
    if fact.task < 0:
        step.given_up = fact.why
        for status in (Status.WAITING, Status.BACKING_OFF, Status.BLOCKED):
            for task in step.tasks(status).tolist():
                if step.status[task] == status:
                    failed(farm, entry, step, task, fact.at)
    else:
        if step.status[fact.task] != Status.FAILED:
            failed(farm, entry, step, fact.task, fact.at)
        step.trouble(fact.task).why = fact.why
    settle(farm, entry, fact.at)


def retried(farm: Holdings, fact: TasksRetried) -> None:
    """Let failed tasks wait again, and what failed for their sake, in this job and in those that wait for it.

    Previews are not tried again: what they are of went on without them. Who retries a job wants it to run, so it is not
    paused any more; a job that comes back for its sake is what it was.
    """
    entry = farm.entry(fact.job)
    if entry is None:
        raise JournalError(f"job {fact.job!r} is retried and not there: the facts do not fit together")
    for step in entry.steps:
        if step.preview_of >= 0 or (fact.step and step.name != fact.step):
            continue
        step.given_up = ""
        wanted = step.tasks(Status.FAILED).tolist()
        for task in [each for each in wanted if not fact.tasks or each in fact.tasks]:
            old = step.trouble(task)
            step.troubles[task] = Trouble(saved=old.saved, frames=old.frames)
            move(step, task, Status.BLOCKED)
    entry.paused = entry.paused and entry.life not in ENDED
    revived, seen = [entry], {}
    while revived:
        entry = revived.pop()
        seen[entry.name] = entry
        if entry.life in ENDED:
            _turn(entry, JobLife.PAUSED if entry.paused else JobLife.ACTIVE)
            del farm.past[entry.name]
            farm.retryable.pop(entry.name, None)
            farm.jobs[entry.name] = entry
        lay_out(farm, entry, fact.at)
        for name, _ in entry.followers:
            follower = farm.entry(name)
            if follower is not None and any(step.counts[Status.DOOMED] for step in follower.steps):
                revived.append(follower)
    for entry in seen.values():
        settle(farm, entry, fact.at)


def settle(farm: Holdings, entry: JobEntry, at: Seconds) -> None:
    """End the job if nothing of it is open, and those that fail with it."""
    over = [entry]
    while over:
        entry = over.pop()
        if entry.open or entry.name not in farm.jobs:
            continue
        _end(farm, entry, at)
        for name, row in entry.followers:
            follower = farm.jobs.get(name)
            if follower is None:
                continue
            if entry.life is JobLife.DONE:
                gate_opened(follower, row, at)
            else:
                doom(follower, row, at)
                over.append(follower)
    _forget(farm, at)


def _end(farm: Holdings, entry: JobEntry, at: Seconds) -> None:
    done, bad = entry.count(Status.DONE), entry.count(Status.FAILED, Status.DOOMED)
    if entry.life is JobLife.CANCELLING:
        _turn(entry, JobLife.CANCELLED)
    else:
        _turn(entry, JobLife.DONE if not bad else JobLife.PARTIAL if done else JobLife.FAILED)
    del farm.jobs[entry.name]
    farm.outlooks.pop(entry.name, None)
    entry.ended = at
    again = entry.life in (JobLife.PARTIAL, JobLife.FAILED)
    farm.past[entry.name] = Past(
        name=entry.name, client=entry.job.client, group=entry.job.group, life=entry.life, ended=at, done=done,
        failed=bad, cancelled=entry.count(Status.CANCELLED), deadline=entry.job.deadline,
        entry=entry if again else None,
    )  # fmt: skip
    if again:
        farm.retryable[entry.name] = at


def _forget(farm: Holdings, at: Seconds) -> None:
    """Forget the oldest of what is over."""
    while farm.retryable:
        name = next(iter(farm.retryable))
        if farm.retryable[name] + KEEP_FAILED > at and len(farm.retryable) <= MOST_FAILED:
            break
        del farm.retryable[name]
        if name in farm.past:
            farm.past[name].entry = None
    while farm.past:
        name = next(iter(farm.past))
        if farm.past[name].ended + KEEP_PAST > at and len(farm.past) <= MOST_PAST:
            break
        del farm.past[name]
        farm.retryable.pop(name, None)
