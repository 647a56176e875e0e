"""Facts: everything that happened on a farm, as the journal keeps it; the state of a farm is the fold of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

from placement.farm.jobs import Job
from placement.units import MiB, Seconds, Watts

__all__ = [
    "FACTS",
    "AttemptEnded",
    "AttemptProgressed",
    "AttemptStarted",
    "AttemptStopping",
    "BodiesDropped",
    "ClientSet",
    "DeadlineMoved",
    "Decided",
    "Elected",
    "Fact",
    "GroupSet",
    "JobCancelled",
    "JobPaused",
    "JobReprioritised",
    "JobResumed",
    "JobSubmitted",
    "LicencesSet",
    "NameRedacted",
    "NodeDraining",
    "NodeLost",
    "NodePower",
    "NodeQuarantined",
    "NodeRegistered",
    "NodeRemoved",
    "NodeReturned",
    "NodeSpec",
    "Outcome",
    "PolicySet",
    "ReportRefused",
    "TaskFailed",
    "TasksRetried",
    "model_of",
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
class NodeSpec:
    """A node as it registers.

    Parameters
    ----------
    name
        Unique.
    node_class
        What forecasts are keyed by; nodes of a class have the same cores, memory, GPUs and powers.
    cores, memory, gpus, gpu_memory, scratch
        What it offers; MiB. Of GPUs all together.
    worth
        Normalised capacity in reference cores; 0: its cores.
    tags
        What steps may ask for.
    idle_watts, busy_watts, asleep_watts, wake_seconds, sleep_seconds
        Power and latencies; a node with `wake_seconds` of 0 never sleeps.
    """

    name: str
    node_class: str
    cores: float
    memory: MiB
    gpus: float = 0.0
    gpu_memory: MiB = 0.0
    scratch: MiB = 0.0
    worth: float = 0.0
    tags: tuple[str, ...] = ()
    rack: str = ""
    idle_watts: Watts = 100.0
    busy_watts: Watts = 300.0
    asleep_watts: Watts = 5.0
    wake_seconds: Seconds = 0.0
    sleep_seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What all facts have in common.

    Parameters
    ----------
    at
        When it happened by the clock of who recorded it, seconds since 1970.
    by
        Who: a user, ``"planner"``, ``"engine"``, ``"controller"``.
    """

    version: ClassVar[int] = 1

    at: Seconds
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elected(Fact):
    """A process leads from now on; attempts of earlier terms are the farm's, orders of earlier terms are void."""

    term: int
    leader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSet(Fact):
    """A client, or its terms, are new. Fields as in `placement.farm.clients.Clients`; `parent` is a name."""

    name: str
    parent: str = ""
    guarantee: float = 0.0
    limit: float = 1.0
    weight: float = 1.0
    lending: str = "frame"
    reclaim: Seconds = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet(Fact):
    """The farm's rules, by the names of `placement.scheduling.rules.Rules`, and ``power_cap`` in W."""

    rules: Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicencesSet(Fact):
    """How many of a licence there are."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSet(Fact):
    """How important a group is: a factor on the importance of all jobs in it and below it."""

    group: str
    importance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmitted(Fact):
    """A job, checked and whole."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled(Fact):
    """The job is over; what runs of it is stopped."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPaused(Fact):
    """Nothing of the job starts; what runs goes on."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResumed(Fact):
    """A paused job goes on."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReprioritised(Fact):
    """The job's own importance is another."""

    job: str
    importance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineMoved(Fact):
    """The job's deadline is another, or gone."""

    job: str
    deadline: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksRetried(Fact):
    """Tasks that failed (all of the job's unless named) wait again with a full budget."""

    job: str
    step: str = ""
    tasks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRegistered(Fact):
    """A node is there, or there again with another specification."""

    node: NodeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDraining(Fact):
    """The node takes no new work."""

    node: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRemoved(Fact):
    """The node is gone for good."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLost(Fact):
    """Nothing was heard of the node for a lease; its attempts are lost."""

    node: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReturned(Fact):
    """The node takes work (again): after a loss, a drain or a quarantine; not before `trusted` if it flaps."""

    node: str
    trusted: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeQuarantined(Fact):
    """Too many different jobs failed there: the node takes no work until somebody returns it."""

    node: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePower(Fact):
    """A node was told to sleep (`up` False) or to wake, or says that it does now (`settled`)."""

    node: str
    up: bool
    settled: bool = False
    reason: str = ""


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
class TaskFailed(Fact):
    """A task is given up: its budget is spent, or it failed alike on distinct nodes; -1: all of the step's to come."""

    job: str
    step: str
    task: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefused(Fact):
    """A report that changes nothing: late, twice, of a fenced attempt, or of an unknown one."""

    attempt: int
    node: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRedacted(Fact):
    """The name behind a pseudonym was erased; the journal holds the pseudonym alone."""

    pseudonym: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BodiesDropped(Fact):
    """What facts of some kinds said was dropped by retention, entries `first` to `last`; their hashes stay."""

    first: int
    last: int
    kinds: tuple[str, ...]


Kind: TypeAlias = type[Fact]

#: Kind -> class; a kind never changes its name, its `version` grows when its fields do.
FACTS: Mapping[str, Kind] = {
    kind.__name__: kind
    for kind in (
        Elected, ClientSet, PolicySet, LicencesSet, GroupSet, JobSubmitted, JobCancelled, JobPaused, JobResumed,
        JobReprioritised, DeadlineMoved, TasksRetried, NodeRegistered, NodeDraining, NodeRemoved, NodeLost,
        NodeReturned, NodeQuarantined, NodePower, Decided, AttemptStarted, AttemptStopping, AttemptProgressed,
        AttemptEnded, TaskFailed, ReportRefused, NameRedacted, BodiesDropped,
    )
}  # fmt: skip


def model_of(kind: str) -> Kind:
    """Return the class of a kind of fact.

    Raises
    ------
    KeyError
        Nobody knows the kind.
    """
    return FACTS[kind]
