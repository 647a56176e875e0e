"""What follows from the end of an attempt: another try and when, more memory, giving up a task, a step, or a node."""

from __future__ import annotations

import math

from placement.control.folding_attempts import OWN_FAULTS, digest_of
from placement.control.holdings import Holdings
from placement.control.messages import Report
from placement.control.nouns import Attempt, Failure, Trouble
from placement.control.quarantine import suspicion, unfairly_failed
from placement.control.settings import Settings
from placement.control.suiting import largest_memory
from placement.control.transitions import JobLife, NodeLife, Status
from placement.farm.facts import AttemptEnded, AttemptProgressed, Fact, NodeQuarantined, Outcome, TaskFailed
from placement.farm.jobs import Checkpoint, Step
from placement.units import MiB, Seconds

__all__ = ["end", "fraction", "kept_frames", "seconds_of"]

_BY = "controller"
_LONGEST = 1e9
_MOST_WORDS = 400


def fraction(value: float, most: float = 1.0) -> float:
    """Return a reported share, made to lie in [0, `most`]; what is no number is 0.

    Examples
    --------
    >>> fraction(0.5), fraction(float("nan")), fraction(7.0)
    (0.5, 0.0, 1.0)
    """
    return min(value, most) if value > 0 else 0.0


def seconds_of(report: Report | None, attempt: Attempt, now: Seconds) -> Seconds:
    """Return how long an attempt ran: as reported if that is possible, otherwise by the clock."""
    if report is not None and 0 < report.seconds < _LONGEST:
        return report.seconds
    return min(max(now - attempt.started, 0.0), _LONGEST)


def kept_frames(step: Step, task: int, frames: tuple[int, ...]) -> tuple[int, ...]:
    """Return the reported frames that belong to a task, if its step keeps finished frames."""
    if not frames or step.checkpoint is not Checkpoint.FRAMES:
        return ()
    known = step.frames.of(task)
    return tuple(frame for frame in known if frame in frames)


def _saved(attempt: Attempt, report: Report | None) -> float:
    """Return the share of the task that can be gone on from."""
    step, task = attempt.step, attempt.task
    if step.step.checkpoint is Checkpoint.NONE:
        return 0.0
    saved = max(attempt.saved, step.saved(task))
    if report is None:
        return saved
    if step.step.checkpoint is Checkpoint.RESUMES:
        return max(saved, fraction(report.saved, 0.999))
    trouble = step.troubles.get(task)
    kept = {*kept_frames(step.step, task, report.frames), *(trouble.frames if trouble else ())}
    return max(saved, fraction(len(kept) / len(step.step.frames.of(task)), 0.999))


def end(  # noqa: PLR0913, PLR0917 - of what, how, when, by whose word, how patiently
    state: Holdings,
    attempt: Attempt,
    outcome: Outcome,
    now: Seconds,
    settings: Settings,
    report: Report | None = None,
    detail: str = "",
) -> list[Fact]:
    """Return the facts by which an attempt is over.

    Parameters
    ----------
    report
        By which it is known; None: the controller's own conclusion.
    """
    step, task = attempt.step, attempt.task
    words = (detail or (report.detail if report else ""))[-_MOST_WORDS:]
    code = report.exit_code if report else None
    seconds = seconds_of(report, attempt, now)
    saved = _saved(attempt, report)
    peak = report.memory if report and 0 < report.memory < _LONGEST else 0.0
    verdict = _Verdict(outcome, code, words, peak)
    facts: list[Fact] = _finished_frames(attempt, report, saved, now, settings)
    again: Seconds | None = None
    why, raised, suspect = "", 0.0, ""
    if outcome is not Outcome.DONE:
        suspect = suspicion(state, attempt, outcome, now, settings)
        again, why, raised = _next(state, attempt, verdict, now, settings)
        if suspect and raised == 0.0:
            again, why = now, ""
        entry = state.jobs[attempt.job]
        if entry.life is JobLife.CANCELLING:
            outcome, again, why = Outcome.CANCELLED, None, ""
    facts.append(
        AttemptEnded(
            at=now, by="engine" if report else _BY, attempt=attempt.number, outcome=outcome, seconds=seconds,
            memory=peak, exit_code=code, saved=0.0 if outcome is Outcome.DONE else saved,
            lost=0.0 if outcome is Outcome.DONE else _lost(attempt, report, seconds, saved), again=again,
            outputs=report.outputs if report else (), raise_memory=raised, detail=words,
        )
    )  # fmt: skip
    if why:
        facts.append(TaskFailed(at=now, by=_BY, job=attempt.job, step=step.name, task=task, why=why))
        hopeless = _hopeless(attempt, verdict, now, settings)
        if hopeless and not step.given_up:
            facts.append(TaskFailed(at=now, by=_BY, job=attempt.job, step=step.name, task=-1, why=hopeless))
    if suspect:
        facts.append(NodeQuarantined(at=now, by=_BY, node=attempt.node, why=suspect))
        facts += unfairly_failed(state, attempt.node, now, settings)
    return facts


