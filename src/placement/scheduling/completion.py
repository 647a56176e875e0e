"""When jobs end: the distribution of each job's remaining time along its chains, if nothing outranked it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.last_wave import last_wave
from placement.scheduling.remaining import Pace, Remaining
from placement.units import Floats, Ints

__all__ = ["Spans", "Times", "along_chains", "running_ends", "spans_of", "times_of"]

_UPPER = float(ndtr(1.0))
_HALVINGS = 3
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """How long each step takes once it may start, shape ``(steps,)``.

    Parameters
    ----------
    median, deviation
        Seconds until its last frame has ended: median, and from there to the 84 % quantile (one standard deviation, on
        the late side); infinite where no node can run it.
    tail, late
        Seconds by which its last frame ends after the work would, spread evenly over the nodes it gets: expected, and
        one standard deviation of it on the late side.
    """

    median: Floats
    deviation: Floats
    tail: Floats
    late: Floats

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """How long each job takes by itself, from its last steps: those that no other waits for.

    Parameters
    ----------
    last
        Rows of these steps, shape ``(last steps,)``.
    job
        The job of each.
    median, spread
        Lognormal seconds from now until each has ended: median and standard deviation of the log.
    jobs
        Number of jobs.
    """

    last: Ints
    job: Ints
    median: Floats
    spread: Floats
    jobs: int

    def __post_init__(self) -> None:
        seal(self)

    def quantile(self, level: float) -> Floats:
        """Return seconds by which each job has ended with probability `level`, shape ``(jobs,)``.

        Its last steps are taken to be independent.
        """

        def until(level: Floats | float) -> Floats:
            return np.asarray(self.median * np.exp(self.spread * ndtri(level)))

        return _latest(self.job, self.jobs, level, until, self._below)

    def chance(self, seconds: Floats) -> Floats:
        """Return the probability that each job has ended by then, shape ``(jobs,)``."""
        below = np.log(np.maximum(self._below(seconds[self.job]), 1e-300))
        return np.asarray(np.exp(np.bincount(self.job, below, minlength=self.jobs)))

    def _below(self, seconds: Floats) -> Floats:
        """Return the probability that each last step has ended by then, shape ``(last steps,)``."""
        with np.errstate(divide="ignore", invalid="ignore"):
            standard = (np.log(np.maximum(seconds, 0.0)) - np.log(self.median)) / self.spread
        sure = (self.median <= 0) & (seconds >= 0)
        return np.asarray(
            np.where(sure, 1.0, ndtr(np.nan_to_num(standard, nan=-np.inf, posinf=np.inf, neginf=-np.inf)))
        )


def times_of(farm: FarmSnapshot, left: Remaining, cost: Cost, at: Pace, ends: tuple[Floats, Floats]) -> Times:
    """Return how long each step takes once it may start, at the pace it can go.

    Work spread evenly over the nodes, and the last wave on top. Waves in step (equal frames begun together) end in
    whole waves; they fall out of step as run times differ. Per-frame spread averages out over the frames but for the
    last wave; the error that all frames share (`Cost.common`) does not.

    Parameters
    ----------
    ends
        What `running_ends` says.

    Examples
    --------
    >>> from placement.scheduling.remaining import pace, remaining_of
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"waiting": [80]})
    >>> cost = cost_of(farm, 60.0, spread=[0.1], common=[0.0])
    >>> left = remaining_of(farm, cost)
    >>> at = pace(left, cost, np.array([8.0]))
    >>> times_of(farm, left, cost, at, running_ends(farm, left)).median.round().tolist()
    [627.0]
    """
    many, wave = np.maximum(at.parallel, 1.0), np.maximum(np.minimum(left.frames, at.parallel), 1.0)
    middle, upper = at.seconds * last_wave(at.variation, wave, (0.5, _UPPER))
    begun = at.seconds * (1 + (many - 1) * (1 + at.variation**2) / 2) / many
    tail = np.where(left.frames > 0, middle - begun, 0.0)
    late = np.where(left.frames + left.running > 0, np.hypot(upper - middle, np.expm1(cost.common) * at.seconds), 0.0)
    work = left.frames * at.seconds + left.residual * np.minimum(1.0, many / np.maximum(left.running, 1.0))
    in_step = _in_step(farm, left, at, many)
    whole = [in_step * w + (1 - in_step) * d for w, d in zip(_waves(left, at, many), (middle, upper), strict=True)]
    median = whole[0] + (1 - in_step) * (work / many - begun)
    bulk = (1 - in_step) * at.variation * at.seconds * np.sqrt(left.frames) / many
    once = (left.frames + left.running <= many) | (left.frames == 0)
    alone = _all_at_once(left, at, ends)
    median = np.where(once, alone[0], median)
    wide = np.where(once, alone[1] - alone[0], np.hypot(np.maximum(whole[1] - whole[0], 0.0), bulk))
    never = (at.parallel <= 0) & (left.frames > 0)
    deviation = np.hypot(np.expm1(cost.common) * median, wide)
    return Times(
        median=np.where(never, np.inf, median),
        deviation=np.where(never, 0.0, deviation),
        tail=tail,
        late=np.where(never, 0.0, late),
    )


def running_ends(farm: FarmSnapshot, left: Remaining) -> tuple[Floats, Floats]:
    """Return median and 84 % quantile of when the last running frame of each step ends, seconds from now.

    0 where none runs.
    """
    step, tasks, steps = farm.attempts.step, left.attempts, farm.steps.count
    middle, upper = (_latest(step, steps, level, tasks.quantile, tasks.chance) for level in (0.5, _UPPER))
    return middle, upper


def along_chains(after: Ints, column: Floats) -> Floats:
    """Return `column` summed over each step and all it waits for, shape ``(steps,)``.

    Examples
    --------
    >>> along_chains(np.array([-1, 0, 1, -1]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [1.0, 3.0, 6.0, 4.0]
    """
    total, up = column.copy(), after.copy()
    while (waits := up >= 0).any():
        total[waits] += column[up[waits]]
        up[waits] = after[up[waits]]
    return total


def spans_of(farm: FarmSnapshot, times: Times) -> Spans:
    """Return how long each job takes by itself: the sum of its steps' times along each chain.

    Errors of different steps are taken to be independent.
    """
    after = farm.steps.after
    median = along_chains(after, times.median)
    deviation = np.sqrt(along_chains(after, times.deviation**2))
    waited = np.zeros(farm.steps.count, bool)
    waited[after[after >= 0]] = True
    last = np.flatnonzero(~waited)
    relative = np.divide(deviation, median, out=np.zeros(len(median)), where=(median > 0) & np.isfinite(median))
    spread = np.maximum(np.log1p(relative[last]), _TINY)
    return Spans(last=last, job=farm.steps.job[last], median=median[last], spread=spread, jobs=farm.jobs.count)


def _in_step(farm: FarmSnapshot, left: Remaining, at: Pace, many: Floats) -> Floats:
    """Return how much of the waves of frames is still in step, 0 to 1: the mean resultant length of their phases."""
    step, residual = farm.attempts.step, left.attempts.residual
    count = np.maximum(left.running, 1.0)
    squares = np.bincount(step, residual**2, minlength=len(count)) / count - (left.residual / count) ** 2
    mean = np.maximum(at.seconds, _TINY)
    apart = at.variation**2 * (left.frames + left.running) / many + np.maximum(squares, 0.0) / mean**2
    return np.asarray(np.exp(-2 * np.pi**2 * apart))


def _waves(left: Remaining, at: Pace, many: Floats) -> tuple[Floats, Floats]:
    """Return median and upper quantile of the end of the last of whole waves."""
    frames = np.maximum(left.frames + left.running, 1.0)
    waves = np.ceil(frames / many - _TINY)
    fill = np.maximum(frames - (waves - 1) * many, 1.0)
    first = left.residual / np.maximum(left.running, 1.0) - at.seconds
    begun = np.where(left.running > 0, np.minimum(first, 0.0), 0.0)
    deviation = np.sqrt(waves) * at.variation * at.seconds
    low, high = (ndtri(level ** (1 / fill)) for level in (0.5, _UPPER))
    return waves * at.seconds + begun + low * deviation, waves * at.seconds + begun + high * deviation


def _all_at_once(left: Remaining, at: Pace, ends: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return median and upper quantile of the end of steps whose frames all run now or could."""
    spread, new = np.sqrt(np.log1p(at.variation**2)), np.maximum(left.frames, 1.0)
    mu = np.log(np.maximum(at.seconds, _TINY)) - spread**2 / 2
    low, high = (
        np.maximum(end, np.where(left.frames > 0, np.exp(mu + spread * ndtri(level ** (1 / new))), 0.0))
        for level, end in zip((0.5, _UPPER), ends, strict=True)
    )
    return low, high


def _latest(
    group: Ints,
    groups: int,
    level: float,
    quantile: Callable[[Floats | float], Floats],
    below: Callable[[Floats], Floats],
) -> Floats:
    """Return the `level` quantile of the latest of each group's independent times; 0 of an empty group.

    Parameters
    ----------
    quantile, below
        Inverse distribution and distribution, row by row.
    """
    count = np.bincount(group, minlength=groups)
    low, high = np.zeros(groups), np.zeros(groups)
    np.maximum.at(high, group, quantile((level ** (1 / np.maximum(count, 1)))[group]))
    several = (count > 1) & np.isfinite(high)
    if not several.any():
        return high
    np.maximum.at(low, group, quantile(level))
    for _ in range(_HALVINGS):
        middle = np.where(np.isfinite(high), (low + high) / 2, high)
        reached = np.log(np.maximum(below(middle[group]), 1e-300))
        done = np.bincount(group, reached, minlength=groups) >= np.log(level)
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    return np.where(np.isfinite(high), (low + high) / 2, high)
