"""What a farm's state is made of: clients, nodes, jobs, steps, attempts, and what is summed up of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from placement.control.forecasting import Observed
from placement.control.transitions import JobLife, NodeLife, Power, Status
from placement.farm.facts import NodeSpec
from placement.farm.graph import Edges, Wait, edges
from placement.farm.jobs import Checkpoint, Job, Step
from placement.units import MiB, Seconds

__all__ = ["Attempt", "Client", "Failure", "JobEntry", "Mishap", "Node", "Past", "StepEntry", "Totals", "Trouble"]


@dataclass(slots=True, kw_only=True)
class Client:
    """A client, what it is promised, and what it used.

    Parameters
    ----------
    history, short_since
        As in `placement.farm.clients.Clients`, as of the last decision; None: not short.
    held
        Worth that its attempts hold now.
    running
        How many those are.
    area, since
        Worth-seconds held since the last decision, up to `since`.
    """

    name: str
    parent: str = ""
    guarantee: float = 0.0
    limit: float = 1.0
    weight: float = 1.0
    lending: str = "frame"
    reclaim: Seconds = 300.0
    history: float = 0.0
    short_since: Seconds | None = None
    held: float = 0.0
    running: int = 0
    area: float = 0.0
    since: Seconds = 0.0


@dataclass(slots=True)
class Mishap:
    """An attempt that ended on a node: when, of which job, step and task; whether it failed there, and by whose fault.

    `fault` is 0: it was done; 1: it failed; 2: the node failed it.
    """

    at: Seconds
    job: str
    step: int
    task: int
    fault: int


@dataclass(slots=True, kw_only=True)
class Node:
    """A node.

    Parameters
    ----------
    row
        Counted over all nodes ever registered.
    before
        What a lost node was before, and is when it returns.
    since
        When its life changed last.
    trusted
        Takes no work before, seconds.
    power, ready
        When waking or falling asleep is over.
    idle_since
        When its last attempt ended.
    warm_job
        Index of the job that it worked for last, -1: none.
    losses
        When it was lost, youngest last.
    recent
        Ends of attempts there, youngest last.
    attempts
        Numbers of live attempts, ascending.
    """

    spec: NodeSpec
    row: int
    life: NodeLife = NodeLife.IN
    before: NodeLife = NodeLife.IN
    why: str = ""
    since: Seconds = 0.0
    trusted: Seconds = 0.0
    power: Power = Power.UP
    ready: Seconds = 0.0
    idle_since: Seconds = 0.0
    warm_job: int = -1
    losses: list[Seconds] = field(default_factory=list)
    recent: list[Mishap] = field(default_factory=list)
    attempts: dict[int, None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.spec.name


@dataclass(slots=True)
class Failure:
    """One failure of a task by its own fault: on which node, and a digest of how."""

    node: str
    digest: int
    at: Seconds


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What befell a task; most tasks have none.

    Parameters
    ----------
    failures
        Those that count against its budget.
    licences, node_faults, losses, interruptions, stuck
        How often it ended so. Interruptions: by the planner; `bumped`: by others.
    again
        When a task that backs off may start.
    saved
        Share that can be gone on from.
    frames
        Frame numbers that are finished and kept.
    why
        Why it failed for good.
    """

    failures: list[Failure] = field(default_factory=list)
    licences: int = 0
    node_faults: int = 0
    losses: int = 0
    interruptions: int = 0
    bumped: int = 0
    stuck: int = 0
    again: Seconds = 0.0
    saved: float = 0.0
    frames: tuple[int, ...] = ()
    why: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class StepEntry:
    """A step of a job that is not over.

    Parameters
    ----------
    index
        Unique on the farm; steps of a job in the order in which they depend on each other.
    row
        Place in the job's steps, previews behind the others.
    step
        As handed in; of a preview as made of it.
    preview_of
        Row of the step this is a preview of, -1: it is none.
    status
        A `Status` per task.
    counts
        Tasks by status.
    gates
        What all tasks wait for: steps (`Waits.ALL`, `Waits.ANY`), jobs.
    missing
        Tasks that each task waits for besides, None: never any.
    troubles
        Of the tasks that have some.
    since
        When tasks became ready, or one was started last.
    raised
        MiB that tasks are asked with at least.
    finished, peaks
        As `placement.control.forecasting.StepAsked`.
    done_on
        The last two distinct nodes on which tasks were done.
    given_up
        Why the rest of the step was failed unseen.
    """

    index: int
    row: int
    step: Step
    preview_of: int
    status: NDArray[np.int8]
    counts: list[int]
    gates: int = 0
    missing: NDArray[np.int32] | None = None
    troubles: dict[int, Trouble] = field(default_factory=dict)
    since: Seconds = 0.0
    raised: MiB = 0.0
    finished: dict[str, Observed] = field(default_factory=dict)
    peaks: tuple[MiB, ...] = ()
    done_on: list[str] = field(default_factory=list)
    given_up: str = ""

    @property
    def name(self) -> str:
        """The step's name."""
        return self.step.name

    @property
    def open(self) -> int:
        """Number of tasks that may still be done."""
        counts = self.counts
        return counts[0] + counts[1] + counts[2] + counts[3]

    def trouble(self, task: int) -> Trouble:
        """Return what befell a task, to be added to."""
        found = self.troubles.get(task)
        if found is None:
            found = self.troubles[task] = Trouble()
        return found

    def saved(self, task: int) -> float:
        """Return the share of a task that can be gone on from."""
        found = self.troubles.get(task)
        return 0.0 if found is None else found.saved

    def ready(self, task: int, at: Seconds) -> bool:
        """Tell whether a task may start."""
        status = self.status[task]
        return bool(status == Status.WAITING or (status == Status.BACKING_OFF and self.troubles[task].again <= at))

    def tasks(self, status: Status) -> NDArray[np.intp]:
        """Return the tasks in a status."""
        return np.flatnonzero(self.status == status)

    @property
    def resumes(self) -> bool:
        """Whether attempts go on from checkpoints."""
        return self.step.checkpoint is Checkpoint.RESUMES


