"""Telemetry out of a farm's journal: each attempt that ended becomes a row of the schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from placement.control.previews import SUFFIX, with_previews
from placement.farm.facts import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    JobSubmitted,
    NodeRegistered,
    NodeSpec,
    Outcome,
)
from placement.farm.jobs import Job, Step
from placement.runtime.ports import Entry
from placement.telemetry.canonical import canonical, extra_columns
from placement.telemetry.features import Feature, Scale
from placement.telemetry.mapping import Mapping, Rule
from placement.telemetry.schema import COLUMNS

__all__ = ["JournalRows", "rows_of", "spool_journal"]

#: What an outcome is called in telemetry; all others are errors, which say nothing of the run time.
_STATUS = {
    Outcome.DONE: "ok", Outcome.OUT_OF_MEMORY: "oom", Outcome.TIMEOUT: "timeout", Outcome.LOST: "interrupted",
    Outcome.INTERRUPTED: "interrupted", Outcome.CANCELLED: "interrupted",
}  # fmt: skip
_BY_NAME = {each.name: each for each in COLUMNS}
#: Columns that the journal fills in itself.
_OWN = ("job_type", "node_class", "threads", "cores", "node_memory", "declared_run_time", "declared_memory", "renderer")
_MOST_POINTS = 20
_PART = 100_000


@dataclass(slots=True)
class _Running:
    """An attempt whose end was not read yet."""

    fact: AttemptStarted
    points: list[tuple[float, float]] = field(default_factory=list)


class JournalRows:
    """Reads entries in order and makes a row of each attempt that ended.

    Attributes
    ----------
    skipped
        Why attempts became no rows -> how many: of an energy mode that the schema does not know, of a preview whose
        parameters are those of whole frames, or of a job, a node or a beginning that is not in these entries.
    features
        Quality parameters beyond the schema -> how they can be learned.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[Job, dict[str, Step]]] = {}
        self._nodes: dict[str, NodeSpec] = {}
        self._running: dict[int, _Running] = {}
        self._tries: dict[tuple[str, str, int], int] = {}
        self._scales: dict[str, Scale] = {}
        self.skipped: dict[str, int] = {}

    @property
    def features(self) -> tuple[Feature, ...]:
        """Quality parameters met so far that the schema does not have."""
        return tuple(Feature(name=name, scale=scale) for name, scale in sorted(self._scales.items()))

    def rows(self, entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
        """Yield the rows of some entries."""
        for entry in entries:
            fact = entry.fact
            if isinstance(fact, AttemptEnded):
                if (row := self._row(fact)) is not None:
                    yield row
            elif isinstance(fact, AttemptStarted):
                self._running[fact.attempt] = _Running(fact)
            elif isinstance(fact, AttemptProgressed):
                self._progress(fact)
            elif isinstance(fact, JobSubmitted):
                self._jobs[fact.job.name] = (fact.job, {step.name: step for step in with_previews(fact.job).steps})
            elif isinstance(fact, NodeRegistered):
                self._nodes[fact.node.name] = fact.node

    def _progress(self, fact: AttemptProgressed) -> None:
        running = self._running.get(fact.attempt)
        if running is None:
            return
        after = fact.at - running.fact.at
        if after > 0 and (not running.points or fact.progress > running.points[-1][1]):
            running.points.append((round(after, 3), round(fact.progress, 6)))
            if len(running.points) > _MOST_POINTS:
                del running.points[1::2]

    def _row(self, fact: AttemptEnded) -> dict[str, Any] | None:
        running = self._running.pop(fact.attempt, None)
        if running is None:
            return self._skip("its beginning is not there")
        begun = running.fact
        job, steps = self._jobs.get(begun.job, (None, {}))
        step, node = steps.get(begun.step), self._nodes.get(begun.node)
        key = (begun.job, begun.step, begun.task)
        tried = self._tries.get(key, 0)
        if fact.outcome is Outcome.DONE:
            self._tries.pop(key, None)
        else:
            self._tries[key] = tried + 1
        if job is None or step is None or node is None:
            return self._skip("its job, step or node is not there")
        if begun.mode:
            return self._skip("an energy mode that telemetry does not know")
        whole = steps.get(begun.step.removesuffix(SUFFIX), step)
        if whole is not step and whole.quality == step.quality:
            return self._skip("a preview that no parameter tells from whole frames")
        self._learn(step)
        return {
            **_quality(step),
            **_identity(job, step, begun, tried),
            **_needs(step, node),
            **_measured(running, fact, len(step.frames.of(begun.task))),
        }

    def _skip(self, why: str) -> dict[str, Any] | None:
        self.skipped[why] = self.skipped.get(why, 0) + 1
        return None

    def _learn(self, step: Step) -> None:
        """Note how quality parameters that the schema does not have can be learned."""
        for name, value in step.quality.items():
            if name not in _BY_NAME:
                self._scales[name] = _wider(self._scales.get(name), _scale(value))


def _scale(value: float | int | str | bool) -> Scale:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, str):
        return "category"
    return "count" if value >= 0 else "linear"


