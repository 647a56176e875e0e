"""A forecast: for every (task, node class) a distribution, held as columns.

The logarithm of the quantity is ``location + scale × z``, where ``z`` has a calibrated quantile function per
node class. One location, one scale and one increasing table give every quantile, every tail probability and
the mean; quantiles cannot cross.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from placement.errors import InvalidInput
from placement.units import Floats, Ints

__all__ = ["LEVELS", "Forecast"]

#: Back-off levels, surest first: which evidence the location came from.
LEVELS = ("job", "job type × node class", "job type", "family", "declared estimate", "prior")


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Distributions of one quantity over (tasks, node classes).

    Parameters
    ----------
    location
        Log of the median-like centre in the quantity's unit, shape ``(tasks, classes)``.
    scale
        Spread of the log, positive, same shape.
    probabilities
        Levels of the quantile table, increasing in (0, 1), shape ``(levels,)``.
    z
        Standardised quantiles, increasing along the last axis, shape ``(classes, levels)``.
    level
        Index into `LEVELS` of the evidence used, shape ``(tasks, classes)``.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.array([[-1.3, 0.0, 1.3]])
    >>> one = Forecast(np.log([[10.0]]), np.array([[0.2]]), np.array([0.1, 0.5, 0.9]), z, np.array([[1]]))
    >>> one.quantile(0.5).round(2).tolist()
    [[10.0]]
    >>> one.probability_below(np.array([[10.0]])).tolist()
    [[0.5]]
    """

    location: Floats
    scale: Floats
    probabilities: Floats
    z: Floats
    level: Ints

    def __post_init__(self) -> None:
        shapes = {self.location.shape, self.scale.shape, self.level.shape}
        if self.location.ndim != 2 or len(shapes) != 1:
            raise InvalidInput(f"location, scale and level must share one shape (tasks, classes), got {shapes}")
        if self.z.shape != (self.classes, len(self.probabilities)):
            expected = (self.classes, len(self.probabilities))
            raise InvalidInput(f"z has shape {self.z.shape}, expected (classes, levels) = {expected}")
        if (np.diff(self.z, axis=1) < 0).any() or (np.diff(self.probabilities) <= 0).any():
            raise InvalidInput("the quantile table must increase along its levels")
        for each in fields(self):
            getattr(self, each.name).setflags(write=False)

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return int(self.location.shape[0])

    @property
    def classes(self) -> int:
        """Number of node classes."""
        return int(self.location.shape[1])

    def quantile(self, probability: float) -> Floats:
        """Return the value that is not exceeded with `probability`, shape ``(tasks, classes)``.

        Between levels z is interpolated, beyond the table it keeps its outermost value.
        """
        if not 0 < probability < 1:
            raise InvalidInput(f"probability {probability} is not between 0 and 1")
        z = np.array([np.interp(probability, self.probabilities, row) for row in self.z])
        return np.exp(self.location + self.scale * z)

    def probability_below(self, value: Floats) -> Floats:
        """Return P(quantity ≤ value) for values broadcast against ``(tasks, classes)``.

        A value beyond the table's first or last quantile gets half the mass left there.
        """
        with np.errstate(divide="ignore"):
            log = np.log(np.maximum(np.broadcast_to(np.asarray(value, float), self.location.shape), 0.0))
        z = (log - self.location) / self.scale
        first, last = self.probabilities[0] / 2, (1 + self.probabilities[-1]) / 2
        columns = [
            np.interp(z[:, c], self.z[c], self.probabilities, left=first, right=last) for c in range(self.classes)
        ]
        return np.stack(columns, axis=1)

    def mean(self) -> Floats:
        """Return the expected value, shape ``(tasks, classes)``: the quantile function integrated over its table."""
        edges = np.concatenate([[0.0], (self.probabilities[1:] + self.probabilities[:-1]) / 2, [1.0]])
        weights = np.diff(edges)
        total = np.zeros_like(self.location)
        for weight, z in zip(weights, self.z.T, strict=True):
            total += weight * np.exp(self.location + self.scale * z)
        return total

    def with_evidence(self, location: Floats, scale: Floats, level: Ints) -> Forecast:
        """Return the same calibration around another centre and spread."""
        return replace(self, location=location, scale=scale, level=level)
