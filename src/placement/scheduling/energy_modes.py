"""How fast each frame should run: the energy mode of least cost that keeps its job on time; and what the farm draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtri

from placement.farm.machines import Classes, NodeState, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks
from placement.scheduling.pricing import Prices
from placement.scheduling.rules import Aim, Rules
from placement.units import Floats, Ints, Watts

__all__ = ["attempt_watts", "choose_modes", "dearness", "default_scarcity", "rate_of", "waking_watts", "watts"]

_JOULES_PER_KWH = 3.6e6
_CELLS = 32768  #: (step, class) pairs looked at at once: what stays in a core's cache


def attempt_watts(farm: FarmSnapshot) -> Floats:
    """Return what each attempt draws at most above its idle node, W, shape ``(attempts,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> attempt_watts(snapshot_of(steps={"request": [[4, 0, 0, 0, 0]]}, attempts={"node": [0]})).tolist()
    [100.0]
    """
    kind, step = farm.nodes.node_class[farm.attempts.node], farm.attempts.step
    full = farm.classes.work_watts(farm.steps.request[step], kind)
    return np.asarray(full * farm.classes.draw[kind, farm.attempts.mode])


def waking_watts(classes: Classes) -> Floats:
    """Return what a node of each class draws at most while it wakes, W, shape ``(classes,)``.

    Its `wake_joules` are spread evenly over the wake; a wake of less than a second is taken to last a second.
    """
    return np.asarray(classes.idle_watts + classes.wake_joules / np.maximum(classes.wake_seconds, 1.0))


def watts(farm: FarmSnapshot) -> Watts:
    """Return what the farm draws at most as it stands, W: its nodes and the full draw of what runs.

    A node that is down counts as idle, because it may come back at any moment.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> watts(snapshot_of(nodes={"state": [NodeState.UP, NodeState.ASLEEP, NodeState.DOWN]}))
    205.0
    """
    kind, state = farm.nodes.node_class, farm.nodes.state
    base = np.where(state == NodeState.ASLEEP, farm.classes.asleep_watts[kind], farm.classes.idle_watts[kind])
    base = np.where(state == NodeState.WAKING, waking_watts(farm.classes)[kind], base)
    return float(base.sum() + attempt_watts(farm).sum())


def rate_of(outlook: Outlook, aim: Aim) -> Floats:
    """Return what a joule costs by the aim in each period: EUR, gCO2, or the joule itself, shape ``(periods,)``."""
    if aim is Aim.COST:
        return outlook.price / _JOULES_PER_KWH
    return outlook.carbon / _JOULES_PER_KWH if aim is Aim.CARBON else np.ones(len(outlook.start))


def default_scarcity(farm: FarmSnapshot, cost: Cost, rules: Rules) -> float:
    """Return what a worth-second of room is worth to those who wait, in the aim's unit (EUR, gCO2 or J).

    The waiting frames' room beyond what is free, over all room, times what the whole farm's energy costs per
    worth-second at full draw and the outlook's mean rate. 0 while everything that waits finds room.
    """
    capacity, worth = farm.capacity(), farm.classes.worth
    room, waiting = float(capacity @ worth), 0.0
    rows = np.flatnonzero((farm.steps.waiting > 0) & ~farm.jobs.held[farm.steps.job])
    if not room:
        return 0.0
    for some in _chunks(rows, len(worth)):
        able = np.isfinite(cost.seconds[some]) & (capacity > 0)
        least = np.where(able, _dominant(farm, some, tuple(Resource)) * worth, np.inf).min(axis=1)
        waiting += float(np.where(np.isfinite(least), least, 0.0) @ farm.steps.waiting[some])
    free = farm.nodes.free[farm.up] / np.maximum(farm.classes.offer[farm.nodes.node_class[farm.up]], 1.0)
    free_worth = float(free[:, Resource.CORES] @ worth[farm.nodes.node_class[farm.up]])
    kind = farm.nodes.node_class
    asleep = np.isin(farm.nodes.state, (NodeState.ASLEEP, NodeState.WAKING, NodeState.FALLING_ASLEEP))
    pressure = max(waiting - free_worth - float(worth[kind[asleep]].sum()), 0.0) / room
    per_worth = float(capacity @ farm.classes.busy_watts) / room
    return pressure * per_worth * max(_mean_rate(farm, rules.aim), 0.0)


def dearness(farm: FarmSnapshot, rules: Rules, prices: Prices) -> Floats:
    """Return what a worth-second of room is worth above what it draws, by prices, in EUR or gCO2, ``(classes,)``.

    Who saves money or carbon runs slowly where nobody waits for the room and fast where a queue is longer than the work
    has time for.

    Examples
    --------
    >>> from placement.scheduling.rules import Aim
    >>> from placement.testing.planner_farms import snapshot_of
    >>> found = Prices(price=np.array([12.0]), plain=np.array([8.0]), drain=np.zeros(1), share=np.zeros((1, 1)))
    >>> farm, rules = snapshot_of(), Rules(aim=Aim.CARBON)  # 295 W above sleep, 8 worth; 200 g/kWh
    >>> (3.6e6 * dearness(farm, rules, found)).round(3).tolist()
    [3687.5]
    """
    drawn = farm.classes.busy_watts - farm.classes.asleep_watts
    extra = np.maximum(prices.price / prices.plain - 1.0, 0.0)
    return np.asarray(extra * drawn / farm.classes.worth * max(_mean_rate(farm, rules.aim), 0.0))


def choose_modes(
    farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks, *, scarcity: Floats | float | None = None
) -> Ints:
    """Choose the energy mode in which frames of each step should run on each class, shape ``(steps, classes)``.

    Of the modes that keep the job on time, the one of least cost: the frame's own energy and its share of the node's
    idle power (which sleep would save), at the mean rate of the time it runs on its fastest class, and the room that
    it holds longer. Under BALANCED, least energy times run time instead (Gonzalez and Horowitz, "Energy dissipation in
    general purpose microprocessors", IEEE J. Solid-State Circuits 31, 1996). PERFORMANCE, emergencies, previews and
    jobs without slack run in mode 0.

    A mode keeps the job on time if the whole way to its end, at `Rules.confidence` and stretched by the mode, still
    ends by the deadline: slack that is given away once is not given away again when the next frame is planned.

    Parameters
    ----------
    scarcity
        What a worth-second of room is worth, in the aim's unit (EUR, gCO2 or J), on all classes or shape
        ``(classes,)``, such as `dearness`; `default_scarcity` if not given.

    Examples
    --------
    >>> from placement.testing.planner_farms import classes_of, cost_of, snapshot_of
    >>> eco = classes_of(speed=[[1.0, 0.9]], draw=[[1.0, 0.6]])
    >>> farm = snapshot_of(classes=eco, jobs={"deadline": [1000.0]}, steps={"request": [[8, 1024, 0, 0, 0]]})
    >>> def expected(slack: float) -> Outlooks:
    ...     one = np.ones(1)
    ...     return Outlooks(finish=500 * one, on_time=one, slack=slack * one, earliest=one, given_up=one < 0)
    >>> [int(choose_modes(farm, cost_of(farm), Rules(), expected(slack))[0, 0]) for slack in (20.0, 200.0)]
    [0, 1]
    """
    chosen, slack = np.zeros(cost.seconds.shape, np.int64), _spendable(farm, rules, outlooks)
    rows = np.flatnonzero((slack > 0) & (farm.steps.waiting > 0))
    late = bool((outlooks.given_up & ~farm.jobs.held).any())
    if rules.aim is Aim.PERFORMANCE or farm.classes.modes == 1 or not len(rows) or late:
        return chosen
    if scarcity is None:
        scarcity = default_scarcity(farm, cost, rules)
    for some in _chunks(rows, len(farm.classes.names)):
        chosen[some] = _cheapest(farm, cost, rules, (some, slack[some]), scarcity)
    return chosen


def _cheapest(
    farm: FarmSnapshot, cost: Cost, rules: Rules, which: tuple[Ints, Floats], scarcity: Floats | float
) -> Ints:
    """Return the cheapest modes of some steps, which have some slack."""
    classes, (rows, slack) = farm.classes, which
    able = np.isfinite(cost.seconds[rows])
    seconds = np.where(able, cost.seconds[rows], 1.0)
    share = _dominant(farm, rows, tuple(Resource))
    busy = classes.work_watts(farm.steps.request[rows][:, None], np.arange(len(classes.names)))
    deadline = farm.jobs.deadline[farm.steps.job[rows]]
    way = np.where(np.isfinite(deadline) & np.isfinite(slack), deadline, farm.now) - farm.now
    way = np.maximum(way - np.where(np.isfinite(slack), slack, 0.0), 0.0)
    likely = np.exp(ndtri(rules.confidence) * np.hypot(cost.spread[rows], cost.common[rows]))
    spare = slack[:, None] / np.maximum(way[:, None], seconds * likely[:, None])
    rate = _rate_while(farm, rules.aim, seconds.min(axis=1, initial=np.inf))[:, None]
    fixed = share * (rate * (classes.idle_watts - classes.asleep_watts) + classes.worth * scarcity)
    busy *= rate
    power = 2.0 if rules.aim is Aim.BALANCED else 1.0
    least, mode = np.full(seconds.shape, np.inf), np.zeros(seconds.shape, np.int8)
    for each in range(classes.modes):
        longer = 1.0 / classes.speed[:, each]
        spent = busy * (classes.draw[:, each] * longer**power)
        spent += fixed * longer**power
        better = spent < least
        if each:
            better &= spare >= longer - 1.0
        np.copyto(mode, np.int8(each), where=better)
        if each + 1 < classes.modes:
            least = np.where(better, spent, least) if each else spent
    return np.where(able, mode, 0).astype(np.int64)


def _spendable(farm: FarmSnapshot, rules: Rules, outlooks: Outlooks) -> Floats:
    """Return the seconds by which each step's job may be slowed, shape ``(steps,)``."""
    hurry = (farm.jobs.importance >= rules.emergency) | outlooks.given_up
    slack = np.where(hurry, 0.0, outlooks.slack)[farm.steps.job]
    return np.where(np.isnan(farm.steps.preview_due), slack, 0.0)


def _rate_while(farm: FarmSnapshot, aim: Aim, seconds: Floats) -> Floats:
    """Return what a joule costs on average over the next `seconds`, elementwise."""
    return farm.outlook.mean(rate_of(farm.outlook, aim), np.full(len(seconds), farm.now), seconds)


def _mean_rate(farm: FarmSnapshot, aim: Aim) -> float:
    """Return the mean of a joule's cost over the published periods ahead."""
    ahead = max(float(farm.outlook.start[-1]) - farm.now, 0.0)
    column = rate_of(farm.outlook, aim)
    return float(farm.outlook.mean(column, np.array([farm.now]), np.array([ahead]))[0])


def _chunks(rows: Ints, classes: int) -> Iterator[Ints]:
    size = max(_CELLS // classes, 1)
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def _dominant(farm: FarmSnapshot, rows: Ints, resources: tuple[Resource, ...]) -> Floats:
    """Return the largest share of a node's `resources` that a frame takes, at most 1, shape ``(rows, classes)``."""
    request, offer = farm.steps.request[rows], farm.classes.offer
    share = np.zeros((len(rows), len(offer)))
    for each in resources:
        if (request[:, each] > 0).any():
            np.maximum(share, request[:, each, None] / np.where(offer[:, each] > 0, offer[:, each], np.inf), out=share)
    return np.minimum(share, 1.0, out=share)
