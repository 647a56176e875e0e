"""`blender-devices`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement.evaluation.experiment import compare
from placement.evaluation.summary import ratio_between
from placement.evaluation.workloads.blender_fleet import BlenderFleet
from placement.evaluation.workloads.catalog import device_table


@pytest.fixture(scope="module")
def fleet() -> BlenderFleet:
    return BlenderFleet(table=device_table(), frames=300)


def test_a_seed_is_a_case_and_another_seed_another(fleet: BlenderFleet) -> None:
    first, again, other = fleet(1), fleet(1), fleet(2)

    assert np.array_equal(first.world.true_time, again.world.true_time)
    assert np.array_equal(first.forecast.location, again.forecast.location)
    assert not np.array_equal(first.world.true_time, other.world.true_time)


def test_no_true_time_is_invented(fleet: BlenderFleet) -> None:
    world = fleet(0).world

    assert np.array_equal(np.isfinite(world.true_time), fleet.table.measured.T[world.task_group])


def test_the_forecast_of_a_hidden_cell_does_not_move_with_its_truth(fleet: BlenderFleet) -> None:
    hidden = fleet._hide(0)
    changed = np.where(hidden, 7 * fleet.table.median, fleet.table.median)
    table = replace(fleet.table, median=changed, high=2 * changed)

    case, other = fleet(0), BlenderFleet(table=table, frames=300)(0)

    assert hidden.sum() == 42
    assert np.array_equal(case.forecast.location, other.forecast.location)
    assert not np.array_equal(case.world.true_time, other.world.true_time)


def test_hidden_cells_are_forecast_with_less_certainty(fleet: BlenderFleet) -> None:
    case, hidden = fleet(0), fleet._hide(0)

    filled = hidden.T[case.world.task_group]

    assert case.forecast.scale[filled].min() > 1.5 * case.forecast.scale[case.runnable & ~filled].max()


def test_placement_takes_35_per_cent_less_than_round_robin_and_random(fleet: BlenderFleet) -> None:
    runs = compare(fleet, ["round-robin", "random", "placement"], seeds=1)

    for metric in ("makespan", "node_seconds"):
        for baseline in ("round-robin", "random"):
            assert ratio_between(runs, metric, "placement", baseline).mean <= 0.65
