"""A forecast: for every (task, node class) a distribution, held as columns.

The logarithm of the quantity is ``location + scale × z``, where ``z`` has a calibrated quantile function taken
from a table. One location, one scale and one increasing table give every quantile, every tail probability and
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
        Levels of the quantile tables, increasing in (0, 1), shape ``(levels,)``.
    z
        Standardised quantiles, increasing along the last axis, shape ``(tables, levels)``.
    level
        Index into `LEVELS` of the evidence used, shape ``(tasks, classes)``.
    table
        Which row of `z` holds for a pair, shape ``(tasks, classes)``; by default one row per class, in order.

    Raises
    ------
    InvalidInput
        Shapes disagree, a location is not finite, a scale not positive, or a table does not increase.

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
    table: Ints | None = None

    def __post_init__(self) -> None:
        if self.location.ndim != 2:
            raise InvalidInput(f"location must have shape (tasks, classes), got {self.location.shape}")
        if self.table is None:
            object.__setattr__(self, "table", np.broadcast_to(np.arange(self.classes), self.location.shape))
        shapes = {self.location.shape, self.scale.shape, self.level.shape, self._table.shape}
        if len(shapes) != 1:
            raise InvalidInput(f"location, scale, level and table must share one shape (tasks, classes), got {shapes}")
        self._check_values()
        for each in fields(self):
            getattr(self, each.name).setflags(write=False)

    def _check_values(self) -> None:
        if not np.isfinite(self.location).all():
            raise InvalidInput(f"location {self.location[~np.isfinite(self.location)][0]} is not finite")
        if not (self.scale > 0).all():
            raise InvalidInput(f"scale {self.scale[~(self.scale > 0)][0]} is not positive")
        if self.z.ndim != 2 or self.z.shape[1] != len(self.probabilities):
            raise InvalidInput(f"z has shape {self.z.shape}, expected (tables, levels = {len(self.probabilities)})")
        if self._table.size and not 0 <= self._table.min() <= self._table.max() < len(self.z):
            raise InvalidInput(f"a pair refers to table {self._table.max()}, but z has {len(self.z)} tables")
        if (np.diff(self.z, axis=1) < 0).any() or (np.diff(self.probabilities) <= 0).any():
            raise InvalidInput("every quantile table must increase along its levels")

    @property
    def _table(self) -> Ints:
        assert self.table is not None
        return self.table

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

        Raises
        ------
        InvalidInput
            `probability` is not between 0 and 1.
        """
        if not 0 < probability < 1:
            raise InvalidInput(f"probability {probability} is not between 0 and 1")
        z = np.array([np.interp(probability, self.probabilities, row) for row in self.z])
        return np.asarray(np.exp(self.location + self.scale * z[self._table]))

    def probability_below(self, value: Floats | float) -> Floats:
        """Return P(quantity ≤ value) for values broadcast against ``(tasks, classes)``.

        A value beyond the table's first or last quantile gets half the mass left there.
        """
        with np.errstate(divide="ignore"):
            log = np.log(np.maximum(np.broadcast_to(np.asarray(value, float), self.location.shape), 0.0))
        z = (log - self.location) / self.scale
        first, last = self.probabilities[0] / 2, (1 + self.probabilities[-1]) / 2
        out = np.empty_like(z)
        if (self._table == self._table[:1]).all():
            for column, row in enumerate(self._table[0] if len(z) else ()):
                out[:, column] = np.interp(z[:, column], self.z[row], self.probabilities, left=first, right=last)
            return np.asarray(out)
        for row in np.unique(self._table):
            there = self._table == row
            out[there] = np.interp(z[there], self.z[row], self.probabilities, left=first, right=last)
        return np.asarray(out)

    def mean(self) -> Floats:
        """Return the expected value, shape ``(tasks, classes)``: the quantile function integrated over its table."""
        edges = np.concatenate([[0.0], (self.probabilities[1:] + self.probabilities[:-1]) / 2, [1.0]])
        total = np.zeros_like(self.location)
        for weight, z in zip(np.diff(edges), self.z.T, strict=True):
            total += weight * np.exp(self.location + self.scale * z[self._table])
        return total

    def pick(self, task: int, node_class: int) -> Forecast:
        """Return the forecast of one pair, shape ``(1, 1)``."""
        one, other = slice(task, task + 1), slice(node_class, node_class + 1)
        location, scale = self.location[one, other], self.scale[one, other]
        return self.with_evidence(location, scale, self.level[one, other], self._table[one, other])

    def level_name(self, task: int, node_class: int) -> str:
        """Return the name of the evidence a pair's location came from."""
        return LEVELS[int(self.level[task, node_class])]

    def with_evidence(self, location: Floats, scale: Floats, level: Ints, table: Ints) -> Forecast:
        """Return the forecast after new evidence: other centres, spreads, levels and tables."""
        return replace(self, location=location, scale=scale, level=level, table=table)
