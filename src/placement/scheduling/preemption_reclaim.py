"""Guarantees that were lent come back: as borrowed frames end, and by interruption where that would take too long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Reason, Stops
from placement.scheduling.preemption_loss import ends_by, loss, remaining
from placement.scheduling.preemption_room import Need, Room
from placement.scheduling.preemption_victims import compact
from placement.scheduling.reserving import NONE
from placement.scheduling.rules import Rules
from placement.scheduling.shares import Entitlements, used
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Known", "interruptible", "reclaims", "stops_of"]

#: Kinds of frames that are looked at in one decision, lest it take long; the rest's turn is the next. Those for which
#: others leave, times the square of attempts: 8 where 15,000 run, one for each client where 60,000 do.
_KINDS, _ROOMS = 32, 1.8e9
_DANGER = 10.0  #: docs/shares.md has what other factors do
_ROUNDING = 1e-9


def interruptible(farm: FarmSnapshot, rules: Rules, window: Seconds) -> Bools:
    """Return which attempts the rules allow to interrupt for a promise that is due in `window` seconds.

    None that was interrupted as often as it may be; one that has not run for `Rules.preempt_rest` only if the promise
    does not leave the time to wait for that.

    Returns
    -------
    Bools
        Shape ``(attempts,)``.
    """
    rest = rules.preempt_rest - (farm.now - farm.attempts.started)
    return np.asarray((farm.attempts.interrupted < rules.preempt_most) & ((rest <= 0) | (window < rest)))


def stops_of(chosen: list[tuple[Ints, bool, Reason]], losses: Floats) -> Stops:
    """Return stops of attempts chosen in turn: rows, whether at once, why; what ends by itself loses nothing."""
    rows = np.concatenate([np.zeros(0, np.int64), *(each for each, _, _ in chosen)])
    now = np.concatenate([np.zeros(0, bool), *(np.full(len(each), at_once) for each, at_once, _ in chosen)])
    why = np.concatenate([np.zeros(0, np.int64), *(np.full(len(each), int(reason)) for each, _, reason in chosen)])
    return Stops(attempt=rows, now=now, reason=why, loss=np.where(now, losses[rows], 0.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What a decision knows already; None: nothing.

    Parameters
    ----------
    used
        Worth that clients hold with what starts in this decision, parents included, shape ``(clients,)``.
    left
        What `placement.scheduling.preemption_loss.remaining` says, shape ``(attempts,)``.
    danger
        Steps whose deadlines are in danger: their frames count with ten times what they lose, shape ``(steps,)``.
    wanted
        Classes on which guaranteed frames would start, shape ``(steps, classes)``.
    kept
        The step that each node is kept for, `NONE`: any may start there, shape ``(nodes,)``.
    """

    used: Floats | None = None
    left: Floats | None = None
    danger: Bools | None = None
    wanted: Bools | None = None
    kept: Ints | None = None


