"""What a second of each node class is worth to the work that waits: comparative advantage as prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks
from placement.scheduling.ranking import Ranking
from placement.scheduling.rules import Rules
from placement.units import Floats, Ints, Seconds

__all__ = ["Prices", "pays", "price_classes", "prices_of"]

_ROUNDS = 100
_CELLS = 6_000  #: (step, class) pairs looked at to find prices; of more steps a sample proportional to work
_SHARPEST, _SOFTEST = 0.02, 0.3
_STEP = 0.5
_DEAREST = 20.0
_NEGLIGIBLE = 1e-12
_LEAST_PATIENCE = 300.0  #: seconds of backlog; less is no reason to leave the best class
_LEAST_WATTS = 1.0
_CALM_PAYS, _THRIFTY_PAYS = 1.5, 1.2
_HURRIED = 0.25  #: share of the work that has less time to spare than a thrifty queue may grow to


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """Prices of node classes and what follows from them.

    Parameters
    ----------
    price
        Of a node-second, in worth-seconds; never below `plain`, shape ``(classes,)``.
    plain
        The same while nobody competes for the class: its own worth, or under a thrifty aim its part of the farm's worth
        by what it draws, shape ``(classes,)``.
    drain
        Seconds in which each class works off what is best done there, shape ``(classes,)``.
    share
        Share of each step's work that belongs on each class, shape ``(steps, classes)``; rows sum to 1, or to 0 where
        no class is able.
    """

    price: Floats
    plain: Floats
    drain: Floats
    share: Floats

    def __post_init__(self) -> None:
        seal(self, {"share": (len(self.share), len(self.price))})


def prices_of(farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks) -> Prices:
    """Price the classes of a farm by the work that waits and the work that runs, as far as that is not yet done.

    Who saves money or carbon (`Aim.thrifty`) prices a class by what it draws rather than by what it is worth, and lets
    a queue grow on thrifty nodes while three quarters of the work have the time for that, `Rules.ageing` where nobody
    said when it must end.

    Parameters
    ----------
    outlooks
        Of each job: its slack, seconds, is the time that its work has; none where the deadline is given up.

    Examples
    --------
    >>> from placement.scheduling.rules import Aim
    >>> from placement.testing.planner_farms import classes_of, cost_of, snapshot_of
    >>> old = classes_of(names=["new", "old"], busy_watts=[300.0, 600.0])
    >>> farm = snapshot_of(classes=old, nodes={"node_class": [0, 1]}, steps={"waiting": [40]})
    >>> one = np.ones(1)
    >>> seen = Outlooks(finish=one, on_time=one, slack=9e4 * one, earliest=one, given_up=one < 0)
    >>> for aim in (Aim.BALANCED, Aim.CARBON):
    ...     found = prices_of(farm, cost_of(farm, 60.0), Rules(aim=aim), seen)
    ...     print(found.share.round(2).tolist())
    [[0.5, 0.5]]
    [[1.0, 0.0]]
    """
    frames = farm.steps.left.astype(float)
    load = np.where(cost.able, cost.seconds * farm.share_of_node(), np.inf)
    typical = np.where(cost.able, cost.seconds, np.inf).min(axis=1, initial=np.inf)
    there = np.isfinite(typical) & (frames > 0)
    wave = float(np.average(typical[there], weights=frames[there])) if there.any() else 0.0
    worth, patience, nodes = farm.classes.worth, max(wave, _LEAST_PATIENCE), farm.capacity()
    if rules.aim.thrifty and there.any() and nodes.any():
        watts = np.maximum(farm.classes.busy_watts - farm.classes.asleep_watts, _LEAST_WATTS)
        worth = watts * float(nodes @ worth) / float(nodes @ watts)
        spare = np.where(np.isfinite(farm.jobs.deadline), np.maximum(outlooks.slack, 0.0), rules.ageing)
        spare = np.where(outlooks.given_up, 0.0, spare)[farm.steps.job[there]]
        work = load[there].min(axis=1) * frames[there]
        patience = max(patience, float(np.quantile(spare, _HURRIED, method="inverted_cdf", weights=work)))
    return price_classes(frames, load, nodes, worth, patience)


def pays(farm: FarmSnapshot, rules: Rules, outlooks: Outlooks, ranking: Ranking) -> Floats:
    """Return how many times the price of its best class each step pays at most to end sooner, shape ``(steps,)``.

    Infinite for work that may not wait. Work that gains nothing by ending sooner pays little: it has a deadline and is
    in no danger. Who saves money or carbon lets work wait until its own job has hardly anything to spare, whoever else
    is in danger behind it, and work without a deadline until it has waited for its turn; emergencies and previews not.

    Examples
    --------
    >>> from placement.scheduling.rules import Aim
    >>> from placement.scheduling.urgency import assess
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(jobs={"deadline": [9e4, float("inf")]}, steps={"job": [0, 1]})
    >>> cost = cost_of(farm, 60.0)
    >>> for aim in (Aim.BALANCED, Aim.CARBON):
    ...     seen = assess(farm, cost, Rules(aim=aim), farm.worth() * farm.clients.limit)
    ...     print(pays(farm, Rules(aim=aim), seen.outlooks, seen.ranking).tolist())
    [1.5, inf]
    [1.2, 1.5]
    """
    job, dated = farm.steps.job, np.isfinite(farm.jobs.deadline)
    in_time = dated & ~outlooks.given_up
    if not rules.aim.thrifty:
        return np.where(in_time[job] & ~ranking.danger & ~ranking.preview, _CALM_PAYS, np.inf)
    most = np.where(in_time[job], _THRIFTY_PAYS, np.where(dated[job], np.inf, _CALM_PAYS))
    return np.where(ranking.preview | ranking.hurried, np.inf, most)


def price_classes(frames: Floats, load: Floats, nodes: Floats, worth: Floats, patience: Seconds) -> Prices:
    """Find prices at which every class has as much work as it can do, and no class is idle that would be missed.

    The dual of the linear program for unrelated machines, solved by multiplicative weights over a softened choice: each
    step goes where its node-seconds times their price are least, dearer classes are those that too many steps want
    (Arora, Hazan and Kale, "The multiplicative weights update method", Theory of Computing 8, 2012). When all work fits
    into `patience` seconds nothing is dearer than its worth: work goes where it takes the fewest worth-seconds.

    Parameters
    ----------
    frames
        Frames of each step still to be started, shape ``(steps,)``.
    load
        Node-seconds of one frame: run time times the share of the node it takes, infinite where it cannot run, shape
        ``(steps, classes)``.
    nodes, worth
        Nodes of each class, and the normalised capacity of one, shape ``(classes,)``.
    patience
        Backlog in seconds below which waiting for the best class is no matter.

    Examples
    --------
    Both steps are faster on the first class, the second gains more by it:

    >>> load = np.array([[1.0, 2.0], [1.0, 9.0]])
    >>> found = price_classes(np.full(2, 100.0), load, np.ones(2), np.ones(2), patience=10.0)
    >>> found.share.argmax(axis=1).tolist(), bool(found.price[0] > found.price[1])
    ([1, 0], True)
    """
    able = np.isfinite(load) & (nodes > 0)
    rows = np.flatnonzero(able.any(axis=1) & (frames > 0))
    plain, drain, share = worth.astype(float), np.zeros(len(worth)), np.zeros(load.shape)
    if not len(rows):
        return Prices(price=plain, plain=plain, drain=drain, share=share)
    seconds = np.where(able[rows], load[rows], 1.0)
    logs = np.where(able[rows], np.log(seconds), np.inf)
    work = frames[rows, None] * seconds
    there = np.maximum(nodes, _NEGLIGIBLE)
    some, stands_for = _sample(np.where(able[rows], work, np.inf).min(axis=1), _CELLS // len(worth))
    price = worth * np.exp(_find(logs[some], work[some] * stands_for[:, None], there, worth, patience))
    share[rows] = _softly(logs + np.log(price), _SHARPEST)
    return Prices(price=price, plain=plain, drain=(share[rows] * work).sum(axis=0) / there, share=share)


def _find(logs: Floats, work: Floats, nodes: Floats, worth: Floats, patience: Seconds) -> Floats:
    """Return the log of how much dearer than its worth each class is, the mean over the later rounds."""
    # Class by class and in place: minima and sums over rows of three numbers took two thirds of pricing.
    plain, work = np.ascontiguousarray((logs + np.log(worth)).T), np.ascontiguousarray(work.T)
    extra, found, weight = np.zeros((len(worth), 1)), np.zeros((len(worth), 1)), np.empty_like(plain)
    per_node, all_nodes = 1 / nodes, float(nodes.sum())
    for turn in range(_ROUNDS):
        heat = _SOFTEST * (_SHARPEST / _SOFTEST) ** (turn / (_ROUNDS - 1))
        np.add(plain, extra, out=weight)
        np.subtract(np.minimum.reduce(weight), weight, out=weight)
        weight *= 1 / heat
        np.exp(weight, out=weight)
        weight /= np.add.reduce(weight)
        load = np.vecdot(weight, work)
        step = _STEP * heat / _SOFTEST
        load *= step / max(patience, float(np.add.reduce(load)) / all_nodes, _NEGLIGIBLE)
        load *= per_node
        extra[:, 0] += load
        extra -= step
        np.minimum(np.maximum(extra, 0.0, out=extra), _DEAREST, out=extra)
        if turn >= _ROUNDS // 2:
            found += extra
    return np.asarray(found[:, 0] / (_ROUNDS - _ROUNDS // 2))


def _sample(size: Floats, most: int) -> tuple[Ints, Floats]:
    """Return rows drawn evenly along the summed sizes, and how many times its own size each stands for."""
    if len(size) <= most:
        return np.arange(len(size)), np.ones(len(size))
    total = np.cumsum(size)
    chosen = np.searchsorted(total, (np.arange(most) + 0.5) / most * total[-1])
    return chosen, total[-1] / most / size[chosen]


def _softly(logs: Floats, heat: float) -> Floats:
    weight = np.exp((logs.min(axis=1, keepdims=True) - logs) / heat)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
