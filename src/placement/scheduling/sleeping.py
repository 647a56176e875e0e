"""Which idle nodes go to sleep, and which are woken ahead of the work that needs them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from placement.farm.machines import Classes, NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Power, Reason
from placement.scheduling.rules import Aim, Rules
from placement.units import Bools, Floats, Ints

__all__ = ["break_even", "sleep_and_wake", "waiting_for_room", "warm_reserve"]

_LEAST_SHARE = 1e-6  #: of a node, for frames that ask for nothing
_AWAKE = (NodeState.UP, NodeState.WAKING)


def break_even(classes: Classes) -> Floats:
    """Return the idle seconds from which sleeping takes less energy than staying awake, shape ``(classes,)``.

    Falling asleep and waking draw idle power and take `wake_joules` on top, so the nap must be longer than both and
    earn those back. Infinite where sleep draws no less than idling.

    Examples
    --------
    >>> from placement.testing.planner_farms import classes_of
    >>> break_even(classes_of(wake_joules=[9500.0])).tolist()  # 30 s + 120 s + 9500 J / 95 W
    [250.0]
    """
    saved = classes.idle_watts - classes.asleep_watts
    earned = classes.wake_joules / np.where(saved > 0, saved, 1.0)
    return np.where(saved > 0, classes.sleep_seconds + classes.wake_seconds + earned, np.inf)


def warm_reserve(farm: FarmSnapshot, cost: Cost, rules: Rules, taken: Bools) -> Floats:
    """Return how many idle nodes of each class stay awake for work that is not there yet, shape ``(classes,)``.

    While a node wakes, other nodes of its class are claimed and freed as frames start and end: by Little's law their
    number times wake time over run time each way. The reserve covers the difference of the two, taken as Poisson, with
    `Rules.confidence`. Where no class has an idle node left so, the class with the most efficient nodes keeps one, if
    waking takes longer than an emergency may wait.

    Parameters
    ----------
    taken
        Nodes that the plan uses beside those that run something, shape ``(nodes,)``.
    """
    classes, kind, count = farm.classes, farm.nodes.node_class, len(farm.classes.names)
    reserve = np.ceil(ndtri(rules.confidence) * np.sqrt(2.0 * _turns(farm, cost, taken)))
    there = np.bincount(kind[np.isin(farm.nodes.state, _AWAKE)], minlength=count) > 0
    slow = there & (classes.wake_seconds > rules.emergency_wait)
    if slow.any() and not reserve[there].any():
        reserve[np.where(slow, classes.busy_watts / classes.worth, np.inf).argmin()] = 1.0
    return np.asarray(reserve)


def waiting_for_room(
    farm: FarmSnapshot, frames: Ints, order: Ints, worth: Floats, left: Floats, licences: Ints
) -> Ints:
    """Return how many frames of each step wait for room alone: no more than clients and licences allow, ``(steps,)``.

    Parameters
    ----------
    frames
        That wait, shape ``(steps,)``.
    order
        Rows of steps, first ones first; others follow.
    worth
        Of one frame where it is worth least, infinite where it runs nowhere, shape ``(steps,)``.
    left
        Worth that each client may still take, shape ``(clients,)``.
    licences
        Free ones, shape ``(licences,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm, frames = snapshot_of(steps={"job": [0, 0]}), np.array([3, 5])
    >>> waiting_for_room(farm, frames, np.array([1]), np.array([2.0, 4.0]), np.array([17.0]), np.zeros(0, int)).tolist()
    [0, 4]
    """
    client = farm.jobs.client[farm.steps.job]
    free = np.minimum(frames, np.append(licences, np.iinfo(np.int64).max)[farm.steps.licence])
    each = np.where(np.isfinite(worth), worth, 0.0)
    turn = np.concatenate([order, np.setdiff1d(np.arange(len(frames)), order)])
    turn = turn[np.argsort(client[turn], kind="stable")]
    total = np.concatenate([[0.0], np.cumsum((each * free)[turn])])
    before = total[:-1] - total[np.searchsorted(client[turn], client[turn])]
    fits = np.floor((left[client[turn]] - before) / np.maximum(each[turn], _LEAST_SHARE) + 1e-9)
    may = np.zeros_like(frames)
    may[turn] = np.clip(fits, 0, free[turn])
    return may


def sleep_and_wake(  # noqa: PLR0913 - what the plan knows of the work to come, a column each
    farm: FarmSnapshot,
    cost: Cost,
    rules: Rules,
    *,
    taken: Bools,
    frames: Ints,
    when: Floats,
    first: Bools | None = None,
    reserve: Floats | None = None,
) -> Power:
    """Put idle nodes to sleep and wake others ahead of need.

    A node sleeps once it idled for `Rules.idle_sleep` and for its break-even time, unless it is needed within that time
    or held in reserve: at most twice the energy of knowing the future (the ski-rental bound; Irani, Shukla and Gupta,
    "Online strategies for dynamic power management in systems with multiple power-saving states", ACM TECS 2, 2003).
    Because a node that woke counts as idle from then on, it stays up as long before it may sleep again.

    Nodes are woken for frames that find no room among nodes that are up, on their way or soon free, once the frames are
    due within the class's wake time: the soonest due first, on the classes that take the fewest joules for the work
    first, and never for less work than waking takes time. Under PERFORMANCE nothing sleeps.

    Parameters
    ----------
    taken
        Nodes that this plan starts frames on or keeps for wide frames, shape ``(nodes,)``.
    frames
        Frames of each step that may start at `when` and have no node in this plan, shape ``(steps,)``.
    when
        Seconds: `now` for frames that wait for room, the hour they are held for otherwise, shape ``(steps,)``.
    first
        Steps whose frames get room before those of others that are due as soon, shape ``(steps,)``; None: none do.
    reserve
        Idle nodes of each class to keep awake, shape ``(classes,)``; `warm_reserve` if not given.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(now=9000.0, nodes={"state": [0, 0, 1], "idle_since": [8990.0, 0.0, 0.0]})
    >>> nobody, nothing = np.zeros(3, np.bool_), np.zeros(1, np.int64)
    >>> found = sleep_and_wake(farm, cost_of(farm), Rules(), taken=nobody, frames=nothing, when=np.full(1, 9000.0))
    >>> found.node.tolist(), found.up.tolist()
    ([1], [False])
    """
    nodes, kind, count = farm.nodes, farm.nodes.node_class, len(farm.classes.names)
    asleep = nodes.state == NodeState.ASLEEP
    if rules.aim is Aim.PERFORMANCE:
        return _power(np.zeros(0, np.int64), np.flatnonzero(asleep))
    idle = (nodes.state == NodeState.UP) & ~_busy(farm) & ~taken
    coming = (nodes.state == NodeState.WAKING) & ~taken
    threshold = np.maximum(break_even(farm.classes), rules.idle_sleep)
    ready = np.bincount(kind[idle | coming], minlength=count).astype(float)
    sleepers = np.bincount(kind[asleep], minlength=count).astype(float)
    supply = (threshold, ready, ready + _turns(farm, cost, taken), sleepers)
    turn = np.lexsort((when,) if first is None else (~first, when))
    use, wake = _needed(farm, cost, turn[frames[turn] > 0], frames, when - farm.now, supply)
    kept = warm_reserve(farm, cost, rules, taken) if reserve is None else reserve
    short = np.where(ready - use < 0.5 * kept, kept - (ready - use), 0.0)
    wake = np.minimum(wake + np.ceil(np.maximum(short, 0.0)), sleepers)
    base = np.where(np.isfinite(nodes.ready) & (nodes.ready <= farm.now), nodes.ready, -np.inf)
    rested = farm.now - np.maximum(nodes.idle_since, base)
    tired = idle & (rested >= threshold[kind])
    here = _of(idle, kind, count)
    spare = np.floor(here - np.maximum(use - (ready - here), 0.0) - kept)
    down = _first(tired, -rested, kind, np.where(wake > 0, 0.0, spare))
    return _power(down, _first(asleep, np.arange(len(kind), dtype=float), kind, wake))


def _turns(farm: FarmSnapshot, cost: Cost, taken: Bools) -> Floats:
    """Return how many nodes of each class end what they run while one would wake, by Little's law, ``(classes,)``."""
    kind, count = farm.nodes.node_class, len(farm.classes.names)
    where = kind[farm.attempts.node]
    seconds = cost.seconds[farm.attempts.step, where]
    where, seconds = where[np.isfinite(seconds)], seconds[np.isfinite(seconds)]
    total, number = np.bincount(where, seconds, count), np.bincount(where, minlength=count)
    mean = np.where(number > 0, total / np.maximum(number, 1), np.inf)
    return _of(_busy(farm) | taken, kind, count) * np.minimum(farm.classes.wake_seconds / mean, 1.0)


def _busy(farm: FarmSnapshot) -> Bools:
    busy = np.zeros(farm.nodes.count, np.bool_)
    busy[farm.attempts.node] = True
    return busy


def _of(which: Bools, kind: Ints, count: int) -> Floats:
    return np.bincount(kind[which], minlength=count).astype(float)


def _power(down: Ints, up: Ints) -> Power:
    reason = np.repeat([int(Reason.IDLE_NODE), int(Reason.WORK_COMING)], [len(down), len(up)])
    return Power(node=np.concatenate([down, up]), up=reason == Reason.WORK_COMING, reason=reason)


def _first(which: Bools, order: Floats, kind: Ints, most: Floats) -> Ints:
    """Return the first `most` nodes of each class among `which`, by `order` and then by row."""
    rows = np.flatnonzero(which)
    rows = rows[np.lexsort((rows, order[rows], kind[rows]))]
    begins = np.searchsorted(kind[rows], np.arange(len(most)))
    place = np.arange(len(rows)) - begins[kind[rows]]
    return np.sort(rows[place < most[kind[rows]]])


def _needed(
    farm: FarmSnapshot,
    cost: Cost,
    rows: Ints,
    frames: Ints,
    away: Floats,
    supply: tuple[Floats, Floats, Floats, Floats],
) -> tuple[Floats, Floats]:
    """Return how many nodes of each class, up or on their way, are needed soon, and how many to wake, ``(classes,)``.

    `rows`: steps that have frames, in the order in which these get room. `supply`: seconds ahead that count; nodes up
    or on their way; the same with those soon free; nodes asleep.
    """
    threshold, ready, soon, sleepers = supply
    use, wake = np.zeros(len(ready)), np.zeros(len(ready))
    rows = rows[away[rows] <= threshold[np.isfinite(threshold)].max(initial=0.0)]
    if not len(rows):
        return use, wake
    share, seconds = _columns(farm, cost, rows)
    left, order = frames[rows].astype(float), _efficient_first(farm, share, seconds)
    for each in order[soon[order] > 0]:
        part = share[each] * (away[rows] <= threshold[each])
        use[each] = min(_serve(left, part, float(soon[each])), float(ready[each]))
    lead = farm.classes.wake_seconds
    turn = np.maximum(lead + farm.classes.sleep_seconds, 1.0)
    for each in order[sleepers[order] > 0]:
        part = share[each] * (away[rows] <= lead[each])
        most = min(float(sleepers[each]), float(np.ceil((left * part) @ seconds[each] / turn[each] - 1e-9)))
        wake[each] = _serve(left, part, most)
        if 0 < most < sleepers[each]:
            left[part > 0] = 0.0  # there is no more work in them than these nodes do in turn
    return use, wake


def _columns(farm: FarmSnapshot, cost: Cost, rows: Ints) -> tuple[Floats, Floats]:
    """Return the share of a node that frames take when whole frames fill it, and their seconds, ``(classes, rows)``.

    Both 0 where a class cannot run them.
    """
    share, seconds = (np.ascontiguousarray(each[rows].T) for each in (farm.share_of_node(), cost.seconds))
    there = farm.capacity() > 0
    for each in range(len(share)):
        able = np.isfinite(seconds[each]) & (share[each] <= 1) & there[each]
        whole = np.floor(1.0 / np.maximum(np.where(able, share[each], 1.0), _LEAST_SHARE) + 1e-9)
        share[each], seconds[each] = able / whole, np.where(able, seconds[each], 0.0)
    return share, seconds


def _efficient_first(farm: FarmSnapshot, share: Floats, seconds: Floats) -> Ints:
    """Return the classes in the order of the joules they take over the least, the mean of the steps they can run."""
    joules = share * seconds * farm.classes.busy_watts[:, None]
    able = share > 0
    least = np.where(able, joules, np.inf).min(axis=0)
    number, over = able.sum(axis=1), joules @ np.where(np.isfinite(least), 1.0 / least, 0.0)
    return np.argsort(np.where(number > 0, over / np.maximum(number, 1), np.inf), kind="stable")


def _serve(left: Floats, share: Floats, nodes: float) -> float:
    """Take from the frames left what `nodes` nodes take, the first steps first; return how many whole nodes that is."""
    filled = np.cumsum(left * share)
    end = int(np.searchsorted(filled, nodes, side="right"))
    used = float(filled[end - 1]) if end else 0.0
    left[:end] *= share[:end] == 0
    if end < len(left):
        left[end] -= (nodes - used) / share[end]
        used = nodes
    return float(np.ceil(used - 1e-9))
