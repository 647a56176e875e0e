"""Which flexible work waits for cheaper or cleaner hours, so that its job still ends in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_array, csr_array, eye_array, kron
from scipy.special import ndtri

from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.energy_modes import rate_of
from placement.scheduling.plan import Outlooks
from placement.scheduling.rules import Rules
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Holds", "holds", "shift_savings"]

_GROUPS, _PERIODS = 24, 25  #: size of the linear program: 4 ms at 20 groups and 25 periods, 15 ms at 64
_DAY = 86400.0
_TILT = 1e-6  #: share of the range of rates by which each later period is dearer: nothing waits for nothing
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holds:
    """Steps that start no more frames for now.

    Parameters
    ----------
    held
        Shape ``(steps,)``.
    until
        When the hour comes that they are held for, seconds; `now` where not held.
    """

    held: Bools
    until: Floats

    def __post_init__(self) -> None:
        seal(self)

    @classmethod
    def none(cls, steps: int, now: Seconds) -> Holds:
        """Hold nothing."""
        return cls(held=np.zeros(steps, np.bool_), until=np.full(steps, float(now)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Work:
    """Flexible jobs, or groups of them, one row each, the tightest first.

    `room`: seconds by which the start may move. `frame`: seconds of a frame that is ready. `spread`: seconds over
    which its frames must be started even if nothing else ran. `rest`: seconds from the first frame's end to the job's.
    `ready`, `later`: worth-seconds of the frames that can start, and of those that wait for them. `power`: W per worth.
    """

    room: Floats
    frame: Floats
    spread: Floats
    rest: Floats
    ready: Floats
    later: Floats
    power: Floats

    def grouped(self, group: Ints) -> _Work:
        """Return groups: the least room in each, other columns as means by work."""
        work, count = self.ready + self.later, int(group.max()) + 1
        total = np.bincount(group, work, count)
        room = np.full(count, np.inf)
        np.minimum.at(room, group, self.room)
        mean = {
            name: np.bincount(group, getattr(self, name) * work, count) / total
            for name in ("frame", "spread", "rest", "power")
        }
        ready, later = (np.asarray(np.bincount(group, each, count), float) for each in (self.ready, self.later))
        return _Work(room=room, ready=ready, later=later, **mean)


def holds(farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks) -> Holds:
    """Decide which steps wait for a cheaper hour (COST) or a cleaner one (CARBON); other aims hold nothing.

    Flexible is a job whose slack at `Rules.confidence` leaves, beside its move, time to render a lost frame again; a
    job without a deadline is held no longer than `Rules.ageing` after its release. Emergencies, previews, jobs in
    danger and jobs that are given up are never held, and running frames go on.

    All flexible work is planned together, so that it does not all move to the same hour: a linear program over groups
    of jobs and periods of the outlook (time-indexed starts; Dyer and Wolsey, Discrete Applied Mathematics 26, 1990),
    in which running and inflexible work takes its room first. Jobs with a share in the running period start; the
    others are held until the first cheaper period in which they have one. Made anew at every decision.

    Examples
    --------
    >>> from placement.farm.tariff import Outlook
    >>> from placement.scheduling.rules import Aim
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> night = Outlook(start=np.array([0.0, 3600.0]), price=np.array([0.3, 0.1]), carbon=np.zeros(2))
    >>> farm = snapshot_of(outlook=night, jobs={"deadline": [9000.0]})
    >>> one = np.ones(1)
    >>> easy = Outlooks(finish=60 * one, on_time=one, slack=8900 * one, earliest=60 * one, given_up=one < 0)
    >>> found = holds(farm, cost_of(farm), Rules(aim=Aim.COST), easy)
    >>> found.held.tolist(), found.until.tolist()
    ([True], [3600.0])
    """
    nothing = Holds.none(farm.steps.count, farm.now)
    edges = _edges(farm)
    if not rules.aim.thrifty or len(edges) < 3 or not farm.capacity().any():
        return nothing
    share = farm.share_of_node()
    seconds, worth, power = _frames(farm, cost, share)
    may = (farm.steps.waiting > 0) & np.isnan(farm.steps.preview_due) & np.isfinite(seconds)
    room = _room(farm, cost, rules, outlooks, np.where(may, seconds, 0.0))
    ready = np.bincount(farm.steps.job, np.where(may, worth * farm.steps.waiting, 0.0), farm.jobs.count)
    jobs = np.flatnonzero((room >= edges[1] - farm.now) & (ready > 0))
    if not len(jobs):
        return nothing
    jobs = jobs[np.argsort(room[jobs], kind="stable")]
    work = _work_of(farm, outlooks, (seconds, worth, power), may, (jobs, room[jobs]))
    group = np.arange(len(jobs)) * min(_GROUPS, len(jobs)) // len(jobs)
    groups = work.grouped(group)
    asked = float(worth @ (farm.steps.waiting + farm.steps.blocked))
    free = _free(farm, cost, share, edges, asked - float((work.ready + work.later).sum()))
    rates = _rates(farm, rules, groups, edges)
    started = _plan(groups, rates, free, edges)
    amount = work.ready + work.later
    before = np.cumsum(amount) - amount
    before -= before[np.searchsorted(group, group)]
    coming = (started[:, 1:] > _NOTHING * started.sum(axis=1, keepdims=True)) & (rates[:, 1:] < rates[:, :1])
    until = np.where(coming.any(axis=1), edges[1:-1][coming.argmax(axis=1)], np.inf)[group]
    waits = (before >= started[group, 0] - _NOTHING * amount) & (until <= farm.now + work.room)
    till = np.full(farm.jobs.count, -np.inf)
    till[jobs[waits]] = until[waits]
    held = may & (till[farm.steps.job] > farm.now)
    return Holds(held=held, until=np.where(held, till[farm.steps.job], farm.now))


def shift_savings(prices: Floats, published: Floats, hours: int, slack: int) -> float:
    """Return the share of the money saved by moving jobs to cheap hours, deciding on published prices.

    A job of `hours` hours is released at every hour and must start within `slack` hours. Each hour, knowing that
    hour's price and what is published for later ones, it starts unless a later start looks cheaper. No contention.

    Parameters
    ----------
    prices, published
        Hourly, what was paid and what was forecast; the same array twice: perfect knowledge. Shape ``(n,)``.

    Examples
    --------
    >>> day = np.tile([4.0, 4.0, 1.0, 4.0], 10)
    >>> round(shift_savings(day, day, hours=1, slack=3), 3)
    0.694
    """
    windows = np.lib.stride_tricks.sliding_window_view
    paid, told = windows(prices, hours).sum(axis=1), windows(published, hours).sum(axis=1)
    starts, later = windows(paid, slack + 1), windows(told, slack + 1)
    known = windows(told + (prices - published)[: len(told)], slack + 1)
    best_later = np.minimum.accumulate(later[:, ::-1], axis=1)[:, ::-1]
    go = np.ones(starts.shape, np.bool_)
    go[:, :-1] = known[:, :-1] <= best_later[:, 1:]
    chosen = starts[np.arange(len(starts)), go.argmax(axis=1)]
    return float(1.0 - chosen.sum() / starts[:, 0].sum())


def _edges(farm: FarmSnapshot) -> Floats:
    """Return where the periods begin, the running one `now`, and the end of the last: a day, as it holds for ever."""
    ahead = farm.outlook.start[farm.outlook.start > farm.now]
    ahead = ahead[:: max(-(-len(ahead) // (_PERIODS - 1)), 1)]
    last = ahead[-1] if len(ahead) else farm.now
    return np.concatenate([[farm.now], ahead, [last + _DAY]])


def _frames(farm: FarmSnapshot, cost: Cost, share: Floats) -> tuple[Floats, Floats, Floats]:
    """Return run time, worth-seconds and W per worth of a frame on the class where it takes least, ``(steps,)``.

    The run time is infinite, the others 0, where no class of the farm can run it.
    """
    classes = farm.classes
    held = share * np.where(farm.capacity() > 0, classes.worth, np.inf)
    with np.errstate(invalid="ignore"):
        every = held * cost.seconds
    every[np.isnan(every)] = np.inf
    best = every.argmin(axis=1) if every.size else np.zeros(len(held), np.int64)
    row = np.arange(len(held))
    work = every[row, best]
    able = np.isfinite(work)
    power = classes.busy_watts[best] / classes.worth[best]
    return np.where(able, cost.seconds[row, best], np.inf), np.where(able, work, 0.0), np.where(able, power, 0.0)


def _room(farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks, seconds: Floats) -> Floats:
    """Return the seconds by which each job may be moved, shape ``(jobs,)``."""
    jobs = farm.jobs
    likely = seconds * np.exp(ndtri(rules.confidence) * np.hypot(cost.spread, cost.common))
    again = np.zeros(jobs.count)
    np.maximum.at(again, farm.steps.job, likely)
    patient = np.where(np.isfinite(jobs.deadline), outlooks.slack - again, jobs.release + rules.ageing - farm.now)
    hurry = outlooks.given_up | jobs.held | (jobs.importance >= rules.emergency)
    return np.where(hurry, -np.inf, patient)


def _work_of(
    farm: FarmSnapshot,
    outlooks: Outlooks,
    frames: tuple[Floats, Floats, Floats],
    may: Bools,
    which: tuple[Ints, Floats],
) -> _Work:
    """Return the flexible jobs' columns."""
    (seconds, worth, power), (jobs, room), count = frames, which, farm.jobs.count
    step = farm.steps
    ready = np.where(may, worth * step.waiting, 0.0)
    later = worth * step.blocked
    both = np.maximum(np.bincount(step.job, ready + later, count), _NOTHING)[jobs]
    some = np.maximum(np.bincount(step.job, ready, count), _NOTHING)[jobs]
    frame = np.bincount(step.job, ready * np.where(may, seconds, 0.0), count)[jobs] / some
    finish = np.where(np.isfinite(outlooks.finish), outlooks.finish, farm.now)[jobs] - farm.now
    alone = np.where(np.isfinite(outlooks.earliest), outlooks.earliest, farm.now)[jobs] - farm.now
    return _Work(
        room=room,
        frame=frame,
        spread=np.maximum(np.minimum(alone, finish) - frame, 0.0),
        rest=np.maximum(finish - frame, 0.0),
        ready=np.asarray(np.bincount(step.job, ready, count)[jobs], float),
        later=np.asarray(np.bincount(step.job, later, count)[jobs], float),
        power=np.bincount(step.job, (ready + later) * power, count)[jobs] / both,
    )


