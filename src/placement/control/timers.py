"""What becomes due by itself: silent nodes, attempts that hang, stops that nobody obeyed, nodes that do not wake."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from placement.control.holdings import Holdings
from placement.control.judging import end
from placement.control.nouns import Attempt
from placement.control.nouns_farm import Node
from placement.control.reactions import lose
from placement.control.settings import Settings
from placement.control.transitions import NodeLife, Power
from placement.farm.facts import Fact, NodePower, Outcome
from placement.units import Seconds

__all__ = ["next_chance", "next_due", "overdue", "stuck_at"]

_Due: TypeAlias = tuple[Seconds, Callable[[], list[Fact]]]
_LEAST_LEFT = 0.05


def overdue(state: Holdings, now: Seconds, settings: Settings) -> list[Fact]:
    """Return what follows from the time alone; everything is looked through when something may be overdue.

    That is once in `Settings.look` seconds at most.

    Silence counts from when the controller began to look at the clock without a gap of half a lease: if it was away
    itself, or the clock jumped, nobody is lost for it.
    """
    senses = state.senses
    senses.look(now, settings.lease / 2)
    if senses.scanned <= now < _look_at(state, settings):
        return []
    facts: list[Fact] = []
    soonest = math.inf
    for node in state.nodes.values():
        when, then = _of_node(state, node, now, settings)
        if when <= now:
            facts += then()
            continue
        soonest = min(soonest, when)
        for number in node.attempts:
            when, then = _of_attempt(state, state.attempts[number], now, settings)
            if when <= now:
                facts += then()
            else:
                soonest = min(soonest, when)
    senses.scanned, senses.due = now, soonest
    return facts


def _look_at(state: Holdings, settings: Settings) -> Seconds:
    """Return when to look through everything again.

    That is when something was due as of the last look, or the soonest that something is due which came after it; but
    not before `Settings.look` seconds are over.
    """
    senses = state.senses
    patience = min(settings.stuck_least, settings.timeout_grace, settings.stop_grace, settings.grace, settings.lease)
    due = min(senses.due, senses.scanned + patience) if state.nodes else math.inf
    return max(senses.scanned + settings.look, due)


def next_due(state: Holdings, now: Seconds, settings: Settings) -> Seconds:
    """Return when there is something to look at next, if nothing is heard until then; infinite: never.

    That is when a task's back-off ends, a job is released, a node is trusted again, or when something may be overdue.
    """
    look = _look_at(state, settings)
    if not state.senses.scanned <= now < look:
        return now
    return min(look, next_chance(state, now))


def next_chance(state: Holdings, now: Seconds) -> Seconds:
    """Return when something may start for no other reason than that time passes; infinite: never.

    That is when a task's back-off ends, a job is released, or a node is trusted again; seconds since 1970.
    """
    jobs, nodes = state.jobs.values(), state.nodes.values()
    times = (*state.backing_off.values(), *(job.release for job in jobs), *(node.trusted for node in nodes))
    return min((time for time in times if time > now), default=math.inf)


def _nothing() -> list[Fact]:
    return []


def _of_node(state: Holdings, node: Node, now: Seconds, settings: Settings) -> _Due:
    """Return when a node is overdue, and what follows."""
    if node.life is NodeLife.LOST:
        return _of_lost(node, now, settings)
    if node.power is Power.ASLEEP:
        return math.inf, _nothing
    begun = max(min(node.ready, now + node.spec.wake_seconds + node.spec.sleep_seconds), state.senses.awake)
    if node.power is Power.FALLING_ASLEEP:
        settled = NodePower(at=now, by="controller", node=node.name, up=False, settled=True)
        return begun + settings.lease, lambda: [settled]
    if node.power is Power.WAKING:
        when = begun + settings.wake_patience * node.spec.wake_seconds + settings.lease
        return when, partial(lose, state, node, now, settings, "it was woken and is silent")
    heard = state.senses.heard(node.name, now)
    for since in (node.since, node.ready):
        heard = max(heard, since) if since <= now else heard
    why = f"nothing was heard of it for {settings.lease:g} s"
    return heard + settings.lease, partial(lose, state, node, now, settings, why)


def _of_lost(node: Node, now: Seconds, settings: Settings) -> _Due:
    """Return when a lost node is told to wake, ever less often: it may sleep, by an order that was late or lost."""
    if not node.spec.wake_seconds > 0:
        return math.inf, _nothing
    tried = min(max(node.since, node.ready), now)
    patience = max(settings.wake_patience * node.spec.wake_seconds + settings.lease, tried - node.since)
    wake = NodePower(at=now, by="controller", node=node.name, up=True, reason="LOST")
    return tried + patience, lambda: [wake]


def _of_attempt(state: Holdings, attempt: Attempt, now: Seconds, settings: Settings) -> _Due:
    """Return when an attempt is overdue, and what follows."""
    step, awake = attempt.step.step, state.senses.awake
    dues: list[tuple[Seconds, Outcome, str]] = [
        (stuck_at(state, attempt, settings), Outcome.STUCK, "no progress for longer than the forecast allows")
    ]
    missing = state.senses.missing.get(attempt.number)
    if missing is not None:
        when = max(missing, attempt.started, awake) + settings.grace
        dues.append((when, Outcome.LOST, "its node reports without it"))
    if step.timeout is not None:
        when = max(attempt.started, awake) + step.timeout + settings.timeout_grace
        dues.append((when, Outcome.TIMEOUT, f"it ran for more than {step.timeout:g} s"))
    if attempt.stopping > 1:
        patience = settings.stop_grace + settings.stop_checkpoint * (step.checkpoint_seconds or 0.0)
        when = max(attempt.told, awake) + patience
        dues.append((when, Outcome.INTERRUPTED, "it was told to stop and did not say that it has"))
    when, outcome, why = min(dues, key=lambda due: due[0])
    return when, partial(end, state, attempt, outcome, now, settings, detail=why)


def stuck_at(state: Holdings, attempt: Attempt, settings: Settings) -> Seconds:
    """Return when an attempt counts as stuck, if it makes no progress until then.

    That is `Settings.stuck` times after the seconds in which the rest of it would have been done, by the 90 % quantile
    of its forecast or by its own pace so far, whichever is longer; doubled each time that the task was found stuck. The
    pace counts for no more seconds than it has been seen to hold: who has hardly begun would have for ever.
    """
    progress, since = state.senses.pulse.get(attempt.number, (attempt.progress, attempt.heard))
    left = max(1.0 - progress, _LEAST_LEFT)
    expected = attempt.forecast[1] * left / max(1.0 - attempt.begun, _LEAST_LEFT)
    gained, took = progress - attempt.begun, since - attempt.started
    if gained > 0 and took > 0:
        expected = max(expected, took * min(left / gained, 1.0))
    trouble = attempt.step.troubles.get(attempt.task)
    patience = settings.stuck * 2.0 ** min(trouble.stuck if trouble is not None else 0, 30)
    return max(since, state.senses.awake) + max(expected * patience, settings.stuck_least)
