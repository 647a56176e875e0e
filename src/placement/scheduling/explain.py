"""Decisions in words: why a step waits, what becomes of a deadline, and what every reason means."""

from __future__ import annotations

import numpy as np

from placement.errors import InvalidInput
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.admission import Admission
from placement.scheduling.plan import Outlooks, Plan, Reason

__all__ = ["MEANING", "verdict", "why"]

#: What each reason means, after "starts", "waits", "stopped", "sleeps" or "wakes".
MEANING: dict[Reason, str] = {
    Reason.URGENT: "starts: its job is late, or in danger of its deadline",
    Reason.GUARANTEED: "starts: its client is promised this much",
    Reason.SHARE: "starts: it is its client's turn",
    Reason.PREVIEW: "starts: somebody waits to see something",
    Reason.BACKFILL: "starts: it ends before a reservation needs the room",
    Reason.RESERVED: "starts: the node was reserved for it",
    Reason.IDLE: "starts: nobody else wants the room",
    Reason.FINISHED: "has nothing left to start",
    Reason.DEPENDS: "waits: a step before it is not finished",
    Reason.HELD: "waits: its owner paused the job",
    Reason.NO_NODE: "waits: no node of the farm can ever run it",
    Reason.NODES_DOWN: "waits: the nodes that can run it are down or draining",
    Reason.LICENCE: "waits: all licences are taken",
    Reason.LIMIT: "waits: its client is at its limit",
    Reason.PARTITION: "waits: its client's partition is full, or room is kept for guarantees",
    Reason.OTHERS_FIRST: "waits: the farm is full with work that goes first",
    Reason.WAKING: "waits: a node is waking up for it",
    Reason.RESERVATION: "waits: room is being cleared for it",
    Reason.CHEAPER_LATER: "waits: a cheaper or cleaner hour comes in time",
    Reason.POWER_CAP: "waits: the farm's power cap is reached",
    Reason.TOO_WIDE: "waits for ever: one frame is more than limits, and guarantees that others never lend, leave",
    Reason.BETTER_NODE: "waits: for a node that suits it better than those with room, or draws less; it has the time",
    Reason.RECLAIM: "stopped: a client wants back what it lent",
    Reason.RESCUE: "stopped: a job in danger gains more than this loses",
    Reason.EMERGENCY: "stopped: an emergency needs the node",
    Reason.MAKE_ROOM: "stopped after its frame: a wide frame needs the node",
    Reason.REBALANCE: "stopped after its frame: its client or job has more than its share",
    Reason.IDLE_NODE: "sleeps: no work is expected in time",
    Reason.WORK_COMING: "wakes: work is expected",
}


def why(farm: FarmSnapshot, plan: Plan, step: int) -> str:
    """Return why a step starts or waits, in one sentence.

    Parameters
    ----------
    step
        Row in the snapshot's steps.

    Raises
    ------
    InvalidInput
        There is no such step.

    Examples
    --------
    >>> from placement.scheduling.plan import Starts, Waits
    >>> from placement.testing.planner_farms import clients_of, snapshot_of
    >>> farm = snapshot_of(clients=clients_of(names=["film"], limit=[0.3]))
    >>> none = Starts.of(np.zeros(0, int), np.zeros(0, int), Reason.IDLE)
    >>> waits = Waits(reason=np.array([Reason.LIMIT]), until=np.array([90.0]))
    >>> why(farm, Plan(starts=none, waits=waits), 0)
    'step 0 of job 0 waits: its client is at its limit (film, 30 % of the farm); likely until 1.5 min from now'
    """
    if not 0 <= step < farm.steps.count:
        raise InvalidInput(f"no step in row {step}; there are {farm.steps.count}")
    job = int(farm.steps.job[step])
    name = f"step {int(farm.steps.index[step])} of job {int(farm.jobs.index[job])}"
    started = plan.starts.step == step
    parts = []
    for reason, count in zip(*np.unique(plan.starts.reason[started], return_counts=True), strict=True):
        parts.append(f"{MEANING[Reason(int(reason))]} ({int(count)} frames)")
    left = int(farm.steps.waiting[step] + farm.steps.blocked[step]) - int(started.sum())
    if plan.waits is not None and (left > 0 or not parts):
        reason = Reason(int(plan.waits.reason[step]))
        parts.append(MEANING[reason] + _detail(farm, step, reason) + _until(farm, float(plan.waits.until[step])))
    if not parts:
        parts.append("has frames that wait, and the policy does not say why" if left > 0 else MEANING[Reason.FINISHED])
    return f"{name} {'; '.join(parts)}"


