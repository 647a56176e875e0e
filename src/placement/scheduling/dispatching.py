"""Which frames start where: rank says who, shares say how many, prices say on what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement.farm.machines import RESOURCES, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.packing import Room
from placement.scheduling.plan import Reason, Starts
from placement.scheduling.pricing import Prices
from placement.scheduling.releases import until_up
from placement.scheduling.reserving import NONE, Reservations
from placement.units import Bools, Floats, Ints

__all__ = ["Dispatch"]

_STRICT, _ALMOST = 1.1, 1 - 1e-6
_LOOK = 512  #: pairs of a step and a class after which is asked again what may fit
_QUANTILE = 1.2816


@dataclass(slots=True, eq=False)
class Dispatch:
    """The changing part of one decision: what is still free, waiting and allowed, and what was started.

    Parameters
    ----------
    modes
        Energy mode of each step on each class, shape ``(steps, classes)``.
    order
        Rows of the steps that may start something, first ones first.
    used
        Worth held by each client, parents included, shape ``(clients,)``.
    danger
        Which steps are in danger, shape ``(steps,)``.
    unkept
        Worth that may start beside what is kept for clients who never lend; what is guaranteed starts even there.
    abreast
        How many frames each step begins at once where `fill` is narrow, shape ``(steps,)``; None: all.
    overdue
        Which are owed room for too long: at any price they start wherever they can, shape ``(steps,)``; None: none.
    """

    farm: FarmSnapshot
    cost: Cost
    prices: Prices
    reservations: Reservations
    modes: Ints
    order: Ints
    used: Floats
    danger: Bools
    unkept: float = float("inf")
    abreast: Ints | None = None
    overdue: Bools | None = None
    room: Room = field(init=False)
    waiting: Ints = field(init=False)
    _few: Ints = field(init=False)
    _fits: Bools = field(init=False)  #: steps of which a frame may fit somewhere: there is never more room later
    _client: Ints = field(init=False)
    _worth: Floats = field(init=False)
    least: Floats = field(init=False)  #: worth of a frame of each step where it is worth least, ``(steps,)``
    _score: Floats = field(init=False)
    _above: list[list[int]] = field(init=False)
    _taken: list[tuple[int, Ints, Ints, int, int, float, float]] = field(init=False)

    def __post_init__(self) -> None:
        farm = self.farm
        self.room = Room(farm, self.reservations.step == NONE, ties=farm.nodes.warm_job)
        self._client = farm.jobs.client[farm.steps.job]
        self.waiting = farm.steps.waiting.copy()
        self._few = (self.waiting if self.abreast is None else self.abreast).copy()
        self._fits, self.used = np.ones(farm.steps.count, bool), self.used.copy()
        share = farm.share_of_node()
        self._worth = share * farm.classes.worth
        self.least = self._worth.min(axis=1, initial=np.inf)
        speed = np.take_along_axis(farm.classes.speed.T, self.modes, axis=0)
        with np.errstate(invalid="ignore"):
            there = self.cost.able & (farm.capacity() > 0)
            self._score = np.where(there, self.cost.seconds / speed * share * self.prices.price, np.inf)
        self._above = _chains(farm.clients.parent)
        self._taken = []

    def reserved(self, caps: Floats) -> None:
        """Start wide frames on the nodes that were cleared for them, within `caps` as in `fill`."""
        kept = self.reservations.kept
        for node in kept[np.argsort(self.reservations.step[kept], kind="stable")].tolist():
            row, klass = int(self.reservations.step[node]), int(self.farm.nodes.node_class[node])
            here = np.array([node])
            if self.room.fit(self.farm.steps.request[row], here)[0] > 0 and self._allowed(row, klass, caps) > 0:
                self._take(row, here, np.ones(1, np.int64), Reason.RESERVED)

    def show(self, caps: Floats, previews: Bools) -> None:
        """Start previews where they are done soonest, whatever it costs: they are small, and somebody waits."""
        rows = self.order[(self.waiting[self.order] > 0) & previews[self.order]]
        if not len(rows):
            return
        fits = self._may_fit(rows) & np.isfinite(self._score[rows])
        seconds = np.where(fits, self.cost.seconds[rows], np.inf)
        best = np.argsort(seconds, axis=1, kind="stable")
        at, turn = np.nonzero(np.take_along_axis(fits, best, axis=1))
        self._start_each(rows[at], best[at, turn], caps + 1e-9, Reason.PREVIEW, self.waiting)

    def fill(
        self,
        caps: Floats,
        reason: Reason,
        *,
        only: Bools | None = None,
        dearest: Floats | float = _STRICT,
        narrow: bool = False,
    ) -> None:
        """Start steps in order while their clients stay within `caps`, shape ``(clients,)``, in worth.

        Classes that are about as good as the best at present prices are always taken. Work on GPUs goes before work
        that is not in danger and would only take the cores beside them.

        Parameters
        ----------
        only
            Which steps may start, shape ``(steps,)``; None: all.
        dearest
            Up to so many times the price of the best class others are taken too, on which a frame ends before it would
            where it is best done, behind what waits there; for all or shape ``(steps,)``.
        narrow
            No step begins more than `abreast`.
        """
        most = self._few if narrow else self.waiting
        rows = self.order[most[self.order] > 0]
        if only is not None:
            rows = rows[only[rows]]
        if not len(rows):
            return
        allowed = caps + 1e-9
        rows = rows[self.within(allowed, reason)[rows]]
        rows = rows[self._fits[rows]]
        fits = self._may_fit(rows)
        some = np.flatnonzero(fits.any(axis=1))
        if not len(some):
            return
        rows, fits = rows[some], fits[some] & self._wanted(rows[some], dearest)
        best = np.argsort(self._score[rows], axis=1, kind="stable")
        at, turn = np.nonzero(np.take_along_axis(fits, best, axis=1))
        rows, classes = rows[at], best[at, turn]
        first = np.argsort(self._borrows(rows, classes), kind="stable")
        self._start_each(rows[first], classes[first], allowed, reason, most)

    def _borrows(self, rows: Ints, classes: Ints) -> Bools:
        """Tell which steps, each on a class, would take the cores that GPUs need beside them, and could wait."""
        gpus = self.farm.steps.request[rows, Resource.GPUS] > 0
        return np.asarray(~gpus & ~self.danger[rows] & (self.farm.classes.offer[classes, Resource.GPUS] > 0))

    def _start_each(self, rows: Ints, classes: Ints, caps: Floats, reason: Reason, most: Ints) -> None:
        """Start steps on classes, pair by pair; of many pairs those that have become hopeless are passed over."""
        for first in range(0, len(rows), _LOOK):
            row, klass = rows[first : first + _LOOK], classes[first : first + _LOOK]
            if first:
                some = most[row] > 0  # of many steps all has started on the classes that suit them best
                row, klass = row[some], klass[some]
                may = self._worth[row, klass] * _ALMOST <= self.left(caps, reason)[self._client[row]]
                may &= self.room.may_fit(self.farm.steps.request[row])[np.arange(len(row)), klass]
                row, klass = row[may], klass[may]
            for each, on in zip(row.tolist(), klass.tolist(), strict=True):
                if most.item(each) > 0:
                    self._start(each, on, caps, reason, most)

    def _may_fit(self, rows: Ints) -> Bools:
        """Return on which classes frames of steps may fit, ``(rows, classes)``; who fits nowhere is not asked again."""
        fits = self.room.may_fit(self.farm.steps.request[rows])
        self._fits[rows] = fits.any(axis=1)
        return fits

    def backfill(self, caps: Floats) -> None:
        """Start on kept nodes what will have ended, nine times in ten, when they are needed."""
        kept = self.reservations.kept
        if not len(kept):
            return
        late = self.cost.seconds * np.exp(_QUANTILE * np.hypot(self.cost.spread, self.cost.common))[:, None]
        node_class, left = self.farm.nodes.node_class[kept], self.reservations.ready[kept] - self.farm.now
        for row in self._may_backfill(kept, late, left).tolist():
            request = self.farm.steps.request[row]
            nodes = kept[(late[row, node_class] <= left) & (self.reservations.step[kept] != row)]
            for node in nodes[self.room.fit(request, nodes) > 0].tolist():
                klass = int(self.farm.nodes.node_class[node])
                here = np.array([node])
                count = min(self._allowed(row, klass, caps), int(self.room.fit(request, here)[0]))
                if count > 0:
                    self._take(row, here, np.array([count]), Reason.BACKFILL)

    def _may_backfill(self, kept: Ints, late: Floats, left: Floats) -> Ints:
        """Return the steps, in order, of which a frame fits on a kept node now; there is never more room later."""
        rows, free = self.order[self.waiting[self.order] > 0], self.room.free
        node_class = self.farm.nodes.node_class[kept]
        # What the nodes of a class have at most of anything leaves a tenth of the steps to look at.
        most = np.full((len(self.farm.classes.names), RESOURCES), -1.0)
        longest = np.full(len(most), -np.inf)
        np.maximum.at(most, node_class, free[kept])
        np.maximum.at(longest, node_class, left)
        wanted = self.farm.steps.request[rows] * _ALMOST
        may = late[rows] <= longest
        for resource in range(RESOURCES):
            may &= wanted[:, resource, None] <= most[:, resource]
        some = np.flatnonzero(may.any(axis=1))
        fits = late[rows[some][:, None], node_class] <= left
        for resource in range(RESOURCES):
            fits &= wanted[some, resource, None] <= free[kept, resource]
        return np.asarray(rows[some[fits.any(axis=1)]])

    def within(self, caps: Floats, reason: Reason | None = None) -> Bools:
        """Tell of which steps one more frame, where it is worth least, keeps clients within `caps`, ``(steps,)``."""
        return np.asarray(self.least * _ALMOST <= self.left(caps, reason)[self._client])

    def wanted(self, dearest: Floats | float = np.inf) -> Bools:
        """Return on which classes frames start rather than wait for a better one, shape ``(steps, classes)``.

        Parameters
        ----------
        dearest
            As in `fill`, for all or shape ``(steps,)``.
        """
        return self._wanted(np.arange(self.farm.steps.count), dearest)

    def _wanted(self, rows: Ints, dearest: Floats | float) -> Bools:
        score, best = self._score[rows], self._score[rows].min(axis=1, keepdims=True)
        good = np.asarray(np.isfinite(score) & (score <= _STRICT * best))
        most = np.broadcast_to(dearest, self.farm.steps.count)[rows, None]
        if (most <= _STRICT).all():
            return good
        seconds = self.cost.seconds[rows]
        there = self.prices.drain + until_up(self.farm) + seconds
        best_end = np.take_along_axis(there, score.argmin(axis=1)[:, None], axis=1)
        late = np.isinf(most) & (False if self.overdue is None else self.overdue[rows, None])
        with np.errstate(invalid="ignore"):
            soon = np.isfinite(seconds) & ((seconds <= best_end) | late) & (score <= most * best)
        return np.asarray(good | soon)

    def left(self, caps: Floats, reason: Reason | None = None) -> Floats:
        """Return what each client may still take for a reason, shape ``(clients,)``."""
        each, beside = caps - self.used, np.inf if reason is Reason.GUARANTEED else self.unkept
        return np.array([min(beside, *each[above].tolist()) for above in self._above])

    def _start(self, row: int, klass: int, caps: Floats, reason: Reason, most: Ints) -> None:
        count = min(self._allowed(row, klass, caps, reason), most.item(row))
        if count <= 0:
            return
        farm = self.farm
        warm = farm.nodes.warm_job == farm.jobs.index[farm.steps.job[row]] if self.cost.warmth else None
        nodes, counts = self.room.best_fit(farm.steps.request[row], klass, count, warm=warm)
        if len(nodes):
            self._take(row, nodes, counts, reason)

    def _allowed(self, row: int, klass: int, caps: Floats, reason: Reason | None = None) -> int:
        """Return how many frames of a step its clients, its licence and itself allow."""
        left, count = np.inf if reason is Reason.GUARANTEED else self.unkept, self.waiting.item(row)
        for client in self._above[self._client.item(row)]:
            left = min(left, caps.item(client) - self.used.item(client))
        if left < np.inf:
            count = min(count, int(max(left, 0.0) / self._worth.item(row, klass) + 1e-9))
        licence = int(self.farm.steps.licence[row])
        return min(count, int(self.room.licences[licence])) if licence != NONE else count

    def _take(self, row: int, nodes: Ints, counts: Ints, reason: Reason) -> None:
        """Book frames of one step on nodes of one class."""
        klass = int(self.farm.nodes.node_class[nodes[0]])
        counts = counts[: len(nodes)]
        started = int(counts.sum())
        self.room.take(self.farm.steps.request[row], nodes, counts, int(self.farm.steps.licence[row]))
        self.waiting[row] -= started
        self._few[row] -= started
        self.unkept -= started * self._worth[row, klass]
        for client in self._above[self._client[row]]:
            self.used[client] += started * self._worth[row, klass]
        scores = self._score[row].tolist()
        score = scores.pop(klass)
        self._taken.append((row, nodes, counts, klass, int(reason), score, min(scores, default=np.inf)))

    def starts(self) -> Starts:
        """Return all that was started, in the order of importance."""
        size = [int(taken[2].sum()) for taken in self._taken]
        rows, classes, reasons = (
            np.repeat(np.array([taken[at] for taken in self._taken], np.int64), size) for at in (0, 3, 4)
        )
        score, other = (np.repeat(np.array([taken[at] for taken in self._taken], float), size) for at in (5, 6))
        nodes = np.concatenate([np.zeros(0, np.int64), *(np.repeat(taken[1], taken[2]) for taken in self._taken)])
        other = np.where(np.isfinite(other), other, np.nan)
        mode = self.modes[rows, classes]
        return Starts(step=rows, node=nodes, mode=mode, reason=reasons, score=score, alternative=other)


def _chains(parent: Ints) -> list[list[int]]:
    """Return each client with all above it."""
    chains: list[list[int]] = []
    for row, above in enumerate(parent.tolist()):
        chains.append([row, *(chains[above] if above >= 0 else [])])
    return chains
