"""Steps, run times, frames and forecasts of a workload folder, brought into the order that a world has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import Uncertainty, draw_forecasts
from placement.evaluation.workloads.farm_table import FarmTable
from placement.simulator.farm_world import Forecasts, Frames, WorldSteps
from placement.simulator.streams import stream
from placement.units import Floats, Ints

__all__ = ["Work", "read_forecasts", "read_work"]

_REQUESTED = ("cores", "memory", "gpus", "gpu_memory", "scratch")
_MOST_FRAMES = 200_000_000
_ALIKE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Steps and frames as a world has them, the steps' names in the same order, and what a reader must know."""

    steps: WorldSteps
    frames: Frames
    names: np.ndarray
    notes: tuple[str, ...]


def read_work(
    found: Mapping[str, FarmTable | None],
    classes: tuple[str, ...],
    jobs: np.ndarray,
    licences: tuple[str, ...],
    seed: int,
) -> Work:
    """Put the tables steps, run_times and frames together.

    Parameters
    ----------
    jobs
        Names of the jobs in order of release.

    Raises
    ------
    InvalidInput
        Tables do not fit each other.
    """
    table, times = found["steps"], found["run_times"]
    assert table is not None
    assert times is not None
    order, after = _order(table, jobs)
    names, frames = table.words("step")[order], table.whole("frames")[order]
    if frames.sum() > _MOST_FRAMES:
        raise InvalidInput(f"{table.name} has {frames.sum()} frames, expected at most {_MOST_FRAMES}")
    kinds = table.words("job_type")[order]
    seconds, factor, notes = _seconds(times, names, frames, kinds, classes)
    request = np.stack([table.numbers(name) for name in _REQUESTED], axis=1)[order]
    rest = {name: table.numbers(name)[order] for name in ("declared_seconds", "checkpoint", "startup")}
    steps = WorldSteps(
        job=table.codes("job", tuple(jobs), "jobs")[order], after=after, kind=_kind(kinds), frames=frames,
        request=request, licence=table.codes("licence", licences, "licences")[order],
        preview=table.whole("preview")[order], seconds=seconds, **rest,
    )  # fmt: skip
    return Work(steps, _frames(found["frames"], steps, names, factor, seed), names, notes)


def read_forecasts(
    found: Mapping[str, FarmTable | None], work: Work, classes: tuple[str, ...], uncertainty: Uncertainty, seed: int
) -> Forecasts:
    """Return the forecasts of their tables, or draw such as err by `uncertainty` about the true times.

    Raises
    ------
    InvalidInput
        One table is there without the other, or a forecast is missing or of a class that cannot run the step.
    """
    table, errors, steps = found["forecasts"], found["forecast_errors"], work.steps
    if table is None and errors is None:
        rows = np.repeat(np.arange(len(steps.frames)), steps.frames)
        memory = np.bincount(rows, work.frames.memory, len(steps.frames)) / steps.frames
        return draw_forecasts(steps.seconds, memory, steps.kind, uncertainty, seed)
    if table is None or errors is None:
        raise InvalidInput("forecasts and forecast_errors belong together; the folder has one of them")
    seconds = np.full(steps.seconds.shape, np.inf)
    step = table.codes("step", tuple(work.names), "steps")
    seconds[step, table.codes("node_class", classes, "node_classes")] = table.numbers("seconds")
    different = np.isfinite(seconds) != np.isfinite(steps.seconds)
    if different.any():
        row, column = np.argwhere(different)[0]
        what = "no forecast" if np.isfinite(steps.seconds[row, column]) else "a forecast and no run time"
        raise InvalidInput(f"{table.name} has {what} for step {work.names[row]!r} on node class {classes[column]!r}")
    of = errors.codes("step", tuple(work.names), "steps")
    if len(of) != len(work.names):
        raise InvalidInput(f"{errors.name} has {len(of)} rows, expected one for each of {len(work.names)} steps")
    place = np.argsort(of)
    columns = {name: errors.numbers(name)[place] for name in ("spread", "common", "memory")}
    return Forecasts(seconds=seconds, **columns)


def _order(table: FarmTable, jobs: np.ndarray) -> tuple[Ints, Ints]:
    """Return the rows in a world's order, and what each then waits for."""
    job, names = table.codes("job", tuple(jobs), "jobs"), table.words("step")
    after = table.codes("after", tuple(names), table.name)
    waits = after >= 0
    foreign = waits & (job[after] != job)
    if foreign.any():
        row = int(foreign.argmax())
        raise table.wrong(
            row, "after", table.words("after")[row], f"a step of the same job {table.words('job')[row]!r}"
        )
    depth, reach = np.zeros(len(job), np.int64), after.copy()
    for _ in range(len(job)):
        if not (reach >= 0).any():
            break
        depth[reach >= 0] += 1
        reach = np.where(reach >= 0, after[reach], -1)
    else:
        if (reach >= 0).any():
            row = int((reach >= 0).argmax())
            raise table.wrong(
                row, "after", table.words("after")[row], "steps that do not wait for each other in a circle"
            )
    order = np.argsort(job, kind="stable")
    place = np.empty(len(job), np.int64)
    place[order] = np.arange(len(job))
    if (waits & (place[after] >= place)).any():
        order = np.lexsort((np.arange(len(job)), depth, job))
        place[order] = np.arange(len(job))
    return order, np.where(waits, place[after], -1)[order]