class _Reclaiming:
    """Guarantees on their way back in one decision."""

    def __init__(self, farm: FarmSnapshot, cost: Cost, rules: Rules, guaranteed: Floats, known: Known) -> None:
        self.farm, self.whole, self.rules = farm, cost, rules
        wanted = cost.able if known.wanted is None else known.wanted
        self.cost = replace(cost, seconds=np.where(wanted, cost.seconds, np.inf))
        self.room = Room(farm, guaranteed)
        self.left, self.losses = remaining(farm, cost) if known.left is None else known.left, loss(farm)
        danger = np.zeros(farm.steps.count, bool) if known.danger is None else known.danger
        self.price = self.losses * np.where(danger, _DANGER, 1.0)[farm.attempts.step]
        self.able = self.cost.able
        self.kept = np.full(farm.nodes.count, NONE) if known.kept is None else known.kept
        self.chosen: list[tuple[Ints, bool, Reason]] = []
        self.frames = farm.steps.waiting.astype(np.int64)
        licensed = farm.steps.licence >= 0
        self.frames[licensed] = np.minimum(self.frames[licensed], farm.licences[farm.steps.licence[licensed]])
        self.frames[farm.jobs.held[farm.steps.job]] = 0
        self.frames[~self.able.any(axis=1)] = 0

    def kinds(self, client: int) -> Ints:
        """Return steps of a client and its projects that have ready frames, longest waiting first."""
        steps = self.farm.steps
        theirs = self.room.above[self.farm.jobs.client[steps.job], client] & (self.frames > 0)
        rows = np.flatnonzero(theirs)
        rows = rows[np.argsort(steps.since[rows], kind="stable")]
        return np.asarray(rows)

    def window(self, client: int, rows: Ints) -> Seconds:
        """Return the seconds until room must be free for a client's guarantee; infinite: when frames end.

        Two decisions before it must be back: one saw that it was gone, one starts frames in the room. What is never
        lent comes back by itself before the next decision, else by the one after.
        """
        lending, interval = self.farm.clients.lending[client], self.rules.interval
        if lending == Lending.FRAME:
            return np.inf
        since = float(self.farm.clients.short_since[client])
        since = float(self.farm.steps.since[rows].min()) if np.isnan(since) else min(since, self.farm.now)
        waited = self.farm.now - since
        if lending == Lending.PREEMPT:
            return max(float(self.farm.clients.reclaim[client]) - waited - 2 * interval, 0.0)
        return interval if waited >= interval else np.inf

    @cached_property
    def ends(self) -> Floats:
        """Seconds in which each attempt has ended with `Rules.confidence`; who waits for whole frames need not know."""
        return ends_by(self.farm, self.whole, self.rules.confidence)

    @cached_property
    def by_left(self) -> Ints:
        """Attempts in the order in which they are expected to end."""
        return np.argsort(self.left, kind="stable")

    def soon(self, window: Seconds) -> Bools:
        """Return which attempts end within so many seconds, shape ``(attempts,)``."""
        return np.ones(self.farm.attempts.count, bool) if np.isinf(window) else self.ends <= window

    def serve(self, client: int, lack: float, kinds: int, rooms: int) -> float:
        """Get back what a client lacks, as far as its frames fit anywhere; return the worth that came back."""
        rows = self.kinds(client)
        if not len(rows) or not self.room.borrowed(client).any():
            return 0.0
        window, amount = self.window(client, rows), lack
        wakes = window if self.farm.clients.lending[client] == Lending.PREEMPT else np.inf
        soon, asks = self.soon(window), list[tuple[Ints, Need]]()
        while len(rows) and amount > _ROUNDING and len(asks) < kinds:
            step, requests = int(rows[0]), self.farm.steps.request
            same = (requests[rows] == requests[step]).all(axis=1) & (self.able[rows] == self.able[step]).all(axis=1)
            kind, rows = rows[same], rows[~same]
            able, unit = self.room.able(self.cost, step)
            able &= self.may_start(kind)
            frames = int(self.frames[kind].sum())
            need = Need(step=step, client=client, frames=frames, amount=amount, unit=unit, able=able)
            self.room.fill(need, wakes)
            self.count(kind, frames - need.frames)
            asks.append((kind, need))
            amount = need.amount
        for kind, need in [(kind, need) for kind, need in asks if need.frames > 0][:rooms]:
            frames, need.amount = need.frames, amount
            if need.open:
                self.wait(need, soon)
            if need.open and np.isfinite(window):
                self.interrupt(need, window)
            self.count(kind, frames - need.frames)
            amount = need.amount
        return lack - max(amount, 0.0)

    def may_start(self, rows: Ints) -> Bools:
        """Return the nodes that are kept for nobody, or for one of these steps, shape ``(nodes,)``."""
        which = np.zeros(self.farm.steps.count + 1, bool)
        which[rows], which[NONE] = True, True
        return which[self.kept]

    def count(self, rows: Ints, served: int) -> None:
        """Take frames that have room from those that wait, step by step."""
        before = np.cumsum(self.frames[rows]) - self.frames[rows]
        self.frames[rows] -= np.clip(served - before, 0, self.frames[rows])

    def wait(self, need: Need, soon: Bools) -> None:
        """Let attempts of the client that borrows most leave at their frame's end, those that end first before."""
        pool = self.room.borrowed(need.client) & soon
        rows = self.by_left[(pool & need.able[self.farm.attempts.node])[self.by_left]]
        leaving = self.farm.attempts.stopping
        turn = np.unique(-self.room.spare, return_inverse=True)[1][self.room.client[rows]] + 1
        order = np.argsort(compact(np.where(leaving[rows], 0, turn)), kind="stable")
        place: Ints = np.zeros(len(pool), np.int64)
        place[rows[order]] = np.arange(1, len(rows) + 1)
        victims = self.room.clear(need, pool, np.where(leaving, 0.0, place), compact(place))
        self.chosen.append((victims[~leaving[victims]], False, Reason.REBALANCE))

    def interrupt(self, need: Need, window: Seconds) -> None:
        """Interrupt attempts that lose least per worth regained."""
        leaving = self.farm.attempts.stopping
        pool = self.room.borrowed(need.client) & interruptible(self.farm, self.rules, window)
        price = np.where(leaving, 0.0, self.price)
        density = price / np.maximum(self.room.holds, np.finfo(float).tiny)
        victims = self.room.clear(need, pool, price, density)
        self.chosen.append((victims, True, Reason.RECLAIM))


