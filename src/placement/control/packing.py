"""A farm's state as bytes and back: typed, compressed, without code in it."""

from __future__ import annotations

import zlib
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from placement.control.forecasting import Observed
from placement.control.holdings import Holdings
from placement.control.nouns import Attempt, JobEntry, Past, StepEntry, Trouble
from placement.control.nouns_farm import Client, Node, Totals
from placement.control.previews import preview_rows, with_previews
from placement.control.transitions import JobLife, Status
from placement.errors import IncompatibleJournal, JournalError
from placement.farm.jobs import Job

__all__ = ["VERSION", "pack", "unpack"]

#: Of the layout; grows when it changes.
VERSION = 1

_NAME = b"placement farm state "


class _Step(msgspec.Struct, array_like=True):
    index: int
    gates: int
    status: bytes
    missing: bytes | None
    troubles: dict[int, Trouble]
    since: float
    raised: float
    finished: dict[str, Observed]
    peaks: tuple[float, ...]
    done_on: list[str]
    given_up: str


class _Job(msgspec.Struct, array_like=True):
    index: int
    job: Job
    release: float
    steps: list[_Step]
    life: JobLife
    gates: int
    needs: list[tuple[str, int]]
    followers: list[tuple[str, int]]
    ended: float
    paused: bool = False


class _Attempt(msgspec.Struct, array_like=True):
    number: int
    job: str
    step: int
    task: int
    node: str
    started: float
    lease: float
    mode: int
    memory: float
    begun: float
    progress: float
    saved: float
    heard: float
    forecast: tuple[float, float]
    worth: float
    client: str
    round: int
    reason: str
    stopping: int
    told: float


class _Past(msgspec.Struct, array_like=True):
    name: str
    client: str
    group: str
    life: JobLife
    ended: float
    done: int
    failed: int
    cancelled: int
    deadline: float | None
    entry: _Job | None


class _State(msgspec.Struct, array_like=True):
    seq: int
    term: int
    leader: str
    elected: float
    clients: list[Client]
    licences: dict[str, int]
    licences_held: dict[str, int]
    licence_peak: dict[str, int]
    groups: dict[str, float]
    rules: dict[str, float | int | str]
    nodes: list[Node]
    jobs: list[_Job]
    past: list[_Past]
    retryable: dict[str, float]
    attempts: list[_Attempt]
    backing_off: list[tuple[str, int, int, float]]
    next_attempt: int
    next_job: int
    next_step: int
    next_node: int
    round: int
    decided: float
    outlooks: dict[str, tuple[float, float, bool]]
    model: str
    refused: list[int]
    totals: Totals


_PLAIN = (
    "seq", "term", "leader", "elected", "licences", "licences_held", "licence_peak", "groups", "rules", "retryable",
    "next_attempt", "next_job", "next_step", "next_node", "round", "decided", "outlooks", "model", "totals",
)  # fmt: skip
_DECODER = msgspec.msgpack.Decoder(_State)
_ENCODER = msgspec.msgpack.Encoder()


def pack(farm: Holdings) -> bytes:
    """Return the state as bytes: the same state gives the same bytes."""
    state = _State(
        **{name: getattr(farm, name) for name in _PLAIN},
        clients=list(farm.clients.values()),
        nodes=list(farm.nodes.values()),
        jobs=[_packed(entry) for entry in farm.jobs.values()],
        past=[_past(past) for past in farm.past.values()],
        attempts=[_attempt(each) for each in farm.attempts.values()],
        backing_off=[(*key, again) for key, again in farm.backing_off.items()],
        refused=list(farm.refused),
    )
    return _NAME + b"%d\n" % VERSION + zlib.compress(_ENCODER.encode(state), 1)


def _packed(entry: JobEntry) -> _Job:
    return _Job(
        entry.index, entry.job, entry.release, [_step(step) for step in entry.steps], entry.life, entry.gates,
        entry.needs, entry.followers, entry.ended, entry.paused,
    )  # fmt: skip


def _step(step: StepEntry) -> _Step:
    return _Step(
        step.index, step.gates, step.status.tobytes(), None if step.missing is None else step.missing.tobytes(),
        step.troubles, step.since, step.raised, step.finished, step.peaks, step.done_on, step.given_up,
    )  # fmt: skip


def _past(past: Past) -> _Past:
    values = {name: getattr(past, name) for name in _Past.__struct_fields__}
    return _Past(**values | {"entry": None if past.entry is None else _packed(past.entry)})


def _attempt(attempt: Attempt) -> _Attempt:
    values = {name: getattr(attempt, name) for name in _Attempt.__struct_fields__}
    return _Attempt(**values | {"step": attempt.step.row})


def unpack(packed: bytes, farm: Holdings) -> None:
    """Fill an empty state from bytes.

    Raises
    ------
    IncompatibleJournal
        A later version wrote them.
    JournalError
        They are damaged, or something else.
    """
    name, _, rest = packed.partition(b"\n")
    version = name.removeprefix(_NAME)
    if not name.startswith(_NAME) or not version.isdigit():
        raise JournalError(f"{len(packed)} bytes are not a stored state of a farm")
    if int(version) > VERSION:
        raise IncompatibleJournal(f"a state of version {int(version)} is stored; this package knows up to {VERSION}")
    try:
        state = _DECODER.decode(zlib.decompress(rest))
    except (zlib.error, msgspec.MsgspecError, ValueError) as wrong:
        raise JournalError(f"the stored state is damaged: {wrong}") from wrong
    for plain in _PLAIN:
        setattr(farm, plain, getattr(state, plain))
    farm.clients = {each.name: each for each in state.clients}
    farm.nodes = {each.spec.name: each for each in state.nodes}
    farm.jobs = {each.job.name: _entry(each) for each in state.jobs}
    farm.past = {each.name: _remembered(each) for each in state.past}
    farm.backing_off = {(job, step, task): again for job, step, task, again in state.backing_off}
    farm.refused = dict.fromkeys(state.refused)
    for each in state.attempts:
        values: dict[str, Any] = {field: getattr(each, field) for field in _Attempt.__struct_fields__}
        farm.attempts[each.number] = Attempt(**values | {"step": farm.jobs[each.job].steps[each.step]})


def _entry(packed: _Job) -> JobEntry:
    entry = JobEntry(
        index=packed.index, job=packed.job, whole=with_previews(packed.job), release=packed.release, life=packed.life,
        gates=packed.gates, needs=packed.needs, followers=packed.followers, ended=packed.ended,
        paused=packed.paused,
    )  # fmt: skip
    shown = preview_rows(packed.job)
    for row, (step, kept) in enumerate(zip(entry.whole.steps, packed.steps, strict=True)):
        status = np.frombuffer(kept.status, np.int8).copy()
        missing = None if kept.missing is None else np.frombuffer(kept.missing, np.int32).copy()
        entry.steps.append(
            StepEntry(
                index=kept.index, row=row, step=step, preview_of=shown[row], status=status,
                counts=np.bincount(status, minlength=len(Status)).tolist(), gates=kept.gates, missing=missing,
                troubles=kept.troubles, since=kept.since, raised=kept.raised, finished=kept.finished, peaks=kept.peaks,
                done_on=kept.done_on, given_up=kept.given_up, behind=entry.behind(row),
            )
        )  # fmt: skip
    return entry


def _remembered(packed: _Past) -> Past:
    values = {field.name: getattr(packed, field.name) for field in fields(Past)}
    return Past(**values | {"entry": None if packed.entry is None else _entry(packed.entry)})
