"""Which deadlines can be met together; where they cannot, which to give up so that most value ends on time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from placement.farm.sealed import seal
from placement.scheduling.bottlenecks import Bottlenecks
from placement.units import Bools, Floats, Ints

__all__ = ["Admission", "admit"]

_CELLS = 300_000  #: (bottleneck, job) pairs looked at to find a better choice: some milliseconds
_EXPONENTS = (1.0, 0.5, 0.0)
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Admission:
    """What became of the deadlines, shape ``(jobs,)``.

    Parameters
    ----------
    given_up
        The deadline cannot be met beside those of other jobs.
    hopeless
        Nor alone: its own frames and chains take too long whatever the farm does for it.
    due
        Seconds from now until its work must be done; infinite: no deadline.
    value
        What counted for it.
    sets
        What the jobs share.
    """

    given_up: Bools
    hopeless: Bools
    due: Floats
    value: Floats
    sets: Bottlenecks

    def __post_init__(self) -> None:
        seal(self)

    @property
    def admitted(self) -> Ints:
        """Rows of the jobs whose deadlines are to be met, earliest first."""
        rows = np.flatnonzero(np.isfinite(self.due) & ~self.given_up)
        return np.asarray(rows[np.argsort(self.due[rows], kind="stable")])

    def conflicts(self, job: int) -> Ints:
        """Return the jobs whose deadlines leave no room for `job`, those that take the most of it first.

        Empty for a job that is not given up, and for one that is late even alone.
        """
        if not self.given_up[job] or self.hopeless[job]:
            return np.zeros(0, np.int64)
        rows = self.admitted
        bottleneck, last = self._short(job)[1:]
        rows = rows[: last + 1] if last >= 0 else rows[:0]
        taken = self.sets.work[bottleneck, rows]
        found = rows[taken > 0]
        return np.asarray(found[np.argsort(-taken[taken > 0], kind="stable")])

    def needed(self, job: int) -> float:
        """Return how much more worth it would take to meet this deadline too; infinite: no amount of it is enough."""
        if not self.given_up[job]:
            return 0.0
        return np.inf if self.hopeless[job] else self._short(job)[0]

    def _short(self, job: int) -> tuple[float, int, int]:
        """Return the worth missing, the bottleneck it is missing in, and the place of the deadline it is missing at."""
        rows, sets = self.admitted, self.sets
        place = int(np.searchsorted(self.due[rows], self.due[job], side="right"))
        both = np.insert(rows, place, job)
        work = np.cumsum(sets.work[:, both], axis=1)[:, place:]
        missing = work / np.maximum(self.due[both][place:], _SLACK) - sets.room[:, None]
        missing[sets.work[:, job] <= 0] = -np.inf
        row, column = np.unravel_index(int(missing.argmax()), missing.shape)
        return max(float(missing[row, column]), 0.0), int(row), place + int(column) - 1


def admit(sets: Bottlenecks, due: Floats, hopeless: Bools, value: Floats, first: Bools) -> Admission:
    """Give up as little value as possible so that the other deadlines can be met.

    A fluid check: jobs in the order of their deadlines, the work of each bottleneck up to each deadline against its
    room. Where it does not fit, the job with the least value for its work among those so far is given up (Moore, "An n
    job, one machine sequencing algorithm for minimizing the number of late jobs", Management Science 15, 1968; with
    values it is Lawler and Moore's problem, "A functional equation and its application to resource allocation and
    sequencing problems", Management Science 16, 1969, NP-hard). Of few jobs every choice is looked at; of more, what
    still fits in the end is taken back, and a given-up job replaces those in its way when it is worth more than they
    are, as far as `_CELLS` goes. Ties go to the lower row.

    Parameters
    ----------
    due
        Seconds from now until each job's work must be done; infinite: no deadline. Shape ``(jobs,)``.
    hopeless
        Jobs that are late even alone: they take no room.
    value
        What the job is worth on time, above 0.
    first
        Jobs that are given up only for each other: emergencies.

    Examples
    --------
    >>> sets = Bottlenecks(room=np.ones(1), work=np.array([[6.0, 5.0, 4.0]]), variance=np.zeros((1, 3)),
    ...                    client=np.array([-1]), classes=np.ones((1, 1), bool))
    >>> no = np.zeros(3, bool)
    >>> admit(sets, np.array([10.0, 10.0, 10.0]), no, np.array([1.0, 3.0, 2.0]), no).given_up.tolist()
    [True, False, False]
    """
    rows = np.flatnonzero(np.isfinite(due) & ~hopeless)
    rows = rows[np.argsort(due[rows], kind="stable")]
    given_up = hopeless & np.isfinite(due)
    weight = value * np.where(first, 1e6 * max(1.0, float(value.max(initial=1.0) / value.min(initial=1.0))), 1.0)
    task = _Task(sets.work[:, rows], sets.room, due[rows], weight[rows])
    if not task.fits(np.ones(len(rows), bool)):
        given_up[rows[~task.chosen()]] = True
    return Admission(given_up=given_up, hopeless=hopeless & np.isfinite(due), due=due, value=value, sets=sets)


class _Task:
    """Choose jobs, in the order of their deadlines, that fit together."""

    def __init__(self, work: Floats, room: Floats, due: Floats, value: Floats) -> None:
        self.work, self.due, self.value = work, due, value
        self.limit = room[:, None] * np.maximum(due, 0.0) * (1 + _SLACK) + _SLACK
        scarce = work.sum(axis=1) / np.maximum(self.limit.max(axis=1, initial=0.0), 1e-12)
        share = work / np.maximum(room, 1e-12)[:, None] * scarce[:, None]
        self.size = np.maximum(share.max(axis=0, initial=0.0), 1e-12)
        self._left = _CELLS

    def fits(self, kept: Bools) -> bool:
        return bool((np.cumsum(self.work * kept, axis=1) <= self.limit).all())

    def chosen(self) -> Bools:
        """Return which jobs to keep."""
        jobs = len(self.due)
        if jobs < 20 and 2**jobs * self.work.size <= _CELLS:
            return self._best()
        exponents = _EXPONENTS[: 3 if 100 * self.work.size <= _CELLS else 1]
        return max((self._improved(self._forward(power)) for power in exponents), key=self._worth)

    def _worth(self, kept: Bools) -> float:
        return float(self.value[kept].sum())

    def _best(self) -> Bools:
        """Look at every choice."""
        jobs = len(self.due)
        choices = (np.arange(2**jobs)[:, None] >> np.arange(jobs) & 1).astype(bool)
        fits = np.ones(len(choices), bool)
        for work, limit in zip(self.work, self.limit, strict=True):
            fits &= (np.cumsum(work * choices, axis=1) <= limit).all(axis=1)
        return np.asarray(choices[np.where(fits, choices @ self.value, -1.0).argmax()])

    def _forward(self, power: float) -> Bools:
        """Take jobs in the order of their deadlines; give up the least valuable for their work when it is too much."""
        density = (self.value / self.size**power).tolist()
        kept, total = np.ones(len(density), bool), np.zeros(len(self.work))
        members: list[list[tuple[float, int]]] = [[] for _ in self.work]
        needs = [np.flatnonzero(column) for column in (self.work > 0).T]
        for job, sets in enumerate(needs):
            total[sets] += self.work[sets, job]
            for each in sets.tolist():
                heapq.heappush(members[each], (density[job], -job))
            while len(over := np.flatnonzero(total > self.limit[:, job])):
                heap = members[int(over[0])]
                while not kept[-heap[0][1]]:
                    heapq.heappop(heap)
                worst = -heapq.heappop(heap)[1]
                kept[worst] = False
                total[needs[worst]] -= self.work[needs[worst], worst]
        return kept

    def _improved(self, kept: Bools) -> Bools:
        """Take back what fits, then exchange."""
        kept, better = self._filled(kept), True
        while better:
            better = False
            out = np.flatnonzero(~kept)
            for job in out[np.argsort(-self.value[out], kind="stable")].tolist():
                if self._left <= 0:
                    return kept
                tried = self._exchanged(kept, job)
                if tried is not None and self._worth(tried) > self._worth(kept) * (1 + 1e-12):
                    kept, better = tried, True
                    break
        return kept

    def _filled(self, kept: Bools) -> Bools:
        """Take back given-up jobs that fit, the most valuable for their work first."""
        kept = kept.copy()
        while self._left > 0:
            self._left -= self.work.size
            spare = self.limit - np.cumsum(self.work * kept, axis=1)
            spare = np.minimum.accumulate(spare[:, ::-1], axis=1)[:, ::-1]
            fit = np.flatnonzero(~kept & ((self.work <= spare) | (self.work <= 0)).all(axis=0))
            if not len(fit):
                break
            kept[fit[(self.value[fit] / self.size[fit]).argmax()]] = True
        return kept

    def _exchanged(self, kept: Bools, job: int) -> Bools | None:
        """Take `job` and give up the least valuable that stand in its way; None: it does not fit."""
        tried = kept.copy()
        tried[job] = True
        while (over := np.cumsum(self.work * tried, axis=1) > self.limit).any():
            self._left -= self.work.size
            each, place = (int(at[0]) for at in np.nonzero(over))
            work = self.work[each, : place + 1] * tried[: place + 1]
            can = np.setdiff1d(np.flatnonzero(work), [job])
            if not len(can):
                return None
            enough = can[work[can] >= work.sum() - self.limit[each, place]]
            among, worth = (enough, self.value) if len(enough) else (can, self.value / self.size)
            tried[among[worth[among].argmin()]] = False
        return self._filled(tried)