@dataclass(slots=True, kw_only=True, eq=False)
class JobEntry:
    """A job that is not over, or was not done and can be retried.

    Parameters
    ----------
    index
        Counted from 0 in the order of submission.
    job
        As handed in, with importance and deadline as they are now.
    whole
        The same with preview steps behind the others.
    release
        Seconds.
    gates
        Jobs that all of it waits for.
    needs
        Names of the jobs waited for: (job, row of the waiting step or -1).
    followers
        Names of jobs that wait for this one: (job, row of the waiting step or -1).
    ended
        When it ended.
    """

    index: int
    job: Job
    whole: Job
    release: Seconds
    steps: list[StepEntry] = field(default_factory=list)
    life: JobLife = JobLife.ACTIVE
    gates: int = 0
    needs: list[tuple[str, int]] = field(default_factory=list)
    followers: list[tuple[str, int]] = field(default_factory=list)
    ended: Seconds = 0.0
    rows: dict[str, int] = field(default_factory=dict)
    _edges: Edges | None = None
    _onward: list[list[Wait]] | None = None

    def __post_init__(self) -> None:
        self.rows = {step.name: row for row, step in enumerate(self.whole.steps)}

    @property
    def edges(self) -> Edges:
        """Which task waits for which; laid out when first asked for."""
        if self._edges is None:
            self._edges = edges(self.whole)
        return self._edges

    @property
    def onward(self) -> list[list[Wait]]:
        """By row of a step: what waits for it."""
        if self._onward is None:
            self._onward = [[] for _ in self.whole.steps]
            for waits in self.edges.waits:
                for wait in waits:
                    self._onward[wait.on].append(wait)
        return self._onward

    @property
    def name(self) -> str:
        """The job's name."""
        return self.job.name

    @property
    def open(self) -> int:
        """Number of tasks that may still be done, previews among them."""
        return sum(step.open for step in self.steps)

    def count(self, *statuses: Status) -> int:
        """Return the number of tasks in some statuses, previews not counted."""
        return sum(step.counts[status] for step in self.steps if step.preview_of < 0 for status in statuses)


@dataclass(slots=True, kw_only=True)
class Past:
    """What is remembered of a job that is over; counts are tasks.

    Parameters
    ----------
    entry
        What a retry goes on from; None: it was done, or cancelled.
    """

    name: str
    client: str
    group: str
    life: JobLife
    ended: Seconds
    done: int
    failed: int
    cancelled: int
    deadline: Seconds | None = None
    entry: JobEntry | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """A task that runs.

    Parameters
    ----------
    begun
        Share of the task that was saved when it began.
    progress, saved
        Shares as last written down.
    heard
        When they were.
    stopping
        0: it was not told to stop; 1: after its frame; 2: at once.
    told
        When it was told to stop.
    worth
        Normalised capacity that it holds.
    """

    number: int
    job: str
    step: StepEntry
    task: int
    node: str
    started: Seconds
    lease: Seconds
    mode: int
    memory: MiB
    begun: float
    progress: float
    saved: float
    heard: Seconds
    forecast: tuple[Seconds, Seconds]
    worth: float
    client: str
    round: int = 0
    reason: str = ""
    stopping: int = 0
    told: Seconds = 0.0


@dataclass(slots=True, kw_only=True)
class Totals:
    """What the farm rendered, and how much of it for nothing.

    Parameters
    ----------
    useful
        Seconds of attempts that counted.
    lost
        Outcome -> seconds of work that has to be done again, or was for nothing.
    done, failed, cancelled
        Tasks.
    attempts
        That ended.
    refused
        Reports that changed nothing.
    unneeded
        Attempts that rendered to the end although theirs was no longer the task's turn.
    """

    useful: Seconds = 0.0
    lost: dict[str, Seconds] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    attempts: int = 0
    refused: int = 0
    unneeded: int = 0

    @property
    def repeated(self) -> float:
        """Share of all rendering that is repeated because of interruptions and losses, not of failures."""
        again = self.lost.get("interrupted", 0.0) + self.lost.get("lost", 0.0)
        everything = self.useful + sum(self.lost.values())
        return again / everything if everything > 0 else 0.0
