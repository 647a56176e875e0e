"""The order of work: who goes first, and for what reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks, Reason
from placement.scheduling.remaining import pace, remaining_of
from placement.scheduling.rules import Rules
from placement.scheduling.turns import SPARE, Standing, span_of
from placement.units import Bools, Floats, Ints

__all__ = ["Load", "Ranking", "calm_seconds", "load_of", "patience_of", "rank"]

_CALM = 0.1  #: least share of its time that a calm job itself has to spare; docs/urgency.md measures
_EMERGENCY, _PREVIEW, _DANGER, _REST = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """How much work there is.

    Parameters
    ----------
    work
        Worth-seconds left of each job, shape ``(jobs,)``.
    frames
        How many frames of its own each step's job has left, in work, shape ``(steps,)``.
    turnover
        Expected seconds until a busy slot is free; 0 where nothing runs.
    """

    work: Floats
    frames: Floats
    turnover: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Order of the steps, shape ``(steps,)``.

    Parameters
    ----------
    key
        Lower goes first; all different.
    danger
        Waiting longer would cost the job its deadline, or it is an emergency, or it has waited as long as work may.
    hurried
        In danger for its own sake: not only because somebody behind the job would be if it waited.
    reason
        Why it stands there: `Reason.URGENT`, `Reason.PREVIEW` or `Reason.SHARE`.
    """

    key: Floats
    danger: Bools
    hurried: Bools
    reason: Ints

    def __post_init__(self) -> None:
        seal(self)

    @property
    def preview(self) -> Bools:
        """Which steps are previews that somebody waits to see, shape ``(steps,)``."""
        return np.asarray(self.reason == Reason.PREVIEW)

    @property
    def order(self) -> Ints:
        """Rows of the steps, first ones first."""
        return np.argsort(self.key, kind="stable")


def load_of(farm: FarmSnapshot, work: Floats, frame: Floats, residual: Floats) -> Load:
    """Return the load.

    Parameters
    ----------
    work, frame
        Worth-seconds left of each step, and of one of its frames, shape ``(steps,)``.
    residual
        Expected seconds until each attempt ends, shape ``(attempts,)``.
    """
    total = np.bincount(farm.steps.job, work, minlength=farm.jobs.count).astype(float)
    frames = np.maximum(total[farm.steps.job] / np.maximum(frame, 1e-12), 1.0)
    return Load(work=total, frames=frames, turnover=float(residual.mean()) if len(residual) else 0.0)


def patience_of(rules: Rules, frames: Floats) -> Floats:
    """Return the seconds after which a step that still waits for its turn gets one frame before others.

    Each `Rules.ageing` halves what its work counts for; when that is less than a single frame it has waited enough.

    Parameters
    ----------
    frames
        As in `Load`.

    Examples
    --------
    >>> (patience_of(Rules(), np.array([1.0, 8.0])) / 3600).tolist()
    [4.0, 12.0]
    """
    return np.asarray(rules.ageing * np.maximum(np.log2(np.maximum(frames, 1.0)), 1.0))


def calm_seconds(farm: FarmSnapshot) -> Floats:
    """Return the slack that each job with a deadline needs at least to be calm, else 0, shape ``(jobs,)``."""
    return np.where(np.isfinite(farm.jobs.deadline), _CALM * span_of(farm), 0.0)