def reclaims(
    farm: FarmSnapshot, cost: Cost, rules: Rules, entitlements: Entitlements, known: Known | None = None
) -> Stops:
    """Choose attempts that leave so that clients get back what they are guaranteed and can use.

    A client that holds less than guaranteed and has ready frames first gets the room that is free or wakes up in time;
    then borrowers' attempts that end in time, with `Rules.confidence`, are told not to go on with another frame: those
    of the client that borrows most, and of these those that end first. A guarantee lent under PREEMPT must be back
    `Clients.reclaim` seconds after `Clients.short_since`, where that is not known after the client's longest waiting
    step started its last frame, and its room two decisions before; one that is never lent an interval after that:
    enough is free for it, but others stand where its frames could run. What frame ends do not give back by then is
    interrupted at once, where that loses least per worth regained. Room counts where the client's frames fit, node by
    node, and on nodes that are kept only for the step they are kept for. No borrower falls below its own guarantee, nor
    do those above it.

    Parameters
    ----------
    known
        What need not be worked out again; None: nothing is known.

    Returns
    -------
    Stops
        REBALANCE after the frame, RECLAIM at once; `loss` in worth × seconds.

    Examples
    --------
    >>> from placement.scheduling.shares import demand, entitlements
    >>> from placement.testing.planner_farms import clients_of, cost_of, snapshot_of
    >>> farm = snapshot_of(now=900.0, clients=clients_of(guarantee=[0.25, 0.0]), jobs={"client": [0, 1]},
    ...                    steps={"job": [0, 1], "request": [[2, 1, 0, 0, 0], [4, 1, 0, 0, 0]], "waiting": [9, 9]},
    ...                    attempts={"step": [1, 1], "started": [850.0, 880.0]})
    >>> cost = cost_of(farm)
    >>> stops = reclaims(farm, cost, Rules(), entitlements(farm, demand(farm, cost)))
    >>> stops.attempt.tolist(), stops.now.tolist()
    ([0], [False])
    """
    known = known or Known()
    holds = used(farm) if known.used is None else known.used
    lacks, least = entitlements.guaranteed - holds, _ROUNDING * max(farm.worth(), 1.0)
    if not (lacks > least).any():
        return Stops.none()
    back = _Reclaiming(farm, cost, rules, entitlements.guaranteed, known)
    regained = np.zeros(farm.clients.count)
    short, rooms = int((lacks > least).sum()), int(_ROOMS / max(farm.attempts.count, 1) ** 2)
    for client in range(farm.clients.count - 1, -1, -1):
        lack = float(lacks[client] + back.room.gone[client] - regained[client])
        if lack > least:
            regained[back.room.above[client]] += back.serve(
                client, lack, max(_KINDS // short, 1), max(rooms // short, 1)
            )
    return stops_of(back.chosen, back.losses)
