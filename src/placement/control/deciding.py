"""What becomes of a plan: attempts with numbers, stops, sleep and waking, as far as the farm still allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from placement.control.holdings import Holdings
from placement.control.nouns import JobEntry, StepEntry
from placement.control.nouns_farm import Node
from placement.control.seeing import Seen
from placement.control.settings import Settings
from placement.control.suiting import asks, offers
from placement.control.transitions import JobLife, NodeLife, Power, Status
from placement.farm.facts import AttemptStarted, AttemptStopping, Decided, Fact, NodePower
from placement.farm.jobs import Checkpoint
from placement.farm.machines import Resource
from placement.scheduling.plan import Plan, Reason
from placement.scheduling.previews import key_frame_order
from placement.scheduling.shares import short_since
from placement.units import MiB, Seconds

__all__ = ["decided"]

_BY = "planner"
_ROUNDING = 1e-6
_QUANTILE = 1.2816  #: standard deviations up to the 90 % quantile
_MOVED = 0.02  #: a job's end has moved when it lies this share of what is left away from what was said


def decided(state: Holdings, seen: Seen, plan: Plan, now: Seconds, seconds: Seconds, settings: Settings) -> list[Fact]:
    """Return what a plan means: first the round, then what stops, starts, sleeps and wakes.

    What the farm no longer allows, since it changed after it was seen, is left out.

    Parameters
    ----------
    seconds
        That the decision took.
    """
    room = _Room(state, now)
    stops = _stops(state, seen, plan, now)
    starts = _starts(state, seen, plan, room, settings)
    power = _power(state, seen, plan, now, {fact.node for fact in starts})
    history = {
        name: float(f"{each:.9g}")
        for name, each in zip(seen.snapshot.clients.names, seen.snapshot.clients.history.tolist(), strict=True)
        if each
    }
    since = short_since(seen.snapshot, seen.cost).tolist()
    short = {name: each for name, each in zip(seen.snapshot.clients.names, since, strict=True) if math.isfinite(each)}
    return [
        Decided(
            at=now, by=_BY, round=state.round + 1, waiting=int(seen.snapshot.steps.waiting.sum()),
            running=seen.snapshot.attempts.count, starts=len(starts), stops=len(stops), seconds=seconds,
            model=seen.model, outlooks=_outlooks(state, seen, plan), history=history, short_since=short,
        ),
        *stops, *starts, *power,
    ]  # fmt: skip


@dataclass(slots=True)
class _Room:
    """What is still free, looked up when first needed."""

    state: Holdings
    now: Seconds
    free: dict[str, list[float]] = field(default_factory=dict)
    licences: dict[str, int] = field(default_factory=dict)

    def take(self, node: Node, step: StepEntry, memory: MiB) -> bool:
        """Take what a task needs of a node, and its licence; False: it is not there."""
        if node.life is not NodeLife.IN or node.power is not Power.UP or node.trusted > self.now:
            return False
        needs = step.step.requirements
        if not set(needs.tags) <= set(node.spec.tags):
            return False
        free = self.free.get(node.name)
        if free is None:
            free = self.free[node.name] = list(offers(node.spec))
            for number in node.attempts:
                attempt = self.state.attempts[number]
                for resource, held in enumerate(asks(attempt.step.step.requirements, attempt.memory)):
                    free[resource] -= held
        wanted = asks(needs, memory)
        if any(each > left + _ROUNDING * max(left, 1.0) for each, left in zip(wanted, free, strict=True)):
            return False
        if needs.licence:
            state = self.state
            left = self.licences.setdefault(
                needs.licence, state.licences.get(needs.licence, 0) - state.licences_held.get(needs.licence, 0)
            )
            if left < 1:
                return False
            self.licences[needs.licence] = left - 1
        for resource, each in enumerate(wanted):
            free[resource] -= each
        return True


@dataclass(slots=True)
class _Queue:
    """Tasks of a step that may start, best first."""

    step: StepEntry
    tasks: list[int]

    @classmethod
    def of(cls, step: StepEntry, now: Seconds) -> _Queue:
        """Order: what failed first, so that a corrupt scene is known soon; what was begun; else as numbered.

        Of previews what shows most comes first.
        """
        waiting = step.tasks(Status.WAITING).tolist()
        if step.counts[Status.BACKING_OFF]:
            waiting += [task for task in step.tasks(Status.BACKING_OFF).tolist() if step.ready(task, now)]
        if step.preview_of >= 0:
            rank = np.argsort(key_frame_order(len(step.status)))
            waiting.sort(key=rank.__getitem__)
        if step.troubles:
            troubles = step.troubles
            waiting.sort(key=lambda task: (task not in troubles or not troubles[task].failures, -step.saved(task)))
        return cls(step, waiting)

    def next(self, node: str) -> int | None:
        """Return a task for a node, if there is a choice one that has not failed there."""
        if not self.tasks:
            return None
        for place, task in enumerate(self.tasks[:32]):
            trouble = self.step.troubles.get(task)
            if trouble is None or all(failure.node != node for failure in trouble.failures):
                return self.tasks.pop(place)
        return self.tasks.pop(0)


def _starts(state: Holdings, seen: Seen, plan: Plan, room: _Room, settings: Settings) -> list[AttemptStarted]:
    queues: dict[int, _Queue] = {}
    facts: list[AttemptStarted] = []
    starts, number = plan.starts, state.next_attempt
    columns = zip(
        starts.step.tolist(), starts.node.tolist(), starts.mode.tolist(), starts.reason.tolist(),
        starts.score.tolist(), starts.alternative.tolist(), strict=True,
    )  # fmt: skip
    memory = seen.snapshot.steps.request[:, Resource.MEMORY]
    deviation = np.hypot(seen.cost.spread, seen.cost.common)
    for row, at, mode, reason, score, alternative in columns:
        job, step = seen.steps[row]
        entry, node = state.jobs.get(job), state.nodes.get(seen.nodes[at])
        if entry is None or node is None or not _may(entry, step, room.now):
            continue
        queue = queues.get(row)
        if queue is None:
            queue = queues[row] = _Queue.of(step, room.now)
        if not queue.tasks or not room.take(node, step, float(memory[row])):
            continue
        task = queue.next(node.name)
        assert task is not None
        saved = 0.0 if step.step.checkpoint is Checkpoint.NONE else step.saved(task)
        klass = int(seen.snapshot.nodes.node_class[at])
        expected = float(seen.cost.seconds[row, klass] / seen.snapshot.classes.speed[klass, mode]) * (1 - saved)
        facts.append(
            AttemptStarted(
                at=room.now, by=_BY, attempt=number, job=job, step=step.name, task=task, node=node.name,
                lease=room.now + settings.lease, mode=mode, memory=float(memory[row]), saved=saved,
                round=state.round + 1, reason=Reason(reason).name, score=_said(score), alternative=_said(alternative),
                forecast=(expected, expected * float(np.exp(_QUANTILE * deviation[row]))),
            )
        )  # fmt: skip
        number += 1
    return facts


def _said(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _may(entry: JobEntry, step: StepEntry, now: Seconds) -> bool:
    """Tell whether a step of a job may start something."""
    return entry.life is JobLife.ACTIVE and entry.release <= now and entry.steps[step.row] is step


def _stops(state: Holdings, seen: Seen, plan: Plan, now: Seconds) -> list[AttemptStopping]:
    facts = []
    stops = plan.stops
    for row, at_once, reason in zip(stops.attempt.tolist(), stops.now.tolist(), stops.reason.tolist(), strict=True):
        attempt = state.attempts.get(seen.attempts[row])
        if attempt is not None and attempt.stopping < 1 + at_once:
            why = Reason(reason).name
            facts.append(AttemptStopping(at=now, by=_BY, attempt=attempt.number, now=bool(at_once), reason=why))
    return facts


def _power(state: Holdings, seen: Seen, plan: Plan, now: Seconds, used: set[str]) -> list[NodePower]:
    facts = []
    power = plan.power
    for row, up, reason in zip(power.node.tolist(), power.up.tolist(), power.reason.tolist(), strict=True):
        node = state.nodes.get(seen.nodes[row])
        if node is None or node.life is NodeLife.LOST:
            continue
        sleeps = node.power is Power.UP and not node.attempts and node.name not in used and node.spec.wake_seconds > 0
        wakes = node.power in (Power.ASLEEP, Power.FALLING_ASLEEP)
        if wakes if up else sleeps:
            facts.append(NodePower(at=now, by=_BY, node=node.name, up=bool(up), reason=Reason(reason).name))
    return facts


def _outlooks(state: Holdings, seen: Seen, plan: Plan) -> Mapping[str, tuple[Seconds, float, bool]]:
    """Return what is expected of jobs, of those for which that has changed noticeably."""
    if plan.outlooks is None:
        return {}
    found = {}
    now = seen.snapshot.now
    columns = (plan.outlooks.finish.tolist(), plan.outlooks.on_time.tolist(), plan.outlooks.given_up.tolist())
    for name, finish, chance, given_up in zip(seen.jobs, *columns, strict=True):
        before = state.outlooks.get(name)
        if before is not None and before[2] == bool(given_up) and abs(before[1] - chance) < 0.05:
            moved = 0.0 if before[0] == finish else abs(before[0] - finish)
            if moved < _MOVED * max(before[0] - now, 60.0):
                continue
        found[name] = (float(finish), float(f"{chance:.4g}"), bool(given_up))
    return found
