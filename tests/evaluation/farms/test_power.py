"""Energy, money and carbon: additive over windows, priced by the hour."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.evaluation.farms.power import power
from placement.farm.machines import NodeState
from placement.farm.tariff import Outlook, Tariff
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld, flat_tariff
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.energy import drawn, node_joules, power_course
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory
from placement.testing.planner_farms import classes_of, farm_world_of
from tests.evaluation.farms.by_hand import history_of
from tests.simulator.farm_worlds import restless, slow_joules, troubled_world

KWH = 3.6e6


def lived(seed: int) -> tuple[FarmWorld, FarmHistory]:
    world = troubled_world(seed)
    return world, run_farm(world, restless, Rules(), learned, until=2000.0)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 2000), st.floats(0, 2000))
def test_what_is_drawn_adds_up_over_windows(seed: int, one: float, other: float) -> None:
    world, history = lived(seed)
    edges = sorted([0.0, one, other, history.end])

    parts = [drawn(world, history, start, end) for start, end in pairwise(edges)]

    whole = drawn(world, history, 0.0, history.end)
    assert sum(part.joules for part in parts) == pytest.approx(whole.joules)
    assert sum(part.money for part in parts) == pytest.approx(whole.money)
    assert sum(part.carbon for part in parts) == pytest.approx(whole.carbon)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(-1, 1))
def test_a_flat_tariff_is_paid_by_the_kilowatt_hour(seed: int, price: float) -> None:
    world, history = lived(seed)
    world = replace(world, tariff=flat_tariff(price, 100.0))

    found = drawn(world, history, 0.0, history.end)

    assert found.joules == pytest.approx(float(node_joules(world, history).sum()))
    assert found.joules == pytest.approx(slow_joules(world, history))
    assert found.money == pytest.approx(price * found.joules / KWH)
    assert found.carbon == pytest.approx(100 * found.joules / KWH)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_power_over_time_integrates_to_what_is_drawn_without_wakings(seed: int) -> None:
    world, history = lived(seed)

    time, watts = power_course(world, history)

    woken = history.spans.node[history.spans.state == NodeState.WAKING]
    wakings = float(world.classes.wake_joules[world.fleet.node_class[woken]].sum())
    area = float(watts[:-1] @ np.diff(time)) if len(time) else 0.0
    assert area + wakings == pytest.approx(drawn(world, history, 0.0, history.end).joules)


def test_by_hand() -> None:
    """A node idles at 100 W for an hour, wakes with 36 kJ, and works for an hour at 300 W, twice as dear."""
    hours = Outlook(start=np.array([0.0, 3600.0]), price=np.array([0.1, 0.2]), carbon=np.array([100.0, 50.0]))
    world = farm_world_of(
        classes=classes_of(wake_joules=[36e3]), steps={"request": [[8, 64, 0, 0, 0]]},
        tariff=Tariff(actual=hours, published=hours), measure=(0.0, 3600.0),
    )  # fmt: skip
    spans = {"node": [0, 0, 0], "state": [NodeState.UP, NodeState.WAKING, NodeState.UP], "start": [0.0, 3500.0, 3600.0],
             "end": [3500.0, 3600.0, 7200.0]}  # fmt: skip
    history = history_of(world, 7200.0, {"start": [3600.0], "end": [7200.0]}, spans=spans)

    found = power(world, history)

    assert found == {
        "energy": pytest.approx(0.11 * KWH), "money": pytest.approx(0.011), "carbon": pytest.approx(11.0),
        "energy_run": pytest.approx(0.41 * KWH), "money_run": pytest.approx(0.071),
        "carbon_run": pytest.approx(26.0),
    }  # fmt: skip
