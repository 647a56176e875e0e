"""Who competes: policies by name, each with what it is allowed to know."""

from __future__ import annotations

from dataclasses import dataclass

from placement.errors import InvalidInput
from placement.evaluation.beliefs import Knowledge, corrected, truth, type_means
from placement.scheduling.policies.earliest_finish import earliest_finish
from placement.scheduling.policies.fifo import fifo
from placement.scheduling.policies.least_loaded import least_loaded
from placement.scheduling.policies.placement import placement
from placement.scheduling.policies.random import random
from placement.scheduling.policies.round_robin import round_robin
from placement.scheduling.snapshot import Policy

__all__ = ["CONTESTANTS", "Contestant", "contestant"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A policy and how it comes to know what tasks cost."""

    policy: Policy
    knows: Knowledge


CONTESTANTS = {
    "random": Contestant(random, type_means),
    "round-robin": Contestant(round_robin, type_means),
    "fifo": Contestant(fifo, type_means),
    "least-loaded": Contestant(least_loaded, type_means),
    "earliest-finish": Contestant(earliest_finish, type_means),
    "placement": Contestant(placement, corrected),
    "clairvoyant": Contestant(placement, truth),
}


def contestant(name: str) -> Contestant:
    """Return the contestant of this name.

    Raises
    ------
    InvalidInput
        There is none; the message lists those there are.

    Examples
    --------
    >>> contestant("fifo").policy.__name__
    'fifo'
    """
    if name not in CONTESTANTS:
        raise InvalidInput(f"no policy {name!r}; have {list(CONTESTANTS)}")
    return CONTESTANTS[name]
