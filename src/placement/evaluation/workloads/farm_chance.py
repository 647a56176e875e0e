"""What is drawn for every generated farm: frames along their range, and what a forecaster would have said of steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from placement.errors import InvalidInput
from placement.simulator.farm_world import Forecasts, Frames
from placement.simulator.streams import stream
from placement.units import Floats, Ints

__all__ = ["Uncertainty", "along_the_range", "draw_forecasts", "draw_frames", "memory_room"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """How much frames differ and forecasts err; defaults are what this project measured on its own renders.

    Parameters
    ----------
    spread
        Standard deviation of the log of one frame's time about its step: 0.146 over 74 pairs of job and node class of
        ``data/renders`` with 4 frames or more.
    correlation
        Of neighbouring frames' times along the range (autoregressive of order 1): half the variance of those pairs is
        there at a distance of 10 frames, which is 0.93.
    common
        Standard deviation of the log of the truth about the forecast, before a frame of the step has run: a median
        error of 26 % on held-out shots (benchmark ``cold-start``) is 0.38.
    cell
        Share of that variance that is of one step on one node class, the rest being the step's on all classes.
        ASSUMED, as in `placement.evaluation.workloads.folder`.
    diversity
        Steps of a kind are taken to differ by this many `common` at least (standard deviation of logs): forecasts
        shrink towards the kind's mean accordingly, as learned ones do.
    memory_spread
        As `spread`, of peak memory: 0.022 over the same pairs.
    memory_common
        As `common`, of peak memory, so that the 99 % quantile is 1.54 times the true peak in the mean, as measured on
        held-out shots (benchmark ``memory-exceedance``).
    memory_quantile
        Which quantile of peak memory is requested.
    """

    spread: float = 0.146
    correlation: float = 0.93
    common: float = 0.38
    cell: float = 0.1
    diversity: float = 2.0
    memory_spread: float = 0.022
    memory_common: float = 0.178
    memory_quantile: float = 0.99

    def __post_init__(self) -> None:
        for name in ("spread", "common", "memory_spread", "memory_common"):
            if not 0 <= getattr(self, name) <= 3:
                raise InvalidInput(f"{name} {getattr(self, name):g} must be a standard deviation of a log, 0 to 3")
        if not (0 <= self.correlation < 1 and 0 <= self.cell <= 1 and 0.5 <= self.memory_quantile < 1):
            raise InvalidInput(
                f"correlation {self.correlation:g} must lie in [0, 1), cell {self.cell:g} in [0, 1], memory_quantile "
                f"{self.memory_quantile:g} in [0.5, 1)"
            )
        if not self.diversity >= 1:
            raise InvalidInput(f"diversity {self.diversity:g} must be 1 or more")


def memory_room(settings: Uncertainty) -> float:
    """Return the chosen quantile of memory over the forecast's median.

    Examples
    --------
    >>> round(memory_room(Uncertainty()), 2)
    1.52
    """
    deviation = float(np.hypot(settings.memory_common, settings.memory_spread))
    return float(np.exp(norm.ppf(settings.memory_quantile) * deviation))


def along_the_range(frames: Ints, correlation: float, chance: np.random.Generator) -> Floats:
    """Draw standard normal values that are correlated along each step's frames, shape ``(total frames,)``.

    One autoregressive series of order 1 a step, each begun in its stationary distribution.

    Examples
    --------
    >>> along_the_range(np.array([3, 1]), 0.9, np.random.default_rng(0)).shape
    (4,)
    """
    value = chance.standard_normal(int(frames.sum()))
    first = np.cumsum(frames) - frames
    longest = np.argsort(-frames, kind="stable")
    still = len(frames) - np.searchsorted(np.sort(frames), np.arange(frames.max(initial=0)), side="right")
    fresh = float(np.sqrt(1 - correlation**2))
    for place in range(1, len(still)):
        rows = first[longest[: still[place]]] + place
        value[rows] = correlation * value[rows - 1] + fresh * value[rows]
    return value


def draw_frames(frames: Ints, memory: Floats, settings: Uncertainty, seed: int) -> Frames:
    """Draw the frames of steps with streams ``frame factors``, ``frame memory`` and ``failures``.

    Factors average to exactly 1 in each step, so that a step's mean is what its row says.

    Parameters
    ----------
    frames, memory
        Frames of each step, and their median peak, MiB, shape ``(steps,)``.
    """
    step = np.repeat(np.arange(len(frames)), frames)
    factor = np.exp(settings.spread * along_the_range(frames, settings.correlation, stream(seed, "frame factors")))
    factor /= (np.bincount(step, factor, len(frames)) / frames)[step]
    noise = stream(seed, "frame memory").standard_normal(len(step))
    peak = memory[step] * np.exp(settings.memory_spread * noise)
    return Frames(factor=factor, memory=peak, luck=stream(seed, "failures").random(len(step)))


def draw_forecasts(seconds: Floats, memory: Floats, kind: Ints, settings: Uncertainty, seed: int) -> Forecasts:
    """Draw calibrated forecasts with streams ``forecast errors`` and ``memory forecast errors``.

    Given the forecast, the log of a step's true mean is normal about it with standard deviation `common`: the forecast
    is the truth shrunken towards the mean of its kind, plus an error that is independent of neither, as a conditional
    expectation is. `Forecasts.seconds` is the expected value.

    Parameters
    ----------
    seconds
        True means, infinite where a step cannot run, shape ``(steps, classes)``.
    memory
        Median peak of each step's frames, MiB, shape ``(steps,)``.
    kind
        Job type, shape ``(steps,)``.
    """
    able = np.isfinite(seconds)
    log = np.log(np.where(able, seconds, 1.0))
    level = np.where(able, log, 0.0).sum(axis=1) / np.maximum(able.sum(axis=1), 1)
    _, group = np.unique(kind, return_inverse=True)
    centre = (np.bincount(group, level) / np.bincount(group))[group] if len(level) else level
    variety = max(
        float(((level - centre) ** 2).mean()) if len(level) else 0.0, (settings.diversity * settings.common) ** 2
    )
    shrink = settings.common**2 / variety if variety else 0.0
    chance = stream(seed, "forecast errors")
    whole = np.sqrt(1 - settings.cell) * chance.standard_normal(len(level))
    error = whole[:, None] + np.sqrt(settings.cell) * chance.standard_normal(seconds.shape)
    median = log - shrink * (level - centre)[:, None] + settings.common * np.sqrt(1 - shrink) * error
    expected = np.where(able, np.exp(median + settings.common**2 / 2), np.inf)
    miss = stream(seed, "memory forecast errors").standard_normal(len(level))
    peak = memory * np.exp(settings.memory_common * miss) * memory_room(settings)
    rows = np.ones(len(level))
    return Forecasts(seconds=expected, spread=settings.spread * rows, common=settings.common * rows, memory=peak)
