"""Metrics of clients: what they were short of their guarantees, and how fairly the rest was divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.evaluation.farms.demand import Changes, changes
from placement.evaluation.farms.window import window_of
from placement.farm.clients import Lending
from placement.farm.machines import NodeState
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["ClientCourse", "Courses", "client_courses", "clients", "entitled", "jain", "least_over"]

_CELL = 5.0
_MOST_CELLS = 20000


@dataclass(frozen=True, slots=True, eq=False)
class ClientCourse:
    """One client with its projects, in cells of time, shape ``(cells,)`` each.

    Parameters
    ----------
    held, wanted
        Worth held, and that plus what ready frames could take, averaged.
    most_held, least_owed
        The most held, and the least of min(guarantee, wanted), at any instant.
    short
        Worth-seconds that it held below min(guarantee, wanted).
    since
        From when on a guarantee that is not back is overdue, seconds: see `clients`.
    """

    held: Floats
    wanted: Floats
    most_held: Floats
    least_owed: Floats
    short: Floats
    since: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """All clients over a history.

    Parameters
    ----------
    edges
        Ends of cells, seconds, shape ``(cells + 1,)``.
    worth
        Of nodes that are not down or draining, averaged over each cell.
    of
        One a client.
    """

    edges: Floats
    worth: Floats
    of: tuple[ClientCourse, ...]


def clients(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return shortfalls of guarantees and fairness within the window, over clients that are no projects.

    A client is owed min(guarantee × worth of the farm, what it holds and its ready frames could take). At each instant
    it is overdue by what it was owed without pause, and did not hold at any time, since: `Clients.reclaim` seconds ago
    under PREEMPT; under FRAME before the first of the frames began that others run now; in any case as long ago as a
    decision takes to come, and to wake nodes where any sleep. Time is cut into cells of 5 s for that, more for
    histories beyond a day, and a cell counts with the least owed and the most held in it.

    Returns
    -------
    dict
        `shortfall`: worth-seconds held below what was owed. `shortfall_overdue`: overdue, integrated.
        `shortfall_overdue_share`: over what was owed. `fairness`: Jain's index of (held ÷ entitled), both integrated,
        over clients that wanted anything; NaN without any. Entitled: see `entitled`.
    """
    courses = client_courses(world, history)
    window = window_of(world, history)
    begin, end = window.clip(courses.edges[:-1], courses.edges[1:])
    inside, lasts = (end - begin) / np.maximum(np.diff(courses.edges), 1e-12), end - begin
    tops = np.flatnonzero(world.clients.parent < 0).tolist()
    short = sum(float(courses.of[row].short @ inside) for row in tops)
    late = sum(float(_overdue(courses.edges, courses.of[row]) @ lasts) for row in tops)
    owed = sum(float(courses.of[row].least_owed @ lasts) for row in tops)
    return {
        "shortfall": short,
        "shortfall_overdue": late,
        "shortfall_overdue_share": late / owed if owed > 0 else 0.0,
        "fairness": _fairness(world, courses, lasts),
    }


def client_courses(world: FarmWorld, history: FarmHistory) -> Courses:
    """Return what clients held, wanted and were owed, from the begin to the end of a history."""
    cells = int(np.clip(np.ceil(history.end / _CELL), 1, _MOST_CELLS))
    edges = np.linspace(0.0, max(history.end, 1e-9), cells + 1)
    farm, moved = _worth(world, history), changes(world, history)
    of = tuple(_course(world, history, edges, farm, moved, row) for row in range(world.clients.count))
    return Courses(edges, _average(edges, *_at_edges(edges, *farm)), of)


def _course(
    world: FarmWorld, history: FarmHistory, edges: Floats, farm: tuple[Floats, Floats], moved: Changes, row: int
) -> ClientCourse:
    mine = _under(world.clients.parent, row)
    own = np.flatnonzero(mine[moved.client])
    held, ready = np.cumsum(moved.held[own]), np.cumsum(moved.ready[own])
    time, levels = _merged((moved.time[own], np.stack([held, held + ready])), (farm[0], farm[1][None]))
    time, levels = _at_edges(edges, time, levels)
    held, wanted, worth = np.maximum(levels, 0.0)
    owed = np.minimum(world.clients.guarantee[row] * worth, wanted)
    first = np.searchsorted(time, edges[:-1])
    return ClientCourse(
        held=_average(edges, time, held),
        wanted=_average(edges, time, wanted),
        most_held=np.maximum.reduceat(held, first),
        least_owed=np.minimum.reduceat(owed, first),
        short=_average(edges, time, np.maximum(owed - held, 0.0)) * np.diff(edges),
        since=_since(world, history, edges, row, mine),
    )


