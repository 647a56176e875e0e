"""Checks of what users hand in, noun by noun; each message begins with the path to the fault."""

from __future__ import annotations

from collections.abc import Callable

from placement.errors import InvalidInput
from placement.farm.filling import PLACEHOLDERS, check_placeholders
from placement.farm.given import FARTHEST, MOST_NAMES, choice, many, mapping, noun, number, shown, text, whole
from placement.farm.jobs import After, Checkpoint, Frames, Job, Milestone, Preview, Requirements, Step, Waits

__all__ = ["IMPORTANCES", "MOST_FRAMES", "check_fields", "place_of_step"]

#: Frames of a job, all steps together, and so tasks.
MOST_FRAMES = 10_000_000

#: Least and most importance of a job; beyond, sums over jobs lose the small ones.
IMPORTANCES = (1e-9, 1e9)
_MOST_BUDGET = 1_000_000


def place_of_step(job: Job, row: int) -> str:
    """Return the path of a step as messages write it."""
    return f"job {shown(job.name)}: steps[{row}] {shown(job.steps[row].name)}"


def check_fields(job: Job) -> None:
    """Refuse a job of which a field by itself is impossible; what fields say of each other is not looked at.

    Raises
    ------
    InvalidInput
        A field has another type, or lies outside what is possible.
    """
    noun(job, "job", Job)
    where = f"job {shown(job.name)}: "
    text(job.name, f"{where}name", without="/")
    text(job.client, f"{where}client")
    _group(job.group, f"{where}group")
    for name in ("release", "deadline"):
        if getattr(job, name) is not None:
            number(getattr(job, name), where + name, -1e15)
    number(job.importance, f"{where}importance", *IMPORTANCES)
    number(job.value, f"{where}value")
    for key, value in mapping(job.notes, f"{where}notes", MOST_NAMES).items():
        text(value, f"{where}notes[{shown(text(key, f'{where}a name in notes'))}]", empty=True)
    for place, after in enumerate(many(job.after, f"{where}after", MOST_NAMES)):
        _after(after, f"{where}after[{place}]")
    for place, milestone in enumerate(many(job.milestones, f"{where}milestones", MOST_NAMES)):
        _milestone(milestone, f"{where}milestones[{place}]")
    if not many(job.steps, f"{where}steps", MOST_NAMES):
        raise InvalidInput(f"{where}steps: there is none, expected at least one")
    for row, step in enumerate(job.steps):
        noun(step, f"{where}steps[{row}]", Step)
        _step(step, place_of_step(job, row))


def _group(group: object, where: str) -> None:
    said = text(group, where, empty=True)
    if said and not all(part.strip() for part in said.split("/")):
        raise InvalidInput(f"{where}: {shown(said)} has an empty part, expected a path such as 'show/seq010/sh0040'")


def _milestone(milestone: object, where: str) -> None:
    noun(milestone, where, Milestone)
    assert isinstance(milestone, Milestone)
    text(milestone.name, f"{where}.name")
    where = f"{where} {shown(milestone.name)}"
    text(milestone.step, f"{where}: step")
    number(milestone.due, f"{where}: due", -1e15)
    for name in ("first", "last"):
        if getattr(milestone, name) is not None:
            whole(getattr(milestone, name), f"{where}: {name}", -FARTHEST, FARTHEST)


def _after(after: object, where: str) -> None:
    noun(after, where, After)
    assert isinstance(after, After)
    for name in ("step", "job", "group"):
        text(getattr(after, name), f"{where}.{name}", empty=True)
    _group(after.group, f"{where}.group")
    choice(after.waits, f"{where}.waits", Waits)
    given = [name for name in ("step", "job", "group") if getattr(after, name)]
    if len(given) > 1:
        raise InvalidInput(f"{where}: {' and '.join(given)} are given, expected exactly one of step, job and group")
    if not given and after.waits is not Waits.PREVIOUS:
        raise InvalidInput(f"{where}: none of step, job and group is given; only Waits.PREVIOUS means the step itself")
    if given and given != ["step"] and after.waits is not Waits.ALL:
        raise InvalidInput(f"{where}: a {given[0]} is waited for as a whole, waits must be Waits.ALL")


def _requirements(needs: object, where: str) -> None:
    noun(needs, where, Requirements)
    assert isinstance(needs, Requirements)
    for name in ("cores", "memory", "gpus", "gpu_memory", "scratch"):
        number(getattr(needs, name), f"{where}.{name}")
    if not needs.cores and not needs.gpus:
        raise InvalidInput(f"{where}: cores and gpus are both 0, expected some of either")
    if needs.gpu_memory and not needs.gpus:
        raise InvalidInput(f"{where}: gpu_memory {needs.gpu_memory:g} MiB is asked for, but gpus is 0")
    _texts(needs.tags, f"{where}.tags")
    text(needs.licence, f"{where}.licence", empty=True)


def _step(step: Step, where: str) -> None:
    text(step.name, f"{where}: name", without="/")
    noun(step.frames, f"{where}: frames", Frames)
    text(step.job_type, f"{where}: job_type")
    _requirements(step.requirements, f"{where}: requirements")
    for place, after in enumerate(many(step.after, f"{where}: after", MOST_NAMES)):
        _after(after, f"{where}: after[{place}]")
    _quality(step, where)
    _files(step, where)
    _stopping(step, where)
    if step.preview is not None:
        noun(step.preview, f"{where}: preview", Preview)
        number(step.preview.share, f"{where}: preview.share", 0.0, 1.0, above=True)
        whole(step.preview.every, f"{where}: preview.every", 1, FARTHEST)


def _quality(step: Step, where: str) -> None:
    for key, value in mapping(step.quality, f"{where}: quality", MOST_NAMES).items():
        name = text(key, f"{where}: a name in quality", without="{}")
        if name in PLACEHOLDERS:
            raise InvalidInput(f"{where}: quality[{name!r}]: the name is taken, {{{name}}} is filled in for every step")
        if isinstance(value, str):
            text(value, f"{where}: quality[{shown(name)}]", empty=True)
        elif not isinstance(value, bool):
            number(value, f"{where}: quality[{shown(name)}]", -1e15)


def _files(step: Step, where: str) -> None:
    for place, argument in enumerate(many(step.command, f"{where}: command", MOST_NAMES)):
        said = text(argument, f"{where}: command[{place}]", empty=place > 0)
        check_placeholders(said, f"{where}: command[{place}]", step.quality)
    _texts(step.outputs, f"{where}: outputs", lambda said, at: check_placeholders(said, at, step.quality))
    _texts(step.formats, f"{where}: formats")


def _stopping(step: Step, where: str) -> None:
    choice(step.checkpoint, f"{where}: checkpoint", Checkpoint)
    for name in ("seconds", "checkpoint_seconds", "timeout"):
        if getattr(step, name) is not None:
            number(getattr(step, name), f"{where}: {name}", above=True)
    if step.checkpoint is Checkpoint.RESUMES and step.checkpoint_seconds is None:
        raise InvalidInput(f"{where}: checkpoint_seconds is not given, expected with Checkpoint.RESUMES")
    whole(step.budget, f"{where}: budget", 1, _MOST_BUDGET)


def _texts(value: object, where: str, also: Callable[[str, str], None] | None = None) -> None:
    for place, each in enumerate(many(value, where, MOST_NAMES)):
        said = text(each, f"{where}[{place}]")
        if also is not None:
            also(said, f"{where}[{place}]")
