"""Jobs in danger and emergencies take room from work that matters less, where that saves more than it loses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from placement.farm.clients import Lending
from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks, Reason, Stops
from placement.scheduling.preemption_loss import ends_by, lost_seconds, remaining
from placement.scheduling.preemption_reclaim import interruptible, stops_of
from placement.scheduling.preemption_room import Need, Room
from placement.scheduling.rules import Rules
from placement.units import Bools, Floats, Ints

__all__ = ["Asking", "expected_tardiness", "rescues"]

#: Steps for which room is made in one decision, lest it take long; the rest's turn is the next.
_STEPS = 4
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asking:
    """Who asks for room, and how much of what is free is to be had.

    Parameters
    ----------
    ranks
        Lower goes sooner, shape ``(steps,)``.
    blocked
        Steps with frames that found no room in this decision, shape ``(steps,)``.
    unkept
        Worth that may be taken beside what is kept for clients who never lend; infinite: nothing is kept.
    """

    ranks: Floats
    blocked: Bools
    unkept: float = float("inf")

    def __post_init__(self) -> None:
        seal(self)


def expected_tardiness(farm: FarmSnapshot, rules: Rules, outlooks: Outlooks) -> Floats:
    """Return the seconds by which each job is expected to end after its deadline, shape ``(jobs,)``.

    The end is taken as normal with the outlook's median and `Rules.confidence` quantile, so that a job that will
    probably be late by little counts little: ``σ (φ(a) + a Φ(a))`` with ``a`` the median's lateness over ``σ``.
    """
    due = np.where(np.isfinite(farm.jobs.deadline), farm.jobs.deadline, 0.0)
    late = np.where(np.isfinite(outlooks.finish), outlooks.finish, np.finfo(float).max) - due
    high = np.where(np.isfinite(outlooks.slack), -outlooks.slack, late)
    spread = np.maximum(high - late, 0.0) / ndtri(rules.confidence)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at = np.where(spread > 0, late / spread, 0.0)
        smooth = spread * (np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi) + at * ndtr(at))
    expected = np.where(spread > 0, np.maximum(smooth, 0.0), np.maximum(late, 0.0))
    return np.where(np.isfinite(farm.jobs.deadline), expected, 0.0)


def _candidates(farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks, asking: Bools) -> Ints:
    """Return steps that may take room from others: of emergencies, and of jobs that could still end in time."""
    jobs, steps = farm.jobs, farm.steps
    danger = (
        (outlooks.slack < 0) & ~outlooks.given_up & np.isfinite(jobs.deadline) & (outlooks.earliest <= jobs.deadline)
    )
    pressing = ((jobs.importance >= rules.emergency) | danger) & ~jobs.held
    rows = np.flatnonzero(asking & (steps.waiting > 0) & pressing[steps.job])
    return np.asarray(rows[cost.able[rows].any(axis=1)])


class _Rescuing:
    """Room on its way to work that matters more, in one decision."""

    def __init__(
        self, farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks, asking: Asking, left: Floats
    ) -> None:
        self.farm, self.cost, self.rules, self.outlooks, self.ranks = farm, cost, rules, outlooks, asking.ranks
        self.room, self.unkept = Room(farm, farm.clients.guarantee * farm.worth()), asking.unkept
        self.left, self.ends = left, ends_by(farm, cost, rules.confidence)
        self.job = farm.steps.job[farm.attempts.step]
        self.emergency = farm.jobs.importance >= rules.emergency
        lost = lost_seconds(farm)
        self.losses = lost * self.room.holds
        self.price = farm.jobs.importance[self.job] * (lost + rules.preempt_rest)
        self.late = expected_tardiness(farm, rules, outlooks)
        self.chosen: list[tuple[Ints, bool, Reason]] = []
        clients = farm.clients
        share = np.where(clients.lending == Lending.STATIC, clients.guarantee, clients.limit)
        held = np.bincount(self.room.client, self.room.holds, clients.count) @ self.room.above
        self.headroom = share * farm.worth() - held

    def need(self, step: int) -> tuple[Need, float]:
        """Return how many frames of a step must run at once, besides those that do, and the least worth of one.

        The step may take its quickest class's time and what its job could wait: that many waves of frames.
        """
        farm, job = self.farm, int(self.farm.steps.job[step])
        able, worth = self.room.able(self.cost, step)
        least = float(worth[able].min()) if able.any() else np.inf
        frames = int(farm.steps.waiting[step])
        if farm.steps.licence[step] >= 0:
            frames = min(frames, int(farm.licences[farm.steps.licence[step]]))
        due = float(farm.jobs.deadline[job])
        spare = due - float(self.outlooks.earliest[job]) if np.isfinite(due) else -np.inf
        if spare >= 0:
            waves = 1 + spare // self.cost.seconds[step].min()
            runs = int(farm.steps.running[step])
            frames = min(frames, max(int(np.ceil((farm.steps.waiting[step] + runs) / waves)) - runs, 0))
        client = int(farm.jobs.client[job])
        return Need(step=step, client=client, frames=frames, amount=frames, unit=np.ones(len(able)), able=able), least

    def lower(self, step: int) -> Bools:
        """Return attempts of other jobs that go later, are no emergency, and are not needed for a guarantee."""
        job = int(self.farm.steps.job[step])
        client = int(self.farm.jobs.client[job])
        own = self.room.client == client
        free = self.room.borrowed(client) | (own & self.room.movable())
        later = self.ranks[self.farm.attempts.step] > self.ranks[step]
        return np.asarray(free & later & (self.job != job) & ~self.emergency[self.job])

    def save(self, step: int) -> None:
        """Make room for a step: what ends in time is waited for, the rest interrupted as far as that pays."""
        job, (need, least) = int(self.farm.steps.job[step]), self.need(step)
        wanted, gone, urgent = need.frames, self.room.gone.copy(), bool(self.emergency[job])
        if urgent:
            window = max(self.rules.emergency_wait - (self.farm.now - float(self.farm.steps.since[step])), 0.0)
        else:
            window = max(float(self.farm.jobs.deadline[job] - self.outlooks.earliest[job]), 0.0)
        pool = self.lower(step) & self.within_limit(need, least, window)
        soon = self.ends <= window
        leaving, reason = self.farm.attempts.stopping, Reason.EMERGENCY if urgent else Reason.RESCUE
        wait = np.where(leaving, 0.0, self.left)
        ends = self.room.clear(need, pool & soon, wait, wait)
        self.chosen.append((ends[~leaving[ends]], False, reason))
        self.interrupt(need, pool & ~self.room.taken, self.late[job] / max(wanted, 1), window)
        self.headroom += self.room.gone - gone
        if need.frames < wanted:
            self.headroom[self.room.above[need.client]] -= (wanted - need.frames) * least

    def within_limit(self, need: Need, least: float, window: float) -> Bools:
        """Give free room as far as limits allow; return which attempts may leave so that limits still hold.

        Room that is kept for clients who never lend is not free.
        Where the client, or one above it, is at its limit, only attempts under it make room that it may use.
        """
        above = np.flatnonzero(self.room.above[need.client])
        binding = int(above[self.headroom[above].argmin()])
        allowed = int(max(self.headroom[binding] + _ROUNDING, 0.0) // least)
        beyond = max(need.frames - allowed, 0)
        if np.isfinite(self.unkept):
            allowed = min(allowed, int(max(self.unkept + _ROUNDING, 0.0) // least))
        over, before = max(need.frames - allowed, 0), need.frames
        need.frames, need.amount = need.frames - over, need.amount - over
        self.room.fill(need, window)
        need.frames, need.amount = need.frames + over, need.amount + over
        self.unkept -= (before - need.frames) * least
        if not beyond:
            return np.ones(self.farm.attempts.count, bool)
        return np.asarray(self.room.above[self.room.client, binding])

    def interrupt(self, need: Need, pool: Bools, saves: float, window: float) -> None:
        """Interrupt attempts, each frame's room saving some seconds of tardiness, at most what waiting would take."""
        price = np.where(self.farm.attempts.stopping, 0.0, self.price)
        job = self.farm.steps.job[need.step]
        if self.emergency[job]:
            pool, reason = pool & interruptible(self.farm, self.rules, window), Reason.EMERGENCY
        else:
            reason, worth = Reason.RESCUE, self.farm.jobs.importance[job] / self.rules.preempt_gain
            pool = pool & interruptible(self.farm, self.rules, np.inf)
            pool &= worth * np.minimum(saves, self.left) >= price
            need.dearest = float(worth * saves)
        density = price / np.maximum(self.room.holds, np.finfo(float).tiny)
        self.chosen.append((self.room.clear(need, pool, price, density), True, reason))


