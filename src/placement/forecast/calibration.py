"""What held-out jobs taught about being wrong: spreads, quantile tables and back-off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.errors import InvalidInput
from placement.units import Floats, Ints

__all__ = ["SEEN_STATES", "Calibration", "state_of"]

#: A calibration table holds from this many frames of the job seen up to the next.
SEEN_STATES = (0, 1, 3, 8)


def state_of(seen: Ints) -> Ints:
    """Return the position in `SEEN_STATES` for numbers of frames seen.

    Examples
    --------
    >>> state_of(np.array([0, 1, 2, 3, 7, 100])).tolist()
    [0, 1, 1, 2, 2, 3]
    """
    return np.searchsorted(SEEN_STATES, seen, side="right") - 1


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What held-out jobs taught about being wrong.

    Parameters
    ----------
    probabilities, z
        Quantile tables: one per (state, class), the last of each state for classes without one of their own;
        shapes ``(levels,)`` and ``(states × (classes + 1), levels)``.
    variance_type, variance_family
        Variance that the frames of a job share, by job type and by family; "" is everything.
    inflation
        Back-off level -> how much wider the scale is than with everything known, from leaving classes, job types and
        families out.
    known
        Pairs (job type, node class) that were seen.
    prior
        Mean and standard deviation of the log over all jobs.
    declared
        Mean and standard deviation of log(measured / declared).
    busy
        Class -> how much the log rises when a measurement is disturbed.
    families
        Job type -> renderer, as trained.

    Raises
    ------
    InvalidInput
        A table is not as long as there are probabilities, or no variance is there for unknown families.
    """

    probabilities: Floats
    z: Floats
    variance_type: Mapping[str, float]
    variance_family: Mapping[str, float]
    inflation: Mapping[int, float]
    known: frozenset[tuple[str, str]]
    prior: tuple[float, float]
    declared: tuple[float, float]
    busy: Mapping[str, float]
    families: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.z.ndim != 2 or self.z.shape[1] != len(self.probabilities):
            raise InvalidInput(f"z has shape {self.z.shape}, expected (tables, levels = {len(self.probabilities)})")
        if "" not in self.variance_family:
            raise InvalidInput(f"variance_family lacks the variance over all (''): {sorted(self.variance_family)}")

    def job_variance(self, job_type: Sequence[str], family: Sequence[str]) -> Floats:
        """Return the variance the frames of a job share, by job type, else family, else overall, shape ``(tasks,)``."""
        default = self.variance_family[""]
        return np.array(
            [
                self.variance_type.get(kind, self.variance_family.get(parent, default))
                for kind, parent in zip(job_type, family, strict=True)
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "probabilities": self.probabilities.tolist(),
            "z": self.z.tolist(),
            "variance_type": dict(self.variance_type),
            "variance_family": dict(self.variance_family),
            "inflation": {str(level): value for level, value in self.inflation.items()},
            "known": sorted(map(list, self.known)),
            "prior": list(self.prior),
            "declared": list(self.declared),
            "busy": dict(self.busy),
            "families": dict(self.families),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what `to_json` wrote."""
        return cls(
            np.asarray(data["probabilities"], float),
            np.asarray(data["z"], float),
            dict(data["variance_type"]),
            dict(data["variance_family"]),
            {int(level): value for level, value in data["inflation"].items()},
            frozenset((kind, node) for kind, node in data["known"]),
            (data["prior"][0], data["prior"][1]),
            (data["declared"][0], data["declared"][1]),
            dict(data["busy"]),
            dict(data["families"]),
        )
