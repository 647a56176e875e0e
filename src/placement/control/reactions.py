"""What follows from reports: facts, or nothing. Reports may be late, lost, repeated, out of order, or nonsense."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from placement.control.folding_attempts import LATE
from placement.control.holdings import Holdings
from placement.control.judging import end, fraction, kept_frames
from placement.control.messages import Report, Said
from placement.control.nouns import Attempt
from placement.control.nouns_farm import Node
from placement.control.settings import Settings
from placement.control.transitions import NodeLife, Power
from placement.farm.facts import (
    AttemptProgressed,
    Fact,
    NodeLost,
    NodePower,
    NodeReturned,
    Outcome,
    ReportRefused,
)
from placement.farm.jobs import Checkpoint
from placement.units import Seconds

__all__ = ["lose", "outcome_of", "react"]

_BY = "engine"
_CAUSES = {
    "out of memory": Outcome.OUT_OF_MEMORY,
    "licence": Outcome.LICENCE,
    "timeout": Outcome.TIMEOUT,
    "node": Outcome.NODE,
    "interrupted": Outcome.INTERRUPTED,
    "no output": Outcome.NO_OUTPUT,
    "scene": Outcome.SCENE,
    "unknown attempt": Outcome.LOST,
}
_KILLED = 9
_NEARLY = 0.95
_MOST_REFUSED = 20  #: refusals that one report may cause
_LEAST_SAVED = 0.01


def react(state: Holdings, report: Report, now: Seconds, settings: Settings) -> list[Fact]:
    """Return what follows from a report. Never raises: what fits nothing is refused, once per attempt, or ignored.

    That something was heard is noted in `Holdings.senses`.
    """
    node = state.nodes.get(report.node)
    if report.said in (Said.PROGRESS, Said.ENDED):
        return _of_attempt(state, report, node, now, settings)
    if node is None:
        return []
    return _ABOUT_NODES[report.said](state, report, node, now, settings)


def _of_attempt(state: Holdings, report: Report, node: Node | None, now: Seconds, settings: Settings) -> list[Fact]:
    attempt = state.attempts.get(report.attempt)
    if node is not None and node.life is not NodeLife.LOST:
        state.senses.hear(node.name, now)
    if attempt is None or attempt.node != report.node:
        return _refused(state, report, report.attempt, now)
    if report.said is Said.PROGRESS:
        return _progressed(state, report, attempt, now, settings)
    return end(state, attempt, outcome_of(report, attempt), now, settings, report)


def _refused(state: Holdings, report: Report, number: int, now: Seconds) -> list[Fact]:
    """Refuse what is said of an attempt that is not live there; once, and only if there ever was such an attempt."""
    if number in state.refused or not 0 < number < state.next_attempt:
        return []
    over = state.over.get(number)
    if over is not None and over[1] is Outcome.DONE and over[0] == report.node:
        return []  # said twice
    to_the_end = report.said is Said.ENDED and outcome_of(report, None) is Outcome.DONE
    why = LATE if to_the_end else f"late: {report.said.value}"
    if number in state.attempts:
        why = f"attempt runs on node {state.attempts[number].node!r}"
    elif over is not None:
        why += f", the attempt is over ({over[1].value})"
    return [ReportRefused(at=now, by=_BY, attempt=number, node=report.node, why=why)]


def outcome_of(report: Report, attempt: Attempt | None) -> Outcome:
    """Return how an attempt ended, from what its engine says.

    Examples
    --------
    >>> outcome_of(Report(said=Said.ENDED, node="a", attempt=1, exit_code=0), None).value
    'done'
    >>> outcome_of(Report(said=Said.ENDED, node="a", attempt=1, exit_code=1, cause="out of memory"), None).value
    'out of memory'
    """
    if report.cause:
        return _CAUSES.get(report.cause, Outcome.ERROR)
    if report.signal == _KILLED and attempt is not None and report.memory >= _NEARLY * attempt.memory > 0:
        return Outcome.OUT_OF_MEMORY  # by the operating system
    if report.exit_code is None and report.signal is None:
        return Outcome.LOST
    return Outcome.DONE if report.exit_code == 0 and not report.signal else Outcome.ERROR


def _progressed(state: Holdings, report: Report, attempt: Attempt, now: Seconds, settings: Settings) -> list[Fact]:
    senses, progress = state.senses, fraction(report.progress)
    senses.missing.pop(attempt.number, None)
    reached, _ = senses.pulse.get(attempt.number, (attempt.progress, attempt.heard))
    if progress > reached:  # what a new leader hears again is no progress
        senses.pulse[attempt.number] = (progress, now)
    step = attempt.step.step
    frames = kept_frames(step, attempt.task, report.frames)
    trouble = attempt.step.troubles.get(attempt.task)
    known = trouble.frames if trouble is not None else ()
    new = tuple(frame for frame in frames if frame not in known)
    saved = attempt.saved
    if step.checkpoint is Checkpoint.RESUMES:
        saved = max(saved, fraction(report.saved, 0.999))
    elif new:
        saved = max(saved, fraction((len(known) + len(new)) / len(step.frames.of(attempt.task)), 0.999))
    far = progress >= attempt.progress + settings.progress or saved >= attempt.saved + _LEAST_SAVED
    if not (far or new):
        return []
    farthest = max(progress, attempt.progress)
    return [
        AttemptProgressed(
            at=now, by=_BY, attempt=attempt.number, lease=now + settings.lease, progress=farthest, saved=saved,
            frames=new,
        )
    ]  # fmt: skip


def _alive(state: Holdings, report: Report, node: Node, now: Seconds, settings: Settings) -> list[Fact]:
    if node.power in (Power.ASLEEP, Power.FALLING_ASLEEP) and node.life is not NodeLife.LOST:
        return []  # said before it fell asleep
    facts = _back(state, node, now, settings)
    state.senses.hear(node.name, now)
    if node.power is Power.WAKING and node.life is not NodeLife.LOST:
        facts.append(NodePower(at=now, by=_BY, node=node.name, up=True, settled=True))
    running = set(report.running)
    for number in node.attempts:
        if number in running:
            state.senses.missing.pop(number, None)
        else:
            state.senses.missing.setdefault(number, now)
    for number in [each for each in report.running if each not in node.attempts][:_MOST_REFUSED]:
        facts += _refused(state, report, number, now)
    return facts


def _back(state: Holdings, node: Node, now: Seconds, settings: Settings) -> list[Fact]:
    """Let a lost node return; one that was lost often takes work later."""
    if node.life is not NodeLife.LOST:
        return []
    losses = sum(0 <= now - at <= settings.flap_window for at in node.losses)
    trusted = 0.0
    if losses >= settings.flaps:
        trusted = now + min(settings.trust * 2.0 ** (losses - settings.flaps), settings.trust_most)
    return [NodeReturned(at=now, by=_BY, node=node.name, trusted=trusted)]


def _up(state: Holdings, report: Report, node: Node, now: Seconds, settings: Settings) -> list[Fact]:
    state.senses.hear(node.name, now)
    if node.life is NodeLife.LOST:
        return _back(state, node, now, settings)
    if node.power is Power.UP:
        return []
    return [NodePower(at=now, by=_BY, node=node.name, up=True, settled=True)]


def _asleep(state: Holdings, report: Report, node: Node, now: Seconds, settings: Settings) -> list[Fact]:
    if node.life is NodeLife.LOST or node.attempts or node.power in (Power.ASLEEP, Power.WAKING):
        return []
    return [NodePower(at=now, by=_BY, node=node.name, up=False, settled=True)]


def _gone(state: Holdings, report: Report, node: Node, now: Seconds, settings: Settings) -> list[Fact]:
    if node.life is NodeLife.LOST:
        return []
    return lose(state, node, now, settings, report.detail or "it left")


def lose(state: Holdings, node: Node, now: Seconds, settings: Settings, why: str) -> list[Fact]:
    """Return the facts by which a node, and all that ran there, is lost."""
    facts: list[Fact] = []
    for number in node.attempts:
        facts += end(state, state.attempts[number], Outcome.LOST, now, settings, detail=f"node {node.name}: {why}")
    return [*facts, NodeLost(at=now, by=_BY, node=node.name, why=why)]


_ABOUT_NODES: Mapping[Said, Callable[[Holdings, Report, Node, Seconds, Settings], list[Fact]]] = {
    Said.ALIVE: _alive,
    Said.GONE: _gone,
    Said.UP: _up,
    Said.ASLEEP: _asleep,
}