def _finished_frames(
    attempt: Attempt, report: Report | None, saved: float, now: Seconds, settings: Settings
) -> list[Fact]:
    """Return the fact that keeps frames which only the end of their attempt told of."""
    trouble = attempt.step.troubles.get(attempt.task)
    known = trouble.frames if trouble is not None else ()
    frames = kept_frames(attempt.step.step, attempt.task, report.frames) if report is not None else ()
    new = tuple(frame for frame in frames if frame not in known)
    if not new:
        return []
    return [
        AttemptProgressed(
            at=now, by="engine", attempt=attempt.number, lease=now + settings.lease,
            progress=max(attempt.progress, saved), saved=saved, frames=new,
        )
    ]  # fmt: skip


class _Verdict:
    """How an attempt ended."""

    __slots__ = ("code", "outcome", "peak", "words")

    def __init__(self, outcome: Outcome, code: int | None, words: str, peak: MiB) -> None:
        self.outcome, self.code, self.words, self.peak = outcome, code, words, peak

    @property
    def digest(self) -> int:
        return digest_of(self.outcome, self.code, self.words)


def _lost(attempt: Attempt, report: Report | None, seconds: Seconds, saved: float) -> Seconds:
    """Return the seconds of an attempt's work that are to be done again."""
    reached = max(attempt.progress, fraction(report.progress) if report else 0.0, saved)
    gained, kept = reached - attempt.begun, saved - attempt.begun
    if kept <= 0 or gained <= 0:
        return seconds
    return seconds * (1 - min(kept / gained, 1.0))


def _backed(settings: Settings, first: Seconds, times: int) -> Seconds:
    return min(first * 2.0 ** min(times, 60), max(settings.backoff_most, first))


def _next(
    state: Holdings, attempt: Attempt, verdict: _Verdict, now: Seconds, settings: Settings
) -> tuple[Seconds | None, str, MiB]:
    """Return when the task may start again, or None and why not; and the memory that its step is to ask for."""
    step, outcome = attempt.step, verdict.outcome
    trouble = step.troubles.get(attempt.task) or Trouble()
    if outcome in OWN_FAULTS and state.nodes[attempt.node].life is NodeLife.QUARANTINED:
        outcome = Outcome.NODE
    if outcome in OWN_FAULTS:
        why = step.given_up or _spent(attempt, trouble, verdict, now, settings)
        return (None, why, 0.0) if why else (now + _backed(settings, settings.backoff, len(trouble.failures)), "", 0.0)
    if outcome is Outcome.OUT_OF_MEMORY:
        return _more_memory(state, attempt, verdict, now, settings)
    count, most, first, word = {
        Outcome.LICENCE: (trouble.licences, settings.most_licences, settings.licence_backoff, "had no licence"),
        Outcome.NODE: (trouble.node_faults, settings.most_node_faults, settings.backoff, "met faulty nodes"),
        Outcome.LOST: (trouble.losses, settings.most_losses, 0.0, "was lost with its node"),
        Outcome.INTERRUPTED: (
            0 if attempt.stopping else trouble.bumped, settings.most_interruptions, 0.0, "was interrupted"
        ),
    }[outcome]  # fmt: skip
    if count + 1 >= most:
        return None, f"it {word} {count + 1} times", 0.0
    return now + (_backed(settings, first, count) if first else 0.0), "", 0.0


def _alike(failures: list[Failure], digest: int) -> int:
    """Return on how many distinct nodes failures had a digest."""
    return len({failure.node for failure in failures if failure.digest == digest})


def _spent(attempt: Attempt, trouble: Trouble, verdict: _Verdict, now: Seconds, settings: Settings) -> str:
    """Return why a task is not tried again after one more failure of its own."""
    failures = [*trouble.failures, Failure(attempt.node, verdict.digest, now)]
    alike = _alike(failures, verdict.digest)
    words = f": {verdict.words}" if verdict.words else ""
    if alike >= settings.alike:
        return f"it failed alike on {alike} nodes ({verdict.outcome.value}){words}"
    if len(failures) >= attempt.step.step.budget:
        return f"it failed {len(failures)} times, last by {verdict.outcome.value}{words}"
    return ""


def _hopeless(attempt: Attempt, verdict: _Verdict, now: Seconds, settings: Settings) -> str:
    """Return why the rest of a step is not worth trying, when one more of its tasks failed."""
    if verdict.outcome not in OWN_FAULTS:
        return ""
    step = attempt.step
    own = [*step.trouble(attempt.task).failures, Failure(attempt.node, verdict.digest, now)]
    alike = int(_alike(own, verdict.digest) >= settings.alike)
    for task in step.tasks(Status.FAILED).tolist():
        trouble = step.troubles.get(task)
        if trouble is not None and _alike(trouble.failures, verdict.digest) >= settings.alike:
            alike += 1
    tried = step.counts[Status.DONE] + step.counts[Status.FAILED] + 1
    if alike >= settings.scene_tasks and alike >= settings.scene_share * tried:
        return f"{alike} of {tried} tasks tried failed alike on distinct nodes ({verdict.outcome.value})"
    return ""


def _more_memory(
    state: Holdings, attempt: Attempt, verdict: _Verdict, now: Seconds, settings: Settings
) -> tuple[Seconds | None, str, MiB]:
    step, had = attempt.step, attempt.memory
    most = largest_memory(step.step.requirements, [node.spec for node in state.nodes.values()]) or math.inf
    if had >= most - 1e-6:
        return None, f"it ran out of {had:.0f} MiB, and no node that could run it has more", 0.0
    if step.raised > had:
        return now, "", 0.0
    return now, "", min(max(verdict.peak * settings.memory_margin, had * settings.memory_growth, 1.0), most)
