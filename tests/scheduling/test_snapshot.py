"""What policies see is checked at birth and cannot be changed."""

from __future__ import annotations

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.testing.farms import farm_of


def test_a_column_of_the_wrong_length_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"task_release has shape \(2,\), expected \(3,\)"):
        farm_of(node_class=[0], tasks=3, task_release=[0.0, 0.0])


def test_columns_cannot_be_written() -> None:
    farm = farm_of(node_class=[0])

    with pytest.raises(ValueError, match="read-only"):
        farm.node_class[0] = 1


def test_slots_are_free_now_or_when_their_task_is_expected_to_end() -> None:
    farm = farm_of(node_class=[0, 1], node_slots=[2, 1], now=5.0, task_node=[0, 1, -1], task_since=[1.0, 0.0, np.nan])

    node, free_at = farm.slot_free_at(np.array([[10.0, 1.0], [1.0, 2.0], [1.0, 1.0]]))

    assert node.tolist() == [0, 0, 1]
    assert free_at.tolist() == [5.0, 11.0, 5.0], "a task that has outrun its time is taken to end at once"
