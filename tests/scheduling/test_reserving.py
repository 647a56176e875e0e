"""Reservations: wide frames get room, narrow ones and the impatient do not, and not everything is kept."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.scheduling import reserving
from placement.scheduling.reserving import NONE, reserve, wide_steps
from placement.scheduling.rules import Rules
from placement.testing.planner_farms import classes_of, cost_of, snapshot_of

WIDE, NARROW = [8, 1024, 0, 0, 0], [1, 1024, 0, 0, 0]


def farm_of(remaining, *, waited=1000.0, waiting=1, nodes=4, **rest):
    """Every node runs one narrow frame; a wide one waits."""
    steps = {"request": [NARROW, WIDE], "waiting": [0, waiting], "since": [0.0, 1000.0 - waited]}
    attempts = {"node": np.arange(nodes), "step": np.zeros(nodes), "started": np.zeros(nodes)}
    farm = snapshot_of(now=1000.0, steps=steps, attempts=attempts, nodes={"node_class": np.zeros(nodes)}, **rest)
    return farm, cost_of(farm), np.asarray(remaining, float)


ORDER = np.array([0, 1])


def test_the_node_that_is_ready_first_is_kept():
    farm, cost, remaining = farm_of([50, 20, 70, 90])
    kept = reserve(farm, cost, Rules(), remaining, ORDER)
    assert kept.kept.tolist() == [1]
    assert kept.step[1] == 1
    assert kept.ready[1] == 1020.0


def test_nothing_is_kept_for_who_has_not_waited():
    farm, cost, remaining = farm_of([50, 20, 70, 90], waited=10.0)
    assert len(reserve(farm, cost, Rules(), remaining, ORDER).kept) == 0


def test_nothing_is_kept_for_a_paused_job():
    farm, cost, remaining = farm_of([50, 20, 70, 90], jobs={"held": [True]})
    assert len(reserve(farm, cost, Rules(), remaining, ORDER).kept) == 0


def test_nothing_is_kept_for_a_frame_that_has_no_licence():
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]}, licences=[0, 1],
        steps={
            "request": [WIDE, WIDE, NARROW], "waiting": [5, 5, 5], "since": [0.0, 0.0, 1000.0], "licence": [0, 1, -1],
        },
    )  # fmt: skip

    kept = reserve(farm, cost_of(farm), Rules(reserve_share=1.0), np.zeros(0), ORDER)

    assert kept.step.tolist() == [1, NONE]


def test_one_node_is_kept_for_a_narrow_frame_that_has_waited_for_days():
    farm = snapshot_of(
        now=1e6, nodes={"node_class": [0, 0]}, steps={"request": [NARROW, [3, 1024, 0, 0, 0]], "waiting": [90, 90],
                                                      "since": [1e6 - 60, 0.0]},
    )  # fmt: skip

    kept = reserve(farm, cost_of(farm), Rules(reserve_share=1.0), np.zeros(0), ORDER)

    assert kept.step.tolist() == [1, NONE]


def test_room_that_was_cleared_for_an_emergency_is_not_kept_for_others():
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]}, jobs={"importance": [1.0, 200.0]},
        steps={"request": [WIDE, NARROW], "job": [0, 1], "since": [0.0, 990.0]}, attempts={"node": [1], "step": [0]},
    )  # fmt: skip

    kept = reserve(farm, cost_of(farm), Rules(reserve_share=1.0), np.full(1, 50.0), np.array([1, 0]))

    assert kept.step.tolist() == [NONE, 0]


def test_of_nodes_that_are_ready_together_the_warm_one_is_kept():
    farm, cost, remaining = farm_of([50, 50, 50, 50])
    warm = replace(farm, nodes=replace(farm.nodes, warm_job=np.array([-1, 5, 0, -1])))

    assert reserve(warm, cost, Rules(), remaining, ORDER).kept.tolist() == [2]


def test_no_more_than_the_stated_share_of_nodes_is_kept():
    nodes = 4
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": np.zeros(nodes)},
        steps={"request": [NARROW, *[WIDE] * 9], "waiting": [0, *[1] * 9], "since": [0.0] * 10},
        attempts={"node": np.arange(nodes), "step": np.zeros(nodes)},
    )  # fmt: skip
    remaining, order = np.array([50.0, 20.0, 70.0, 90.0]), np.arange(10)

    assert reserve(farm, cost_of(farm), Rules(reserve_share=0.5), remaining, order).step.tolist() == [2, 1, NONE, NONE]


def test_one_node_is_kept_for_many_frames_of_a_step_and_a_tenth_if_its_deadline_lacks_them():
    farm, cost, remaining = farm_of(np.arange(40.0), waiting=9, nodes=40)

    assert reserve(farm, cost, Rules(), remaining, ORDER).kept.tolist() == [0]
    assert reserve(farm, cost, Rules(), remaining, ORDER, np.array([0, 9])).kept.tolist() == [0, 1, 2, 3]


def test_a_node_that_is_down_is_not_kept():
    _, cost, remaining = farm_of([50, 20, 70, 90])
    state = np.full(4, int(NodeState.UP))
    state[1] = int(NodeState.DOWN)
    down = snapshot_of(
        now=1000.0,
        steps={"request": [NARROW, WIDE], "waiting": [0, 1], "since": [0.0, 0.0]},
        attempts={"node": np.arange(4), "step": np.zeros(4)},
        nodes={"node_class": np.zeros(4), "state": state},
    )
    assert reserve(down, cost, Rules(), remaining, ORDER).kept.tolist() == [0]


def test_a_frame_wider_than_every_node_is_not_wide_but_impossible():
    farm = snapshot_of(steps={"request": [[9, 1024, 0, 0, 0], WIDE, NARROW]})
    assert wide_steps(farm, cost_of(farm), Rules()).tolist() == [False, True, False]


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 20))
def test_ready_is_when_enough_attempts_have_ended(seed, nodes, count):
    rng = np.random.default_rng(seed)
    node = rng.integers(0, nodes, count)
    node = np.array([n for at, n in enumerate(node) if (node[:at] == n).sum() < 8], np.int64)
    remaining = rng.uniform(1, 100, len(node)).round(3)
    request = [int(rng.integers(4, 9)), 1024, 0, 0, 0]
    farm = snapshot_of(
        now=1000.0,
        nodes={"node_class": np.zeros(nodes)},
        steps={
            "request": [NARROW, *[request] * nodes], "waiting": [0, *[1] * nodes], "since": np.zeros(1 + nodes),
        },
        attempts={"node": node, "step": np.zeros(len(node))},
    )  # fmt: skip
    kept = reserve(farm, cost_of(farm), Rules(reserve_share=1.0), remaining, np.arange(1 + nodes))
    assert sorted(kept.step.tolist()) == list(range(1, 1 + nodes))
    for one in range(nodes):
        ends = np.sort(remaining[node == one])
        needed = request[0] - (8 - len(ends))
        expected = 0.0 if needed <= 0 else ends[needed - 1]
        assert np.isclose(kept.ready[one], 1000.0 + expected)


def test_the_first_step_in_order_chooses_first():
    steps = {"request": [WIDE, WIDE, NARROW], "waiting": [1, 1, 1], "since": [0.0, 0.0, 1000.0]}
    farm = snapshot_of(now=1000.0, nodes={"node_class": [0, 0]}, steps=steps)
    kept = reserve(farm, cost_of(farm), Rules(), np.zeros(0), np.array([1, 0, 2]))
    assert kept.step.tolist() == [1, NONE]


def test_where_every_frame_takes_a_node_for_itself_none_is_wide():
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]},
        steps={"request": [WIDE, WIDE], "waiting": [5, 5], "since": [0.0, 0.0]},
        attempts={"node": [0, 1], "step": [0, 1]},
    )  # fmt: skip

    assert not wide_steps(farm, cost_of(farm), Rules()).any()
    assert len(reserve(farm, cost_of(farm), Rules(), np.array([10.0, 20.0]), ORDER).kept) == 0


def test_the_only_gpu_of_a_node_makes_no_frame_wide_but_half_of_its_cores_do():
    offer, beside = [[8, 65536, 1, 16384, 0]], [1, 1024, 0, 0, 0]
    for cores, wide in ((2, False), (4, True)):
        on_gpu = [cores, 1024, 1, 1024, 0]
        farm = snapshot_of(
            now=1000.0, classes=classes_of(offer=offer), nodes={"node_class": [0, 0]},
            steps={"request": [beside, on_gpu, on_gpu], "waiting": [5, 5, 5], "since": [1000.0, 0.0, 0.0]},
            attempts={"node": [0, 1], "step": [1, 2]},
        )  # fmt: skip
        assert wide_steps(farm, cost_of(farm), Rules()).tolist() == [False, wide, wide]


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_ends_looked_at_piece_by_piece_keep_the_same_nodes(seed, piece):
    """Ends come together in threes, so that pieces end among equals; steps of many sizes lack several places."""
    rng = np.random.default_rng(seed)
    nodes, steps, attempts = 30, 6, 80
    cores = np.column_stack([rng.integers(1, 9, steps), rng.integers(1, 20_000, steps), *np.zeros((3, steps))])
    farm = snapshot_of(
        now=1e6, nodes={"node_class": np.zeros(nodes, int)},
        steps={"job": np.zeros(steps, int), "request": cores, "waiting": np.full(steps, 9), "since": np.zeros(steps)},
        attempts={"node": rng.integers(0, nodes, attempts), "step": rng.integers(0, steps, attempts)},
    )  # fmt: skip
    remaining, lacks = rng.integers(0, 27, attempts) * 10.0, rng.integers(0, 4, steps)
    asked = (farm, cost_of(farm), Rules(), remaining, np.arange(steps), lacks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reserving, "_BLOCK", piece)
        piecewise = reserve(*asked)
    at_once = reserve(*asked)

    assert piecewise.step.tolist() == at_once.step.tolist()
    assert piecewise.ready.tolist() == at_once.ready.tolist()
    assert (at_once.step != NONE).any()
