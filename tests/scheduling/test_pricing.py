"""Prices of node classes against the linear program they stand for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.scheduling.class_mix import class_mix
from placement.scheduling.plan import Outlooks
from placement.scheduling.pricing import price_classes, prices_of
from placement.scheduling.rules import Aim, Rules
from placement.testing.planner_farms import cost_of, snapshot_of

PATIENCE = 60.0


def drawn(seed, steps, classes):
    rng = np.random.default_rng(seed)
    load = np.exp(rng.normal(4, 0.8, (steps, 1)) + rng.normal(0, 0.4, classes) + rng.normal(0, 0.3, (steps, classes)))
    load[rng.random(load.shape) < 0.1] = np.inf
    load[:, 0] = np.where(np.isfinite(load[:, 0]), load[:, 0], 100.0)
    return rng.integers(20, 200, steps).astype(float), load, rng.integers(2, 20, classes).astype(float)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 6))
def test_work_is_divided_among_able_classes_and_prices_never_fall_below_worth(seed, steps, classes):
    frames, load, nodes = drawn(seed, steps, classes)
    worth = np.linspace(1, 2, classes)
    found = price_classes(frames, load, nodes, worth, PATIENCE)
    assert np.allclose(found.share.sum(axis=1), 1)
    assert (found.share[~np.isfinite(load)] == 0).all()
    assert (found.price >= worth * (1 - 1e-9)).all()


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(60, 120), st.integers(2, 5))
def test_many_steps_are_drained_nearly_as_fast_as_the_linear_program_says(seed, steps, classes):
    frames, load, nodes = drawn(seed, steps, classes)
    best = class_mix(frames, load, nodes, np.zeros(classes)).makespan
    found = price_classes(frames, load, nodes, np.ones(classes), PATIENCE)
    assert found.drain.max() <= 1.25 * best


@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 5))
def test_a_short_backlog_goes_where_it_takes_least(seed, steps, classes):
    frames, load, nodes = drawn(seed, steps, classes)
    found = price_classes(frames, load, nodes, np.ones(classes), patience=1e9)
    assert np.allclose(found.price, 1)
    assert (found.share.argmax(axis=1) == load.argmin(axis=1)).all()


def test_classes_without_nodes_and_steps_without_frames_get_no_work():
    load = np.array([[1.0, 2.0], [1.0, 1.0], [np.inf, np.inf]])
    found = price_classes(np.array([5.0, 0.0, 5.0]), load, np.array([0.0, 3.0]), np.ones(2), PATIENCE)
    assert found.share.tolist() == [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]


def test_more_steps_than_are_looked_at_are_priced_by_a_sample():
    frames, load, nodes = drawn(1, 9000, 5)
    found = price_classes(frames, load, nodes, np.ones(5), PATIENCE)
    assert np.ptp(found.drain[found.price > 1]) < 0.25 * found.drain.max()


def test_without_any_node_a_thrifty_aim_has_nothing_to_price() -> None:
    farm = snapshot_of(nodes={"state": [NodeState.DOWN]})
    one = np.ones(1)
    seen = Outlooks(finish=one, on_time=one, slack=one, earliest=one, given_up=one < 0)

    for aim in Aim:
        assert (prices_of(farm, cost_of(farm, 60.0), Rules(aim=aim), seen).price > 0).all()
