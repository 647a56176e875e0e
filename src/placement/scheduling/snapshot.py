"""What a policy sees and what it answers: the farm as read-only columns, a choice per task, one signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from placement.errors import InvalidInput
from placement.units import Floats, Ints, Seconds

__all__ = ["WAIT", "Choice", "Policy", "Snapshot", "Start"]

#: In a choice: the task starts nowhere now. In `Snapshot.task_node`: the task runs nowhere.
WAIT = -1


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The farm at one instant: its nodes, and the tasks that are released and not finished.

    Names such as groups and classes are integers; true run times are not in here.

    Parameters
    ----------
    now
        Seconds since the start of the world.
    node_class
        Column of the cost that prices the node, shape ``(nodes,)``.
    node_slots
        How many tasks the node runs at once, shape ``(nodes,)``.
    node_started
        How many tasks the node was given so far, shape ``(nodes,)``.
    node_idle_since
        When the node last changed what it runs, seconds, shape ``(nodes,)``.
    task_index
        Name of the task: its place in the order of arrival, increasing, shape ``(tasks,)``.
    task_group
        Tasks that cost nearly the same share a group (a job, a scene), shape ``(tasks,)``.
    task_siblings
        How many tasks of its group were started before this instant: a group of 0 is unknown, shape ``(tasks,)``.
    task_release, task_deadline
        Seconds; no deadline is infinity. Shape ``(tasks,)``.
    task_chance
        A uniform number in [0, 1) drawn with the world, for policies that toss a coin, shape ``(tasks,)``.
    task_node, task_since
        Node the task runs on and since when in seconds; `WAIT` and NaN while it waits. Shape ``(tasks,)``.
    """

    now: Seconds
    node_class: Ints
    node_slots: Ints
    node_started: Ints
    node_idle_since: Floats
    task_index: Ints
    task_group: Ints
    task_siblings: Ints
    task_release: Floats
    task_deadline: Floats
    task_chance: Floats
    task_node: Ints
    task_since: Floats

    def __post_init__(self) -> None:
        for prefix, count in (("node", self.nodes), ("task", self.tasks)):
            for each in fields(self):
                column = getattr(self, each.name)
                if each.name.startswith(prefix) and column.shape != (count,):
                    raise InvalidInput(f"snapshot column {each.name} has shape {column.shape}, expected ({count},)")
        for each in fields(self):
            if isinstance(column := getattr(self, each.name), np.ndarray):
                column.setflags(write=False)

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_class)

    @property
    def tasks(self) -> int:
        """Number of tasks, waiting and running."""
        return len(self.task_index)

    def waiting(self) -> Ints:
        """Return the rows of the tasks that run nowhere, in order of arrival."""
        return np.flatnonzero(self.task_node == WAIT)

    def running(self) -> Ints:
        """Return the rows of the tasks that run."""
        return np.flatnonzero(self.task_node != WAIT)

    def free_slots(self) -> Ints:
        """Return how many more tasks each node can run now, shape ``(nodes,)``."""
        used = np.bincount(self.task_node[self.running()], minlength=self.nodes)
        return (self.node_slots - used).astype(np.int64)

    def slot_free_at(self, cost: Floats) -> tuple[Ints, Floats]:
        """Return every slot of the farm as (its node, when it is expected to be free in seconds).

        A task that has outrun its expected time is taken to end at once.
        """
        running = self.running()
        node = self.task_node[running]
        end = np.maximum(self.now, self.task_since[running] + cost[running, self.node_class[node]])
        free = np.repeat(np.arange(self.nodes), self.free_slots())
        return np.concatenate([free, node]), np.concatenate([np.full(len(free), self.now), end])


@dataclass(frozen=True, slots=True)
class Start:
    """One task that a policy starts: row of the task in the snapshot, node."""

    row: int
    node: int


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The node each task of the snapshot starts on now, or `WAIT`; running tasks are always `WAIT`.

    Examples
    --------
    >>> import numpy as np
    >>> list(Choice(np.array([2, WAIT, 0])))
    [Start(row=0, node=2), Start(row=2, node=0)]
    """

    node: Ints

    def __post_init__(self) -> None:
        self.node.setflags(write=False)

    def __iter__(self) -> Iterator[Start]:
        for row in np.flatnonzero(self.node != WAIT).tolist():
            yield Start(row, int(self.node[row]))


class Policy(Protocol):
    """Decide what starts now.

    `cost` is the expected run time in seconds, shape ``(tasks, node classes)``, infinite where the task cannot run.
    Pure: the same snapshot and cost give the same choice; the result depends on nothing else.
    """

    def __call__(self, farm: Snapshot, cost: Floats) -> Choice:
        """Choose."""
        ...
