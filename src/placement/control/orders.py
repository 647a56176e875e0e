"""What an engine is told: the orders that follow from facts once they are durable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from placement.control.holdings import Holdings
from placement.control.messages import Report, Said, Start, Stop
from placement.control.nouns import Attempt
from placement.farm.facts import (
    AttemptEnded,
    AttemptStarted,
    AttemptStopping,
    Fact,
    NodePower,
    Outcome,
    ReportRefused,
)
from placement.farm.filling import fill
from placement.farm.jobs import Frames, Step

__all__ = ["Orders", "again", "frames_left", "orders", "strays"]

#: Ends that the controller decided by itself: the engine may still run the attempt.
_DECIDED = frozenset((Outcome.CANCELLED, Outcome.LOST, Outcome.STUCK, Outcome.TIMEOUT, Outcome.INTERRUPTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What an engine is told; the same orders given twice do no harm.

    Parameters
    ----------
    power
        (node, up).
    """

    starts: tuple[Start, ...] = ()
    stops: tuple[Stop, ...] = ()
    power: tuple[tuple[str, bool], ...] = ()


def frames_left(step: Step, task: int, kept: Sequence[int]) -> tuple[int, ...]:
    """Return the frames of a task from the first one on that is not finished and kept.

    Examples
    --------
    >>> frames_left(Step(name="a", frames=Frames(last=8, chunk=4)), 1, kept=(5, 6, 8))
    (7, 8)
    """
    frames = step.frames.of(task)
    missing = [place for place, frame in enumerate(frames) if frame not in kept]
    return frames[missing[0] :] if missing else frames


def _start(attempt: Attempt) -> Start:
    step, task = attempt.step.step, attempt.task
    needs, trouble = step.requirements, attempt.step.troubles.get(task)
    kept = trouble.frames if trouble is not None and attempt.begun > 0 else ()
    frames = frames_left(step, task, kept)
    part, of = step, task
    if kept:
        part = replace(step, frames=Frames(first=frames[0], last=frames[-1], by=step.frames.by, chunk=len(frames)))
        of = 0
    command, outputs = fill(part, of, attempt.number, attempt.node)
    return Start(
        attempt=attempt.number,
        task=(attempt.job, attempt.step.name, task),
        node=attempt.node,
        command=command,
        frames=frames,
        memory=attempt.memory,
        cores=needs.cores,
        gpus=needs.gpus,
        saved=attempt.begun,
        checkpoint=step.checkpoint.value,
        outputs=outputs,
        timeout=step.timeout,
        mode=attempt.mode,
    )


def orders(state: Holdings, facts: Sequence[Fact]) -> Orders:
    """Return the orders that follow from facts which are folded in already.

    What facts among them made void is left out: an attempt that is over is not started.
    """
    starts: dict[int, Start] = {}
    stops: dict[int, Stop] = {}
    power: dict[str, bool] = {}
    for fact in facts:
        if isinstance(fact, AttemptStarted):
            attempt = state.attempts.get(fact.attempt)
            if attempt is not None:
                starts[fact.attempt] = _start(attempt)
            else:
                stops[fact.attempt] = Stop(attempt=fact.attempt, node=fact.node)
        elif isinstance(fact, AttemptStopping):
            attempt = state.attempts.get(fact.attempt)
            if attempt is not None:
                stops[fact.attempt] = Stop(attempt=fact.attempt, node=attempt.node, now=attempt.stopping > 1)
        elif isinstance(fact, AttemptEnded):
            if fact.outcome in _DECIDED and (node := state.last_node(fact.attempt)):
                stops[fact.attempt] = Stop(attempt=fact.attempt, node=node)
        elif isinstance(fact, ReportRefused) and fact.attempt:
            stops[fact.attempt] = Stop(attempt=fact.attempt, node=fact.node)
        elif isinstance(fact, NodePower) and not fact.settled:
            power[fact.node] = fact.up
    return Orders(starts=tuple(starts.values()), stops=tuple(stops.values()), power=tuple(power.items()))


def again(state: Holdings) -> Orders:
    """Return orders for all that should be going on, for an engine that may not have heard them: after a crash."""
    live = state.attempts.values()
    return Orders(
        starts=tuple(_start(attempt) for attempt in live),
        stops=tuple(Stop(attempt=each.number, node=each.node, now=each.stopping > 1) for each in live if each.stopping),
    )


def strays(state: Holdings, report: Report) -> tuple[Stop, ...]:
    """Return orders to stop what a node says that it runs and should not; to be repeated until it has heard them.

    No fact is needed for it: what is stopped was given up by facts before.
    """
    if report.said is not Said.ALIVE:
        return ()
    wrong = []
    for number in report.running:
        attempt = state.attempts.get(number)
        if (attempt is None and number < state.next_attempt) or (attempt is not None and attempt.node != report.node):
            wrong.append(Stop(attempt=number, node=report.node))
    return tuple(wrong)