def _since(world: FarmWorld, history: FarmHistory, edges: Floats, row: int, mine: Bools) -> Floats:
    """Return since when, in each cell, a client must have been without what it is owed for that to be overdue."""
    lending, start = Lending(world.clients.lending[row]), edges[:-1]
    due = start - _least_delay(world, history)
    if lending == Lending.PREEMPT:
        return np.minimum(due, start - world.clients.reclaim[row])
    if lending != Lending.FRAME:
        return due
    attempts = history.attempts
    others = np.flatnonzero(~mine[world.jobs.client[world.steps.job[attempts.step]]])
    order = others[np.argsort(attempts.end[others])]
    first = np.append(np.minimum.accumulate(attempts.start[order][::-1])[::-1], np.inf)
    return np.minimum(due, first[np.searchsorted(attempts.end[order], start, side="right")])


def _least_delay(world: FarmWorld, history: FarmHistory) -> Seconds:
    """Return what a decision takes to come, and a node to wake if any slept, s."""
    gaps, classes = np.diff(history.decisions.time), world.classes
    slept = np.unique(world.fleet.node_class[history.spans.node[history.spans.state == NodeState.ASLEEP]])
    wakes = (classes.sleep_seconds + classes.wake_seconds)[slept].max(initial=0.0)
    return float(gaps[gaps > 0].min(initial=np.inf) if (gaps > 0).any() else 0.0) + float(wakes)


def _overdue(edges: Floats, course: ClientCourse) -> Floats:
    """Return the worth by which a client is overdue in each cell."""
    last = np.arange(len(edges) - 1)
    first = np.searchsorted(edges, course.since, side="right") - 1
    owed = least_over(course.least_owed, np.maximum(first, 0), last)
    held = -least_over(-course.most_held, np.maximum(first, 0), last)
    return np.where(first >= 0, np.maximum(owed - held, 0.0), 0.0)


