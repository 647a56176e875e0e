"""Machines check themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ({"gpu_watts": [201.0]}, "gpu_watts of node class 'class 0' is 201 W, expected 0 to .*200 W"),
        ({"gpu_watts": [-1.0]}, "is -1 W"),
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


def frames_of(*parts: tuple[float, float]) -> np.ndarray:
    return np.array([[cores, 0, gpus, 0, 0] for cores, gpus in parts], float)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.lists(st.floats(0, 1), max_size=8), st.floats(0, 200))
def test_frames_that_fill_a_node_together_draw_what_a_busy_node_does(
    cores: list[float], gpus: list[float], of_gpus: float
) -> None:
    classes = classes_of(offer=[[16, 1024, 2, 1024, 0]], gpu_watts=[max(of_gpus, 1e-3)])
    by_cores, by_gpus = (np.array([*each, 0.01]) for each in (cores, gpus))
    filling = np.concatenate([
        frames_of(*((16 * part, 0) for part in by_cores / by_cores.sum())),
        frames_of(*((0, 2 * part) for part in by_gpus / by_gpus.sum())),
    ])  # fmt: skip

    drawn = classes.work_watts(filling, np.zeros(len(filling), int))

    assert (drawn >= 0).all()
    assert drawn.sum() == pytest.approx(200.0)


def test_where_nobody_told_the_gpus_draw_frames_count_with_their_larger_share() -> None:
    classes = classes_of(offer=[[16, 1024, 2, 1024, 0], [16, 1024, 0, 0, 0]])
    frames = frames_of((4, 2), (8, 1), (16, 0), (0, 0))

    assert classes.work_watts(frames, np.zeros(4, int)).tolist() == [200, 100, 200, 0]
    assert classes.work_watts(frames, np.ones(4, int)).tolist() == [50, 100, 200, 0]


def test_many_frames_are_looked_at_on_all_classes_at_once() -> None:
    classes = classes_of(offer=[[16, 1024, 2, 1024, 0], [8, 1024, 0, 0, 0]], gpu_watts=[150.0, 0.0])
    frames = frames_of((4, 2), (8, 1), (2, 0))

    at_once = classes.work_watts(frames[:, None], np.arange(2))

    assert at_once.shape == (3, 2)
    assert at_once.tolist() == [classes.work_watts(np.stack([one] * 2), np.arange(2)).tolist() for one in frames]
