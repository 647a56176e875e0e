"""Whole runs of random worlds under every peer keep the laws of runs; a history that breaks one is caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from placement.scheduling.plan import Planner
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory
from placement.testing.planner_farms import farm_world_of
from placement.testing.run_laws import RUN_LAWS, conserves_frames, starves_nothing
from tests.contracts.planner_farms import farm_worlds
from tests.contracts.test_planner_laws import PEERS

LAWS = {law.__name__: law for law in RUN_LAWS}


def run(world: FarmWorld, planner: Planner) -> FarmHistory:
    return run_farm(world, planner, Rules(), learned)


@pytest.mark.parametrize("name", PEERS)
@settings(max_examples=15, deadline=None)
@given(world=farm_worlds())
def test_every_run_keeps_every_law(name: str, world: FarmWorld) -> None:
    history = run(world, PEERS[name])

    for law in (each for each in RUN_LAWS if each is not starves_nothing):
        law(world, history)


WORLD = farm_world_of(steps={"frames": [9, 1], "after": [-1, 0], "licence": [0, -1]}, licences=np.array([9]))


@pytest.mark.parametrize(
    ("law", "columns"),
    [
        ("conserves_frames", {"frame": np.zeros(10, np.int64)}),
        ("conserves_frames", {"start": np.full(10, -1.0)}),
        ("conserves_frames", {"outcome": np.full(10, 2)}),
        ("keeps_order_of_steps", {"start": np.zeros(10)}),
        ("keeps_capacity_throughout", {"start": np.zeros(10), "end": np.ones(10)}),
    ],
)
def test_a_history_that_breaks_a_law_is_caught(law: str, columns: dict[str, np.ndarray]) -> None:
    history = run(WORLD, PEERS["fifo"])
    LAWS[law](WORLD, history)

    with pytest.raises(AssertionError):
        LAWS[law](WORLD, replace(history, attempts=replace(history.attempts, **columns)))


def test_licences_held_beyond_what_there_is_are_caught() -> None:
    history = run(WORLD, PEERS["fifo"])

    with pytest.raises(AssertionError):
        LAWS["keeps_licences_throughout"](replace(WORLD, licences=np.array([3])), history)


def test_a_step_that_waits_too_long_is_caught() -> None:
    world = farm_world_of(steps={"job": [0, 1], "frames": [8, 1]})
    history = run(world, PEERS["fifo"])

    conserves_frames(world, history)
    starves_nothing(world, history, most=60.0)
    with pytest.raises(AssertionError):
        starves_nothing(world, history, most=30.0)