def rescues(
    farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks, asking: Asking, left: Floats | None = None
) -> Stops:
    """Choose attempts that leave for jobs in danger and for emergencies.

    A job is in danger when it is expected to miss its deadline, has not been given up, and would meet it if it went
    first. It gets room for as many frames as must run at once. What ends by itself while the job can still wait is told
    not to go on; other attempts are interrupted when the tardiness saved, importance × seconds, is `Rules.preempt_gain`
    times what they lose or more: ``(lost seconds + Rules.preempt_rest) × importance`` of their jobs. Waiting for an
    attempt costs no more than the seconds that it still runs, so what ends soon is not interrupted.

    An emergency gets room within `Rules.emergency_wait` seconds after its step became ready, whatever is lost.

    Victims come from other jobs of higher `Asking.ranks`, never from emergencies, never from what a client is
    guaranteed, never more often than `Rules.preempt_most` a frame and never before `Rules.preempt_rest`, save for an
    emergency that cannot wait for that. An interrupted job ranks lower, so it cannot take the room back.

    Parameters
    ----------
    farm
        With what is left in `Nodes.free` after the starts of this decision.
    outlooks
        What is expected of jobs.
    asking
        Who found no room, and who goes first.
    left
        What `placement.scheduling.preemption_loss.remaining` says, if it is known already.

    Returns
    -------
    Stops
        RESCUE and EMERGENCY; `loss` in worth × seconds.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(now=500.0, jobs={"deadline": [900.0, np.inf], "importance": [10.0, 1.0]},
    ...                    steps={"job": [0, 1], "request": [[8, 1, 0, 0, 0]] * 2, "waiting": [1, 0]},
    ...                    attempts={"step": [1], "started": [350.0]})
    >>> outlooks = Outlooks(finish=np.array([1500.0, 1100.0]), on_time=np.array([0.1, 1.0]), given_up=np.zeros(2, bool),
    ...                     slack=np.array([-700.0, np.inf]), earliest=np.array([700.0, 1100.0]))
    >>> cost = cost_of(farm, [[200.0], [900.0]])
    >>> asking = Asking(ranks=np.array([0.0, 1.0]), blocked=np.array([True, False]))
    >>> rescues(farm, cost, Rules(), outlooks, asking).attempt.tolist()
    [0]
    """
    rows = _candidates(farm, cost, rules, outlooks, asking.blocked)
    if not len(rows) or not farm.attempts.count:
        return Stops.none()
    saving = _Rescuing(farm, cost, rules, outlooks, asking, remaining(farm, cost) if left is None else left)
    first = np.lexsort((asking.ranks[rows], ~saving.emergency[farm.steps.job[rows]]))
    for step in rows[first][:_STEPS].tolist():
        saving.save(step)
    return stops_of(saving.chosen, saving.losses)
