"""Nodes on which too much fails: found out, and what failed there unfairly given another chance."""

from __future__ import annotations

from placement.control.folding_attempts import OWN_FAULTS
from placement.control.holdings import Holdings
from placement.control.nouns import Attempt
from placement.control.nouns_farm import Mishap
from placement.control.settings import Settings
from placement.control.transitions import JobLife, NodeLife, Status
from placement.farm.facts import Fact, Outcome, TasksRetried
from placement.units import Seconds

__all__ = ["suspicion", "unfairly_failed"]


def suspicion(state: Holdings, attempt: Attempt, outcome: Outcome, now: Seconds, settings: Settings) -> str:
    """Return why a node is to be quarantined now that one more attempt failed there; empty: it is not.

    It is after `Settings.suspect_failures` faults of its own in a row; or after as many failures in a row of
    `Settings.suspect_jobs` jobs of which the same steps are done elsewhere; or after twice as many of one such job.
    What fails everywhere does not speak against the node.
    """
    node = state.nodes[attempt.node]
    fault = 2 if outcome is Outcome.NODE else int(outcome in OWN_FAULTS)
    if not fault or node.life is NodeLife.QUARANTINED or node.before is NodeLife.QUARANTINED:
        return ""
    row = [Mishap(now, attempt.job, attempt.step.row, attempt.task, fault)]
    for mishap in reversed(node.recent):
        if not mishap.fault or not 0 <= now - mishap.at <= settings.suspect_window:
            break
        row.append(mishap)
    own = sum(mishap.fault == 2 for mishap in row)
    if own >= settings.suspect_failures:
        return f"{own} faults of the node itself in a row"
    elsewhere = [mishap for mishap in row if mishap.fault == 1 and _done_elsewhere(state, mishap, node.name)]
    jobs = {mishap.job for mishap in elsewhere}
    if len(row) >= settings.suspect_failures and len(jobs) >= settings.suspect_jobs:
        return f"{len(row)} attempts failed in a row, of {len(jobs)} jobs that run elsewhere"
    if len(elsewhere) >= 2 * settings.suspect_failures:
        return f"{len(elsewhere)} attempts failed in a row, of steps that run elsewhere"
    return ""


def _done_elsewhere(state: Holdings, mishap: Mishap, node: str) -> bool:
    entry = state.entry(mishap.job)
    return entry is not None and any(each != node for each in entry.steps[mishap.step].done_on)


def unfairly_failed(state: Holdings, node: str, now: Seconds, settings: Settings) -> list[Fact]:
    """Return facts that give another chance to tasks which would not have failed but for a node."""
    tasks: dict[tuple[str, int], dict[int, None]] = {}
    for mishap in state.nodes[node].recent:
        entry = state.entry(mishap.job)
        if not mishap.fault or entry is None or entry.life in (JobLife.CANCELLING, JobLife.CANCELLED):
            continue
        step = entry.steps[mishap.step]
        trouble = step.troubles.get(mishap.task)
        if step.status[mishap.task] != Status.FAILED or trouble is None:
            continue
        others = [failure for failure in trouble.failures if failure.node != node]
        alike = {failure.digest: {each.node for each in others if each.digest == failure.digest} for failure in others}
        still = len(others) >= step.step.budget or any(len(nodes) >= settings.alike for nodes in alike.values())
        if not still and len(others) < len(trouble.failures):
            tasks.setdefault((mishap.job, mishap.step), {})[mishap.task] = None
    facts: list[Fact] = []
    for (job, row), of in tasks.items():
        entry = state.entry(job)
        assert entry is not None
        name = entry.steps[row].name
        facts.append(TasksRetried(at=now, by="controller", job=job, step=name, tasks=tuple(of)))
    return facts