def _free(farm: FarmSnapshot, cost: Cost, share: Floats, edges: Floats, inflexible: float) -> Floats:
    """Return the worth-seconds of each period that neither what runs nor work that cannot wait takes."""
    run, kind = farm.attempts, farm.nodes.node_class[farm.attempts.node]
    held = farm.classes.worth[kind] * share[run.step, kind]
    whole = cost.seconds[run.step, kind] / farm.classes.speed[kind, run.mode]
    left = np.clip(run.started + np.where(np.isfinite(whole), whole, 0.0) - farm.now, 0.0, None)
    taken = np.array([float(held @ np.minimum(left, edge)) for edge in edges - farm.now])
    open_ = np.clip(farm.worth() * np.diff(edges) - np.diff(taken), 0.0, None)
    return np.diff(np.maximum(np.concatenate([[0.0], np.cumsum(open_)]) - max(inflexible, 0.0), 0.0))


def _rates(farm: FarmSnapshot, rules: Rules, work: _Work, edges: Floats) -> Floats:
    """Return what a worth-second costs by the period in which the first frames start, shape ``(groups, periods)``."""
    rate, begin = rate_of(farm.outlook, rules.aim), edges[:-1] + np.zeros((len(work.room), 1))
    first = np.maximum(work.frame[:, None], np.diff(edges))
    soon = farm.outlook.mean(rate, begin, first)
    then = farm.outlook.mean(rate, begin + work.frame[:, None], work.rest[:, None] + 0.0 * begin)
    part = (work.later / (work.ready + work.later))[:, None]
    return np.asarray(work.power[:, None] * ((1.0 - part) * soon + part * then))


