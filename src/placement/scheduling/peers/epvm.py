"""OpenCue Maestro's way: marginal cost of a host, a lottery by priority, tiers by subscription, firm reservations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from placement.farm.machines import Resource
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Reason
from placement.scheduling.releases import Releases
from placement.scheduling.rules import Rules
from placement.scheduling.starting import Starting, lots
from placement.units import Bools, Floats, Ints

__all__ = ["epvm"]

#: Weights of the dimensions in the potential, as published.
_WEIGHTS = {Resource.CORES: 1.0, Resource.MEMORY: 1.0, Resource.GPUS: 4.0, Resource.GPU_MEMORY: 1.0}
_LOCALITY = 8.0
_BLOCKED_SECONDS = 300.0
_WIDE_SHARE = 0.5
_RESERVED_SHARE = 0.5
_GRANTEES = 8


def epvm(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Fill the farm as OpenCue's Maestro is published to do; see ``docs/peers.md`` for what differs.

    Frames that wait wide and long start first or get a node reserved. Clients then get slots by the lowest use over
    size, their steps by lot in proportion to priority; nodes by the least marginal cost of an exponential potential.

    References
    ----------
    Amir et al., "An opportunity cost approach for job assignment in a scalable computing cluster", IEEE TPDS 2000.
    Efraimidis and Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 2006.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, steps={"waiting": [2]}, attempts={"node": [1]})
    >>> epvm(farm, cost_of(farm), Rules()).starts.node.tolist()
    [1, 1]
    """
    starting, hosts = Starting(farm, cost), _Hosts(farm)
    reserved, until = _reserve(farm, cost, starting, hosts)
    share, turn = _drawn(farm, starting)
    tier = _tiers(farm, starting)
    for counts, order in ((share, turn), (None, np.lexsort((turn.argsort(), tier[farm.jobs.client[farm.steps.job]])))):
        for step in starting.sweep(order):
            if counts is None or counts[step]:
                among = _open_to(farm, cost, step, reserved, until)
                _place(starting, hosts, step, None if counts is None else int(counts[step]), among)
    return starting.plan(reserved)


class _Hosts:
    """The potential of every node, and where frames of each step run."""

    def __init__(self, farm: FarmSnapshot) -> None:
        self._farm, self._kind = farm, farm.nodes.node_class
        offer = farm.classes.offer
        self._per_offer = np.divide(1.0, offer, out=np.zeros_like(offer), where=offer > 0)
        used = 1.0 - farm.nodes.free * self._per_offer[self._kind]
        self._potential = {each: np.exp(used[:, each]) for each in _WEIGHTS}
        by_step = np.argsort(farm.attempts.step, kind="stable")
        first = np.searchsorted(farm.attempts.step[by_step], np.arange(farm.steps.count + 1))
        self._local, self._first = farm.attempts.node[by_step], first

    def score(self, step: int) -> Floats:
        """Return what one more frame of a step costs on each node, shape ``(nodes,)``; lower is better."""
        score = np.zeros(len(self._kind))
        request = self._farm.steps.request[step]
        for each, weight in _WEIGHTS.items():
            if request[each]:
                grows = weight * np.expm1(request[each] * self._per_offer[:, each])
                score += grows[self._kind] * self._potential[each]
        score[self._local[self._first[step] : self._first[step + 1]]] -= _LOCALITY
        return score

    def take(self, step: int, nodes: Ints, counts: Ints) -> None:
        """Follow a start."""
        for each in _WEIGHTS:
            if self._farm.steps.request[step, each]:
                taken = self._farm.steps.request[step, each] * counts
                self._potential[each][nodes] *= np.exp(taken * self._per_offer[self._kind[nodes], each])


def _place(starting: Starting, hosts: _Hosts, step: int, count: int | None, among: Bools | None) -> None:
    choose = partial(starting.room.best_fit, key=hosts.score(step), among=among)
    if starting.start(step, starting.able[step], count, choose):
        hosts.take(step, *starting.latest)


