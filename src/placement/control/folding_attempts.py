"""What facts about attempts do to the state: started, told to stop, come on, ended."""

from __future__ import annotations

import re
import zlib

from placement.control.folding_jobs import failed, settle
from placement.control.forecasting import Observed
from placement.control.holdings import Holdings
from placement.control.nouns import Attempt, Failure, JobEntry, StepEntry, Trouble
from placement.control.nouns_farm import Client, Mishap, Node
from placement.control.transitions import TASK_MOVES, NodeLife, Power, Status, check_move
from placement.control.unblocking import finish_onward, move
from placement.errors import JournalError
from placement.farm.facts import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    AttemptStopping,
    NodeSpec,
    Outcome,
    ReportRefused,
)
from placement.farm.jobs import Requirements
from placement.units import MiB, Seconds

__all__ = ["LATE", "OWN_FAULTS", "digest_of", "ended", "progressed", "refused", "started", "stopping", "worth_of"]

#: Outcomes that count against a task's budget.
OWN_FAULTS = frozenset((Outcome.ERROR, Outcome.SCENE, Outcome.TIMEOUT, Outcome.STUCK, Outcome.NO_OUTPUT))
#: How a refusal begins of an attempt that rendered to its end for nothing.
LATE = "done too late"

_MOST_RECENT, _MOST_REFUSED, _MOST_PEAKS, _MOST_OVER = 16, 1000, 100, 20_000
_DIGITS = re.compile(r"0x[0-9a-fA-F]+|\d+")


def digest_of(outcome: Outcome, exit_code: int | None, detail: str) -> int:
    """Return a number that failures of the same kind have in common: outcome, exit code, and words without numbers.

    All scene faults are of one kind.

    Examples
    --------
    >>> one, other = (digest_of(Outcome.ERROR, 1, f"segment fault at 0x{address:x}") for address in (17, 99))
    >>> one == other
    True
    """
    if outcome is Outcome.SCENE:
        detail, exit_code = "", None
    return zlib.crc32(f"{outcome.value}|{exit_code}|{_DIGITS.sub('#', detail)}".encode())


def worth_of(needs: Requirements, memory: MiB, spec: NodeSpec) -> float:
    """Return the normalised capacity that a task holds on a node: the share of it that its dominant resource takes.

    Examples
    --------
    >>> worth_of(Requirements(cores=2), 8192.0, NodeSpec(name="a", node_class="c", cores=8, memory=16384.0))
    4.0
    """
    share = 0.0
    for asked, offered in (
        (needs.cores, spec.cores), (memory, spec.memory), (needs.gpus, spec.gpus),
        (needs.gpu_memory, spec.gpu_memory), (needs.scratch, spec.scratch),
    ):  # fmt: skip
        if asked > 0 and offered > 0 and asked > share * offered:
            share = asked / offered
    return share * (spec.worth or spec.cores)


def _hold(client: Client, at: Seconds, worth: float, more: int) -> None:
    """Add worth to what a client holds, and what it held so far to what it used."""
    if at > client.since:
        client.area += client.held * (at - client.since)
        client.since = at
    client.running += more
    client.held = client.held + worth * more if client.running else 0.0


def started(farm: Holdings, fact: AttemptStarted) -> None:
    """Let a task run."""
    entry = farm.jobs.get(fact.job)
    node = farm.nodes.get(fact.node)
    if entry is None or node is None or fact.attempt < farm.next_attempt:
        raise JournalError(
            f"attempt {fact.attempt} of job {fact.job!r} on node {fact.node!r} cannot start: the job or the node is "
            f"not there, or the number is not {farm.next_attempt} or more: the facts do not fit together"
        )
    step = entry.steps[entry.rows[fact.step]]
    before = Status(int(step.status[fact.task]))
    name = f"task {fact.task} of step {fact.step!r} of job {fact.job!r}"
    check_move(Status.RUNNING in TASK_MOVES[before], name, before, Status.RUNNING)
    check_move(node.life is NodeLife.IN and node.power is Power.UP, f"node {node.name!r}", node.life, NodeLife.IN)
    farm.next_attempt = fact.attempt + 1
    if before == Status.BACKING_OFF:
        farm.backing_off.pop((fact.job, step.row, fact.task), None)
    move(step, fact.task, Status.RUNNING)
    step.since = fact.at
    needs = step.step.requirements
    worth = worth_of(needs, fact.memory, node.spec)
    farm.attempts[fact.attempt] = Attempt(
        number=fact.attempt, job=fact.job, step=step, task=fact.task, node=fact.node, started=fact.at, lease=fact.lease,
        mode=fact.mode, memory=fact.memory, begun=fact.saved, progress=fact.saved, saved=fact.saved, heard=fact.at,
        forecast=fact.forecast, worth=worth, client=entry.job.client, round=fact.round, reason=fact.reason,
    )  # fmt: skip
    node.attempts[fact.attempt] = None
    node.warm_job = entry.index
    _hold(farm.clients[entry.job.client], fact.at, worth, 1)
    if needs.licence:
        held = farm.licences_held[needs.licence] = farm.licences_held.get(needs.licence, 0) + 1
        farm.licence_peak[needs.licence] = max(farm.licence_peak.get(needs.licence, 0), held)


