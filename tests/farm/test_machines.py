"""Machines check themselves."""

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.farm.machines import RESOURCES, Nodes, NodeState
from placement.testing.planner_farms import classes_of


def test_classes_say_how_many_modes_there_are() -> None:
    assert classes_of(speed=[[1.0, 0.9, 0.8]], draw=[[1.0, 0.8, 0.7]]).modes == 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"names": ["a", "a"], "worth": [1.0, 1.0]}, "names repeat"),
        ({"speed": [[0.9]]}, "mode 0 must have speed 1"),
        ({"draw": [[0.9]]}, "mode 0 must have speed 1"),
        ({"speed": [[1.0, 0.0]], "draw": [[1.0, 0.5]]}, r"must lie in \(0, 1\]"),
        ({"speed": [[1.0, 0.5]], "draw": [[1.0, 1.5]]}, r"must lie in \(0, 1\]"),
        ({"speed": [[1.0, np.nan]], "draw": [[1.0, 0.5]]}, r"must lie in \(0, 1\]"),
        ({"speed": [[1.0, 0.5]]}, "Classes.draw has shape"),
        ({"speed": [1.0]}, "Classes.speed has shape"),
        ({"worth": [0.0]}, "worth of node class 'class 0' must be above 0"),
        ({"idle_watts": [1.0], "names": ["a", "b"], "worth": [1.0, 2.0]}, "has shape"),
    ],
)
def test_impossible_classes_are_refused(columns: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        classes_of(**columns)


def nodes(rows: int, **changed: object) -> Nodes:
    whole, time = np.zeros(rows, np.int64), np.zeros(rows)
    plain = {
        "node_class": whole, "state": whole + NodeState.UP, "ready": time, "free": np.zeros((rows, RESOURCES)),
        "idle_since": time.copy(), "warm_job": whole - 1, "rack": whole.copy(),
    }  # fmt: skip
    return Nodes(**{**plain, **changed})  # type: ignore[arg-type]


def test_nodes_are_counted_and_cannot_be_written_to() -> None:
    three = nodes(3)

    assert three.count == 3
    with pytest.raises(ValueError, match="read-only"):
        three.free[0, 0] = 1.0


@pytest.mark.parametrize("name", ["state", "ready", "free", "idle_since", "warm_job", "rack"])
def test_a_column_of_another_length_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Nodes.{name} has shape \(2,\)"):
        nodes(3, **{name: np.zeros(2)})


def test_work_without_gpus_finds_nodes_that_have_them_worth_their_cores_alone() -> None:
    offer = [[8, 1024, 0, 0, 0], [32, 1024, 0, 0, 0], [16, 1024, 1, 1024, 0], [16, 1024, 1, 1024, 0]]

    assert classes_of(offer=offer, worth=[12.0, 48.0, 90.0, 20.0]).core_worth.tolist() == [12.0, 48.0, 24.0, 20.0]
    assert classes_of(offer=offer[:2], worth=[12.0, 48.0]).core_worth.tolist() == [12.0, 48.0]
    assert classes_of(offer=offer[2:], worth=[90.0, 20.0]).core_worth.tolist() == [90.0, 20.0]
