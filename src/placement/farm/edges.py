"""Which task of a job waits for which, as columns, and the steps in an order that their waits allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from placement.errors import InvalidInput
from placement.farm.given import shown
from placement.farm.jobs import After, Job, Step, Waits
from placement.units import Ints

__all__ = ["Edges", "Wait", "edges", "on_step", "ordered"]

_NONE = np.zeros(0, dtype=np.int64)
_NONE.setflags(write=False)
#: Steps of a circle that a message names.
_NAMED = 20


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """What the tasks of a step wait for in one step.

    Parameters
    ----------
    step, on
        Rows of the waiting step and of the step waited for; the same for `Waits.PREVIOUS` in the step itself.
    waits
        ALL: every task waits for all tasks of `on`; ANY: for whichever is done first; else the columns tell.
    begin, members
        Of SAME and PREVIOUS: task *t* waits for ``members[begin[t]:begin[t + 1]]``, ascending; shapes ``(tasks + 1,)``
        and ``(pairs,)``. Empty else.
    held_begin, held
        The same from the other side: task *u* of `on` is waited for by ``held[held_begin[u]:held_begin[u + 1]]``.
    """

    step: int
    on: int
    waits: Waits
    begin: Ints
    members: Ints
    held_begin: Ints
    held: Ints

    @property
    def by_task(self) -> bool:
        """Whether each task waits for tasks of its own, as told by the columns."""
        return self.waits in (Waits.SAME, Waits.PREVIOUS)

    @property
    def counts(self) -> Ints:
        """For how many tasks each task waits, shape ``(tasks,)``; empty for ALL and ANY."""
        return np.diff(self.begin)

    def of(self, task: int) -> Ints:
        """Return the tasks of `on` that a task waits for (SAME and PREVIOUS)."""
        return self.members[self.begin[task] : self.begin[task + 1]]

    def waiting(self, done: int) -> Ints:
        """Return the tasks that wait for a task of `on` (SAME and PREVIOUS)."""
        return self.held[self.held_begin[done] : self.held_begin[done + 1]]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Which step waits for which.

    Parameters
    ----------
    order
        Rows of the steps, each after all it waits for; among those that are free the earlier row first.
    waits
        By row of the waiting step: one `Wait` per dependency on a step, in the order of `Step.after`.
    """

    order: tuple[int, ...]
    waits: tuple[tuple[Wait, ...], ...]


def edges(job: Job) -> Edges:
    """Lay out what the tasks of a job wait for.

    Tasks of SAME wait for those that hold one of their frame numbers; tasks of PREVIOUS for those that hold the
    number before one of theirs, less by the waiting step's `Frames.by`, but never for themselves. A number that the
    other step does not have is not waited for.

    Parameters
    ----------
    job
        As `check` let it pass.

    Raises
    ------
    InvalidInput
        Steps wait for each other.

    Examples
    --------
    >>> from placement.farm.jobs import Frames
    >>> light = Step(name="light", frames=Frames(first=1, last=9, chunk=3))
    >>> comp = Step(name="comp", frames=Frames(first=2, last=8, by=2), after=(After(step="light", waits=Waits.SAME),))
    >>> laid = edges(Job(name="sh010", client="film", steps=(comp, light)))
    >>> laid.order
    (1, 0)
    >>> [laid.waits[0][0].of(task).tolist() for task in range(4)]
    [[0], [1], [1], [2]]
    >>> laid.waits[0][0].waiting(1).tolist()
    [1, 2]
    """
    rows = {step.name: row for row, step in enumerate(job.steps)}
    return Edges(
        ordered(job),
        tuple(
            tuple(
                _wait(job.steps, row, rows[each.step or step.name], each.waits) for each in step.after if on_step(each)
            )
            for row, step in enumerate(job.steps)
        ),
    )


def on_step(after: After) -> bool:
    """Tell whether a dependency is on a step of the same job (or on the step itself)."""
    return not after.job and not after.group


def ordered(job: Job) -> tuple[int, ...]:
    """Return the rows of the steps, each after all it waits for, the earlier row first where both are free.

    Raises
    ------
    InvalidInput
        Steps wait for each other; the message shows one circle.

    Examples
    --------
    >>> steps = (Step(name="a", after=(After(step="b"),)), Step(name="b", after=(After(step="a"),)))
    >>> ordered(Job(name="sh010", client="film", steps=steps))
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: job 'sh010': steps wait for each other: a -> b -> a
    """
    rows = {step.name: row for row, step in enumerate(job.steps)}
    needs = [
        {
            rows[each.step]
            for each in step.after
            if each.step and (each.waits is not Waits.PREVIOUS or rows[each.step] != row)
        }
        for row, step in enumerate(job.steps)
    ]
    missing = [len(each) for each in needs]
    held: list[list[int]] = [[] for _ in needs]
    for row, each in enumerate(needs):
        for on in each:
            held[on].append(row)
    free = [row for row, count in enumerate(missing) if not count]
    heapify(free)
    order = []
    while free:
        order.append(done := heappop(free))
        for row in held[done]:
            missing[row] -= 1
            if not missing[row]:
                heappush(free, row)
    if len(order) < len(needs):
        circle = [job.steps[row].name for row in _circle(needs, missing)]
        named = " -> ".join(circle if len(circle) <= _NAMED else [*circle[: _NAMED - 1], "…", circle[-1]])
        raise InvalidInput(f"job {shown(job.name)}: steps wait for each other: {named}")
    return tuple(order)


def _circle(needs: Sequence[set[int]], missing: Sequence[int]) -> list[int]:
    """Follow what never came free until a row comes again: everything left waits for something left."""
    row = next(row for row, count in enumerate(missing) if count)
    place: dict[int, int] = {}
    walk: list[int] = []
    while row not in place:
        place[row] = len(walk)
        walk.append(row)
        row = min(on for on in needs[row] if missing[on])
    circle = walk[place[row] :]
    lowest = circle.index(min(circle))
    circle = circle[lowest:] + circle[:lowest]
    return [*circle, circle[0]]


def _wait(steps: Sequence[Step], row: int, on: int, waits: Waits) -> Wait:
    if waits not in (Waits.SAME, Waits.PREVIOUS):
        return Wait(row, on, waits, _NONE, _NONE, _NONE, _NONE)
    ours, theirs = steps[row].frames, steps[on].frames
    place = np.arange(ours.count, dtype=np.int64)
    offset = place * ours.by + (ours.first - theirs.first - (ours.by if waits is Waits.PREVIOUS else 0))
    index = offset // theirs.by
    there = (offset == index * theirs.by) & (index >= 0) & (index < theirs.count)
    task, member = place[there] // ours.chunk, index[there] // theirs.chunk
    if row == on:
        other = task != member
        task, member = task[other], member[other]
    # Both grow with the frame number, so that equal pairs are neighbours.
    new = np.ones(len(task), dtype=bool)
    new[1:] = (task[1:] != task[:-1]) | (member[1:] != member[:-1])
    task, member = task[new], member[new]
    columns = (_begin(task, ours.tasks), member, _begin(member, theirs.tasks), task)
    for column in columns:
        column.setflags(write=False)
    return Wait(row, on, waits, *columns)


def _begin(rows: Ints, count: int) -> Ints:
    """Return where each row's values begin in values ordered by row, shape ``(count + 1,)``."""
    begin = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=begin[1:])
    return begin