def _kind(words: np.ndarray) -> Ints:
    """Return job types as numbers: as they stand where all are, else in the order in which they appear."""
    known = list(dict.fromkeys(words))
    if all(word.isdecimal() and len(word) < 16 for word in known):
        code = {word: int(word) for word in known}
    else:
        code = {word: row for row, word in enumerate(known)}
    return np.array([code[word] for word in words], np.int64)


def _seconds(
    times: FarmTable, names: np.ndarray, frames: Ints, kinds: np.ndarray, classes: tuple[str, ...]
) -> tuple[Floats, Floats | None, tuple[str, ...]]:
    """Return mean seconds ``(steps, classes)``, factors of frames where the table has them, and notes."""
    if times.has("step") == times.has("job_type"):
        raise InvalidInput(f"{times.name} needs the column step or the column job_type, and not both")
    on, given = times.codes("node_class", classes, "node_classes"), times.numbers("seconds")
    if not times.has("step"):
        known = tuple(dict.fromkeys(kinds))
        of_kind = np.full((len(known), len(classes)), np.inf)
        wanted = np.isin(times.words("job_type"), np.array(known, dtype=object))
        rows = np.array([known.index(word) for word in times.words("job_type")[wanted]], np.int64)
        of_kind[rows, on[wanted]] = given[wanted]
        place = {word: row for row, word in enumerate(known)}
        return of_kind[np.array([place[word] for word in kinds], np.int64)], None, ()
    step = times.codes("step", tuple(names), "steps")
    if (step < 0).any():
        raise times.wrong(int((step < 0).argmax()), "step", "", "the name of a step")
    seconds = np.full((len(names), len(classes)), np.inf)
    if not times.has("frame"):
        seconds[step, on] = given
        return seconds, None, ()
    return _by_frame(times, step, on, names, frames, seconds)


def _by_frame(
    times: FarmTable, step: Ints, on: Ints, names: np.ndarray, frames: Ints, seconds: Floats
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Split times of frames into a step's mean on each class and a factor of each frame on all of them."""
    frame, given = times.whole("frame"), times.numbers("seconds")
    _within(times, step, frame, frames)
    classes = seconds.shape[1]
    cell = step * classes + on
    there = np.bincount(cell, minlength=seconds.size).reshape(seconds.shape)
    part = (there > 0) & (there != frames[:, None])
    if part.any():
        row, column = np.argwhere(part)[0]
        raise InvalidInput(
            f"{times.name} has {there[row, column]} frames of step {names[row]!r} on one node class, expected none or "
            f"all {frames[row]}"
        )
    mean = np.bincount(cell, given, minlength=seconds.size).reshape(seconds.shape) / np.maximum(there, 1)
    seconds = np.where(there > 0, mean, np.inf)
    ratio = given / seconds[step, on]
    place = (np.cumsum(frames) - frames)[step] + frame
    seen = np.bincount(place, minlength=int(frames.sum()))
    factor = np.bincount(place, ratio, minlength=int(frames.sum())) / np.maximum(seen, 1)
    factor[seen == 0] = 1.0
    worst = float(np.abs(ratio / factor[place] - 1).max(initial=0.0))
    note = (
        "Frames' times are taken to differ by the same factor on all classes; the furthest from it is off by "
        f"{worst:.1%}.",
    )
    return seconds, factor, note if worst > _ALIKE else ()


def _within(table: FarmTable, step: Ints, frame: Ints, frames: Ints) -> None:
    bad = (frame < 0) | (frame >= frames[step])
    if bad.any():
        row = int(bad.argmax())
        raise table.wrong(row, "frame", int(frame[row]), f"a frame of the step, 0 to {int(frames[step[row]]) - 1}")


def _frames(table: FarmTable | None, steps: WorldSteps, names: np.ndarray, factor: Floats | None, seed: int) -> Frames:
    """Return the frames; what no table says: equal times, the declared memory, luck by the stream ``failures``."""
    total = int(steps.frames.sum())
    own = np.ones(total) if factor is None else factor
    memory = np.repeat(steps.request[:, 1], steps.frames)
    luck = stream(seed, "failures").random(total)
    if table is None:
        return Frames(factor=own, memory=memory, luck=luck)
    if factor is not None and table.has("factor"):
        raise InvalidInput(f"{table.name} has factors, and run_times has times of frames; expected one of them")
    step, frame = table.codes("step", tuple(names), "steps"), table.whole("frame")
    _within(table, step, frame, steps.frames)
    if table.rows != total:
        raise InvalidInput(f"{table.name} has {table.rows} rows, expected one for each of {total} frames")
    place = steps.first[step] + frame
    late = table.numbers("luck") >= 1
    if late.any():
        raise table.wrong(int(late.argmax()), "luck", 1.0, "a number of 0 or more and below 1")
    if table.has("factor"):
        own = own.copy()
        own[place] = table.numbers("factor")
    for column, into in (("memory", memory), ("luck", luck)):
        given = table.numbers(column)
        into[place] = np.where(np.isnan(given), into[place], given)
    return Frames(factor=own, memory=memory, luck=luck)