def _reserve(farm: FarmSnapshot, cost: Cost, starting: Starting, hosts: _Hosts) -> tuple[Ints, Floats]:
    """Start a frame of each step that waits wide and long, or keep a node for it.

    Returns
    -------
    The step each node is kept for (-1: none) and until when, both of shape ``(nodes,)``.
    """
    reserved, until = np.full(farm.nodes.count, -1), np.full(farm.nodes.count, np.inf)
    if not len(farm.up):
        return reserved, until
    largest = farm.classes.offer[farm.nodes.node_class[farm.up]].max(axis=0)
    wanted = farm.steps.request[:, :2] >= _WIDE_SHARE * largest[:2]
    waits = farm.now - farm.steps.since > _BLOCKED_SECONDS
    grantees = np.flatnonzero(wanted.any(axis=1) & waits & (starting.left > 0) & starting.able.any(axis=1))
    grantees = grantees[np.argsort(farm.steps.since[grantees], kind="stable")].tolist()[:_GRANTEES]
    releases = Releases(farm, cost) if grantees else None
    for step in grantees:
        able, request = starting.able[step], farm.steps.request[step]
        if not any(starting.allowed(step, klass) for klass in np.flatnonzero(able).tolist()):
            continue
        choose = partial(starting.room.best_fit, key=hosts.score(step), among=reserved < 0)
        if starting.start(step, able, 1, choose, Reason.RESERVED):
            hosts.take(step, *starting.latest)
            continue
        assert releases is not None
        fits = able & (request <= farm.classes.offer).all(axis=1)
        fitting = fits[farm.nodes.node_class[farm.up]]
        if (reserved[farm.up[fitting]] >= 0).sum() + 1 > max(_RESERVED_SHARE * fitting.sum(), 1):
            continue
        when = np.where(reserved < 0, releases.earliest(request, fits, starting.room.free), np.inf)
        node = int(when.argmin())
        if np.isfinite(when[node]):
            reserved[node], until[node] = step, when[node]
    return reserved, until


def _open_to(farm: FarmSnapshot, cost: Cost, step: int, reserved: Ints, until: Floats) -> Bools | None:
    """Return the nodes that frames of a step may go to: a kept one only if they end in time and that is known."""
    kept = np.flatnonzero(reserved >= 0)
    if not len(kept):
        return None
    nodes = reserved < 0
    if farm.steps.done[step]:
        nodes[kept] = farm.now + cost.seconds[step, farm.nodes.node_class[kept]] <= until[kept]
    return nodes


def _tiers(farm: FarmSnapshot, starting: Starting) -> Floats:
    """Return what each client holds over what it subscribed to, shape ``(clients,)``."""
    return starting.held / (np.maximum(farm.clients.guarantee, 1e-6) * max(farm.worth(), 1e-6))


def _drawn(farm: FarmSnapshot, starting: Starting) -> tuple[Ints, Ints]:
    """Return how many frames of each step the lottery draws, and the steps in the order of their first draw.

    Slots go to the client of the lowest tier until what is free is gone: its clients' tiers rise to one level. Within
    a client draws come to each step in proportion to priority until its frames are gone. Both are the expected end of
    drawing slot by slot; what remains of a frame is rounded by lot.
    """
    client, steps = farm.jobs.client[farm.steps.job], farm.steps
    priority = np.maximum(farm.jobs.priority[steps.job], 1e-6)
    frame = np.where(starting.able, starting.frame, np.inf).min(axis=1, initial=np.inf)
    frame = np.where(np.isfinite(frame), np.maximum(frame, 1e-9), 0.0)
    wanted = np.bincount(client, frame * starting.left, minlength=farm.clients.count)
    wanted = np.minimum(wanted, np.maximum(starting.headroom, 0.0))
    kind, cores = farm.nodes.node_class, Resource.CORES
    offer = np.maximum(farm.classes.offer[kind, cores], 1e-9)
    free = float((starting.room.free[:, cores] / offer) @ farm.classes.worth[kind])
    size = np.maximum(farm.clients.guarantee, 1e-6) * max(farm.worth(), 1e-6)
    tier = _tiers(farm, starting)
    level = _level(lambda t: np.clip((t - tier) * size, 0.0, wanted).sum(keepdims=True), np.array([free]))
    budget = np.clip((level[0] - tier) * size, 0.0, wanted)

    def spent(draws: Floats) -> Floats:
        each = frame * np.minimum(starting.left, priority * draws[client])
        return np.asarray(np.bincount(client, each, minlength=farm.clients.count), float)

    drawn = np.minimum(starting.left, priority * _level(spent, budget)[client])
    key, rest = lots(farm.now, steps.index), lots(farm.now, steps.index, stream=1)
    return np.floor(drawn + rest).astype(np.int64), np.argsort(-np.log(key) / priority, kind="stable")


def _level(spent: Callable[[Floats], Floats], budget: Floats) -> Floats:
    """Return how high each level may rise until the budget is spent, by bisection on a scale of powers of two."""
    low, high = np.full(len(budget), -60.0), np.full(len(budget), 60.0)
    for _ in range(50):
        middle = (low + high) / 2
        over = spent(np.exp2(middle)) > budget
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.asarray(np.exp2(low))
