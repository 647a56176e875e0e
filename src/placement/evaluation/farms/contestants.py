"""Who competes on whole farms: policies by name, each with what it is allowed to know."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial

from placement.errors import InvalidInput
from placement.evaluation.farms.knowledge import recent_medians
from placement.scheduling.peers.earliest_deadline import earliest_deadline
from placement.scheduling.peers.easy_backfill import easy_backfill
from placement.scheduling.peers.epvm import epvm
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.peers.least_loaded import least_loaded
from placement.scheduling.peers.least_slack import least_slack
from placement.scheduling.peers.random import random
from placement.scheduling.peers.round_robin import round_robin
from placement.scheduling.plan import Planner
from placement.scheduling.planning import plan
from placement.scheduling.rules import Rules
from placement.scheduling.within_guarantees import within_guarantees
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import Knowledge, declared, learned, truth
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory

__all__ = ["CONTESTANTS", "KEEPING", "PEERS", "Contestant", "contestant", "live"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A policy and what it is told of frames."""

    planner: Planner
    knowledge: Knowledge


#: Name -> who it is. Peers are told the same learned forecasts and memory as `placement`, which is more than they would
#: know on their own: what is compared is the decisions. Two are what they are through what they know, and keep that.
CONTESTANTS = {
    "random": Contestant(random, learned),
    "round-robin": Contestant(round_robin, learned),
    "fifo": Contestant(fifo, learned),
    "least-loaded": Contestant(least_loaded, learned),
    "earliest-deadline": Contestant(earliest_deadline, learned),
    "epvm": Contestant(epvm, recent_medians),
    "easy-backfill": Contestant(easy_backfill, declared),
    "least-slack": Contestant(least_slack, learned),
    "earliest-deadline-guaranteed": Contestant(partial(within_guarantees, earliest_deadline), learned),
    "least-slack-guaranteed": Contestant(partial(within_guarantees, least_slack), learned),
    "placement": Contestant(plan, learned),
    "clairvoyant": Contestant(plan, truth),
}

#: Peers that are made to keep what clients are guaranteed, as ours does and the others do not.
KEEPING = ("earliest-deadline-guaranteed", "least-slack-guaranteed")

#: Those that are not ours, as others have them.
PEERS = tuple(name for name in CONTESTANTS if name not in ("placement", "clairvoyant", *KEEPING))


def contestant(name: str) -> Contestant:
    """Return the contestant of this name, or the policy at ``module:function``, which is told `learned` forecasts.

    Raises
    ------
    InvalidInput
        There is none; the message lists those there are.

    Examples
    --------
    >>> contestant("fifo").planner.__name__
    'fifo'
    >>> contestant("placement.scheduling.peers.fifo:fifo").knowledge.__name__
    'learned'
    """
    if name in CONTESTANTS:
        return CONTESTANTS[name]
    module, colon, function = name.partition(":")
    if not colon:
        raise InvalidInput(f"no policy {name!r}; have {list(CONTESTANTS)}, or any of your own as module:function")
    try:
        planner = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as wrong:
        raise InvalidInput(f"no policy {name!r}: {wrong}") from wrong
    if not callable(planner):
        raise InvalidInput(f"policy {name!r} cannot be called with a farm, costs and rules")
    return Contestant(planner, learned)


def live(world: FarmWorld, name: str, rules: Rules | None = None) -> FarmHistory:
    """Let a world happen under a contestant, until all jobs are done or can never be.

    Parameters
    ----------
    rules
        None: the defaults.

    Raises
    ------
    InvalidInput
        No such contestant, or it made an impossible plan.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> live(farm_world_of(), "fifo").job_end.tolist()
    [60.0]
    """
    chosen = contestant(name)
    return run_farm(world, chosen.planner, rules or Rules(), chosen.knowledge)
