"""A farm in virtual time: tasks arrive, a policy starts them, each takes its true time; the result is a history."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from placement.errors import InvalidInput
from placement.scheduling.snapshot import WAIT, Choice, Policy, Snapshot
from placement.simulator.agenda import Agenda
from placement.simulator.world import World
from placement.units import Floats, Ints

__all__ = ["Belief", "History", "simulate"]

_FINISH_FIRST, _ARRIVE_NEXT = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The attempts of a run in the order they started; columns of shape ``(attempts,)``, times in seconds."""

    task: Ints
    node: Ints
    start: Floats
    end: Floats

    def __post_init__(self) -> None:
        for each in fields(self):
            getattr(self, each.name).setflags(write=False)


class Belief(Protocol):
    """What a policy is told that tasks cost, given what has been seen to finish.

    Called with the attempts that ended so far; answers the expected run time in seconds of every task of the world on
    every node class, shape ``(tasks, classes)``, infinite where a task cannot run.
    """

    def __call__(self, finished: History) -> Floats:
        """Return costs."""
        ...


def simulate(world: World, policy: Policy, belief: Belief) -> History:
    """Run every task of the world to its end, asking the policy whenever something arrived or finished.

    Raises
    ------
    InvalidInput
        The policy started a running task, used a full node or one that cannot run the task, or leaves tasks waiting
        on an idle farm to which nothing more will come.

    Examples
    --------
    >>> from placement.scheduling.policies.fifo import fifo
    >>> from placement.testing.farms import world_of
    >>> world = world_of(true_time=[[2.0], [3.0], [1.0]], node_class=[0, 0])
    >>> simulate(world, fifo, lambda finished: world.true_time).end.tolist()
    [2.0, 3.0, 3.0]
    """
    farm = _Farm(world)
    while len(farm.agenda):
        farm.hear()
        present = farm.present()
        if not len(farm.waiting(present)) or not farm.has_room():
            continue
        farm.perform(present, policy(farm.snapshot(present), belief(farm.finished())[present]))
    if farm.unfinished():
        raise InvalidInput(f"the policy left {farm.unfinished()} tasks waiting for ever at {farm.agenda.now:.6g} s")
    return farm.history()


class _Farm:
    """The changing part of a run: where each task is, and what was started."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.agenda: Agenda[int] = Agenda()
        self._node = np.full(world.tasks, WAIT, np.int64)
        self._start = np.full(world.tasks, np.nan)
        self._end = np.full(world.tasks, np.inf)
        self._done = np.zeros(world.tasks, bool)
        self._used = np.zeros(world.nodes, np.int64)
        self._started = np.zeros(world.nodes, np.int64)
        self._idle_since = np.zeros(world.nodes)
        self._siblings = np.zeros(int(world.task_group.max(initial=-1)) + 1, np.int64)
        self._order: list[int] = []
        self._ended: list[int] = []
        self._released = 0
        for release in np.unique(world.task_release).tolist():
            self.agenda.add(release, WAIT, _ARRIVE_NEXT)

    def hear(self) -> None:
        """Take all events of the next instant."""
        self._happen(self.agenda.take())
        while self.agenda.due():
            self._happen(self.agenda.take())
        self._released = int(np.searchsorted(self.world.task_release, self.agenda.now, side="right"))

    def _happen(self, task: int) -> None:
        if task != WAIT:
            node = self._node[task]
            self._done[task] = True
            self._ended.append(task)
            self._used[node] -= 1
            self._idle_since[node] = self.agenda.now

    def present(self) -> Ints:
        """Return the tasks that are released and not finished."""
        return np.flatnonzero(~self._done[: self._released])

    def waiting(self, present: Ints) -> Ints:
        """Return those of `present` that run nowhere."""
        return np.asarray(present[self._node[present] == WAIT])

    def has_room(self) -> bool:
        """Tell whether any slot is free."""
        return bool((self._used < self.world.node_slots).any())

    def unfinished(self) -> int:
        """Return how many tasks have not ended."""
        return int((~self._done).sum())

    def snapshot(self, present: Ints) -> Snapshot:
        """Show the farm as a policy may see it."""
        world = self.world
        return Snapshot(
            now=self.agenda.now,
            node_class=world.node_class,
            node_slots=world.node_slots,
            node_started=self._started.copy(),
            node_idle_since=self._idle_since.copy(),
            task_index=present,
            task_group=world.task_group[present],
            task_siblings=self._siblings[world.task_group[present]],
            task_release=world.task_release[present],
            task_deadline=world.task_deadline[present],
            task_chance=world.task_chance[present],
            task_node=self._node[present],
            task_since=self._start[present],
        )

    def perform(self, present: Ints, choice: Choice) -> None:
        """Start what was chosen; refuse the impossible."""
        if choice.node.shape != present.shape:
            raise InvalidInput(f"choice has shape {choice.node.shape}, expected ({len(present)},), one per task")
        for start in choice:
            self._begin(int(present[start.row]), start.node)

    def _begin(self, task: int, node: int) -> None:
        seconds = self.world.true_time[task, self.world.node_class[node]]
        if self._node[task] != WAIT:
            raise InvalidInput(f"task {task} was started on node {node} while it runs on node {self._node[task]}")
        if self._used[node] >= self.world.node_slots[node]:
            raise InvalidInput(f"task {task} was started on node {node}, which has no free slot")
        if not np.isfinite(seconds):
            raise InvalidInput(f"task {task} was started on node {node}, which cannot run it")
        self._node[task], self._start[task], self._end[task] = node, self.agenda.now, self.agenda.now + seconds
        self._used[node] += 1
        self._started[node] += 1
        self._siblings[self.world.task_group[task]] += 1
        self._idle_since[node] = self.agenda.now
        self._order.append(task)
        self.agenda.add(float(self._end[task]), task, _FINISH_FIRST)

    def finished(self) -> History:
        """Return the attempts that ended so far, in the order they ended."""
        return self._of(self._ended)

    def history(self) -> History:
        """Return all attempts in the order they started."""
        return self._of(self._order)

    def _of(self, tasks: list[int]) -> History:
        rows = np.array(tasks, np.int64)
        return History(rows, self._node[rows], self._start[rows], self._end[rows])
