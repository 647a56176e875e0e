"""The farm's snapshot: rows point at rows, and shares of nodes are the dominant ones."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.machines import RESOURCES, NodeState
from placement.testing.planner_farms import classes_of, snapshot_of
from placement.testing.random_farms import random_snapshot

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"jobs": {"client": [3]}}, "jobs.client must be rows 0 to 0, got 3 to 3"),
        ({"steps": {"job": [0, -1]}}, "steps.job must be rows 0 to 0, got -1 to 0"),
        ({"jobs": {"client": [-1]}}, "jobs.client"),
    ],
)
def test_a_row_that_is_not_there_is_refused(columns: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        snapshot_of(**columns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "name", "rows"), [("nodes", "node_class", [1]), ("attempts", "step", [1]), ("attempts", "node", [-1])]
)
def test_a_node_or_attempt_of_nothing_is_refused(table: str, name: str, rows: list[int]) -> None:
    farm = snapshot_of(attempts={"node": [0]})
    wrong = dataclasses.replace(getattr(farm, table), **{name: np.array(rows)})

    with pytest.raises(InvalidInput, match=rf"{table}.{name} must be rows 0 to 0, got {rows[0]} to {rows[0]}"):
        dataclasses.replace(farm, **{table: wrong})


@given(SEEDS)
def test_a_share_is_that_of_the_dominant_resource(seed: int) -> None:
    farm, _ = random_snapshot(seed)

    share = farm.share_of_node()

    for step in range(farm.steps.count):
        for kind in range(len(farm.classes.names)):
            parts = [0.0]
            for each in range(RESOURCES):
                asked, offered = farm.steps.request[step, each], farm.classes.offer[kind, each]
                parts.append(0.0 if asked == 0 else asked / offered if offered else np.inf)
            assert share[step, kind] == max(parts)


def test_what_fits_exactly_is_a_whole_node() -> None:
    farm = snapshot_of(classes=classes_of(offer=[[3, 7, 0, 0, 0]]), steps={"request": [[3, 7, 0, 0, 0]]})

    assert farm.share_of_node().tolist() == [[1.0]]


@given(SEEDS)
def test_capacity_is_what_is_neither_down_nor_draining(seed: int) -> None:
    farm, _ = random_snapshot(seed)
    there = [state not in (NodeState.DOWN, NodeState.DRAINING) for state in farm.nodes.state]

    assert farm.capacity().sum() == sum(there)
    assert farm.worth() == pytest.approx(farm.classes.worth[farm.nodes.node_class[there]].sum())
    assert (farm.nodes.state[farm.up] == NodeState.UP).all()


def test_a_farm_without_work_has_no_shares() -> None:
    farm, _ = random_snapshot(seed=3, steps=0)

    assert farm.share_of_node().shape == (0, len(farm.classes.names))
