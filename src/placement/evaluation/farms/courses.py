"""What clients held, wanted and were owed over a history, cut into cells of time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from placement.evaluation.farms.demand import Changes, changes
from placement.evaluation.farms.reachable import reachable
from placement.farm.clients import Lending
from placement.farm.machines import NodeState
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["ClientCourse", "Courses", "client_courses"]

_CELL = 5.0
_MOST_CELLS = 20000
#: Decisions until what is owed must be back, as `placement.testing.run_promises.honours_guarantees` has it.
_DECISIONS = 3


@dataclass(frozen=True, slots=True, eq=False)
class ClientCourse:
    """One client with its projects, in cells of time, shape ``(cells,)`` each.

    Parameters
    ----------
    held, wanted
        Worth held, and that plus what ready frames could take, averaged.
    begin, most_held
        Worth held at the begin of the cell, and the most at any instant in it.
    least_owed
        The least of min(guarantee, wanted) at any instant, and no more than could be had without others' guarantees.
    short
        Worth-seconds that it held below min(guarantee, wanted).
    frame
        Mean worth of a ready frame.
    since
        From when on a guarantee that is not back is overdue, seconds: see `clients`.
    """

    held: Floats
    wanted: Floats
    begin: Floats
    most_held: Floats
    least_owed: Floats
    short: Floats
    frame: Floats
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


def client_courses(world: FarmWorld, history: FarmHistory) -> Courses:
    """Return what clients held, wanted and were owed, from the begin to the end of a history."""
    cells = int(np.clip(np.ceil(history.end / _CELL), 1, _MOST_CELLS))
    edges = np.linspace(0.0, max(history.end, 1e-9), cells + 1)
    farm, moved = _worth(world, history), changes(world, history)
    of = [_course(world, history, edges, farm, moved, row) for row in range(world.clients.count)]
    ready = reachable(world, history, edges[:-1])
    of = [replace(one, least_owed=np.minimum(one.least_owed, one.begin + ready[row])) for row, one in enumerate(of)]
    return Courses(edges, _average(edges, *_at_edges(edges, *farm)), tuple(of))


def _course(
    world: FarmWorld, history: FarmHistory, edges: Floats, farm: tuple[Floats, Floats], moved: Changes, row: int
) -> ClientCourse:
    mine = _under(world.clients.parent, row)
    own = np.flatnonzero(mine[moved.client])
    sums = np.cumsum(np.stack([moved.held[own], moved.ready[own], moved.frames[own]]), axis=1)
    time, levels = _at_edges(edges, *_merged((moved.time[own], sums), (farm[0], farm[1][None])))
    held, ready, frames, worth = np.maximum(levels, 0.0)
    wanted = held + ready
    owed = np.minimum(world.clients.guarantee[row] * worth, wanted)
    first = np.searchsorted(time, edges[:-1])
    return ClientCourse(
        held=_average(edges, time, held),
        wanted=_average(edges, time, wanted),
        begin=held[first],
        most_held=np.maximum.reduceat(held, first),
        least_owed=np.minimum.reduceat(owed, first),
        short=_average(edges, time, np.maximum(owed - held, 0.0)) * np.diff(edges),
        frame=_average(edges, time, ready) / np.maximum(_average(edges, time, frames), 1e-9),
        since=_since(world, history, edges, row, mine),
    )


def _since(world: FarmWorld, history: FarmHistory, edges: Floats, row: int, mine: Bools) -> Floats:
    """Return since when, in each cell, a client must have been without what it is owed for that to be overdue."""
    lending, start = Lending(world.clients.lending[row]), edges[:-1]
    due = start - _least_delay(world, history)
    if lending == Lending.PREEMPT:
        return np.asarray(np.minimum(due, start - world.clients.reclaim[row]))
    if lending != Lending.FRAME:
        return due
    attempts = history.attempts
    others = np.flatnonzero(~mine[world.jobs.client[world.steps.job[attempts.step]]])
    order = others[np.argsort(attempts.end[others])]
    first = np.append(np.minimum.accumulate(attempts.start[order][::-1])[::-1], np.inf)
    return np.asarray(np.minimum(due, first[np.searchsorted(attempts.end[order], start, side="right")]))


def _least_delay(world: FarmWorld, history: FarmHistory) -> Seconds:
    """Return what it takes for a need to be seen, cleared and started, and for a node to wake if any slept, s."""
    gaps, classes = np.diff(history.decisions.time), world.classes
    slept = np.unique(world.fleet.node_class[history.spans.node[history.spans.state == NodeState.ASLEEP]])
    wakes = (classes.sleep_seconds + classes.wake_seconds)[slept].max(initial=0.0)
    return _DECISIONS * float(gaps[gaps > 0].min(initial=np.inf) if (gaps > 0).any() else 0.0) + float(wakes)


def _worth(world: FarmWorld, history: FarmHistory) -> tuple[Floats, Floats]:
    """Return the worth of nodes that are not down or draining: instants, and what it is from each on."""
    spans = history.spans
    there = np.flatnonzero((spans.state != NodeState.DOWN) & (spans.state != NodeState.DRAINING))
    worth = world.classes.worth[world.fleet.node_class[spans.node[there]]]
    time, where = np.unique(np.concatenate([spans.start[there], spans.end[there]]), return_inverse=True)
    return time, np.asarray(np.cumsum(np.bincount(where, np.concatenate([worth, -worth]), len(time))))


def _under(parent: Ints, row: int) -> Bools:
    """Tell which clients are a client or one of its projects, at any depth."""
    mine: Bools = np.arange(len(parent)) == row
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
