"""Clients, and projects under them: who is promised what, and what becomes of it when they do not need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from placement.errors import InvalidInput
from placement.farm.sealed import seal
from placement.units import Floats, Ints

__all__ = ["Clients", "Lending"]


class Lending(IntEnum):
    """What others may do with capacity that is guaranteed to a client and idle.

    STATIC is a static partition: the client neither lends its guarantee nor borrows beyond it. NEVER lends nothing but
    may borrow. Of both enough stays free; whoever stands where alone their frames can run is interrupted. FRAME lends
    and gets capacity back as borrowed frames end. PREEMPT lends and gets it back by preemption within
    `Clients.reclaim` seconds.
    """

    STATIC = 0
    NEVER = 1
    FRAME = 2
    PREEMPT = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clients:
    """Clients as a forest, one row each, parents before children; jobs belong to leaves.

    Parameters
    ----------
    names
        Unique.
    parent
        Row of the client this is a project of, -1: none, shape ``(clients,)``.
    guarantee, limit
        Shares of the farm's normalised capacity, 0 to 1; guarantees of siblings sum to at most their parent's.
    weight
        How what nobody is promised is divided, above 0.
    lending
        A `Lending`.
    reclaim
        Seconds within which a guarantee lent under PREEMPT is back.
    history
        Normalised capacity-seconds used beyond (above 0) or short of (below 0) the fair share, decayed with time.
    short_since
        Since when a frame of the client could start within its guarantee and none did, seconds; infinite: it has what
        it is promised, or lends under FRAME; NaN, and where the column is not given: not known. What is promised within
        some time counts from here.
    """

    names: tuple[str, ...]
    parent: Ints
    guarantee: Floats
    limit: Floats
    weight: Floats
    lending: Ints
    reclaim: Floats
    history: Floats
    short_since: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not len(self.short_since):
            object.__setattr__(self, "short_since", np.full(len(self.names), np.nan))
        seal(self)
        if len(set(self.names)) != len(self.names) or len(self.parent) != len(self.names):
            raise InvalidInput(f"client names must be unique and one per row, got {self.names}")
        for row, name in enumerate(self.names):
            if not -1 <= self.parent[row] < row:
                raise InvalidInput(f"client {name!r}: parent {self.parent[row]} must be a row before its own, or -1")
            if not 0 <= self.guarantee[row] <= self.limit[row] <= 1:
                raise InvalidInput(
                    f"client {name!r}: guarantee {self.guarantee[row]:g} and limit {self.limit[row]:g} must be shares "
                    "of the farm, 0 <= guarantee <= limit <= 1"
                )
            if not self.weight[row] > 0:
                raise InvalidInput(f"client {name!r}: weight {self.weight[row]:g} must be above 0")
        for parent in (-1, *range(len(self.names))):
            under = self.parent == parent
            room = 1.0 if parent < 0 else float(self.guarantee[parent])
            if under.any() and self.guarantee[under].sum() > room + 1e-9:
                whose = "the farm" if parent < 0 else f"client {self.names[parent]!r}"
                raise InvalidInput(f"guarantees under {whose} sum to {self.guarantee[under].sum():g}, above {room:g}")

    @property
    def count(self) -> int:
        """Number of clients."""
        return len(self.names)
