"""How jobs, nodes and clients stand, read off the state."""

from __future__ import annotations

from collections.abc import Sequence

from placement.control.holdings import not_found
from placement.control.nouns import JobEntry, Past, StepEntry
from placement.control.nouns_farm import Node
from placement.control.state import FarmState
from placement.control.transitions import JobLife, NodeLife, Power, Status
from placement.farm.given import text
from placement.orchestrator.status import ClientStatus, FarmStatus, JobStatus, NodeStatus, StepStatus
from placement.units import Seconds

__all__ = ["farm_status", "in_group", "job_status", "jobs_status"]

_POWER = {
    Power.UP: "up", Power.ASLEEP: "asleep", Power.WAKING: "waking", Power.FALLING_ASLEEP: "falling asleep",
}  # fmt: skip
_LIFE = {NodeLife.DRAINING: "draining", NodeLife.QUARANTINED: "quarantined", NodeLife.LOST: "down"}


def in_group(group: str, of: str) -> bool:
    """Tell whether a group is another, or lies below it.

    Examples
    --------
    >>> in_group("show/sq10/sh010", "show/sq10"), in_group("show/sq100", "show/sq10")
    (True, False)
    """
    return group == of or group.startswith(of.rstrip("/") + "/")


def job_status(state: FarmState, name: str) -> JobStatus:
    """Return how a job stands.

    Raises
    ------
    InvalidInput
        It is no name.
    NotFound
        There is none of this name, and none is remembered.
    """
    text(name, "job")
    if (entry := state.jobs.get(name)) is not None:
        return _open(entry)
    if (past := state.past.get(name)) is not None:
        return _past(past)
    raise not_found("job", name, {**state.jobs, **state.past})


def jobs_status(state: FarmState, *, client: str = "", group: str = "") -> Sequence[JobStatus]:
    """Return how jobs stand that are not over, then those that are remembered.

    Raises
    ------
    InvalidInput
        The client or the group is no name.
    """
    text(client, "client", empty=True)
    text(group, "group", empty=True)
    every = (*map(_open, state.jobs.values()), *map(_past, state.past.values()))
    return [
        job for job in every if (not client or job.client == client) and (not group or in_group(job.group, group))
    ]


def _open(entry: JobEntry) -> JobStatus:
    waiting = entry.count(Status.WAITING, Status.BACKING_OFF, Status.BLOCKED)
    running, done = entry.count(Status.RUNNING), entry.count(Status.DONE)
    failed = entry.count(Status.FAILED, Status.DOOMED)
    life = {JobLife.PAUSED: "paused", JobLife.CANCELLING: "cancelled"}.get(entry.life)
    return JobStatus(
        name=entry.name, client=entry.job.client, group=entry.job.group,
        state=life or ("running" if running else "waiting"), importance=entry.job.importance, release=entry.release,
        deadline=entry.job.deadline, ended=None,
        tasks=waiting + running + done + failed + entry.count(Status.CANCELLED), done=done, failed=failed,
        running=running, waiting=waiting, steps=tuple(map(_step, entry.steps)),
    )  # fmt: skip


def _step(step: StepEntry) -> StepStatus:
    counts = step.counts
    return StepStatus(
        name=step.name, tasks=sum(counts), blocked=counts[Status.BLOCKED],
        waiting=counts[Status.WAITING] + counts[Status.BACKING_OFF], running=counts[Status.RUNNING],
        done=counts[Status.DONE], failed=counts[Status.FAILED] + counts[Status.DOOMED],
        cancelled=counts[Status.CANCELLED], memory=max(step.raised, step.step.requirements.memory),
    )  # fmt: skip


def _past(past: Past) -> JobStatus:
    job = past.entry.job if past.entry is not None else None
    return JobStatus(
        name=past.name, client=past.client, group=past.group, state=str(past.life),
        importance=1.0 if job is None else job.importance,
        release=past.ended if past.entry is None else past.entry.release, deadline=past.deadline, ended=past.ended,
        tasks=past.done + past.failed + past.cancelled, done=past.done, failed=past.failed, running=0, waiting=0,
        steps=() if past.entry is None else tuple(map(_step, past.entry.steps)),
    )  # fmt: skip


def farm_status(state: FarmState, now: Seconds) -> FarmStatus:
    """Return how the whole farm stands."""
    worth = sum(node.spec.worth or node.spec.cores for node in state.nodes.values())
    clients = (
        ClientStatus(
            name=client.name, parent=client.parent, guarantee=client.guarantee, limit=client.limit,
            holds=client.held / worth if worth > 0 else 0.0,
        )
        for client in state.clients.values()
    )  # fmt: skip
    waiting = sum(
        step.counts[Status.WAITING] + step.counts[Status.BACKING_OFF]
        for job in state.jobs.values() for step in job.steps
    )  # fmt: skip
    return FarmStatus(
        now=now, seq=state.seq, leader=state.leader, term=state.term, jobs=len(state.jobs), waiting=waiting,
        running=len(state.attempts), nodes=tuple(_node(state, node, now) for node in state.nodes.values()),
        clients=tuple(clients), useful=state.totals.useful, lost=sum(state.totals.lost.values()),
        rerendered=state.totals.repeated,
    )  # fmt: skip


def _node(state: FarmState, node: Node, now: Seconds) -> NodeStatus:
    return NodeStatus(
        name=node.name, node_class=node.spec.node_class, state=_LIFE.get(node.life, _POWER[node.power]),
        running=tuple(node.attempts), heard=state.senses.heard(node.name, now), why=node.why,
    )  # fmt: skip
