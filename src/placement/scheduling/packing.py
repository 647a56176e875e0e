"""Frames packed on nodes over all resources at once, by vectorised best fit; nodes are never looped over.

Packing (the fullest node that fits goes first) keeps wide holes for wide frames and lets other nodes empty: so
`Room.best_fit` does. `Room.spread` (the emptiest first) and `Room.deal` (one each in turn) are for simpler schedulers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from placement.farm.machines import RESOURCES, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.units import Bools, Floats, Ints

__all__ = ["Room"]

#: What a resource may be overdrawn by, as a share of a frame: what is left after many frames is a rounded sum.
_ROUNDING = 1e-9
#: Shapes that failed and are remembered, by class: enough to stop what repeats, few enough to be compared in no time.
_FAILURES = 8
_SWEEP = 64  #: steps after which a sweep looks again at what fits: a look costs as much as a few placements

Chosen = tuple[Ints, Ints]


class Room:
    """What is free on the nodes that are up, and changes while a plan is made.

    Nodes are named by their rows in the snapshot; inside they lie class by class, so that a class is a slice.

    Parameters
    ----------
    farm
        Read, not changed.
    among
        Nodes that may be chosen in any call; by default all, shape ``(nodes,)``.
    ties
        Goes before rows where nodes are equal.

    Attributes
    ----------
    licences
        Free licences, shape ``(licences,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> room = Room(snapshot_of(nodes={"node_class": [0, 0]}, attempts={"node": [1]}))
    >>> frame = np.array([3.0, 1024.0, 0.0, 0.0, 0.0])
    >>> nodes, counts = room.best_fit(frame, 0, 3)
    >>> nodes.tolist(), counts.tolist()
    ([1, 0], [2, 1])
    >>> room.take(frame, nodes, counts)
    >>> room.fit(frame, np.array([0, 1])).tolist()
    [1, 0]
    """

    def __init__(self, farm: FarmSnapshot, among: Bools | None = None, ties: Ints | None = None) -> None:
        up, kind = farm.up, farm.nodes.node_class[farm.up]
        self._rows: Ints = up[np.argsort(kind, kind="stable") if ties is None else np.lexsort((ties[up], kind))]
        self._class: Ints = farm.nodes.node_class[self._rows]
        self._among: Bools = np.ones(len(up), dtype=bool) if among is None else among[self._rows]
        kinds = len(farm.classes.names)
        self._bounds: list[int] = np.searchsorted(self._class, np.arange(kinds + 1)).tolist()
        self._place = np.full(farm.nodes.count, -1)
        self._place[self._rows] = np.arange(len(self._rows))
        self._free = np.ascontiguousarray(farm.nodes.free[self._rows].T)
        with np.errstate(divide="ignore"):
            self._per_offer = np.where(farm.classes.offer > 0, 1.0 / farm.classes.offer, 0.0)
        self._most: list[list[float]] = [[]] * kinds
        self._failed: list[list[list[float]]] = [[] for _ in range(kinds)]
        self._stairs: list[tuple[Floats, Floats]] = [(np.zeros(0), np.full(1, -1.0))] * kinds
        self._stale = np.ones(kinds, dtype=bool)
        self.licences: Ints = farm.licences.copy()

    @property
    def free(self) -> Floats:
        """What is free on every node now, nothing on those that are not up, shape ``(nodes, resources)``."""
        free = np.zeros((len(self._place), RESOURCES))
        free[self._rows] = self._free.T
        return free

    def fit(self, request: Floats, nodes: Ints) -> Ints:
        """Return how many frames that take `request` fit on each of `nodes`; none where a node is not up."""
        place = self._place[nodes]
        return np.where(place >= 0, np.maximum(_fit(self._free[:, place], request), 0), 0)

    def may_fit(self, requests: Floats) -> Bools:
        """Return on which classes a frame may fit: exact in cores and memory together, else by the most of any node.

        False is certain. True is not: the node with the most scratch may have no core.

        Parameters
        ----------
        requests
            Shape ``(steps, resources)``; the answer has shape ``(steps, classes)``.
        """
        for klass in np.flatnonzero(self._stale).tolist():
            self._refresh(klass)
        wanted = requests * (1 - _ROUNDING)
        most = np.array(self._most).reshape(-1, RESOURCES)
        may = wanted[:, Resource.CORES, None] <= most[:, Resource.CORES]
        for resource in list(Resource)[2:]:
            may &= wanted[:, resource, None] <= most[:, resource]
        for klass, (cores, memory) in enumerate(self._stairs):
            row = np.searchsorted(cores, wanted[:, Resource.CORES])
            may[:, klass] &= wanted[:, Resource.MEMORY] <= memory[row]
        return may

    def sweep(self, requests: Floats, able: Bools, order: Ints) -> Iterator[int]:
        """Go through steps in `order`, passing over those that no longer fit on any class they are able to run on.

        The caller takes room while it goes; what still fits is looked at again every few steps.

        Parameters
        ----------
        requests, able
            Shapes ``(steps, resources)`` and ``(steps, classes)``.
        order
            Rows of steps.
        """
        while len(order):
            order = order[(self.may_fit(requests[order]) & able[order]).any(axis=1)]
            yield from order[:_SWEEP].tolist()
            order = order[_SWEEP:]

    def take(self, request: Floats, nodes: Ints, counts: Ints, licence: int = -1) -> None:
        """Take room for `counts` frames on `nodes`, which must be up and differ, and their licences."""
        place = self._place[nodes]
        self._free[:, place] -= request[:, None] * counts
        self._stale[self._class[place]] = True
        if licence >= 0:
            self.licences[licence] -= int(counts.sum())

    def give(self, request: Floats, nodes: Ints, counts: Ints, licence: int = -1) -> None:
        """Give back what `take` took, or what frames that are to be stopped will leave."""
        self.take(request, nodes, -counts, licence)
        for klass in np.unique(self._class[self._place[nodes]]).tolist():
            self._failed[klass].clear()
            self._refresh(klass)

    def best_fit(
        self,
        request: Floats,
        klass: int | Bools,
        count: int,
        key: Floats | None = None,
        warm: Bools | None = None,
        among: Bools | None = None,
    ) -> Chosen:
        """Choose nodes for up to `count` frames, the fullest first, each filled before the next; takes nothing yet.

        Parameters
        ----------
        klass
            A class, or a mask of classes.
        key
            Goes before fullness (lowest first) where given, shape ``(nodes,)``.
        warm
            Nodes that go before others, shape ``(nodes,)``.
        among
            Nodes that may be chosen; by default all, shape ``(nodes,)``.

        Returns
        -------
        Rows of nodes in the order they are filled, and how many frames each gets.
        """
        first, last, fitting = self._fitting(request, klass, among)
        if last == first or count <= 0:
            return _NOBODY
        order = self._fullness(request, first, last) if key is None else key[self._rows[first:last]]
        if warm is not None:
            order = np.where(warm[self._rows[first:last]], order - np.ptp(order) - 1.0, order)
        order = np.where(fitting, order, np.inf)
        if count < last - first:
            chosen = order.argpartition(count - 1)[:count]
            chosen = chosen[order[chosen].argsort(kind="stable")]
        else:
            chosen = order.argsort(kind="stable")
        place = chosen[fitting[chosen]] + first
        fits = _fit(self._free[:, place], request)
        total = fits.cumsum()
        if (ends := int(total.searchsorted(count))) < len(total):
            fits[ends] -= total[ends] - count
        return self._rows[place[: ends + 1]], fits[: ends + 1]

    def spread(self, request: Floats, klass: int | Bools, count: int) -> Chosen:
        """Choose nodes for up to `count` frames, each going where the largest share is free then."""
        first, last, fitting = self._fitting(request, klass, None)
        if last == first or count <= 0:
            return _NOBODY
        fullness = self._fullness(request, first, last)
        if count < last - first:
            chosen = np.where(fitting, -fullness, np.inf).argpartition(count - 1)[:count]
            chosen = chosen[fitting[chosen]]
            chosen.sort()
        else:
            chosen = fitting.nonzero()[0]
        place, left = chosen + first, -fullness[chosen]
        fits = np.minimum(_fit(self._free[:, place], request), count)
        slot = np.repeat(np.arange(len(place)), fits)
        turn = np.arange(len(slot)) - np.repeat(np.cumsum(fits) - fits, fits)
        level = left[slot] + turn * (request * self._per_offer).max(axis=1)[self._class[place]][slot]
        best = np.argsort(level, kind="stable")[:count]
        counts = np.bincount(slot[best], minlength=len(place))
        return self._rows[place[counts > 0]], counts[counts > 0]

    def deal(self, request: Floats, klass: int | Bools, count: int, key: Floats) -> Chosen:
        """Choose nodes for up to `count` frames, one each in the order of `key` (lowest first), and round again."""
        first, last, fitting = self._fitting(request, klass, None)
        if last == first or count <= 0:
            return _NOBODY
        place = fitting.nonzero()[0] + first
        order = key[self._rows[place]]
        if count <= len(place):
            chosen = place[order.argpartition(count - 1)[:count] if count < len(place) else slice(None)]
            return self._rows[chosen], np.ones(len(chosen), dtype=np.int64)
        fits = _fit(self._free[:, place], request)
        size = np.sort(fits)
        given = np.cumsum(size) + size * np.arange(len(size) - 1, -1, -1)
        full = int(np.searchsorted(given, count, side="right"))
        if full == len(size):
            return self._rows[place], fits
        rounds = (count - int(size[:full].sum())) // (len(size) - full)
        counts = np.minimum(fits, rounds)
        more = np.flatnonzero(fits > rounds)
        counts[more[np.argsort(order[more], kind="stable")[: count - int(counts.sum())]]] += 1
        return self._rows[place], counts

    def _fitting(self, request: Floats, klass: int | Bools, among: Bools | None) -> tuple[int, int, Bools]:
        """Return a range of places and where in it a frame fits; an empty range if nowhere, which is remembered."""
        wanted: list[float] = (request * (1 - _ROUNDING)).tolist()
        kinds = np.flatnonzero(klass).tolist() if isinstance(klass, np.ndarray) else [int(klass)]
        kinds = [each for each in kinds if not self._rejects(wanted, each)]
        if not kinds:
            return _NOWHERE
        first, last = self._bounds[kinds[0]], self._bounds[kinds[-1] + 1]
        fitting = self._free[Resource.CORES, first:last] >= wanted[Resource.CORES]
        for resource in range(1, RESOURCES):
            if wanted[resource]:
                fitting &= self._free[resource, first:last] >= wanted[resource]
        if isinstance(klass, np.ndarray) and len(kinds) > 1:
            fitting &= klass[self._class[first:last]]
        fitting &= self._among[first:last]
        if not fitting.any():
            for each in kinds:
                self._refresh(each)
                kept = [other for other in self._failed[each] if not _within(wanted, other)]
                self._failed[each] = [wanted, *kept][:_FAILURES]
            return _NOWHERE
        if among is not None and not (fitting := fitting & among[self._rows[first:last]]).any():
            return _NOWHERE
        return first, last, fitting

    def _rejects(self, wanted: list[float], klass: int) -> bool:
        if not self._most[klass]:
            self._refresh(klass)
        return not _within(wanted, self._most[klass]) or any(_within(each, wanted) for each in self._failed[klass])

    def _refresh(self, klass: int) -> None:
        places = slice(self._bounds[klass], self._bounds[klass + 1])
        free = self._free[:, places][:, self._among[places]]
        by_cores = np.argsort(free[Resource.CORES])
        most = np.maximum.accumulate(free[Resource.MEMORY, by_cores][::-1])[::-1]
        self._stairs[klass] = free[Resource.CORES, by_cores], np.append(most, -1.0)
        self._most[klass] = free.max(axis=1, initial=-1.0).tolist()
        self._stale[klass] = False

    def _fullness(self, request: Floats, first: int, last: int) -> Floats:
        """Return the free share of the resource that a frame takes most of, in a range of places."""
        kinds = self._class[first:last]
        resource = (dominant := (request * self._per_offer).argmax(axis=1))[kinds[0]]
        if kinds[0] == kinds[-1] or (dominant == resource).all():
            return np.asarray(self._free[resource, first:last] * self._per_offer[kinds, resource])
        dominant = dominant[kinds]
        return np.asarray(self._free[dominant, np.arange(first, last)] * self._per_offer[kinds, dominant])


_NOBODY: Chosen = (np.zeros(0, np.int64), np.zeros(0, np.int64))
_NOWHERE = (0, 0, np.zeros(0, dtype=bool))


def _within(small: list[float], large: list[float]) -> bool:
    """Return whether no number of `small` is above that of `large`."""
    a, b, c, d, e = small
    return a <= large[0] and b <= large[1] and c <= large[2] and d <= large[3] and e <= large[4]


def _fit(free: Floats, request: Floats) -> Ints:
    """Return how many frames fit, for free resources of shape ``(resources, nodes)``."""
    most: Floats | None = None
    for resource, wanted in enumerate(request.tolist()):
        if wanted:
            each = free[resource] / wanted
            most = each if most is None else np.minimum(most, each, out=most)
    if most is None:
        return np.full(free.shape[1], np.iinfo(np.int32).max, dtype=np.int64)
    return (most + 2 * _ROUNDING).astype(np.int64)
