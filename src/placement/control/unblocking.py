"""Who waits for whom: what may start when tasks are done, and what fails unseen when they fail."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from placement.control.holdings import Holdings
from placement.control.nouns import JobEntry, StepEntry
from placement.control.transitions import JobLife, Status
from placement.farm.graph import Wait
from placement.farm.jobs import Waits
from placement.units import Seconds

__all__ = ["doom", "fail_onward", "finish_onward", "gate_opened", "lay_out", "move"]

_ENDS = (int(Status.DONE), int(Status.FAILED), int(Status.CANCELLED), int(Status.DOOMED))


def move(step: StepEntry, task: int, after: Status) -> None:
    """Change a task's status, and the counts with it."""
    before = int(step.status[task])
    step.counts[before] -= 1
    step.counts[after] += 1
    step.status[task] = after


def _move_many(step: StepEntry, tasks: NDArray[np.intp], before: Status, after: Status) -> None:
    step.counts[before] -= len(tasks)
    step.counts[after] += len(tasks)
    step.status[tasks] = after


def lay_out(farm: Holdings, entry: JobEntry, at: Seconds) -> None:
    """Work out what every task waits for, from the statuses there are; what waits for nothing may start.

    For a job that is new, or of which failed tasks are tried again.
    """
    entry.gates = sum(row < 0 and _to_come(farm, name) for name, row in entry.needs)
    for step in entry.steps:
        if step.counts[Status.DOOMED]:
            _move_many(step, step.tasks(Status.DOOMED), Status.DOOMED, Status.BLOCKED)
    for step in entry.steps:
        step.gates = sum(row == step.row and _to_come(farm, name) for name, row in entry.needs)
        step.missing = None
        for wait in entry.edges.waits[step.row]:
            _wait(entry, step, wait)
        _start(entry, step, at)
    for name, row in entry.needs:
        if name in farm.past and farm.past[name].life is not JobLife.DONE:
            doom(entry, row, at)
    for step in entry.steps:
        for status in (Status.FAILED, Status.CANCELLED):
            if step.counts[status]:
                fail_onward(entry, step.row, step.tasks(status), at, counted=True)


def _to_come(farm: Holdings, name: str) -> bool:
    """Tell whether a job that is waited for is not done; one that nobody remembers is over for long."""
    return name in farm.jobs or (name in farm.past and farm.past[name].life is not JobLife.DONE)


def _soft(entry: JobEntry, wait: Wait) -> bool:
    """Tell whether a wait is over when tasks end, however they do: that of a step for its own preview."""
    return entry.steps[wait.on].preview_of >= 0 and entry.steps[wait.step].preview_of < 0


def _wait(entry: JobEntry, step: StepEntry, wait: Wait) -> None:
    """Add what a step waits for in another one."""
    on = entry.steps[wait.on]
    if not wait.by_task:
        done = on.counts[Status.DONE]
        step.gates += (done < len(on.status)) if wait.waits is Waits.ALL else done == 0
        return
    if step.missing is None:
        step.missing = np.zeros(len(step.status), np.int32)
    counts = wait.counts
    if on.counts[Status.BLOCKED] + on.counts[Status.WAITING] < len(on.status):
        over = np.isin(on.status, _ENDS if _soft(entry, wait) else (int(Status.DONE),))
        owner = np.repeat(np.arange(len(counts)), counts)
        counts = np.bincount(owner[~over[wait.members]], minlength=len(counts))
    step.missing += counts.astype(np.int32)


def _start(entry: JobEntry, step: StepEntry, at: Seconds) -> None:
    """Let all tasks of a step wait for a node that wait for nothing else."""
    if step.gates or entry.gates or not step.counts[Status.BLOCKED]:
        return
    free = step.status == Status.BLOCKED
    if step.missing is not None:
        free &= step.missing == 0
    tasks = np.flatnonzero(free)
    if len(tasks):
        if not step.counts[Status.WAITING]:
            step.since = at
        _move_many(step, tasks, Status.BLOCKED, Status.WAITING)


def _release(entry: JobEntry, step: StepEntry, tasks: Iterable[int], at: Seconds) -> None:
    """Note that each of some tasks waits for one task less."""
    missing, status = step.missing, step.status
    assert missing is not None
    shut = step.gates or entry.gates
    for task in tasks:
        missing[task] -= 1
        if not shut and missing[task] == 0 and status[task] == Status.BLOCKED:
            if not step.counts[Status.WAITING]:
                step.since = at
            move(step, task, Status.WAITING)


def finish_onward(entry: JobEntry, row: int, task: int, at: Seconds) -> None:
    """Let go on what waits for a task that is done."""
    step = entry.steps[row]
    for wait in entry.onward[row]:
        target = entry.steps[wait.step]
        if wait.by_task:
            _release(entry, target, wait.waiting(task).tolist(), at)
        elif step.counts[Status.DONE] == (len(step.status) if wait.waits is Waits.ALL else 1):
            target.gates -= 1
            _start(entry, target, at)


def fail_onward(entry: JobEntry, row: int, tasks: NDArray[np.intp], at: Seconds, *, counted: bool = False) -> None:
    """Fail what waits for tasks that failed, and what waits for that, and so on.

    Parameters
    ----------
    counted
        What goes on when these tasks end, however they do, knows of it already.
    """
    reached = [(row, tasks)]
    while reached:
        row, tasks = reached.pop()
        on = entry.steps[row]
        for wait in entry.onward[row]:
            target = entry.steps[wait.step]
            if wait.by_task:
                behind = [task for each in tasks.tolist() for task in wait.waiting(each).tolist()]
                if _soft(entry, wait):
                    if not counted:
                        _release(entry, target, behind, at)
                    continue
                doomed = np.unique(np.array(behind, np.intp))
                doomed = doomed[target.status[doomed] == Status.BLOCKED]
            elif wait.waits is Waits.ANY and (on.open or on.counts[Status.DONE]):
                continue
            else:
                doomed = target.tasks(Status.BLOCKED)
            if len(doomed):
                _move_many(target, doomed, Status.BLOCKED, Status.DOOMED)
                reached.append((wait.step, doomed))
        counted = False


def doom(entry: JobEntry, row: int, at: Seconds) -> None:
    """Fail unseen what waits in a step, -1: in all of them, for a job that failed."""
    for step in entry.steps if row < 0 else [entry.steps[row]]:
        doomed = step.tasks(Status.BLOCKED)
        if len(doomed):
            _move_many(step, doomed, Status.BLOCKED, Status.DOOMED)
            fail_onward(entry, step.row, doomed, at)


def gate_opened(entry: JobEntry, row: int, at: Seconds) -> None:
    """Note that a job is done which a step, -1: the whole job, waited for."""
    if row < 0:
        entry.gates -= 1
        for step in entry.steps:
            _start(entry, step, at)
        return
    step = entry.steps[row]
    step.gates -= 1
    _start(entry, step, at)
