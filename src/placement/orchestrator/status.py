"""What a farm answers when it is asked."""

from __future__ import annotations

from dataclasses import dataclass

from placement.units import Seconds

__all__ = ["ClientStatus", "FarmStatus", "Forecast", "JobStatus", "NodeStatus", "StepStatus", "Told", "Why"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStatus:
    """How a step stands; numbers of tasks.

    Parameters
    ----------
    blocked, waiting, running, done, failed, cancelled
        They sum to `tasks`; tasks that wait for their next try count as waiting.
    memory
        MiB that its tasks are asked with.
    """

    name: str
    tasks: int
    blocked: int
    waiting: int
    running: int
    done: int
    failed: int
    cancelled: int
    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """How a job stands.

    Parameters
    ----------
    state
        ``"waiting"``, ``"running"``, ``"paused"``, ``"done"``, ``"partial"`` (over, and some tasks failed),
        ``"failed"`` or ``"cancelled"``.
    steps
        Empty once the job is over and its details are forgotten; the numbers of tasks remain.
    ended
        Seconds since 1970; None: it is not over.
    """

    name: str
    client: str
    group: str
    state: str
    importance: float
    release: Seconds
    deadline: Seconds | None
    ended: Seconds | None
    tasks: int
    done: int
    failed: int
    running: int
    waiting: int
    steps: tuple[StepStatus, ...] = ()

    @property
    def progress(self) -> float:
        """Share of the tasks that are done."""
        return self.done / self.tasks if self.tasks else 1.0

    @property
    def over(self) -> bool:
        """Whether nothing of it will run any more."""
        return self.ended is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """How a node stands.

    Parameters
    ----------
    state
        ``"up"``, ``"asleep"``, ``"waking"``, ``"falling asleep"``, ``"down"``, ``"draining"`` or ``"quarantined"``.
    running
        Numbers of its attempts.
    heard
        When something was heard of it, as far as this process knows, seconds since 1970.
    why
        Why it takes no work.
    """

    name: str
    node_class: str
    state: str
    running: tuple[int, ...]
    heard: Seconds
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """What a client is promised and what it holds now, as shares of the farm's normalised capacity."""

    name: str
    parent: str
    guarantee: float
    limit: float
    holds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmStatus:
    """How a farm stands.

    Parameters
    ----------
    now, seq
        When it was asked, seconds since 1970, and the number of the last entry that was known.
    leader, term
        Who runs it.
    useful, lost
        Seconds of attempts so far: kept, and done in vain by interruptions, losses and failures.
    rerendered
        Share of all rendering that is repeated because of interruptions and losses.
    """

    now: Seconds
    seq: int
    leader: str
    term: int
    jobs: int
    waiting: int
    running: int
    nodes: tuple[NodeStatus, ...]
    clients: tuple[ClientStatus, ...]
    useful: Seconds
    lost: Seconds
    rerendered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When a job, or all jobs of a group, will have ended.

    Parameters
    ----------
    end
        Median, seconds since 1970; of a group that of its last job.
    on_time
        Probability to meet the deadline; of a group that of the job least likely to.
    slack
        Seconds between the deadline and an end that is as sure as `Rules.confidence`; infinite without a deadline.
    earliest
        The end if nothing else ran.
    given_up
        Jobs whose deadlines cannot be met beside what goes first.
    model
        Who forecast the run times.
    """

    end: Seconds
    on_time: float
    slack: Seconds
    earliest: Seconds
    given_up: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why something runs or waits: one sentence, and what it rests on.

    Parameters
    ----------
    reason
        Name of a `placement.scheduling.plan.Reason`, or a task's status: ``"DONE"``, ``"FAILED"``, ``"RUNNING"``, …
    until
        When that is expected to change, seconds since 1970; None: nobody knows.
    """

    sentence: str
    reason: str
    until: Seconds | None = None

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry of the history, as people read it.

    Parameters
    ----------
    kind
        Name of the fact.
    what
        Its fields but `at` and `by`.
    """

    seq: int
    at: Seconds
    by: str
    kind: str
    what: dict[str, object]
