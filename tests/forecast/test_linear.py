"""The linear model: what it says of a task on a node, and that it is stored exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest

from placement.forecast.basis import Block
from placement.forecast.linear import Linear, LinearParts

LINEAR = Linear(
    2.0,
    (np.array([[0.5]]), np.array([[1.0], [-1.0]])),
    ((np.array([[-0.7]]),),),
    ((np.array([[0.1]]),), (np.array([[0.2]]),)),
)


def parts() -> LinearParts:
    ones = np.ones((3, 1))
    return LINEAR.parts([Block("one", ones), Block("kind", ones, np.array([0, 1, -1]), 2)], [Block("one", ones)])


def test_levels_add_up_over_blocks() -> None:
    assert parts().level == pytest.approx([3.5, 1.5, 2.5])


def test_a_new_class_has_the_effect_of_its_size_alone() -> None:
    effect = parts().on(np.array([[0.0], [1.0], [1.0]]), np.array([0, 1, -1]))

    assert effect == pytest.approx(np.tile([0.1, 0.2 - 0.7, -0.7], (3, 1)))


def test_one_node_a_task_is_the_diagonal_of_every_node_for_every_task() -> None:
    nodes, known = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, -1])

    assert parts().at(nodes, known) == pytest.approx(np.diag(parts().on(nodes, known)))


def test_json_gives_the_same_model() -> None:
    back = Linear.from_json(json.loads(json.dumps(LINEAR.to_json())))

    assert back.to_json() == LINEAR.to_json()
    assert back.node[0][0].shape == (1, 1)


def test_blocks_of_no_column_survive_json() -> None:
    empty = Linear(0.0, (np.zeros((1, 0)), np.zeros((3, 0))), (), ())

    back = Linear.from_json(json.loads(json.dumps(empty.to_json())))

    assert [one.shape for one in back.task] == [(1, 0), (3, 0)]
