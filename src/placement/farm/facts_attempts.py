"""Facts about decisions and attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from placement.farm.facts_common import Fact
from placement.units import MiB, Seconds

__all__ = [
    "AttemptEnded",
    "AttemptProgressed",
    "AttemptStarted",
    "AttemptStopping",
    "Decided",
    "Outcome",
    "ReportRefused",
]


class Outcome(StrEnum):
    """How an attempt ended, as the controller judged it."""

    DONE = "done"
    ERROR = "error"  #: the renderer failed
    SCENE = "scene"  #: the renderer says that the scene cannot be rendered
    OUT_OF_MEMORY = "out of memory"
    LICENCE = "licence"  #: no licence was to be had
    TIMEOUT = "timeout"  #: `Step.timeout` passed
    STUCK = "stuck"  #: no progress for longer than the forecast allows
    NO_OUTPUT = "no output"  #: exit code 0, but an output file is missing
    NODE = "node"  #: the node's own fault: disk, driver, could not start
    LOST = "lost"  #: the node or the engine lost it; nothing is known of its end
    INTERRUPTED = "interrupted"  #: stopped on purpose
    CANCELLED = "cancelled"  #: its job was cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Fact):
    """A round of planning: how much was seen, how long it took, what of the jobs' future it changed.

    Parameters
    ----------
    round
        Counted from 1.
    waiting, running, starts, stops
        Tasks.
    seconds
        That the decision took.
    model
        Which forecaster answered.
    outlooks
        Jobs whose forecast end moved: name -> (median end, probability to be on time, given up).
    history
        Client -> what it used beyond its share, as `placement.farm.clients.Clients` has it; 0 where it is not named.
    short_since
        Client -> since when it has less than it is promised; it has what it is promised where it is not named.
    """

    round: int
    waiting: int
    running: int
    starts: int
    stops: int
    seconds: Seconds
    model: str = ""
    outlooks: Mapping[str, tuple[Seconds, float, bool]] = field(default_factory=dict)
    history: Mapping[str, float] = field(default_factory=dict)
    short_since: Mapping[str, Seconds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted(Fact):
    """An attempt was decided; the engine is told after this is durable.

    Parameters
    ----------
    attempt
        Number, unique on the farm and growing: also its fencing token. Of a task only the youngest counts.
    job, step, task
        Which task.
    node
        Where.
    lease
        Until when the attempt counts as alive without news of it or its node, seconds since 1970.
    mode
        Energy mode.
    memory
        MiB kept for it.
    saved
        Share of the task that an earlier attempt's checkpoint holds.
    round
        The `Decided.round` it belongs to.
    reason
        Name of a `placement.scheduling.plan.Reason`.
    forecast
        Seconds that it is expected to take, and the 90 % quantile.
    score, alternative
        What the node was chosen by (lower is better), and that of the best node class not taken; None: no other.
    """

    attempt: int
    job: str
    step: str
    task: int
    node: str
    lease: Seconds
    mode: int = 0
    memory: MiB = 0.0
    saved: float = 0.0
    round: int = 0
    reason: str = ""
    forecast: tuple[Seconds, Seconds] = (0.0, 0.0)
    score: float | None = None
    alternative: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStopping(Fact):
    """An attempt was told to stop: `now` (after a checkpoint where the renderer can), or after its frame."""

    attempt: int
    now: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptProgressed(Fact):
    """News of an attempt: its share done, what its last checkpoint holds; its lease is longer.

    `frames` are frame numbers that are finished and kept whatever becomes of the attempt.
    """

    attempt: int
    lease: Seconds
    progress: float = 0.0
    saved: float = 0.0
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded(Fact):
    """An attempt is over, and what follows from it.

    Parameters
    ----------
    seconds
        That it ran.
    memory
        MiB at its peak, 0: not measured.
    exit_code
        None: there was none.
    saved
        Share of the task that can be gone on from.
    lost
        Seconds of its work that have to be done again.
    again
        When the task may start again, seconds since 1970; None: it is done, or failed for good.
    outputs
        Files that it wrote.
    raise_memory
        MiB that the step's tasks are asked with from now on; 0: unchanged.
    detail
        In words: the last line of the log, the signal.
    """

    attempt: int
    outcome: Outcome
    seconds: Seconds = 0.0
    memory: MiB = 0.0
    exit_code: int | None = None
    saved: float = 0.0
    lost: Seconds = 0.0
    again: Seconds | None = None
    outputs: tuple[str, ...] = ()
    raise_memory: MiB = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefused(Fact):
    """A report that changes nothing: late, twice, of a fenced attempt, or of an unknown one."""

    attempt: int
    node: str
    why: str
