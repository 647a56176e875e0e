"""What must hold of a farm after every fact."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from placement.control.holdings import Holdings
from placement.control.nouns import JobEntry, StepEntry
from placement.control.suiting import asks, offers
from placement.control.transitions import ENDED, JobLife, NodeLife, Power, Status
from placement.farm.jobs import Waits

__all__ = ["broken"]

_ROUNDING = 1e-6


def broken(state: Holdings) -> list[str]:
    """Return what does not hold of a farm that must, in words; nothing: all is well.

    No node holds more than it has; each task has at most one live attempt, exactly those that run; nothing runs before
    what it waits for is done; licences are kept, unless there became fewer of them; counts are those of the tasks; live
    attempts are on nodes that are there and not lost, with numbers below the next one; jobs that are over have nothing
    open.

    Examples
    --------
    >>> from placement.control.state import FarmState
    >>> broken(FarmState())
    []
    """
    return [*_attempts(state), *_nodes(state), *_shared(state), *_jobs(state), *_past(state)]


def _attempts(state: Holdings) -> Iterator[str]:
    tasks: dict[tuple[str, int, int], int] = {}
    last = 0
    for number, attempt in state.attempts.items():
        if not last < number < state.next_attempt or attempt.number != number:
            yield f"attempt {number} after {last}, the next is {state.next_attempt}: numbers must grow"
        last = number
        key = (attempt.job, attempt.step.row, attempt.task)
        if key in tasks:
            yield f"task {key} has two live attempts, {tasks[key]} and {number}"
        tasks[key] = number
        entry, node = state.jobs.get(attempt.job), state.nodes.get(attempt.node)
        if entry is None or entry.steps[attempt.step.row] is not attempt.step:
            yield f"attempt {number}: job {attempt.job!r} is not live"
        if attempt.step.status[attempt.task] != Status.RUNNING:
            yield f"attempt {number}: task {key} is {Status(int(attempt.step.status[attempt.task])).name}, not running"
        if node is None or number not in node.attempts or node.life is NodeLife.LOST or node.power is not Power.UP:
            yield f"attempt {number}: node {attempt.node!r} is not there, lost, asleep, or knows nothing of it"
        if not 0 <= attempt.begun <= attempt.saved <= 1 or not attempt.progress <= 1:
            yield f"attempt {number}: begun at {attempt.begun}, saved {attempt.saved}, progress {attempt.progress}"
    running = sum(step.counts[Status.RUNNING] for entry in state.jobs.values() for step in entry.steps)
    if running != len(tasks):
        yield f"{running} tasks are running, {len(tasks)} have live attempts"


def _nodes(state: Holdings) -> Iterator[str]:
    for node in state.nodes.values():
        held = np.zeros(5)
        for number in node.attempts:
            if number not in state.attempts or state.attempts[number].node != node.name:
                yield f"node {node.name!r} has attempt {number}, which is not live there"
                continue
            attempt = state.attempts[number]
            held += asks(attempt.step.step.requirements, attempt.memory)
            if not set(attempt.step.step.requirements.tags) <= set(node.spec.tags):
                yield f"node {node.name!r} lacks tags of attempt {number}"
        offer = np.array(offers(node.spec))
        if (held > offer + _ROUNDING * np.maximum(offer, 1.0)).any():
            yield f"node {node.name!r} offers {offer.tolist()} and holds {held.tolist()}"
        if node.attempts and list(node.attempts) != sorted(node.attempts):
            yield f"node {node.name!r}: attempts {list(node.attempts)} are not in order"


def _shared(state: Holdings) -> Iterator[str]:
    licences: Counter[str] = Counter()
    clients: Counter[str] = Counter()
    worth: defaultdict[str, float] = defaultdict(float)
    for attempt in state.attempts.values():
        clients[attempt.client] += 1
        worth[attempt.client] += attempt.worth
        if attempt.step.step.requirements.licence:
            licences[attempt.step.step.requirements.licence] += 1
    for name in {*state.licences, *licences, *state.licences_held}:
        held = state.licences_held.get(name, 0)
        if held != licences[name] or held > state.licence_peak.get(name, 0):
            yield f"licence {name!r}: {held} held, {licences[name]} by attempts, of {state.licences.get(name, 0)}"
    for client in state.clients.values():
        if client.running != clients[client.name]:
            yield f"client {client.name!r} has {client.running} running, {clients[client.name]} attempts"
        if abs(client.held - worth[client.name]) > _ROUNDING * max(1.0, worth[client.name]):
            yield f"client {client.name!r} holds {client.held}, its attempts {worth[client.name]}"


def _jobs(state: Holdings) -> Iterator[str]:
    backing_off = set(state.backing_off)
    for name, entry in state.jobs.items():
        if entry.life in ENDED or not entry.open:
            yield f"job {name!r} is {entry.life.value} with {entry.open} open tasks, among the live ones"
        gates = sum(row < 0 and _to_come(state, each) for each, row in entry.needs)
        if gates != entry.gates:
            yield f"job {name!r} waits for {gates} jobs and counts {entry.gates}"
        for step in entry.steps:
            yield from _step(state, entry, step, backing_off)
    if backing_off:
        yield f"tasks {sorted(backing_off)[:5]} back off and are none"


def _to_come(state: Holdings, job: str) -> bool:
    return job in state.jobs or (job in state.past and state.past[job].life is not JobLife.DONE)


def _step(state: Holdings, entry: JobEntry, step: StepEntry, backing_off: set[tuple[str, int, int]]) -> Iterator[str]:
    where = f"step {step.name!r} of job {entry.name!r}"
    counts = np.bincount(step.status, minlength=len(Status)).tolist()
    if counts != step.counts or sum(counts) != step.step.frames.tasks:
        yield f"{where}: tasks by status {counts}, counted {step.counts}, {step.step.frames.tasks} in all"
    for task in step.tasks(Status.BACKING_OFF).tolist():
        key = (entry.name, step.row, task)
        if key not in backing_off:
            yield f"{where}: task {task} backs off and is not on the list"
        backing_off.discard(key)
    if step.gates < 0 or (step.missing is not None and (step.missing < 0).any()):
        yield f"{where}: waits for less than nothing"
    began = np.isin(step.status, [Status.WAITING, Status.BACKING_OFF, Status.RUNNING, Status.DONE])
    if not began.any():
        return
    if any(row in (-1, step.row) and _to_come(state, each) for each, row in entry.needs):
        yield f"{where}: tasks may start before jobs that they wait for are done"
    for wait in entry.edges.waits[step.row]:
        on = entry.steps[wait.on]
        done, soft = on.status == Status.DONE, on.preview_of >= 0 and step.preview_of < 0
        if not wait.by_task:
            if not (done.all() if wait.waits is Waits.ALL else done.any()):
                yield f"{where}: tasks may start before step {on.name!r} is done"
            continue
        over = on.status >= Status.DONE if soft else done
        for task in np.flatnonzero(began).tolist():
            if not over[wait.of(task)].all():
                yield f"{where}: task {task} may start before tasks of step {on.name!r} that it waits for"


def _past(state: Holdings) -> Iterator[str]:
    for name, past in state.past.items():
        if past.life not in ENDED or name in state.jobs:
            yield f"job {name!r} is {past.life.value} and over, or there twice"
        if past.entry is not None and (past.entry.open or name not in state.retryable):
            yield f"job {name!r} is over with {past.entry.open} open tasks, or cannot be retried"