def verdict(farm: FarmSnapshot, outlooks: Outlooks, job: int, admission: Admission | None = None) -> str:
    """Return what is expected of a job and its deadline.

    Parameters
    ----------
    job
        Row in the snapshot's jobs.
    admission
        Names the conflicts, and what would be needed.

    Raises
    ------
    InvalidInput
        There is no such job.

    Examples
    --------
    >>> from placement.scheduling.rules import Rules
    >>> from placement.scheduling.urgency import assess
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(jobs={"deadline": [30.0]})
    >>> seen = assess(farm, cost_of(farm, 60.0), Rules(), np.array([8.0]))
    >>> verdict(farm, seen.outlooks, 0, seen.admission).split(": ")[0]
    'job 0 cannot meet its deadline 30 s from now'
    """
    if not 0 <= job < farm.jobs.count:
        raise InvalidInput(f"no job in row {job}; there are {farm.jobs.count}")
    name, due = f"job {int(farm.jobs.index[job])}", float(farm.jobs.deadline[job])
    end = f"expected end {_when(farm, float(outlooks.finish[job]))}"
    if not np.isfinite(due):
        return f"{name} has no deadline: {end}"
    when = _when(farm, due)
    if not outlooks.given_up[job]:
        return f"{name} meets its deadline {when} with probability {outlooks.on_time[job]:.0%}: {end}"
    text = (
        f"{name} cannot meet its deadline {when}: {end}, at the earliest {_when(farm, float(outlooks.earliest[job]))}"
    )
    if admission is None:
        return text
    if admission.hopeless[job]:
        return f"{text}; no capacity is enough: its own frames take longer"
    others = ", ".join(str(int(farm.jobs.index[row])) for row in admission.conflicts(job)[:5])
    return f"{text}; conflicts with jobs {others}; needs {admission.needed(job):.3g} more worth until then"


def _detail(farm: FarmSnapshot, step: int, reason: Reason) -> str:
    clients, client = farm.clients, int(farm.jobs.client[farm.steps.job[step]])
    if reason == Reason.LIMIT:
        return f" ({clients.names[client]}, {100 * clients.limit[client]:.3g} % of the farm)"
    if reason in (Reason.PARTITION, Reason.TOO_WIDE):
        return f" ({clients.names[client]}, guaranteed {100 * clients.guarantee[client]:.3g} % of the farm)"
    if reason == Reason.DEPENDS and farm.steps.after[step] >= 0:
        return f" (step {int(farm.steps.index[farm.steps.after[step]])})"
    return f" (licence {int(farm.steps.licence[step])})" if reason == Reason.LICENCE else ""


def _until(farm: FarmSnapshot, until: float) -> str:
    return f"; likely until {_when(farm, until)}" if np.isfinite(until) and until > farm.now else ""


def _when(farm: FarmSnapshot, time: float) -> str:
    ahead = time - farm.now
    if not np.isfinite(ahead):
        return "never"
    size = abs(ahead)
    scale, unit = next((at for at in ((86400, "d"), (3600, "h"), (60, "min")) if size >= 1.5 * at[0]), (1, "s"))
    return f"{size / scale:.3g} {unit} {'from now' if ahead >= 0 else 'ago'}"
