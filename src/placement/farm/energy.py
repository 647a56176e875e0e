"""Energy modes: how far the power of a node may be limited for one attempt."""

from __future__ import annotations

from dataclasses import dataclass

from placement.errors import InvalidInput

__all__ = ["BALANCED", "ECO", "MODES", "PERFORMANCE", "EnergyMode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyMode:
    """A power limit, given or to be chosen per node class.

    Parameters
    ----------
    power_limit
        Share of full power in (0, 1]; None lets the power model take the limit of least predicted energy.
    slowdown
        How much longer an attempt may be predicted to take for that, as a share (0.05 is 5 %).

    Raises
    ------
    InvalidInput
        The limit is outside (0, 1], or the slowdown is negative.

    Examples
    --------
    >>> EnergyMode(name="night", power_limit=0.6).power_limit
    0.6
    """

    name: str
    power_limit: float | None = None
    slowdown: float = 0.0

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidInput("an energy mode needs a name")
        if self.power_limit is not None and not 0 < self.power_limit <= 1:
            raise InvalidInput(f"energy mode {self.name!r}: power limit {self.power_limit} is not a share in (0, 1]")
        if not self.slowdown >= 0:
            raise InvalidInput(f"energy mode {self.name!r}: slowdown {self.slowdown} must be a share of at least 0")


PERFORMANCE = EnergyMode(name="performance", power_limit=1.0)
BALANCED = EnergyMode(name="balanced", slowdown=0.05)
ECO = EnergyMode(name="eco", slowdown=0.30)

#: The modes that a score covers unless told otherwise, fastest first.
MODES = (PERFORMANCE, BALANCED, ECO)
