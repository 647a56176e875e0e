"""What a placement is judged by: weights that turn its costs into one number of seconds, and the rules above them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from placement.errors import InvalidInput
from placement.units import Seconds

__all__ = ["BALANCED_WEIGHTS", "COST_WEIGHTS", "PERFORMANCE_WEIGHTS", "PRESETS", "Rules", "Weights", "weights_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How many seconds of run time each kind of cost is worth; policy, not physics.

    Parameters
    ----------
    time
        Per second of expected run time.
    tardiness
        Seconds that certainly missing the deadline of a task of importance 1 is worth.
    energy
        Seconds per kJ.
    money
        Seconds per EUR.
    affinity
        Seconds that a node with nothing cached loses to one with everything.
    load
        Per second of expected run time on a class that is fully at work.

    Raises
    ------
    InvalidInput
        A weight is negative or not a number.

    Examples
    --------
    >>> Weights(energy=0.5).energy
    0.5
    """

    time: float = 1.0
    tardiness: Seconds = 3600.0
    energy: float = 1.0
    money: float = 0.0
    affinity: Seconds = 10.0
    load: float = 0.1

    def __post_init__(self) -> None:
        for each in fields(self):
            if not 0 <= getattr(self, each.name) < float("inf"):
                raise InvalidInput(f"weight {each.name} {getattr(self, each.name)} must be finite and at least 0")


PERFORMANCE_WEIGHTS = Weights(energy=0.0)
BALANCED_WEIGHTS = Weights()
COST_WEIGHTS = Weights(time=0.1, energy=0.0, money=36_000.0, affinity=1.0)

#: The named weightings.
PRESETS = {"performance": PERFORMANCE_WEIGHTS, "balanced": BALANCED_WEIGHTS, "cost": COST_WEIGHTS}


def weights_of(weights: Weights | str | None) -> Weights:
    """Return weights given as such, by the name of a preset, or left to the default.

    Raises
    ------
    InvalidInput
        No preset has this name.

    Examples
    --------
    >>> weights_of("performance").energy
    0.0
    """
    if weights is None or isinstance(weights, Weights):
        return weights or Weights()
    if weights not in PRESETS:
        raise InvalidInput(f"no preset {weights!r}; have {sorted(PRESETS)}")
    return PRESETS[weights]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is never traded against a score.

    Parameters
    ----------
    memory_quantile
        The share of attempts whose memory must fit.
    net_of_idle
        Count only the energy above what the node would draw idle: for farms whose nodes never sleep.

    Raises
    ------
    InvalidInput
        The quantile is not inside (0, 1).
    """

    memory_quantile: float = 0.99
    net_of_idle: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.memory_quantile < 1:
            raise InvalidInput(f"memory quantile {self.memory_quantile} is not between 0 and 1")
