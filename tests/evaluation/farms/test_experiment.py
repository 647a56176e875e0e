"""Paired experiments on whole farms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.evaluation.farms.experiment import BOUNDS, bounds_of, compare_farms
from placement.evaluation.farms.metrics import TIMED
from placement.scheduling.rules import Rules
from placement.testing.planner_farms import classes_of, farm_world_of
from tests.evaluation.farms.by_hand import four_tables

TINY = {"scale": 0.05, "hours": 3.0, "load": 0.5}


def steady(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.drop(columns=list(TIMED))


@pytest.mark.slow
def test_the_table_does_not_depend_on_how_many_processes_made_it(tmp_path: Path) -> None:
    mine = four_tables(tmp_path / "mine")

    alone = compare_farms(mine, ["fifo", "placement"], 3, jobs=1)
    together = compare_farms(mine, ["fifo", "placement"], 3, jobs=2)

    pd.testing.assert_frame_equal(steady(alone), steady(together), check_exact=True)


def test_same_seed_same_table_another_seed_another() -> None:
    first, again = (steady(compare_farms("crunch", ["fifo"], [5], **TINY)) for _ in range(2))
    other = steady(compare_farms("crunch", ["fifo"], [6], **TINY))

    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert first["node_seconds"].iloc[0] != other["node_seconds"].iloc[0]


def test_a_row_per_seed_and_policy_with_the_bounds_of_the_seed() -> None:
    runs = compare_farms("crunch", ["fifo", "random", "fifo"], [3, 1], **TINY)

    assert list(zip(runs["seed"], runs["policy"], strict=True)) == [
        (3, "fifo"), (3, "random"), (1, "fifo"), (1, "random"),
    ]  # fmt: skip
    assert (runs.groupby("seed")[list(BOUNDS)].nunique() == 1).all(axis=None)
    assert (runs["node_seconds"] >= runs["least_node_seconds"]).all()
    assert (runs["value"] <= runs["most_value"] * (1 + 1e-9)).all()


def test_rules_reach_the_engine() -> None:
    often, seldom = (
        compare_farms("crunch", ["fifo"], [1], rules=Rules(interval=each), **TINY)["decisions"].iloc[0]
        for each in (60.0, 600.0)
    )

    assert 0 < seldom < often


@pytest.mark.parametrize(
    ("workload", "policies", "seeds", "message"),
    [
        ("single-client", ["fifo"], 0, "0 seeds"),
        ("single-client", [], 1, "0 policies"),
        ("single-client", ["best"], 1, "no policy 'best'"),
        ("nowhere", ["fifo"], 1, "no workload 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_told(workload: str, policies: list[str], seeds: int, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compare_farms(workload, policies, seeds)


def test_a_setting_that_does_not_exist_is_told() -> None:
    with pytest.raises(InvalidInput, match="no settings"):
        compare_farms("single-client", ["fifo"], 1, colour="red")


def test_a_world_in_which_no_time_counts_is_told() -> None:
    with pytest.raises(InvalidInput, match=r"nothing counts.* from 7200 s to 7200 s"):
        compare_farms("crunch", ["fifo"], 1, scale=0.05, hours=2.0)


def test_work_that_can_run_nowhere_has_no_least_makespan() -> None:
    nowhere = {"seconds": [[np.inf, 5.0]]}
    world = farm_world_of(
        classes=classes_of(names=["a", "b"]), fleet={"node_class": [0]}, steps=nowhere, forecasts=nowhere
    )

    assert bounds_of(world)["least_makespan"] == np.inf
