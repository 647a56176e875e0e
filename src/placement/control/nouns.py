"""What a farm's state holds of work: jobs, their steps, what befell their tasks, attempts, and jobs that are over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from placement.control.forecasting import Observed, StepAsked
from placement.control.transitions import JobLife, Status
from placement.farm.graph import Edges, Wait, edges
from placement.farm.jobs import Checkpoint, Job, Step
from placement.units import MiB, Seconds

__all__ = ["Attempt", "Failure", "JobEntry", "Past", "StepEntry", "Trouble"]


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
    behind
        Rows of the steps that it waits for.
    asked
        What a forecaster was asked last; None: that has changed since.
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
    behind: tuple[int, ...] = ()
    asked: StepAsked | None = None

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
    paused
        Its owner paused it last, whatever became of it since.
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
    paused: bool = False
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

    def behind(self, row: int) -> tuple[int, ...]:
        """Return the rows of the steps that a step waits for, itself not among them."""
        step = self.whole.steps[row]
        return tuple(sorted({self.rows[after.step] for after in step.after if after.step} - {row}))

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