def least_over(values: Floats, first: Ints, last: Ints) -> Floats:
    """Return the least value between rows `first` and `last`, both included, elementwise.

    Examples
    --------
    >>> least_over(np.array([3.0, 1.0, 2.0]), np.array([0, 2]), np.array([1, 2])).tolist()
    [1.0, 2.0]
    """
    table = [values]
    while (span := 2 ** len(table)) <= len(values):
        before = table[-1]
        table.append(
            np.minimum(before[: len(values) - span + 1], before[span // 2 : span // 2 + len(values) - span + 1])
        )
    level = np.floor(np.log2(last - first + 1)).astype(np.int64)
    least = np.empty(len(first))
    for each in np.unique(level).tolist():
        rows = level == each
        least[rows] = np.minimum(table[each][first[rows]], table[each][last[rows] - 2**each + 1])
    return least


def _fairness(world: FarmWorld, courses: Courses, lasts: Floats) -> float:
    tops = np.flatnonzero(world.clients.parent < 0)
    held, wanted = (np.stack([getattr(courses.of[row], name) for row in tops]) for name in ("held", "wanted"))
    due = entitled(world, wanted, courses.worth) @ lasts
    asks = due > 1e-9
    return jain((held @ lasts)[asks] / due[asks]) if asks.any() else float("nan")


def entitled(world: FarmWorld, wanted: Floats, worth: Floats) -> Floats:
    """Return what clients that are no projects are entitled to, by weighted max-min beyond their guarantees.

    min(guarantee, wanted), and of what is left weight × λ each, no more than min(limit, wanted) — under STATIC than the
    guarantee — with λ such that the farm is given away or nobody wants more. As `docs/shares.md`, without history.

    Parameters
    ----------
    wanted, worth
        Of these clients, shape ``(clients, instants)``, and of the farm, shape ``(instants,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import clients_of, farm_world_of
    >>> world = farm_world_of(clients=clients_of(guarantee=[0.5, 0.0, 0.0]))
    >>> entitled(world, np.array([[2.0], [9.0], [9.0]]), np.array([8.0])).round(6).tolist()
    [[2.0], [3.0], [3.0]]
    """
    clients = world.clients
    tops = clients.parent < 0
    guarantee, weight = clients.guarantee[tops, None], clients.weight[tops, None]
    limit = np.where(clients.lending == Lending.STATIC, clients.guarantee, clients.limit)[tops, None]
    most = np.minimum(wanted, limit * worth)
    sure = np.minimum(most, guarantee * worth)
    low, high = np.zeros(len(worth)), worth / weight.min()
    for _ in range(50):
        level = (low + high) / 2
        over = np.minimum(most, sure + weight * level).sum(axis=0) > worth
        low, high = np.where(over, low, level), np.where(over, level, high)
    return np.asarray(np.minimum(most, sure + weight * high))


def jain(values: Floats) -> float:
    """Return Jain's index of fairness: 1 where all values are equal, 1 / n where one has everything.

    References
    ----------
    Jain, Chiu and Hawe, "A quantitative measure of fairness and discrimination for resource allocation in shared
    computer systems", DEC-TR-301, 1984.

    Examples
    --------
    >>> jain(np.array([1.0, 1.0])), jain(np.array([1.0, 0.0]))
    (1.0, 0.5)
    """
    square = float((values**2).sum())
    return float(values.sum()) ** 2 / (len(values) * square) if square > 0 else float("nan")


def _worth(world: FarmWorld, history: FarmHistory) -> tuple[Floats, Floats]:
    """Return the worth of nodes that are not down or draining: instants, and what it is from each on."""
    spans = history.spans
    there = np.flatnonzero((spans.state != NodeState.DOWN) & (spans.state != NodeState.DRAINING))
    worth = world.classes.worth[world.fleet.node_class[spans.node[there]]]
    time, where = np.unique(np.concatenate([spans.start[there], spans.end[there]]), return_inverse=True)
    return time, np.asarray(np.cumsum(np.bincount(where, np.concatenate([worth, -worth]), len(time))))


def _under(parent: Ints, row: int) -> Bools:
    """Tell which clients are a client or one of its projects, at any depth."""
    mine = np.arange(len(parent)) == row
    for each in range(row + 1, len(parent)):
        mine[each] = parent[each] >= 0 and mine[parent[each]]
    return mine


def _last_of_instants(time: Floats) -> Ints:
    return np.flatnonzero(np.append(time[1:] != time[:-1], True)) if len(time) else np.zeros(0, np.int64)


def _look(time: Floats, levels: Floats, at: Floats) -> Floats:
    """Return step functions at instants, 0 before they begin; `levels` has shape ``(functions, instants)``."""
    padded = np.concatenate([np.zeros((len(levels), 1)), levels], axis=1)
    return np.asarray(padded[:, np.searchsorted(time, at, side="right")])


def _merged(*parts: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return step functions on the union of their instants, at each of which only the last level counts."""
    kept = [(time[rows], levels[:, rows]) for time, levels in parts for rows in (_last_of_instants(time),)]
    union = np.unique(np.concatenate([time for time, _ in kept]))
    return union, np.concatenate([_look(time, levels, union) for time, levels in kept])


def _at_edges(edges: Floats, time: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Return step functions on their instants and all edges, within the edges."""
    union = np.union1d(time[(time > edges[0]) & (time < edges[-1])], edges)
    return union, _look(time, np.atleast_2d(levels), union)


def _average(edges: Floats, time: Floats, level: Floats) -> Floats:
    """Return the mean over each cell of a step function whose instants contain the edges."""
    area = np.append(np.cumsum(np.ravel(level)[:-1] * np.diff(time)), 0.0)
    upto = np.concatenate([[0.0], area[:-1]])
    return np.asarray(np.diff(upto[np.searchsorted(time, edges)]) / np.diff(edges))