def _plan(work: _Work, rates: Floats, free: Floats, edges: Floats) -> Floats:
    """Return the worth-seconds that each group starts in each period, shape ``(groups, periods)``.

    What finds no room in any period that it may wait for is started in the running one, and so is everything should the
    solver fail.
    """
    groups, periods = rates.shape
    begin, length = edges[:-1], np.diff(edges)
    amount = work.ready + work.later
    lasts = np.maximum(work.frame[:, None], length)
    overlap = np.minimum((begin + lasts)[:, :, None], edges[1:]) - np.maximum(begin[:, None], begin)
    uses = np.clip(overlap, 0.0, None) / lasts[:, :, None]
    taken = csr_array(uses.reshape(groups * periods, periods).T)
    all_of = kron(eye_array(groups), np.ones((1, periods)))
    pace = np.minimum(length / np.maximum(work.spread[:, None], _NOTHING), 1.0)
    reach = edges[0] + (work.room + work.spread)[:, None]
    most = np.where(begin <= reach, amount[:, None] * pace, 0.0)
    unit = max(float(amount.sum()), _NOTHING)
    span = max(float(np.ptp(rates)), _NOTHING * float(np.abs(rates).max()), np.finfo(float).tiny)
    price = (rates - rates.min()) / span + _TILT * np.arange(periods)
    solved = linprog(
        np.concatenate([price.ravel(), np.full(groups, 2.0 + price.max())]),
        A_ub=block_array([[taken, csr_array((periods, groups))]]),
        b_ub=free / unit,
        A_eq=block_array([[all_of, eye_array(groups)]]),
        b_eq=amount / unit,
        bounds=np.column_stack([np.zeros(groups * (periods + 1)), np.append(most.ravel(), amount) / unit]),
        method="highs",
    )
    if solved.x is None:
        return np.pad(amount[:, None], ((0, 0), (0, periods - 1)))
    started = solved.x[: groups * periods].reshape(groups, periods) * unit
    started[:, 0] += solved.x[groups * periods :] * unit
    return np.asarray(started)
