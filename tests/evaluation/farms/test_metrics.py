"""All metrics together: laws of every history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.evaluation.farms.bounds import least_makespan, least_node_seconds, least_worth_seconds, most_value
from placement.evaluation.farms.contestants import PEERS, live
from placement.evaluation.farms.metrics import LESS_IS_BETTER, MORE_IS_BETTER, TIMED, measure
from placement.scheduling.rules import Rules
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.testing.planner_farms import farm_world_of
from placement.testing.random_farms import random_farm_world
from tests.simulator.farm_worlds import restless, troubled_world

SHARES = (
    "on_time", "on_time_importance", "on_time_possible", "useful", "reserved", "lost_share", "preview_share",
    "preview_within", "fairness", "shortfall_overdue_share",
)  # fmt: skip


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_shares_are_shares_and_useful_is_reserved_is_available(seed: int) -> None:
    world = troubled_world(seed)

    found = measure(world, run_farm(world, restless, Rules(), learned, until=4000.0))

    for name in SHARES:
        assert np.isnan(found[name]) or -1e-9 <= found[name] <= 1 + 1e-9, name
    assert found["useful"] <= found["reserved"] + 1e-9
    assert all(found[name] >= 0 for name in ("weighted_tardiness", "node_seconds", "lost_node_seconds", "energy"))
    assert set(found) >= {*LESS_IS_BETTER, *MORE_IS_BETTER}


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(PEERS))
def test_no_run_beats_a_bound(seed: int, name: str) -> None:
    world = random_farm_world(seed)

    found = measure(world, live(world, name))

    assert found["node_seconds"] >= least_node_seconds(world) * (1 - 1e-9)
    assert found["worth_seconds"] >= least_worth_seconds(world) * (1 - 1e-9)
    assert found["node_seconds"] >= least_node_seconds(world, found["makespan"]) * (1 - 1e-6)
    assert found["worth_seconds"] >= least_worth_seconds(world, found["makespan"]) * (1 - 1e-6)
    assert found["makespan"] >= least_makespan(world) * (1 - 1e-9)
    assert found["value"] <= most_value(world) * (1 + 1e-9)


def test_the_same_history_measures_the_same_and_only_the_clock_differs() -> None:
    world = random_farm_world(3)
    first, second = (measure(world, live(world, "placement")) for _ in range(2))

    assert {name for name in first if first[name] != second[name] and not np.isnan(first[name])} <= set(TIMED)


def test_an_empty_world() -> None:
    """Nothing is released within the time that counts, and nothing runs before the history ends."""
    world = farm_world_of(jobs={"release": [50.0]}, measure=(0.0, 10.0))

    found = measure(world, run_farm(world, restless, Rules(), learned, until=0.0))

    assert found["jobs_counted"] == 0
    assert found["energy"] == 0.0
    assert found["makespan"] == pytest.approx(0.0)
