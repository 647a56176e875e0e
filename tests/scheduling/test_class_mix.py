"""The linear programs of the class mix."""

from __future__ import annotations

import numpy as np
import pytest

from placement.errors import Infeasible, InvalidInput
from placement.scheduling.class_mix import class_mix, least_node_seconds


def test_without_work_the_mix_waits_for_the_backlog() -> None:
    mix = class_mix(np.zeros(0), np.zeros((0, 2)), np.array([1.0, 2.0]), np.array([3.0, 8.0]))

    assert (mix.makespan, mix.node_seconds) == (4.0, 0.0)


def test_backlog_moves_work_to_the_other_class() -> None:
    cost = np.array([[2.0, 2.0]])

    mix = class_mix(np.array([4.0]), cost, np.ones(2), np.array([4.0, 0.0]))

    assert mix.count.round(6).tolist() == [[1.0, 3.0]]
    assert mix.makespan == pytest.approx(6.0)


def test_thrift_gives_up_makespan_for_node_seconds() -> None:
    count, cost, none = np.array([10.0]), np.array([[1.0, 9.0]]), np.zeros(2)

    hasty, thrifty = (class_mix(count, cost, np.ones(2), none, thrift) for thrift in (0.0, 5.0))

    assert hasty.makespan < thrifty.makespan
    assert hasty.node_seconds > thrifty.node_seconds


def test_a_group_that_runs_nowhere_is_named() -> None:
    with pytest.raises(Infeasible, match="group 1"):
        class_mix(np.ones(2), np.array([[1.0], [np.inf]]), np.ones(1), np.zeros(1))


def test_no_schedule_ends_before_it_can() -> None:
    with pytest.raises(InvalidInput, match=r"no schedule of 4 tasks ends within 2 s"):
        least_node_seconds(np.array([4.0]), np.array([[1.0]]), np.ones(1), makespan=2.0)
    with pytest.raises(Infeasible, match=r"group 0 within 0.5 s"):
        least_node_seconds(np.array([4.0]), np.array([[1.0]]), np.ones(1), makespan=0.5)
