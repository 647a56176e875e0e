"""Facts about jobs, groups of jobs and tasks."""

from __future__ import annotations

from dataclasses import dataclass

from placement.farm.facts_common import Fact
from placement.farm.jobs import Job
from placement.units import Seconds

__all__ = [
    "DeadlineMoved",
    "GroupSet",
    "JobCancelled",
    "JobPaused",
    "JobReprioritised",
    "JobResumed",
    "JobSubmitted",
    "TaskFailed",
    "TasksRetried",
]


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
class TaskFailed(Fact):
    """A task is given up: its budget is spent, or it failed alike on distinct nodes; -1: all of the step's to come."""

    job: str
    step: str
    task: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSet(Fact):
    """How important a group is: a factor on the importance of all jobs in it and below it."""

    group: str
    importance: float
