"""Messages between the controller and an engine: orders to start and stop, and what engines report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from placement.units import MiB, Seconds

__all__ = ["Report", "Said", "Start", "Stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Order: run a task. The same attempt ordered twice runs once.

    Parameters
    ----------
    attempt
        Name and fencing token: an engine refuses an order for a task that it has a younger attempt of.
    task
        (job, step, number).
    node
        Where.
    command
        Arguments, filled in.
    frames
        Frame numbers, in order.
    memory
        MiB that it may use; more is out of memory.
    cores, gpus
        How many it may use.
    saved
        Share that an earlier attempt's checkpoint holds; 0: from the start.
    checkpoint
        A `placement.farm.jobs.Checkpoint`.
    outputs
        Files that it must write.
    timeout
        Seconds; None: none.
    mode
        Energy mode.
    """

    attempt: int
    task: tuple[str, str, int]
    node: str
    command: tuple[str, ...]
    frames: tuple[int, ...]
    memory: MiB = 0.0
    cores: float = 1.0
    gpus: float = 0.0
    saved: float = 0.0
    checkpoint: str = "none"
    outputs: tuple[str, ...] = ()
    timeout: Seconds | None = None
    mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Order: stop an attempt, `now` (after a checkpoint where the renderer can) or after its frame; may come twice."""

    attempt: int
    node: str
    now: bool = True


class Said(StrEnum):
    """What a report is about."""

    ALIVE = "alive"  #: the node is there, with these attempts running
    GONE = "gone"  #: the node says that it leaves, or the engine that it is unreachable
    UP = "up"  #: the node woke up
    ASLEEP = "asleep"  #: the node fell asleep
    PROGRESS = "progress"  #: of an attempt
    ENDED = "ended"  #: an attempt is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an engine says. Reports may be late, lost, repeated and out of order.

    Parameters
    ----------
    attempt
        0: the report is about the node.
    running
        Of `ALIVE`: attempts that run there.
    progress, saved
        Shares of the task: done, and held by the last checkpoint.
    frames
        Frame numbers that are finished and kept.
    seconds
        That the attempt ran.
    memory
        MiB at its peak, 0: not measured.
    exit_code, signal
        Of the process; None: none.
    cause
        What the engine knows of the end: ``""``, ``"out of memory"``, ``"licence"``, ``"timeout"``, ``"node"``,
        ``"interrupted"``, ``"no output"``, ``"scene"``, ``"unknown attempt"``.
    outputs
        Files that are there.
    detail
        Last words of the log.
    """

    said: Said
    node: str
    attempt: int = 0
    running: tuple[int, ...] = ()
    progress: float = 0.0
    saved: float = 0.0
    frames: tuple[int, ...] = ()
    seconds: Seconds = 0.0
    memory: MiB = 0.0
    exit_code: int | None = None
    signal: int | None = None
    cause: str = ""
    outputs: tuple[str, ...] = ()
    detail: str = ""
