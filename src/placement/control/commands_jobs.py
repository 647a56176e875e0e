"""What users may ask about jobs."""

from __future__ import annotations

from collections.abc import Sequence

from placement.control.holdings import Holdings, not_found
from placement.control.nouns import JobEntry
from placement.control.suiting import unsuited
from placement.control.transitions import ENDED, JobLife, Status
from placement.errors import InvalidInput, NotFound, Refused
from placement.farm.facts import (
    AttemptEnded,
    DeadlineMoved,
    Fact,
    JobCancelled,
    JobPaused,
    JobReprioritised,
    JobResumed,
    JobSubmitted,
    Outcome,
    TasksRetried,
)
from placement.farm.given import number, several, shown, text
from placement.farm.graph import check
from placement.farm.job_checks import IMPORTANCES, MOST_FRAMES
from placement.farm.jobs import After, Job
from placement.units import Seconds

__all__ = ["cancel", "move_deadline", "pause", "reprioritise", "resume", "retry", "submit"]


def submit(state: Holdings, job: Job, at: Seconds, by: str) -> list[Fact]:
    """Hand a job in, whole or not at all.

    A step that no registered node could run is refused, but on a farm without nodes everything may be handed in.

    Raises
    ------
    InvalidInput
        The job is impossible by itself, or asks for what no node of the farm has; with the path to the fault.
    NotFound
        Its client, a licence, or a job or a group it waits for is not there.
    Refused
        The name was used before, the client has projects, or a job it waits for failed.
    """
    check(job)
    where = f"job {job.name!r}"
    if job.name in state.jobs or job.name in state.past:
        raise Refused(f"{where}: there is a job of this name, and names are never used again")
    if job.client not in state.clients:
        raise not_found("client", job.client, state.clients)
    under = [client.name for client in state.clients.values() if client.parent == job.client]
    if under:
        raise Refused(f"{where}: client {job.client!r} has projects {under[:5]}, expected one of these as client")
    for place, after in enumerate(job.after):
        _known(state, after, f"{where}: after[{place}]")
    for row, step in enumerate(job.steps):
        at_step = f"{where}: steps[{row}] {step.name!r}"
        for place, after in enumerate(step.after):
            _known(state, after, f"{at_step}: after[{place}]")
        licence = step.requirements.licence
        if licence and licence not in state.licences:
            raise NotFound(f"{at_step}: {not_found('licence', licence, state.licences)}")
        why = unsuited(step.requirements, [node.spec for node in state.nodes.values()])
        if why:
            raise InvalidInput(f"{at_step}: no node could ever run it: {why}")
    return [JobSubmitted(at=at, by=by, job=job)]


def _known(state: Holdings, after: After, where: str) -> None:
    """Refuse to wait for what is not there, or can never be done."""
    if after.job:
        past = state.past.get(after.job)
        if past is None and after.job not in state.jobs:
            raise NotFound(f"{where}: {not_found('job', after.job, state.jobs)}")
        if past is not None and past.life is not JobLife.DONE:
            raise Refused(f"{where}: job {after.job!r} is {past.life.value} and would never be done")
    if after.group:
        below = after.group + "/"
        groups = [*(entry.job.group for entry in state.jobs.values()), *(past.group for past in state.past.values())]
        if not any(group == after.group or group.startswith(below) for group in groups):
            raise NotFound(f"{where}: {not_found('group', after.group, dict.fromkeys(groups))}")


def _live(state: Holdings, name: str, what: str) -> JobEntry:
    """Return a job that is not over."""
    text(name, "job")
    past = state.past.get(name)
    if past is not None:
        raise Refused(f"job {name!r} is {past.life.value} and cannot be {what}")
    entry = state.jobs.get(name)
    if entry is None:
        raise not_found("job", name, {**state.past, **state.jobs})
    if entry.life is JobLife.CANCELLING:
        raise Refused(f"job {name!r} is being cancelled and cannot be {what}")
    return entry


def cancel(state: Holdings, job: str, at: Seconds, by: str) -> list[Fact]:
    """Give a job up; what runs of it is stopped.

    Raises
    ------
    NotFound
        There is no such job.
    Refused
        It is over.
    """
    entry = _live(state, job, "cancelled")
    running = [attempt for attempt in state.attempts.values() if attempt.job == entry.name]
    ends = [
        AttemptEnded(
            at=at, by=by, attempt=attempt.number, outcome=Outcome.CANCELLED,
            seconds=max(at - attempt.started, 0.0), lost=max(at - attempt.started, 0.0), detail="its job was cancelled",
        )
        for attempt in running
    ]  # fmt: skip
    return [JobCancelled(at=at, by=by, job=job), *ends]


