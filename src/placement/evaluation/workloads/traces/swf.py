"""Logs in the Standard Workload Format (Parallel Workloads Archive) as farms."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import Uncertainty
from placement.evaluation.workloads.traces.building import TraceJobs, TraceSettings, trace_world
from placement.simulator.farm_world import FarmWorld
from placement.units import MIB_PER_GIB, Floats

__all__ = ["SwfSettings", "read_swf"]

_COLUMNS = 18
_SUBMIT, _RUN, _PROCESSORS, _MEMORY = 1, 3, 4, 6
_ASKED_PROCESSORS, _ASKED_TIME, _ASKED_MEMORY, _STATUS, _USER, _APPLICATION = 7, 8, 9, 10, 11, 13
_CANCELLED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SwfSettings:
    """How a log becomes a farm.

    Parameters
    ----------
    most_jobs
        Only the first of the log.
    time_scale
        Factor on run times and arrivals, to bring a log to render times.
    slack
        A job is due this many times its run time after its submission; 0: no deadlines, as logs have none.
    trace
        Size of the farm and of frames.
    """

    most_jobs: int = 1_000_000
    time_scale: float = 1.0
    slack: float = 0.0
    trace: TraceSettings = field(default_factory=TraceSettings)

    def __post_init__(self) -> None:
        if self.most_jobs < 1 or not self.time_scale > 0 or not (self.slack == 0 or self.slack >= 1):
            raise InvalidInput(
                f"most_jobs {self.most_jobs} must be 1 or more, time_scale {self.time_scale:g} above 0, slack "
                f"{self.slack:g} 0 or at least 1"
            )


def read_swf(
    path: Path | str, settings: SwfSettings | None = None, seed: int = 0, uncertainty: Uncertainty | None = None
) -> FarmWorld:
    """Read a log, plain or gzipped, as a farm.

    A job of ``p`` processors becomes a step of ``p`` one-core frames that each take the job's run time: the work is the
    log's, but frames need not run at the same time, as processes of a parallel job do. User, application, requested
    time
    and memory keep their meaning: client, job type, user estimate and declared memory. Jobs that were cancelled before
    they ran, or have no run time or processors, are dropped and counted; so is what a job was said to wait for.

    Raises
    ------
    InvalidInput
        The file cannot be read, or a row has not the standard's 18 numbers; the message names file and line.
    """
    settings, file = settings or SwfSettings(), Path(path)
    header, rows = _rows(file)
    used = np.where(rows[:, _PROCESSORS] > 0, rows[:, _PROCESSORS], rows[:, _ASKED_PROCESSORS])
    good = (rows[:, _RUN] > 0) & (used > 0) & (rows[:, _STATUS] != _CANCELLED) & (rows[:, _SUBMIT] >= 0)
    kept = np.flatnonzero(good)[: settings.most_jobs]
    if not len(kept):
        raise InvalidInput(f"{file.name} has no job that ran; {len(rows)} rows")
    rows, used = rows[kept], used[kept]
    scale = settings.time_scale
    submit = (rows[:, _SUBMIT] - rows[:, _SUBMIT].min()) * scale
    run = rows[:, _RUN] * scale
    memory = np.maximum(np.where(rows[:, _ASKED_MEMORY] > 0, rows[:, _ASKED_MEMORY], rows[:, _MEMORY]), 0) / 1024
    users, client = np.unique(rows[:, _USER], return_inverse=True)
    asked = rows[:, _ASKED_TIME]
    jobs = TraceJobs(
        clients=tuple(f"user {int(user)}" if user >= 0 else "unknown" for user in users),
        client=client.reshape(-1),
        release=submit,
        deadline=submit + settings.slack * run if settings.slack else np.full(len(run), np.inf),
        importance=np.ones(len(run)),
        value=np.ones(len(run)),
        kind=np.maximum(rows[:, _APPLICATION], 0).astype(np.int64),
        frames=used.astype(np.int64),
        seconds=run,
        declared=np.where(asked > 0, asked * scale, np.nan),
        memory=np.where(memory > 0, memory, MIB_PER_GIB),
        gpus=0,
    )
    notes = (
        f"{file.name}: {len(kept)} jobs, {int((~good).sum())} dropped that did not run; times multiplied by {scale:g}.",
        "A job of p processors is p frames of one core that need not run together; dependencies are left out.",
        *((f"The log's machine: {header}.",) if header else ()),
    )
    return trace_world(file.name.split(".")[0], jobs, settings.trace, uncertainty or Uncertainty(), seed, notes)


def _rows(file: Path) -> tuple[str, Floats]:
    """Return what the header says of the machine, and the jobs' numbers, shape ``(jobs, 18)``."""
    try:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("latin-1")
    except (OSError, EOFError, zlib.error) as wrong:
        raise InvalidInput(f"{file} cannot be read as a log: {wrong}") from wrong
    machine, found = [], []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith(";"):
            key, _, value = bare.lstrip("; ").partition(":")
            if key in ("Computer", "MaxNodes", "MaxProcs") and value.strip():
                machine.append(f"{key} {value.strip()}")
        elif bare:
            found.append(_numbers(file, number, bare))
    if not found:
        raise InvalidInput(f"{file.name} has no rows of jobs")
    return ", ".join(part for part in machine if part.isprintable()), np.array(found)


def _numbers(file: Path, line: int, text: str) -> list[float]:
    parts = text.split()
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if len(values) != _COLUMNS or not np.isfinite(values).all():
        raise InvalidInput(
            f"{file.name}, line {line}: {text[:80]!r}, expected {_COLUMNS} numbers (Standard Workload Format)"
        )
    return values
