"""Forecasts of ends cover what happens, and more capacity never hurts them."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.completion import Spans, running_ends, spans_of, times_of
from placement.scheduling.cost import Cost
from placement.scheduling.remaining import pace, remaining_of
from placement.testing.planner_farms import cost_of, snapshot_of

WHOLE = [8.0, 1024.0, 0.0, 0.0, 0.0]


def spans(farm: FarmSnapshot, cost: Cost, worth: float = np.inf) -> Spans:
    left = remaining_of(farm, cost)
    at = pace(left, cost, np.full(farm.steps.count, worth))
    return spans_of(farm, times_of(farm, left, cost, at, running_ends(farm, left)))


def one_step(frames: int, nodes: int, spread: float, common: float) -> Spans:
    farm = snapshot_of(nodes={"node_class": np.zeros(nodes)}, steps={"waiting": [frames], "request": [WHOLE]})
    return spans(farm, cost_of(farm, 100.0, spread=[spread], common=[common]))


def listed(chance: np.random.Generator, frames: int, nodes: int, spread: float, common: float) -> float:
    seconds = 100 * np.exp(chance.normal(0, common) + chance.normal(0, spread, frames) - spread**2 / 2)
    ends = [0.0] * nodes
    for each in seconds.tolist():
        heapq.heapreplace(ends, ends[0] + each)
    return max(ends)


@pytest.mark.slow
def test_an_interval_of_80_percent_covers_80_percent_of_list_scheduled_steps() -> None:
    chance, inside, errors = np.random.default_rng(1), [], []

    for frames, nodes in ((1, 8), (8, 8), (9, 8), (60, 8), (400, 8), (100, 64), (640, 64), (30, 1)):
        for spread, common in ((0.1, 0.3), (0.3, 0.0), (0.3, 0.3), (0.6, 0.2)):
            told = one_step(frames, nodes, spread, common)
            low, middle, high = (float(told.quantile(level)[0]) for level in (0.1, 0.5, 0.9))
            seen = np.array([listed(chance, frames, nodes, spread, common) for _ in range(200)])
            inside.append(((seen > low) & (seen < high)).mean())
            errors.append(abs(middle / np.median(seen) - 1))

    assert 0.76 <= np.mean(inside) <= 0.86
    assert min(inside) >= 0.68
    assert np.mean(errors) <= 0.04


def test_a_chain_takes_as_long_as_its_steps_together() -> None:
    farm = snapshot_of(steps={"after": [-1, 0, 1], "request": [WHOLE] * 3})

    told = spans(farm, cost_of(farm, 100.0, spread=[0.01] * 3, common=[0.01] * 3))

    assert told.last.tolist() == [2]
    assert told.quantile(0.5)[0] == pytest.approx(300, rel=0.02)


def test_the_latest_of_many_last_steps_is_later_than_any_one() -> None:
    one, many = (
        spans(farm, cost_of(farm, 100.0)).quantile(0.5)[0]
        for farm in (snapshot_of(nodes={"node_class": [0] * 20}, steps={"waiting": [1] * n}) for n in (1, 20))
    )

    assert many > 1.1 * one


def test_what_has_run_for_long_ends_sooner_and_what_overruns_slows_its_step() -> None:
    fresh, old, late = (
        snapshot_of(now=1000.0, nodes={"node_class": [0]}, steps={"waiting": [0]}, attempts={"started": [started]})
        for started in (1000.0, 950.0, 700.0)
    )
    expected = [float(remaining_of(farm, cost_of(farm, 100.0)).residual[0]) for farm in (fresh, old, late)]

    assert expected[0] == pytest.approx(100.0, rel=0.01)
    assert expected[1] == pytest.approx(50.0, rel=0.05)
    assert expected[2] > 10.0


def test_what_no_node_can_run_never_ends() -> None:
    farm = snapshot_of(steps={"request": [[99.0, 0, 0, 0, 0]]})

    assert np.isinf(spans(farm, cost_of(farm)).quantile(0.5)[0])


def test_a_licence_bounds_how_many_frames_run_at_once() -> None:
    farm = snapshot_of(nodes={"node_class": [0] * 4}, steps={"waiting": [32], "licence": [0]}, licences=[2])

    assert pace(remaining_of(farm, cost_of(farm)), cost_of(farm), np.full(1, np.inf)).parallel.tolist() == [2.0]


@given(st.integers(1, 200), st.integers(1, 60), st.integers(0, 20), st.floats(0.01, 0.5), st.floats(0, 0.5))
def test_more_nodes_never_make_the_median_later(
    frames: int, nodes: int, more: int, spread: float, common: float
) -> None:
    few, many = (one_step(frames, count, spread, common).quantile(0.5)[0] for count in (nodes, nodes + more))

    assert many <= few * 1.1
