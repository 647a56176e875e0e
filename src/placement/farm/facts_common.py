"""What all facts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from placement.units import Seconds

__all__ = ["Fact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What all facts have in common.

    Parameters
    ----------
    at
        When it happened by the clock of who recorded it, seconds since 1970.
    by
        Who: a user, ``"planner"``, ``"engine"``, ``"controller"``.
    """

    version: ClassVar[int] = 1

    at: Seconds
    by: str = ""
