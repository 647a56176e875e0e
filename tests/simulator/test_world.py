"""Worlds are checked at birth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from placement.errors import Infeasible, InvalidInput
from placement.testing.farms import world_of


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task_group": [0, 0, 0]}, r"task_release has shape \(2,\), expected \(3,\)"),
        ({"node_class": [2]}, "node classes must be 0 to 1"),
        ({"node_slots": [0]}, "node 0 has 0 slots"),
        ({"true_time": [[1.0, 1.0], [0.0, 1.0]]}, "task 1 has run times"),
        ({"true_time": [[1.0, 1.0], [np.nan, 1.0]]}, "task 1 has run times"),
        ({"task_release": [1.0, 0.0]}, "in order of arrival"),
    ],
)
def test_an_impossible_world_is_refused_and_the_message_says_where(wrong: dict[str, Any], message: str) -> None:
    plain: dict[str, Any] = {"true_time": [[1.0, 2.0], [1.0, 2.0]], "node_class": [0]}

    with pytest.raises(InvalidInput, match=message):
        world_of(**{**plain, **wrong})


def test_a_task_that_no_node_can_run_is_named() -> None:
    with pytest.raises(Infeasible, match="task 1 can run on no node"):
        world_of(true_time=[[1.0, 1.0], [np.inf, 1.0]], node_class=[0])
