"""What the farm learned of how far tasks are from what was expected: means that shrink to those above them."""

from __future__ import annotations

from dataclasses import dataclass

from placement.units import Seconds

__all__ = ["NO_IDEA", "Experience", "Level"]

#: Seconds expected of a frame whose owner gave no estimate, on a node of worth 1 per core, before anything was learned.
NO_IDEA: Seconds = 600.0

#: Of what nothing was seen: spread of the log between steps whose owner gave an estimate, and gave none; within a step.
_DECLARED, _UNDECLARED, _WITHIN = 0.5, 1.2, 0.2
#: How many steps' worth of evidence the level above weighs.
_STRENGTH = 3.0
#: Levels remembered; beyond it the one that was learned of least recently goes.
_MOST = 20_000


@dataclass(slots=True)
class Level:
    """Weighted mean and variance of residuals.

    Examples
    --------
    >>> level = Level()
    >>> level.add(1.0, 1.0); level.add(3.0, 1.0)
    >>> level.mean, level.variance
    (2.0, 1.0)
    """

    weight: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    def add(self, residual: float, weight: float) -> None:
        """Take a residual in."""
        total = self.weight + weight
        step = residual - self.mean
        self.mean += step * weight / total
        self.variance = (self.weight * self.variance + weight * step * (residual - self.mean)) / total
        self.weight = total

    def over(self, mean: float, variance: float) -> tuple[float, float]:
        """Return mean and variance, shrunk to those of the level above."""
        total = self.weight + _STRENGTH
        apart = self.weight * _STRENGTH / total * (self.mean - mean) ** 2
        return (
            (self.weight * self.mean + _STRENGTH * mean) / total,
            (self.weight * self.variance + _STRENGTH * variance + apart) / total,
        )


class Experience:
    """Residuals of the log, by job type and node class: class of a type over the type over all types.

    Steps with an estimate and steps without one are apart: there a residual is to what their owner said, here to
    a time that is the same for all.

    Examples
    --------
    >>> experience = Experience()
    >>> for _ in range(50):
    ...     experience.add("cycles", "old", declared=True, residual=0.7, weight=1.0)
    >>> round(experience.mean("cycles", "old", declared=True), 1), experience.mean("other", "old", declared=False)
    (0.7, 0.0)
    """

    def __init__(self) -> None:
        self._levels: dict[tuple[bool, str, str], Level] = {}
        self._within = Level()

    def add(self, job_type: str, node_class: str, *, declared: bool, residual: float, weight: float) -> None:
        """Take note of a task.

        Parameters
        ----------
        residual
            log(seconds) less that of what was expected.
        weight
            1 for the first task of a step; later ones say less that is new.
        """
        for key in ((declared, "", ""), (declared, job_type, ""), (declared, job_type, node_class)):
            level = self._levels.pop(key, None) or Level()
            level.add(residual, weight)
            self._levels[key] = level
        if len(self._levels) > _MOST:
            del self._levels[next(iter(self._levels))]

    def within(self, deviation: float) -> None:
        """Take note of how far a task was from the mean of its step, of the log."""
        self._within.add(deviation, 1.0)

    def _type(self, job_type: str, *, declared: bool) -> tuple[float, float]:
        mean, variance = 0.0, (_DECLARED if declared else _UNDECLARED) ** 2
        for key in ((declared, "", ""), (declared, job_type, "")):
            if (level := self._levels.get(key)) is not None:
                mean, variance = level.over(mean, variance)
        return mean, variance

    def mean(self, job_type: str, node_class: str, *, declared: bool) -> float:
        """Return the residual to expect of a task of a step of which nothing was seen."""
        mean, variance = self._type(job_type, declared=declared)
        level = self._levels.get((declared, job_type, node_class))
        return mean if level is None else level.over(mean, variance)[0]

    def between(self, job_type: str, *, declared: bool) -> float:
        """Return the standard deviation of the residual between steps."""
        return float(self._type(job_type, declared=declared)[1] ** 0.5)

    @property
    def spread(self) -> float:
        """Standard deviation of the log of a task about its step."""
        weight = self._within.weight
        squared = weight * (self._within.variance + self._within.mean**2) + _STRENGTH * _WITHIN**2
        return float((squared / (weight + _STRENGTH)) ** 0.5)
