"""Previews inside a job: one more step for each step that asks for one, rendered first and gone on from."""

from __future__ import annotations

from dataclasses import replace

from placement.farm.jobs import After, Checkpoint, Frames, Job, Step, Waits

__all__ = ["SUFFIX", "preview_rows", "with_previews"]

#: What the name of a preview's step ends with; names that users give hold no slash.
SUFFIX = "/preview"


def with_previews(job: Job) -> Job:
    """Return the job with a preview step, behind all others, for each step that asks for one.

    The preview renders every `Preview.every`-th frame, one frame a task, with `Preview.share` of the `samples` and of
    the submitter's estimate, and waits for what its step waits for. A step that can resume
    (`Checkpoint.RESUMES`) renders such a frame after its preview has ended, and goes on from its samples.

    Examples
    --------
    >>> from placement.farm.jobs import Preview
    >>> step = Step(name="beauty", frames=Frames(last=9), quality={"samples": 256}, preview=Preview(share=0.1, every=4))
    >>> preview = with_previews(Job(name="sh010", client="film", steps=(step,))).steps[1]
    >>> preview.name, preview.frames.count, dict(preview.quality)
    ('beauty/preview', 3, {'samples': 26})
    """
    if all(step.preview is None for step in job.steps):
        return job
    previews = tuple(_preview(step) for step in job.steps if step.preview is not None)
    return replace(job, steps=(*map(_after_its_own, job.steps), *previews))


def preview_rows(job: Job) -> list[int]:
    """Return for each step of ``with_previews(job)`` the row of the step it is a preview of, -1: it is none."""
    shown = [row for row, step in enumerate(job.steps) if step.preview is not None]
    return [-1] * len(job.steps) + shown


def _after_its_own(step: Step) -> Step:
    if step.preview is None or step.checkpoint is not Checkpoint.RESUMES:
        return step
    return replace(step, after=(*step.after, After(step=step.name + SUFFIX, waits=Waits.SAME)))


def _preview(step: Step) -> Step:
    assert step.preview is not None
    share, frames = step.preview.share, step.frames
    quality = dict(step.quality)
    samples = quality.get("samples")
    if isinstance(samples, int | float) and not isinstance(samples, bool):
        fewer = samples * share
        quality["samples"] = max(1, round(fewer)) if isinstance(samples, int) else fewer
    return replace(
        step,
        name=step.name + SUFFIX,
        frames=Frames(first=frames.first, last=frames.last, by=frames.by * step.preview.every),
        quality=quality,
        seconds=None if step.seconds is None else step.seconds * share / frames.chunk,
        preview=None,
    )