def rank(
    farm: FarmSnapshot,
    cost: Cost,
    rules: Rules,
    outlooks: Outlooks,
    load: Load | None = None,
    standing: Standing | None = None,
) -> Ranking:
    """Return the order of work.

    1. Emergencies, by deadline.
    2. Previews, by when they are due.
    3. Work in danger, by deadline: jobs that have less than 0.1 of their time to spare, or no more than it takes until
       a slot is free, or somebody behind them has less than 0.4 of it; jobs whose deadline was given up, by their turn;
       and steps that have waited for `patience_of`: their deadline then. A job's time is that from its release to its
       deadline: while it is served as fast as it was planned, it does not become calm.
    4. The rest, by importance per work left (Smith, "Various optimizers for single-stage production", Naval Research
       Logistics Quarterly 3, 1956), doubled by each `Rules.ageing` of waiting.

    Deadlines count as `placement.scheduling.turns.weighed` says: where nothing is to spare, sooner for who is worth
    more for its work. Of equal ones those go first that save most, by the geometric mean of value per work, which is
    lost when they are late, and importance per work, which each second after that costs. Further ties go to work
    without a deadline, then to the least slack, the longest chain behind the step, the lower row.

    Parameters
    ----------
    load
        What `load_of` says, if it is known already.
    standing
        What `placement.scheduling.turns.standing_of` says; None: nobody looks at those behind, and jobs whose deadline
        was given up rank as if they had none.

    Examples
    --------
    >>> from placement.scheduling.urgency import assess
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"job": [0, 1, 2], "waiting": [90, 1, 9]},
    ...                    jobs={"deadline": [750.0, float("inf"), float("inf")]})
    >>> cost = cost_of(farm, 60.0)
    >>> outlooks = assess(farm, cost, Rules(), farm.worth() * farm.clients.limit).outlooks
    >>> rank(farm, cost, Rules(), outlooks).key.tolist()
    [0.0, 1.0, 2.0]
    """
    jobs, steps, job = farm.jobs, farm.steps, farm.steps.job
    load = load or _load(farm, cost)
    with_deadline = np.isfinite(jobs.deadline) & ~outlooks.given_up
    slack = np.where(with_deadline, outlooks.slack, 0.0)
    emergency = (jobs.importance >= rules.emergency) & ~jobs.held
    in_time = with_deadline & (slack > np.maximum(load.turnover + rules.interval, calm_seconds(farm)))
    late, by, calm = np.zeros(jobs.count, bool), jobs.deadline, in_time
    if standing is not None:
        calm = in_time & (standing.spare > SPARE)
        late = np.isfinite(jobs.deadline) & outlooks.given_up & ~jobs.held
        by = farm.now + np.where(late, standing.turn, standing.by)
    pressed = (with_deadline & ~calm & ~jobs.held) | late
    waited = np.where(steps.waiting > 0, np.maximum(farm.now - steps.since, 0.0), 0.0)
    patience = patience_of(rules, load.frames)
    starved = (waited >= patience) & ~jobs.held[job]
    preview = np.isfinite(steps.preview_due)
    tier = np.select([emergency[job], preview, pressed[job] | starved], [_EMERGENCY, _PREVIEW, _DANGER], default=_REST)
    due = np.where(pressed[job] | emergency[job], by[job], np.inf)
    due = np.where(preview & (tier == _PREVIEW), steps.preview_due, due)
    due = np.where(starved, np.minimum(due, steps.since + patience), due)
    smith, saves = (each[job] for each in _per_work(farm, load.work))
    within = np.where(tier == _REST, -(smith + np.log(2.0) * waited / rules.ageing), due)
    order = np.lexsort((np.arange(steps.count), -_behind(steps.after), slack[job], -saves, within, tier))
    key = np.empty(steps.count)
    key[order] = np.arange(steps.count)
    reason = np.where(
        preview & (tier == _PREVIEW), Reason.PREVIEW, np.where(tier == _REST, Reason.SHARE, Reason.URGENT)
    )
    reason = np.where((tier == _DANGER) & ~pressed[job], Reason.SHARE, reason)
    danger = (tier == _EMERGENCY) | (tier == _DANGER)
    hurried = danger & ~(in_time & ~emergency)[job]
    return Ranking(key=key, danger=danger, hurried=hurried, reason=reason.astype(np.int64))


def _per_work(farm: FarmSnapshot, work: Floats) -> tuple[Floats, Floats]:
    """Return logs of each job's importance per work, and of its geometric mean with value per work, ``(jobs,)``."""
    jobs, least = farm.jobs, float(work[work > 0].min(initial=np.inf))
    smith = np.log(jobs.importance) - np.log(np.maximum(work, least if np.isfinite(least) else 1.0))
    value = np.where(jobs.value > 0, jobs.value, jobs.importance)
    return smith, smith + np.log(value / jobs.importance) / 2


def _behind(after: Ints) -> Ints:
    """Return how many steps wait for each step, one after the other, at most, shape ``(steps,)``."""
    behind, up, length = np.zeros(len(after), np.int64), after.copy(), 1
    while (waits := up >= 0).any():
        np.maximum.at(behind, up[waits], length)
        up[waits] = after[up[waits]]
        length += 1
    return behind


def _load(farm: FarmSnapshot, cost: Cost) -> Load:
    left = remaining_of(farm, cost)
    at = pace(left, cost, np.full(farm.steps.count, np.inf))
    frame = at.seconds * at.hold
    return load_of(farm, left.frames * frame + left.held, frame, left.attempts.residual)
