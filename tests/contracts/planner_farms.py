"""Random whole farms and their worlds as Hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.rules import Aim, Rules
from placement.simulator.farm_world import FarmWorld
from placement.testing.eventful_farms import eventful_farm_world, eventful_snapshot
from placement.testing.random_farms import random_farm_world, random_snapshot

__all__ = ["aims", "eventful_farms", "eventful_worlds", "farm_worlds", "whole_farms"]

_SEEDS = st.integers(0, 2**32 - 1)


def whole_farms(most_nodes: int = 8, most_steps: int = 10) -> st.SearchStrategy[tuple[FarmSnapshot, Cost]]:
    """Farms in the midst of work, and what their frames cost."""
    return st.builds(random_snapshot, _SEEDS, st.integers(1, most_nodes), st.integers(0, most_steps))


def farm_worlds(most_nodes: int = 5, most_steps: int = 6) -> st.SearchStrategy[FarmWorld]:
    """Worlds whose every frame can run on a node that stays."""
    return st.builds(random_farm_world, _SEEDS, st.integers(1, most_nodes), st.integers(1, most_steps))


def eventful_farms(most_nodes: int = 8, most_steps: int = 10) -> st.SearchStrategy[tuple[FarmSnapshot, Cost]]:
    """Farms in which all happens at once that a planner must mind, with a power cap or without."""
    return st.builds(eventful_snapshot, _SEEDS, st.integers(1, most_nodes), st.integers(0, most_steps))


def eventful_worlds(*, faults: bool = True) -> st.SearchStrategy[FarmWorld]:
    """Worlds in which all happens at once, with a power cap or without."""
    return st.builds(eventful_farm_world, _SEEDS, st.integers(1, 5), st.integers(1, 6), faults=st.just(faults))


def aims() -> st.SearchStrategy[Rules]:
    """Rules with every aim."""
    return st.builds(Rules, aim=st.sampled_from(list(Aim)))