def _wider(one: Scale | None, other: Scale) -> Scale:
    """Return the scale on which the values of both can be learned."""
    if one is None or one == other:
        return other
    return "linear" if {one, other} == {"count", "linear"} else "category"


def _quality(step: Step) -> dict[str, Any]:
    """Return quality parameters that are known before a render, as the schema names them or as they are."""
    return {
        name: float(value) if isinstance(value, bool) else value
        for name, value in step.quality.items()
        if name not in _OWN and (name not in _BY_NAME or _BY_NAME[name].role == "before")
    }


def _identity(job: Job, step: Step, begun: AttemptStarted, tried: int) -> dict[str, Any]:
    frames = step.frames
    return {
        "job_id": f"{job.name}/{step.name}", "frame": frames.of(begun.task)[0], "attempt": tried,
        "record_id": f"attempt-{begun.attempt}", "client": job.client, "node_id": begun.node,
        "show": job.group.partition("/")[0] or None, "shot": job.group or None, "first_frame": frames.first,
        "frames_in_job": frames.count,
    }  # fmt: skip


def _needs(step: Step, node: NodeSpec) -> dict[str, Any]:
    needs, family = step.requirements, step.job_type.partition("/")
    cores = min(needs.cores, node.cores) if needs.cores > 0 else node.cores
    return {
        "job_type": step.job_type, "renderer": family[0] if family[1] else None, "node_class": node.node_class,
        "threads": cores, "cores": cores, "node_memory": node.memory, "declared_memory": needs.memory or None,
        "declared_run_time": None if step.seconds is None else step.seconds / step.frames.chunk,
    }  # fmt: skip


def _measured(running: _Running, fact: AttemptEnded, frames: int) -> dict[str, Any]:
    """Return what was measured, for one frame of the attempt's.

    The first frame of several stands for them; when they began and ended would then contradict the run time.
    """
    begun, ok = running.fact, fact.outcome is Outcome.DONE
    seconds = fact.seconds if fact.seconds > 0 else max(fact.at - begun.at, 0.0)
    # progress says how a render that ran from nothing to its end went
    points = running.points if ok and frames == 1 and begun.saved == 0 else []
    return {
        "run_time": seconds / frames, "start_time": begun.at if frames == 1 else None,
        "end_time": begun.at + seconds if frames == 1 else None, "peak_memory": fact.memory or None,
        "status": _STATUS.get(fact.outcome, "error"), "error_class": None if ok else fact.outcome.value,
        "exit_code": fact.exit_code, "checkpoint_fraction": begun.saved,
        "progress": json.dumps([point for point in points if point[0] <= seconds]) if points else None,
    }  # fmt: skip


def rows_of(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return the attempts of a journal as canonical rows of telemetry, quality parameters beyond the schema after them.

    An attempt of several frames is a row of its first, with its share of the run time. Resumed attempts have
    ``checkpoint_fraction``, so that `placement.telemetry.clean` puts them together.

    Examples
    --------
    >>> rows_of([])["run_time"].tolist()
    []
    """
    made = JournalRows()
    rows = pd.DataFrame(list(made.rows(entries)))
    return canonical(rows, (*COLUMNS, *extra_columns(made.features)))[0]


def spool_journal(entries: Iterable[Entry], folder: Path) -> tuple[Mapping, JournalRows]:
    """Write the rows of a journal as Parquet files, a part at a time, however long it is.

    Returns
    -------
    mapping
        How `placement.adapters.formats.read_telemetry` reads the folder, with a feature for each quality parameter.
    made
        What was skipped.
    """
    made = JournalRows()
    rows = made.rows(entries)
    number = 0
    while part := list(islice(rows, _PART)):
        frame = pd.DataFrame(part)
        own = [each.name for each in COLUMNS]
        texts = {name: _texts(frame[name]) for name in frame.columns if name not in own or frame[name].dtype == object}
        frame.assign(**texts).to_parquet(folder / f"part-{number:05d}.parquet")
        number += 1
    rules = tuple(Rule(target=each.name, sources=(each.name,), optional=True) for each in made.features)
    return Mapping(name="journal", rules=rules, features=made.features), made


def _texts(values: pd.Series) -> pd.Series:
    """Return values of any types as text, as a file of text would hold them."""
    return values.map(lambda cell: None if pd.isna(cell) else str(cell)).astype(object)
