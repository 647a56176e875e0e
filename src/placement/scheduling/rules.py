"""What the farm's owner wants: the numbers that the planner obeys, all with defaults that are written down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from placement.errors import InvalidInput
from placement.units import Seconds

__all__ = ["Aim", "Rules"]


class Aim(StrEnum):
    """What decides between placements that are on time alike."""

    PERFORMANCE = "performance"
    BALANCED = "balanced"
    COST = "cost"
    CARBON = "carbon"

    @property
    def thrifty(self) -> bool:
        """Whether time is spent to save money or carbon."""
        return self in (Aim.COST, Aim.CARBON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The farm's policy.

    Parameters
    ----------
    aim
        Performance: fastest mode, nothing sleeps or is held. Balanced: modes that cost little time, idle nodes sleep.
        Cost, carbon: also flexible work waits for cheap or clean hours, and for nodes that draw little, within
        guarantees too, while its own deadline has time.
    confidence
        Probability with which a deadline must be met before work is held, slowed or outranked, in (0.5, 1).
    emergency
        Importance from which a job is an emergency that gets nodes within `emergency_wait` seconds, by preemption.
    preview_share
        The preview of a shot is due after this share of the shot's forecast render time.
    ageing
        Seconds after which waiting work without a deadline counts as half as long as it is.
    half_life
        Seconds in which what clients used beyond their share is half forgotten.
    wide_share
        A frame that takes this share of the largest node that can run it, or more, may have room cleared for it.
    wide_wait
        Seconds it must have waited before.
    reserve_share
        Largest share of the nodes that fit it which may be kept for wide frames.
    preempt_gain
        Expected tardiness cost saved per cost of work lost that an interruption needs at least.
    preempt_most
        Interruptions a frame may suffer; reclaim and emergencies obey it as well.
    preempt_rest
        Seconds that an attempt runs at least before it may be interrupted.
    idle_sleep
        Seconds a node idles before it may sleep.
    interval
        Seconds until the next decision, in which nodes go on by themselves as `Plan.successors` says.

    Raises
    ------
    InvalidInput
        A number makes no sense.
    """

    aim: Aim = Aim.BALANCED
    confidence: float = 0.9
    emergency: float = 100.0
    emergency_wait: Seconds = 60.0
    preview_share: float = 0.1
    ageing: Seconds = 4 * 3600.0
    half_life: Seconds = 24 * 3600.0
    wide_share: float = 0.5
    wide_wait: Seconds = 300.0
    reserve_share: float = 0.5
    preempt_gain: float = 2.0
    preempt_most: int = 2
    preempt_rest: Seconds = 120.0
    idle_sleep: Seconds = 300.0
    interval: Seconds = 30.0

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence < 1:
            raise InvalidInput(f"confidence {self.confidence:g} must lie between 0.5 and 1")
        for name in ("preview_share", "wide_share", "reserve_share"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidInput(f"{name} {getattr(self, name):g} must be a share in (0, 1]")
        for name in ("emergency_wait", "ageing", "half_life", "preempt_gain", "interval"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} {getattr(self, name):g} must be above 0")
        for name in ("wide_wait", "preempt_most", "preempt_rest", "idle_sleep"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"{name} {getattr(self, name):g} must be 0 or more")
