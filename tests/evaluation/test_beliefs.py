"""What policies are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.evaluation.beliefs import corrected, truth, type_means
from placement.evaluation.case import Shares
from placement.simulator.farm import History
from tests.evaluation.cases import case_of

NOTHING = History(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))


def finished(task: list[int], node: list[int], seconds: list[float]) -> History:
    return History(np.array(task), np.array(node), np.zeros(len(task)), np.array(seconds))


def test_the_clairvoyant_is_told_the_truth_and_nobody_else_is() -> None:
    case = case_of([[3.0, np.inf]] * 2, [[8.0, 1.0]] * 2, [0])

    assert truth(case)(NOTHING).tolist() == [[3.0, np.inf]] * 2
    for knows in (type_means, corrected):
        assert np.isinf(knows(case)(NOTHING)[:, 1]).all()
        assert (knows(case)(NOTHING)[:, 0] > 8.0).all()


def test_type_means_know_no_more_than_the_type() -> None:
    case = case_of([[1.0]] * 3, [[2.0], [4.0], [9.0]], [0], spread=1e-3, task_group=[0, 0, 1])

    assert type_means(case)(NOTHING)[:, 0].round(3).tolist() == [3.0, 3.0, 9.0]


def test_a_finished_task_moves_its_group_on_every_class_and_leaves_others_nearly_alone() -> None:
    case = case_of([[1.0, 1.0]] * 3, [[1.0, 2.0]] * 3, [0, 1], task_group=[0, 0, 1])
    belief = corrected(case)

    factor = belief(finished([0], [0], [3.0])) / belief(NOTHING)

    assert (factor[1] > 1.7).all()
    assert factor[1, 0] > factor[1, 1], "more where it was seen"
    assert (abs(factor[2] - 1) < 0.1).all()


def test_many_finished_tasks_leave_only_the_spread_of_a_single_attempt() -> None:
    case = case_of([[1.0]] * 200, [[1.0]] * 200, [0])
    belief = corrected(case)

    cost = belief(finished(list(range(199)), [0] * 199, [3.0] * 199))

    assert cost[199, 0] == pytest.approx(3.0 * np.exp(0.1 * 0.25 / 2), rel=0.02)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 20))
def test_the_correction_is_the_normal_posterior(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    group, node = chance.integers(3, size=20), chance.integers(2, size=20)
    case = case_of(np.ones((20, 2)), np.ones((20, 2)), [0, 1], task_group=group)
    shares, variance = Shares(group=0.5, node_class=0.2, cell=0.1, attempt=0.2), 0.25
    case = replace(case, shares=shares)
    seconds = chance.lognormal(0, 0.5, count)
    done = np.arange(count)

    belief = corrected(case)
    factor = belief(finished(done.tolist(), node[:count].tolist(), seconds.tolist())) / belief(NOTHING)

    # One normal vector holds the learnable error of every (group, class); conditioning it is the slow, plain way.
    same_group = np.equal.outer(np.repeat(range(3), 2), np.repeat(range(3), 2))
    same_class = np.equal.outer(np.tile(range(2), 3), np.tile(range(2), 3))
    prior = variance * (shares.group * same_group + shares.node_class * same_class + shares.cell * np.eye(6))
    seen = np.zeros((count, 6))
    seen[done, group[:count] * 2 + node[:count]] = 1
    gain = prior @ seen.T @ np.linalg.inv(seen @ prior @ seen.T + shares.attempt * variance * np.eye(count))
    mean, left = gain @ np.log(seconds), np.diag(prior - gain @ seen @ prior)
    expected = np.exp(mean - (np.diag(prior) - left) / 2).reshape(3, 2)
    assert np.allclose(factor, expected[group], rtol=1e-4)
