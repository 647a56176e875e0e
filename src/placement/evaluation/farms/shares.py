"""Metrics of clients: what they were short of their guarantees, and how fairly the rest was divided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.evaluation.farms.courses import ClientCourse, Courses, client_courses
from placement.evaluation.farms.openings import openings
from placement.evaluation.farms.window import window_of
from placement.farm.clients import Lending
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Floats, Ints

__all__ = ["clients", "entitled", "jain", "least_over"]

_ROUNDING = 1e-6


def clients(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return shortfalls of guarantees and fairness within the window, over clients that are no projects.

    A client is owed min(guarantee × worth of the farm, what it holds and its ready frames could take). At each instant
    it is overdue by what it was owed without pause, and did not hold at any time, since: `Clients.reclaim` seconds ago
    under PREEMPT; under FRAME before the first of the frames began that others run now; in any case as long ago as
    three decisions take to come (to see it, to clear room, to start), and to wake nodes where any sleep. Not counted
    are less than a mean ready frame, and what could only be taken from guarantees of others
    (`placement.evaluation.farms.reachable`) or fits on no single node (`placement.evaluation.farms.openings`). Time is
    cut into cells of 5 s for that, more for histories beyond a day; a cell counts with the least owed and the most
    held.

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
    late = sum(float(_overdue_on_nodes(world, history, courses, row, lasts) @ lasts) for row in tops)
    owed = sum(float(courses.of[row].least_owed @ lasts) for row in tops)
    return {
        "shortfall": short,
        "shortfall_overdue": late,
        "shortfall_overdue_share": late / owed if owed > 0 else 0.0,
        "fairness": _fairness(world, courses, lasts),
    }


def _overdue_on_nodes(world: FarmWorld, history: FarmHistory, courses: Courses, row: int, lasts: Floats) -> Floats:
    """Return the worth by which a client is overdue in each cell and which single nodes had room for, ``(cells,)``."""
    edges, course = courses.edges, courses.of[row]
    late = _overdue(edges, course)
    cells = np.flatnonzero(late * lasts > 0)
    if not len(cells):
        return late
    owed, begin = course.least_owed.copy(), course.begin[cells]
    owed[cells] = begin + openings(world, history, row, edges[cells], owed[cells] - begin)
    return np.minimum(late, _overdue(edges, replace(course, least_owed=owed)))


def _overdue(edges: Floats, course: ClientCourse) -> Floats:
    """Return the worth by which a client is overdue in each cell."""
    last = np.arange(len(edges) - 1)
    first = np.searchsorted(edges, course.since, side="right") - 1
    owed = least_over(course.least_owed, np.maximum(first, 0), last)
    held = -least_over(-course.most_held, np.maximum(first, 0), last)
    gap = owed - held
    return np.where((first >= 0) & (gap >= np.maximum(course.frame, _ROUNDING)), gap, 0.0)


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
