"""What the planner is told that frames take: forecasts as columns over steps and node classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement.errors import InvalidInput
from placement.farm.sealed import seal
from placement.units import Bools, Floats

__all__ = ["Cost"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cost:
    """Forecast of one frame of each step.

    Parameters
    ----------
    seconds
        Expected run time in the fastest mode on a cold node, infinite where it cannot run, shape ``(steps, classes)``.
    spread
        Standard deviation of the log of one frame about its step, shape ``(steps,)``.
    common
        Standard deviation of the log that all frames of the step have in common: what is not known of the step. Falls
        as frames finish.
    warmth
        Share of `Steps.startup` that a node saves which has the job's assets loaded, 0 to 1.

    Attributes
    ----------
    able
        Which classes can run which steps, shape ``(steps, classes)``.

    Examples
    --------
    >>> Cost(seconds=np.array([[60.0, np.inf]]), spread=np.array([0.1]), common=np.array([0.3])).able.tolist()
    [[True, False]]
    """

    seconds: Floats
    spread: Floats
    common: Floats
    warmth: float = 0.0
    able: Bools = field(init=False, repr=False)

    def __post_init__(self) -> None:
        steps = len(self.spread)
        object.__setattr__(self, "able", np.isfinite(self.seconds))
        wide = (steps, self.seconds.shape[1] if self.seconds.ndim == 2 else 0)
        seal(self, {"seconds": wide, "able": wide})
        if not (self.seconds > 0).all():
            row = int((~(self.seconds > 0)).any(axis=1).argmax())
            raise InvalidInput(f"step row {row} is forecast to take {self.seconds[row]} s, expected all above 0")
        if not 0 <= self.warmth <= 1:
            raise InvalidInput(f"warmth {self.warmth:g} must be a share, 0 to 1")
