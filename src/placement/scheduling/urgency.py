"""What presses: forecasts of every job's end, deadlines that can be met together, and the order of work from both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.admission import Admission, admit
from placement.scheduling.bottlenecks import Bottlenecks, bottlenecks_of
from placement.scheduling.completion import Spans, Times, along_chains, running_ends, spans_of, times_of
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks
from placement.scheduling.ranking import Load, Ranking, calm_seconds, load_of, rank
from placement.scheduling.remaining import Pace, Remaining, pace, remaining_of
from placement.scheduling.rules import Rules
from placement.scheduling.turns import Standing, standing_of
from placement.units import Bools, Floats, Ints

__all__ = ["Urgency", "assess"]

#: For a last wave that ends late so many times is kept what `Rules.confidence` asks for; docs/urgency.md measures.
_SURE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Urgency:
    """What presses.

    Parameters
    ----------
    outlooks
        What is expected of each job.
    ranking
        The order of the steps.
    admission
        Which deadlines are to be met, and why the others are not.
    standing
        Where jobs stand among the deadlines: who can wait, and when late work gets its turn.
    """

    outlooks: Outlooks
    ranking: Ranking
    admission: Admission
    standing: Standing


def assess(farm: FarmSnapshot, cost: Cost, rules: Rules, entitled: Floats, room: Floats | None = None) -> Urgency:
    """Forecast every job, decide which deadlines to meet, and put the work in order.

    A job ends when its chains are through at the pace it can go, and not before the work that goes first is done:
    jobs with deadlines to be met in the order in which these count, emergencies before them; the others in the order of
    `rank`. The expected end alone counts in that those who can wait let others pass; what is certain counts without
    it, since they need not. Jobs that are held are forecast as if they went on now, and stand in nobody's way.

    Parameters
    ----------
    entitled
        Worth that each client may use while others want theirs, shape ``(clients,)``.
    room
        Worth that its work in danger may use: all that others are not guaranteed; by default `entitled`.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"waiting": [80]}, jobs={"deadline": [900.0]})
    >>> seen = assess(farm, cost_of(farm, 60.0), Rules(), np.array([8.0]))
    >>> seen.outlooks.finish.round(-1).tolist(), seen.outlooks.given_up.tolist()
    ([630.0], [False])
    """
    jobs = farm.jobs
    left = remaining_of(farm, cost)
    ends = running_ends(farm, left)
    most = farm.worth() * _limits(farm)
    room = entitled if room is None else room
    may = np.where(np.isfinite(jobs.deadline), room[jobs.client], entitled[jobs.client])
    at = pace(left, cost, np.minimum(may, most[jobs.client])[farm.steps.job])
    times = times_of(farm, left, cost, at, ends)
    spans = spans_of(farm, times)
    free = pace(left, cost, most[jobs.client][farm.steps.job])
    fastest = spans_of(farm, times_of(farm, left, cost, free, ends))
    sets = bottlenecks_of(farm, cost, left, at, room)
    least = sets.work[0] / np.maximum(most[jobs.client], 1e-12)
    tail, late = _last_waves(farm, spans, times)
    within = jobs.deadline - farm.now
    hopeless = np.isfinite(within) & ((fastest.chance(within) < 1 - rules.confidence) | (least > within))
    emergency = jobs.importance >= rules.emergency
    value = np.where(jobs.value > 0, jobs.value, jobs.importance)
    due = np.where(jobs.held, np.inf, within - tail)
    admission = admit(sets, due, hopeless, value, emergency)
    load = _load(farm, left, at)
    standing = standing_of(farm, admission, rules, load.work, _SURE * float(ndtri(rules.confidence)) * late)
    order = _in_order(admission, standing, emergency)
    earliest = farm.now + np.maximum(fastest.quantile(0.5), least)
    alone = _Alone.of(spans, rules, within, earliest)
    seen = _outlooks(farm, rules, alone, _Queue(sets, tail, order), admission)
    ranking = rank(farm, cost, rules, seen, load, standing)
    queue = _Queue(sets, tail, order, _job_order(farm, ranking), within - calm_seconds(farm))
    outlooks = _outlooks(farm, rules, alone, queue, admission)
    return Urgency(outlooks=outlooks, ranking=ranking, admission=admission, standing=standing)


@dataclass(frozen=True, slots=True, eq=False)
class _Queue:
    """When the work up to each job is done: `first` in that order, the rest as they come in `everybody`.

    Parameters
    ----------
    tail
        Seconds by which a job's last frame ends after the work would.
    latest
        Seconds until a job that lets others pass lets nobody pass any more.
    """

    sets: Bottlenecks
    tail: Floats
    first: Ints
    everybody: Ints | None = None
    latest: Floats | None = None

    def end(self, deviations: float) -> Floats:
        """Return seconds, so many standard deviations of the work late, shape ``(jobs,)``."""
        end = np.zeros(len(self.tail))
        if self.everybody is not None:
            end[self.everybody] = self.sets.ends(self.everybody, deviations)[self.everybody]
        end[self.first] = self.sets.ends(self.first, deviations)[self.first]
        return end + np.where(end > 0, self.tail, 0.0)

    def expected(self) -> Floats:
        """Return seconds in the order in which work will go: calm jobs let others pass while they can."""
        end = self.end(0.0)
        if self.everybody is not None and self.latest is not None:
            passed = np.minimum(self.sets.ends(self.everybody) + self.tail, self.latest)[self.first]
            end[self.first] = np.maximum(end[self.first], passed)
        return end


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """Seconds until each job's own chains are through: median, at `Rules.confidence`, and the chance to be in time."""

    middle: Floats
    sure: Floats
    chance: Floats
    earliest: Floats

    @classmethod
    def of(cls, spans: Spans, rules: Rules, within: Floats, earliest: Floats) -> _Alone:
        return cls(spans.quantile(0.5), spans.quantile(rules.confidence), spans.chance(within), earliest)