def stopping(farm: Holdings, fact: AttemptStopping) -> None:
    """Note that an attempt was told to stop."""
    attempt = farm.attempt(fact.attempt)
    attempt.stopping = max(attempt.stopping, 2 if fact.now else 1)
    attempt.told = fact.at


def progressed(farm: Holdings, fact: AttemptProgressed) -> None:
    """Note how far an attempt is, and what of it stays."""
    attempt = farm.attempt(fact.attempt)
    attempt.lease, attempt.heard = fact.lease, fact.at
    attempt.progress = max(attempt.progress, fact.progress)
    attempt.saved = max(attempt.saved, fact.saved)
    if attempt.saved > 0 or fact.frames:
        trouble = attempt.step.trouble(attempt.task)
        trouble.saved = max(trouble.saved, attempt.saved)
        if fact.frames:
            trouble.frames = tuple(sorted({*trouble.frames, *fact.frames}))


def ended(farm: Holdings, fact: AttemptEnded) -> None:
    """Free what an attempt held, and let its task be done, wait again, or be given up."""
    attempt = farm.attempt(fact.attempt)
    entry, node = farm.job(attempt.job), farm.nodes[attempt.node]
    _free(farm, attempt, node, fact)
    step = attempt.step
    if fact.raise_memory > step.raised:
        step.raised, step.asked = fact.raise_memory, None
    if fact.outcome is Outcome.DONE:
        _done(farm, entry, attempt, node, fact)
    else:
        _undone(farm, entry, attempt, node, fact)
    _over(farm, entry, step, fact.at)


def _free(farm: Holdings, attempt: Attempt, node: Node, fact: AttemptEnded) -> None:
    del farm.attempts[attempt.number]
    farm.senses.forget(attempt.number)
    farm.over[attempt.number] = (attempt.node, fact.outcome)
    if len(farm.over) > _MOST_OVER:
        del farm.over[next(iter(farm.over))]
    farm.totals.attempts += 1
    node.attempts.pop(attempt.number, None)
    node.idle_since = fact.at
    _hold(farm.clients[attempt.client], fact.at, attempt.worth, -1)
    licence = attempt.step.step.requirements.licence
    if licence:
        farm.licences_held[licence] -= 1
        farm.licence_peak[licence] = max(farm.licences.get(licence, 0), farm.licences_held[licence])


def _undone(farm: Holdings, entry: JobEntry, attempt: Attempt, node: Node, fact: AttemptEnded) -> None:
    step, task, lost = attempt.step, attempt.task, farm.totals.lost
    lost[fact.outcome.value] = lost.get(fact.outcome.value, 0.0) + fact.lost
    farm.totals.useful += fact.seconds - fact.lost
    if fact.outcome is Outcome.CANCELLED:
        move(step, task, Status.CANCELLED)
        farm.totals.cancelled += 1
        step.troubles.pop(task, None)
        return
    trouble = step.trouble(task)
    trouble.saved = max(trouble.saved, fact.saved)
    _note(attempt, node, trouble, fact)
    if fact.again is None:
        failed(farm, entry, step, task, fact.at)
    else:
        _again(farm, entry, attempt, trouble, fact)