def pause(state: Holdings, job: str, at: Seconds, by: str) -> list[Fact]:
    """Start nothing more of a job; what runs goes on.

    Raises
    ------
    NotFound
        There is no such job.
    Refused
        It is over, or paused.
    """
    if _live(state, job, "paused").life is JobLife.PAUSED:
        raise Refused(f"job {job!r} is paused already")
    return [JobPaused(at=at, by=by, job=job)]


def resume(state: Holdings, job: str, at: Seconds, by: str) -> list[Fact]:
    """Let a paused job go on.

    Raises
    ------
    NotFound
        There is no such job.
    Refused
        It is not paused.
    """
    if _live(state, job, "resumed").life is not JobLife.PAUSED:
        raise Refused(f"job {job!r} is not paused")
    return [JobResumed(at=at, by=by, job=job)]


def reprioritise(state: Holdings, job: str, importance: float, at: Seconds, by: str) -> list[Fact]:
    """Give a job another importance.

    Raises
    ------
    InvalidInput
        The importance is not a number within `placement.farm.job_checks.IMPORTANCES`.
    NotFound
        There is no such job.
    Refused
        It is over.
    """
    _live(state, job, "reprioritised")
    worth = float(number(importance, f"job {job!r}: importance", *IMPORTANCES))
    return [JobReprioritised(at=at, by=by, job=job, importance=worth)]


def move_deadline(state: Holdings, job: str, deadline: Seconds | None, at: Seconds, by: str) -> list[Fact]:
    """Give a job another deadline, or none.

    Raises
    ------
    InvalidInput
        The deadline is not a time, or before the job's release.
    NotFound
        There is no such job.
    Refused
        It is over.
    """
    entry = _live(state, job, "given another deadline")
    moved = None if deadline is None else float(number(deadline, f"job {job!r}: deadline", -1e15))
    if moved is not None and moved < entry.release:
        raise InvalidInput(f"job {job!r}: deadline {moved:.15g} s is before its release {entry.release:.15g} s")
    return [DeadlineMoved(at=at, by=by, job=job, deadline=moved)]


def retry(state: Holdings, job: str, step: str = "", tasks: Sequence[int] = (), *, at: Seconds, by: str) -> list[Fact]:
    """Let failed tasks wait again with a full budget, and what failed for their sake: all of the job's unless named.

    Raises
    ------
    InvalidInput
        Tasks are named without a step, or are none of the step's.
    NotFound
        There is no such job or step.
    Refused
        The job was done or cancelled, is too long over, or nothing of it that is named has failed.
    """
    text(job, "job")
    text(step, f"job {shown(job)}: step", empty=True)
    named = several(tasks, f"job {shown(job)}: tasks", MOST_FRAMES)
    entry = state.entry(job)
    if entry is None or (entry.life in ENDED and state.past[job].entry is None):
        if job in state.past:
            raise Refused(f"job {job!r} is {state.past[job].life.value}, and nothing of it can be retried any more")
        raise not_found("job", job, {**state.past, **state.jobs})
    if entry.life is JobLife.CANCELLING:
        raise Refused(f"job {job!r} is being cancelled")
    if step and step not in entry.rows:
        raise not_found(f"step of job {job!r}", step, entry.rows)
    if named and not step:
        raise InvalidInput(f"job {job!r}: tasks {shown(named[:5])} are named without their step")
    some = [each for each in entry.steps if each.name == step or (not step and each.preview_of < 0)]
    if some[0].preview_of >= 0:
        raise Refused(f"job {job!r}: previews such as {step!r} are not tried again; retry what they are of")
    chosen = _tasks(named, len(some[0].status), f"job {job!r}: step {step!r}") if named else ()
    if named:
        found = any(some[0].status[task] == Status.FAILED for task in chosen)
    else:
        found = any(each.counts[Status.FAILED] for each in some)
    if not found:
        raise Refused(f"job {job!r}: nothing that is named has failed by itself")
    return [TasksRetried(at=at, by=by, job=job, step=step, tasks=chosen)]


def _tasks(named: Sequence[object], tasks: int, where: str) -> tuple[int, ...]:
    """Return tasks as they were named, if the step has them all."""
    for task in named:
        if isinstance(task, bool) or not isinstance(task, int) or not 0 <= task < tasks:
            raise InvalidInput(f"{where}: task {shown(task)} is none of its {tasks}")
    return tuple(named)  # type: ignore[arg-type]  # looked at one by one