def _outlooks(farm: FarmSnapshot, rules: Rules, alone: _Alone, queue: _Queue, admission: Admission) -> Outlooks:
    """Return what is expected of each job: the later of its own chains and of its turn."""
    within = farm.jobs.deadline - farm.now
    middle, upper = queue.end(0.0), queue.end(1.0)
    sure = np.maximum(alone.sure, queue.end(float(ndtri(rules.confidence))))
    with np.errstate(divide="ignore", invalid="ignore"):
        late = np.log(np.maximum(within, 1e-9) / middle) / np.maximum(np.log(upper / middle), 1e-9)
    turn = np.where(middle > 0, ndtr(np.nan_to_num(late, nan=-np.inf, posinf=np.inf, neginf=-np.inf)), 1.0)
    return Outlooks(
        finish=farm.now + np.maximum(alone.middle, queue.expected()),
        on_time=np.where(np.isfinite(within), np.minimum(alone.chance, turn), 1.0),
        slack=np.where(np.isfinite(within), np.where(np.isfinite(within), within, 0.0) - sure, np.inf),
        earliest=alone.earliest,
        given_up=admission.given_up,
    )


def _load(farm: FarmSnapshot, left: Remaining, at: Pace) -> Load:
    frame = at.seconds * at.hold
    return load_of(farm, left.frames * frame + left.held, frame, left.attempts.residual)


def _in_order(admission: Admission, standing: Standing, emergency: Bools) -> Ints:
    """Return the jobs whose deadlines are to be met in the order in which they go."""
    rows = admission.admitted
    return np.asarray(rows[np.lexsort((standing.by[rows], ~emergency[rows]))])


def _last_waves(farm: FarmSnapshot, spans: Spans, times: Times) -> tuple[Floats, Floats]:
    """Return by how many seconds each job ends after its work would, and one deviation of that along its chains."""
    tail, late = np.zeros(spans.jobs), np.zeros(spans.jobs)
    np.maximum.at(tail, spans.job, times.tail[spans.last])
    np.maximum.at(late, spans.job, np.sqrt(along_chains(farm.steps.after, times.late**2))[spans.last])
    return tail, late


def _limits(farm: FarmSnapshot) -> Floats:
    """Return the share of the farm that each client and all above it allow."""
    limit = farm.clients.limit.copy()
    for row, parent in enumerate(farm.clients.parent.tolist()):
        if parent >= 0:
            limit[row] = min(limit[row], limit[parent])
    return limit


def _job_order(farm: FarmSnapshot, ranking: Ranking) -> Ints:
    """Return the jobs that are not held in the order of their first step that is not finished."""
    first = np.full(farm.jobs.count, np.inf)
    np.minimum.at(first, farm.steps.job, np.where(farm.steps.left > 0, ranking.key, np.inf))
    rows = np.flatnonzero(~farm.jobs.held)
    return rows[np.argsort(first[rows], kind="stable")]
