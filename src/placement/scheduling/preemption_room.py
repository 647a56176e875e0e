"""Making room: which attempts on which nodes have to leave so that frames of a step fit, at the least price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.preemption_victims import Gains, Queue, compact, fitting, gains_of, spared
from placement.scheduling.shares import dominant_share, held
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Need", "Room"]

_ROUNDING = 1e-9
#: Rounds in which victims that their clients' guarantees protect are replaced by others, lest a decision take long.
_ROUNDS = 16


@dataclass(slots=True, kw_only=True, eq=False)
class Need:
    """Frames of a step that want room.

    Parameters
    ----------
    step, client
        Row of the step, and of the client on whose behalf it asks.
    frames
        How many frames at most.
    amount
        How much is wanted, in the unit of `unit`; the last frame may exceed it.
    unit
        What a frame counts for on each node, shape ``(nodes,)``.
    able
        Nodes that can run it, shape ``(nodes,)``.
    dearest
        Highest price for a frame's room.
    """

    step: int
    client: int
    frames: int
    amount: float
    unit: Floats
    able: Bools
    dearest: float = np.inf

    @property
    def open(self) -> bool:
        """Whether anything is still wanted."""
        return self.frames > 0 and self.amount > _ROUNDING

    def trimmed(self, nodes: Ints, frames: Ints) -> Ints:
        """Return how many of the frames that fit on nodes are wanted, in this order, shape ``(nodes,)``."""
        unit = np.maximum(self.unit[nodes], np.finfo(float).tiny)
        before, count = np.cumsum(frames * unit) - frames * unit, np.cumsum(frames) - frames
        wanted = np.minimum(np.ceil((self.amount - before) / unit - _ROUNDING), self.frames - count)
        return np.asarray(np.clip(np.minimum(frames, wanted), 0, None), np.int64)


class Room:
    """Room on the nodes of a farm while victims are chosen; what one need was given, the next does not find.

    Parameters
    ----------
    farm
        The snapshot.
    guaranteed
        Worth that clients keep whatever happens, shape ``(clients,)``.

    Attributes
    ----------
    free
        Room left, shape ``(nodes, resources)``.
    taken
        Attempts whose room is given away, shape ``(attempts,)``.
    above
        Whether a client (second axis) is another one or above it, shape ``(clients, clients)``.
    spare
        Worth that clients hold beyond what is guaranteed, shape ``(clients,)``.
    gone
        Worth that attempts of clients and their projects held whose room was given away, shape ``(clients,)``.
    """

    def __init__(self, farm: FarmSnapshot, guaranteed: Floats) -> None:
        self.farm = farm
        self.free = farm.nodes.free.copy()
        self.taken = np.zeros(farm.attempts.count, bool)
        self.holds = held(farm)
        self.client = farm.jobs.client[farm.steps.job[farm.attempts.step]]
        self.above = np.eye(farm.clients.count, dtype=bool)
        for row, parent in enumerate(farm.clients.parent):
            if parent >= 0:
                self.above[row] |= self.above[parent]
        held_by = np.bincount(self.client, self.holds, farm.clients.count) @ self.above
        self.spare = np.maximum(held_by - guaranteed, 0.0)
        self.gone = np.zeros(farm.clients.count)
        self._takes = farm.steps.request[farm.attempts.step]
        self._node = compact(farm.attempts.node)
        self._up = farm.nodes.state == NodeState.UP
        self._movable = self._up[farm.attempts.node]
        self._wait = self._waits()

    def able(self, cost: Cost, step: int) -> tuple[Bools, Floats]:
        """Return which nodes can run a step, in any state, and the worth that a frame of it would hold there."""
        share = dominant_share(self.farm.steps.request[step], self.farm.classes.offer)
        able = np.isfinite(cost.seconds[step]) & (share <= 1 + _ROUNDING)
        where = self.farm.nodes.node_class
        return able[where], (share * self.farm.classes.worth)[where]

    def _waits(self) -> Floats:
        """Return in how many seconds each node takes work at the earliest, shape ``(nodes,)``; infinite: unknown."""
        nodes = self.farm.nodes
        wakes = self.farm.classes.wake_seconds[nodes.node_class]
        wait = np.where(self._up, 0.0, np.inf)
        wait[nodes.state == NodeState.ASLEEP] = wakes[nodes.state == NodeState.ASLEEP]
        rises = (nodes.state == NodeState.WAKING) & np.isfinite(nodes.ready)
        wait[rises] = np.maximum(nodes.ready[rises] - self.farm.now, 0.0)
        falls = (nodes.state == NodeState.FALLING_ASLEEP) & np.isfinite(nodes.ready)
        wait[falls] = np.maximum(nodes.ready[falls] - self.farm.now, 0.0) + wakes[falls]
        return np.where(np.isfinite(wait), wait, np.nan)

    def borrowed(self, client: int) -> Bools:
        """Return attempts of others that may have to leave for a client, shape ``(attempts,)``.

        None of those that their own client, or one above it that is not above `client`, needs for its guarantee.
        """
        between = self.above & ~self.above[client]
        limit = np.where(between, self.spare, np.inf).min(axis=1) + _ROUNDING
        other = ~self.above[:, client]
        theirs = self.holds <= np.where(other, limit, -np.inf)[self.client]
        theirs |= other[self.client] & self.farm.attempts.stopping
        return np.asarray(theirs & self.movable())

    def movable(self) -> Bools:
        """Return attempts whose room is not given away yet, on nodes that take work, shape ``(attempts,)``."""
        return np.asarray(self._movable & ~self.taken)

    def fill(self, need: Need, window: Seconds) -> None:
        """Give what fits without anybody leaving, on nodes that take work within `window` seconds."""
        rows = np.flatnonzero(need.able & (self._wait <= window))
        fit = fitting(self.free[rows], self.farm.steps.request[need.step])
        rows, fit = rows[fit > 0], fit[fit > 0]
        self._give(need, rows, need.trimmed(rows, fit))

    def clear(self, need: Need, pool: Bools, price: Floats, preference: Floats | Ints) -> Ints:
        """Choose attempts to leave, give their room to the need, and return them.

        On each node attempts leave in the order of `preference` until one frame more fits, and again; nodes are taken
        in the order of price per frame. Who turns out not to be needed stays, the least preferred first.

        Parameters
        ----------
        pool
            Attempts that may be chosen, shape ``(attempts,)``.
        price, preference
            What it costs that an attempt leaves, 0 or more; who leaves first. Same shape.
        """
        rows = np.flatnonzero(pool & need.able[self.farm.attempts.node])
        if not len(rows) or not need.open:
            return rows[:0]
        rows = rows[np.argsort(preference[rows], kind="stable")]
        rows = rows[np.argsort(self._node[rows], kind="stable")]
        node, request = self.farm.attempts.node[rows], self.farm.steps.request[need.step]
        steps = gains_of(Queue(node=node, takes=self._takes[rows], price=price[rows]), self.free[node], request)
        chosen, gains = self._affordable(need, rows, steps)
        if not len(chosen):
            return rows[:0]
        leave = np.zeros(len(steps.node) + 1, bool)
        leave[chosen] = True
        leaves = leave[steps.of]
        nodes, where = np.unique(steps.node[chosen], return_inverse=True)
        frames = np.bincount(where, gains).astype(np.int64)
        target = fitting(self.free[nodes], request) + frames
        leaving = Queue(node=node[leaves], takes=self._takes[rows[leaves]], price=price[rows[leaves]])
        victims = rows[leaves][~spared(leaving, self.free[nodes], request, target)]
        self._leave(victims)
        self._give(need, nodes, frames)
        return np.asarray(victims)

    def _affordable(self, need: Need, rows: Ints, steps: Gains) -> tuple[Ints, Ints]:
        """Return which steps to take, in order, and how many frames of each: no client falls below its guarantee."""
        count = len(steps.node)
        order = steps.order[steps.price[steps.order] <= need.dearest]
        uses = self._uses(need, rows, steps)
        for _ in range(_ROUNDS):
            gains = need.trimmed(steps.node[order], steps.gain[order])
            taken = int((gains > 0).sum())
            bad, until = np.zeros(count, bool), taken
            for spare, use in uses:
                total = np.cumsum(use[order])
                first = int(np.searchsorted(total, spare + _ROUNDING, side="right"))
                if first < taken:
                    left = spare - (total[first - 1] if first else 0.0)
                    bad[order[first:][use[order[first:]] > left + _ROUNDING]] = True
                    until = min(until, first)
            if not bad.any():
                break
            since = np.full(self.farm.nodes.count, count)
            np.minimum.at(since, steps.node[bad], np.flatnonzero(bad))
            order, kept = order[order < since[steps.node[order]]], order[:until]
        else:
            order, gains, taken = kept, need.trimmed(steps.node[kept], steps.gain[kept]), len(kept)
        return order[:taken], gains[:taken]

    def _uses(self, need: Need, rows: Ints, steps: Gains) -> list[tuple[float, Floats]]:
        """Return what clients can spare and what each step takes from them, of those that could fall short."""
        there = steps.of < len(steps.node)
        holds = self.holds[rows] * (there & ~self.farm.attempts.stopping[rows])
        found, owner = [], self.client[rows]
        total = np.bincount(owner, holds, len(self.above)) @ self.above
        for client in np.flatnonzero(~self.above[need.client] & (total > self.spare + _ROUNDING)):
            use = np.bincount(steps.of, holds * self.above[:, client][owner], len(steps.node) + 1)[:-1]
            found.append((float(self.spare[client]), np.asarray(use, np.float64)))
        return found

    def _leave(self, victims: Ints) -> None:
        self.taken[victims] = True
        np.add.at(self.free, self.farm.attempts.node[victims], self._takes[victims])
        new = victims[~self.farm.attempts.stopping[victims]]
        self.gone += self.holds[victims] @ self.above[self.client[victims]]
        self.spare = np.maximum(self.spare - self.holds[new] @ self.above[self.client[new]], 0.0)

    def _give(self, need: Need, nodes: Ints, frames: Ints) -> None:
        nodes, frames = nodes[frames > 0], frames[frames > 0]
        self.free[nodes] -= frames[:, None] * self.farm.steps.request[need.step]
        need.frames -= int(frames.sum())
        need.amount -= float(frames @ need.unit[nodes])