def _done(farm: Holdings, entry: JobEntry, attempt: Attempt, node: Node, fact: AttemptEnded) -> None:
    step, task = attempt.step, attempt.task
    move(step, task, Status.DONE)
    step.troubles.pop(task, None)
    farm.totals.done += 1
    farm.totals.useful += fact.seconds
    _remember(node, Mishap(fact.at, attempt.job, step.row, task, 0))
    if node.name not in step.done_on:
        step.done_on = [*step.done_on[-1:], node.name]
    if fact.seconds > 0 and attempt.begun == 0 and attempt.mode == 0:
        before = step.finished.get(node.spec.node_class)
        now = (Observed(count=0, mean=0.0) if before is None else before).plus(fact.seconds)
        step.finished = {**step.finished, node.spec.node_class: now}
    if fact.memory > 0:
        step.peaks = (*step.peaks[1 - _MOST_PEAKS :], fact.memory)
    step.asked = None
    if step.preview_of >= 0:
        _shown(entry, step, task)
    finish_onward(entry, step.row, task, fact.at)


def _shown(entry: JobEntry, preview: StepEntry, task: int) -> None:
    """Let the step that a preview frame belongs to go on from its samples."""
    step = entry.steps[preview.preview_of]
    if not step.resumes or step.step.preview is None:
        return
    frames = step.step.frames
    of = (preview.step.frames.of(task)[0] - frames.first) // (frames.by * frames.chunk)
    trouble = step.trouble(of)
    share = step.step.preview.share / len(frames.of(of))
    trouble.saved = min(trouble.saved + share, max(trouble.saved, step.step.preview.share))


def _again(farm: Holdings, entry: JobEntry, attempt: Attempt, trouble: Trouble, fact: AttemptEnded) -> None:
    step, task = attempt.step, attempt.task
    assert fact.again is not None
    trouble.again = fact.again
    if fact.again <= fact.at:
        if not step.counts[Status.WAITING]:
            step.since = fact.at
        move(step, task, Status.WAITING)
    else:
        move(step, task, Status.BACKING_OFF)
        farm.backing_off[entry.name, step.row, task] = fact.again


def _note(attempt: Attempt, node: Node, trouble: Trouble, fact: AttemptEnded) -> None:
    """Count what went wrong where it belongs."""
    outcome = fact.outcome
    if outcome in OWN_FAULTS and node.life is NodeLife.QUARANTINED:
        trouble.node_faults += 1
    elif outcome in OWN_FAULTS:
        digest = digest_of(outcome, fact.exit_code, fact.detail)
        trouble.failures.append(Failure(attempt.node, digest, fact.at))
        trouble.stuck += outcome is Outcome.STUCK
        _remember(node, Mishap(fact.at, attempt.job, attempt.step.row, attempt.task, 1))
    elif outcome is Outcome.NODE:
        trouble.node_faults += 1
        _remember(node, Mishap(fact.at, attempt.job, attempt.step.row, attempt.task, 2))
    elif outcome is Outcome.LICENCE:
        trouble.licences += 1
    elif outcome is Outcome.LOST:
        trouble.losses += 1
    elif outcome is Outcome.INTERRUPTED:
        trouble.interruptions += attempt.stopping > 0
        trouble.bumped += attempt.stopping == 0


def _remember(node: Node, mishap: Mishap) -> None:
    node.recent = [*node.recent[1 - _MOST_RECENT :], mishap]


def _over(farm: Holdings, entry: JobEntry, step: StepEntry, at: Seconds) -> None:
    """End what is over with a step: its preview, the job."""
    if step.open:
        return
    if step.step.preview is not None:
        for each in entry.steps:
            if each.preview_of == step.row:
                for status in (Status.BLOCKED, Status.WAITING, Status.BACKING_OFF):
                    for task in each.tasks(status).tolist():
                        move(each, task, Status.CANCELLED)
                        farm.backing_off.pop((entry.name, each.row, task), None)
    settle(farm, entry, at)


def refused(farm: Holdings, fact: ReportRefused) -> None:
    """Count a report that changes nothing."""
    farm.totals.refused += 1
    farm.totals.unneeded += fact.why.startswith(LATE)
    farm.refused[fact.attempt] = None
    if len(farm.refused) > _MOST_REFUSED:
        del farm.refused[next(iter(farm.refused))]
