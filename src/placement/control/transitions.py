"""States of tasks, nodes and jobs, and how one follows another: the tables that the fold obeys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from placement.errors import JournalError

__all__ = ["ENDED", "JOB_MOVES", "NODE_MOVES", "OPEN", "POWER_MOVES", "TASK_MOVES", "JobLife", "NodeLife", "Power",
           "Status", "check_move"]  # fmt: skip


class Status(IntEnum):
    """Where a task stands."""

    BLOCKED = 0  #: waits for other tasks or jobs
    WAITING = 1  #: may start
    BACKING_OFF = 2  #: failed, and may start again later
    RUNNING = 3  #: has a live attempt
    DONE = 4
    FAILED = 5  #: given up
    CANCELLED = 6  #: its job was cancelled
    DOOMED = 7  #: failed unseen: what it waits for failed


class NodeLife(StrEnum):
    """Whether a node takes work."""

    IN = "in"  #: takes work
    DRAINING = "draining"  #: takes no new work
    QUARANTINED = "quarantined"  #: too much failed there; takes no work until somebody returns it
    LOST = "lost"  #: silent


class Power(IntEnum):
    """Whether a node is awake."""

    UP = 0
    ASLEEP = 1
    WAKING = 2
    FALLING_ASLEEP = 3


class JobLife(StrEnum):
    """Where a job stands."""

    ACTIVE = "active"
    PAUSED = "paused"  #: nothing of it starts
    CANCELLING = "cancelling"  #: cancelled, and some of it still runs
    DONE = "done"  #: all tasks are done
    PARTIAL = "partial"  #: some tasks are done, the others failed
    FAILED = "failed"  #: no task is done
    CANCELLED = "cancelled"


#: Statuses of tasks that may still be done.
OPEN = frozenset((Status.BLOCKED, Status.WAITING, Status.BACKING_OFF, Status.RUNNING))
#: Lives of jobs that are over.
ENDED = frozenset((JobLife.DONE, JobLife.PARTIAL, JobLife.FAILED, JobLife.CANCELLED))

#: Status -> statuses that may follow.
TASK_MOVES: Mapping[Status, frozenset[Status]] = {
    Status.BLOCKED: frozenset((Status.WAITING, Status.FAILED, Status.DOOMED, Status.CANCELLED)),
    Status.WAITING: frozenset((Status.RUNNING, Status.FAILED, Status.CANCELLED)),
    Status.BACKING_OFF: frozenset((Status.RUNNING, Status.FAILED, Status.CANCELLED)),
    Status.RUNNING: frozenset((Status.DONE, Status.WAITING, Status.BACKING_OFF, Status.FAILED, Status.CANCELLED)),
    Status.DONE: frozenset(),
    Status.FAILED: frozenset((Status.WAITING, Status.BLOCKED)),  # retried
    Status.CANCELLED: frozenset(),
    Status.DOOMED: frozenset((Status.WAITING, Status.BLOCKED)),  # what it waits for was retried
}

NODE_MOVES: Mapping[NodeLife, frozenset[NodeLife]] = {
    NodeLife.IN: frozenset((NodeLife.DRAINING, NodeLife.QUARANTINED, NodeLife.LOST)),
    NodeLife.DRAINING: frozenset((NodeLife.IN, NodeLife.QUARANTINED, NodeLife.LOST)),
    NodeLife.QUARANTINED: frozenset((NodeLife.IN, NodeLife.DRAINING, NodeLife.LOST)),
    NodeLife.LOST: frozenset((NodeLife.IN, NodeLife.DRAINING, NodeLife.QUARANTINED)),  # whatever it was before
}

POWER_MOVES: Mapping[Power, frozenset[Power]] = {
    Power.UP: frozenset((Power.FALLING_ASLEEP, Power.ASLEEP)),
    Power.FALLING_ASLEEP: frozenset((Power.ASLEEP, Power.WAKING, Power.UP)),
    Power.ASLEEP: frozenset((Power.WAKING, Power.UP)),
    Power.WAKING: frozenset((Power.UP, Power.FALLING_ASLEEP, Power.ASLEEP)),
}

JOB_MOVES: Mapping[JobLife, frozenset[JobLife]] = {
    JobLife.ACTIVE: frozenset((JobLife.PAUSED, JobLife.CANCELLING, JobLife.DONE, JobLife.PARTIAL, JobLife.FAILED)),
    JobLife.PAUSED: frozenset((JobLife.ACTIVE, JobLife.CANCELLING, JobLife.DONE, JobLife.PARTIAL, JobLife.FAILED)),
    JobLife.CANCELLING: frozenset((JobLife.CANCELLED,)),
    JobLife.DONE: frozenset(),
    JobLife.PARTIAL: frozenset((JobLife.ACTIVE, JobLife.PAUSED)),  # retried, or what it waits for was
    JobLife.FAILED: frozenset((JobLife.ACTIVE, JobLife.PAUSED)),
    JobLife.CANCELLED: frozenset(),
}

_Table = Mapping[Status, frozenset[Status]] | Mapping[NodeLife, frozenset[NodeLife]]


def check_move(allowed: bool, what: str, before: IntEnum | StrEnum, after: IntEnum | StrEnum) -> None:
    """Refuse a transition that no table allows.

    Raises
    ------
    JournalError
        The facts do not follow from each other: the journal is not one that this package wrote.

    Examples
    --------
    >>> check_move(Status.RUNNING in TASK_MOVES[Status.DONE], "task 3 of step 'a'", Status.DONE, Status.RUNNING)
    Traceback (most recent call last):
        ...
    placement.errors.JournalError: task 3 of step 'a' is DONE and cannot become RUNNING: the facts do not fit together
    """
    if not allowed:
        raise JournalError(f"{what} is {before.name} and cannot become {after.name}: the facts do not fit together")
