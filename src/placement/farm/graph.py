"""The graph of a job: refused whole with the path to the fault, or laid out as which task waits for which."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from placement.errors import InvalidInput
from placement.farm.edges import Edges, Wait, edges, on_step, ordered
from placement.farm.filling import fill
from placement.farm.given import close_to, shown
from placement.farm.job_checks import MOST_FRAMES, check_fields, place_of_step
from placement.farm.jobs import After, Frames, Job, Milestone, Waits

__all__ = ["MOST_FRAMES", "MOST_PAIRS", "Edges", "Wait", "check", "edges", "fill"]

#: Frames that wait for frames (`Waits.SAME`, `Waits.PREVIOUS`), over all dependencies of a job.
MOST_PAIRS = 20_000_000


def check(job: Job) -> None:
    """Refuse a job that could never be done, whole and with the path to the fault.

    What it says of other jobs, of clients and of nodes is for the farm to check.

    Raises
    ------
    InvalidInput
        A field is impossible, a name is unknown or there twice, steps wait for each other, a milestone lies outside,
        or the job is too large (`MOST_FRAMES` frames, `MOST_PAIRS` frames that wait for frames).

    Examples
    --------
    >>> from placement.farm.jobs import Step
    >>> light = Step(name="light", frames=Frames(first=1, last=10))
    >>> comp = Step(name="comp", frames=Frames(first=1, last=10), after=(After(step="lgiht", waits=Waits.SAME),))
    >>> check(Job(name="sh010", client="film", steps=(light, comp)))
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: job 'sh010': steps[1] 'comp': after[0]: no step 'lgiht' (did you mean 'light'?)
    """
    check_fields(job)
    where = f"job {shown(job.name)}: "
    if job.release is not None and job.deadline is not None and job.deadline < job.release:
        raise InvalidInput(f"{where}deadline {job.deadline:.15g} s is before release {job.release:.15g} s")
    rows = _rows(job)
    for row, step in enumerate(job.steps):
        for place, after in enumerate(step.after):
            _check_after(job, rows, row, after, f"{place_of_step(job, row)}: after[{place}]")
    for place, after in enumerate(job.after):
        if after.step or after.waits is not Waits.ALL:
            raise InvalidInput(f"{where}after[{place}]: a job waits for jobs and groups as a whole, not for steps")
        if after.job == job.name:
            raise InvalidInput(f"{where}after[{place}]: the job waits for itself: {job.name} -> {job.name}")
    names: set[str] = set()
    for place, milestone in enumerate(job.milestones):
        at = f"{where}milestones[{place}] {shown(milestone.name)}"
        if milestone.name in names:
            raise InvalidInput(f"{at}: a milestone before it has the same name")
        names.add(milestone.name)
        _check_milestone(job, rows, milestone, at)
    _check_size(job)
    ordered(job)


def _rows(job: Job) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, step in enumerate(job.steps):
        if step.name in rows:
            raise InvalidInput(f"{place_of_step(job, row)}: steps[{rows[step.name]}] has the same name")
        rows[step.name] = row
    return rows


def _check_after(job: Job, rows: Mapping[str, int], row: int, after: After, where: str) -> None:
    step = job.steps[row]
    if after.job == job.name:
        raise InvalidInput(f"{where}: the job waits for itself: {job.name} -> {job.name}")
    if not after.step:
        return
    if after.step not in rows:
        raise InvalidInput(f"{where}: no step {shown(after.step)}{close_to(after.step, rows)}")
    other = job.steps[rows[after.step]]
    if after.waits is Waits.SAME and other is not step and not _share(step.frames, other.frames):
        raise InvalidInput(
            f"{where}: no frame of {_range(step.frames)} is one of {shown(other.name)}, {_range(other.frames)}: "
            "Waits.SAME would wait for nothing"
        )


def _share(one: Frames, other: Frames) -> bool:
    """Tell whether two ranges have a number in common: where both steps meet, they meet again every `apart`."""
    common = gcd(one.by, other.by)
    away, odd = divmod(other.first - one.first, common)
    if odd:
        return False
    theirs = other.by // common
    meets = one.first + one.by * (away * pow(one.by // common, -1, theirs) % theirs)
    apart = one.by * theirs
    begin = max(one.first, other.first)
    return meets + -((meets - begin) // apart) * apart <= min(one.last, other.last)


def _range(frames: Frames) -> str:
    return f"{frames.first} to {frames.last}" + (f" by {frames.by}" if frames.by > 1 else "")


def _check_milestone(job: Job, rows: Mapping[str, int], milestone: Milestone, where: str) -> None:
    if milestone.step not in rows:
        raise InvalidInput(f"{where}: no step {shown(milestone.step)}{close_to(milestone.step, rows)}")
    if job.release is not None and milestone.due < job.release:
        raise InvalidInput(f"{where}: due {milestone.due:.15g} s is before release {job.release:.15g} s")
    frames = job.steps[rows[milestone.step]].frames
    first = frames.first if milestone.first is None else milestone.first
    last = frames.last if milestone.last is None else milestone.last
    if not frames.first <= first <= last <= frames.last:
        raise InvalidInput(
            f"{where}: frames {first} to {last} are not within {_range(frames)} of step {shown(milestone.step)}"
        )
    if (last - frames.first) // frames.by == (first - 1 - frames.first) // frames.by:
        raise InvalidInput(
            f"{where}: no frame of step {shown(milestone.step)}, {_range(frames)}, is in {first} to {last}"
        )


def _check_size(job: Job) -> None:
    frames, pairs = 0, 0
    for row, step in enumerate(job.steps):
        frames += step.frames.count
        pairs += step.frames.count * sum(
            on_step(each) and each.waits in (Waits.SAME, Waits.PREVIOUS) for each in step.after
        )
        if frames > MOST_FRAMES:
            raise InvalidInput(
                f"{place_of_step(job, row)}: {frames:,} frames up to here, expected at most {MOST_FRAMES:,} a job"
            )
        if pairs > MOST_PAIRS:
            raise InvalidInput(
                f"{place_of_step(job, row)}: {pairs:,} frames wait for frames up to here, expected at most "
                f"{MOST_PAIRS:,} a job"
            )
