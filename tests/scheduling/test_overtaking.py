"""Who is overtaken: its own client's work counts, others' when room is owed to it, nothing that came first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.overtaking import first_ones, in_turn, overtaken, owed
from placement.scheduling.planning import plan
from placement.scheduling.rules import Rules
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of

WIDE, NARROW = [8, 1024, 0, 0, 0], [1, 1024, 0, 0, 0]


def farm_of(*, since, started, clients=(0, 0), **rest):
    """A wide step waits, a frame of a narrow one runs."""
    return snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]}, jobs={"client": list(clients), "release": [0.0, 0.0]},
        clients=clients_of(guarantee=[0.0] * (1 + max(clients))),
        steps={"request": [WIDE, NARROW], "job": [0, 1], "waiting": [5, 50], "since": [since, started]},
        attempts={"node": [0], "step": [1], "started": [started]}, **rest,
    )  # fmt: skip


FIRST, LAST, NOT_OWED, OWED = np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.zeros(2, bool), np.array([True, False])


def passed(farm, key, owes=NOT_OWED, able=None):
    return overtaken(farm, np.ones((2, 1), bool) if able is None else able, key, owes).tolist()


def test_who_ranks_first_is_overtaken_by_what_began_since_it_waits():
    assert passed(farm_of(since=100.0, started=500.0), FIRST) == [True, False]


def test_who_ranks_behind_waits_for_its_turn():
    assert passed(farm_of(since=100.0, started=500.0), LAST) == [False, False]


def test_what_ran_before_it_waited_overtakes_nobody():
    assert passed(farm_of(since=500.0, started=100.0), FIRST) == [False, False]


def test_what_runs_where_it_could_not_run_overtakes_nobody():
    farm = farm_of(since=100.0, started=500.0)
    assert passed(farm, FIRST, able=np.array([[False], [True]])) == [False, False]


def test_another_client_overtakes_only_who_is_owed_room():
    farm = farm_of(since=100.0, started=500.0, clients=(0, 1))
    assert passed(farm, FIRST) == [False, False]
    assert passed(farm, FIRST, OWED) == [True, False]


def test_room_is_owed_below_the_guarantee_and_after_a_long_wait():
    farm = farm_of(since=100.0, started=500.0, clients=(0, 1))
    whole = farm.worth()
    half = np.array([whole / 2, 0.0])

    assert owed(farm, half, np.zeros(2), 1e6).tolist() == [True, True]
    assert owed(farm, half, np.array([0.0, 1.0]), 1e6).tolist() == [True, False]
    assert owed(farm, half, half + 1e-6, 1e6).tolist() == [False, False]
    assert owed(farm, half, half + 1e-6, 600.0).tolist() == [True, False]


def test_all_before_what_presses_come_first():
    order, pressing = np.array([2, 0, 1, 4]), np.array([True, False, False, True, True])
    assert first_ones(order, pressing).tolist() == [False, False, True, False, False]
    assert first_ones(order, np.zeros(5, bool)).tolist() == [True, True, True, False, True]
    assert first_ones(order[:0], pressing).tolist() == [False] * 5


def test_no_node_is_cleared_for_wide_frames_behind_more_urgent_narrow_ones():
    due = {"client": [0, 0], "release": [0.0, 0.0], "importance": [1.0, 1.0]}
    for deadlines, kept in (([4000.0, 2000.0], 0), ([2000.0, 4000.0], 1)):
        farm = snapshot_of(
            now=1000.0, nodes={"node_class": [0, 0]}, jobs={**due, "deadline": deadlines},
            steps={"request": [WIDE, NARROW], "job": [0, 1], "waiting": [5, 500], "since": [100.0, 990.0]},
            attempts={"node": [0, *[1] * 8], "step": [1] * 9, "started": np.full(9, 990.0)},
        )  # fmt: skip
        reserved = plan(farm, cost_of(farm, 60.0), Rules()).reserved
        assert (reserved == 0).sum() == kept


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 12), st.integers(0, 30))
def test_overtaken_is_what_looking_at_every_pair_finds(seed, clients, steps, count):
    rng = np.random.default_rng(seed)
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": rng.integers(0, 2, 4)}, clients=clients_of(guarantee=[0.0] * clients),
        classes=classes_of(offer=[[8, 32768, 0, 0, 0]] * 2), jobs={"client": rng.integers(0, clients, steps)},
        steps={
            "job": np.arange(steps), "waiting": rng.integers(0, 3, steps), "since": rng.integers(0, 9, steps) * 100.0,
        },
        attempts={
            "node": np.arange(count) % 4, "step": rng.integers(0, steps, count),
            "started": rng.integers(0, 9, count) * 100.0,
        },
    )  # fmt: skip
    able, key, owes = rng.random((steps, 2)) < 0.7, rng.permutation(steps).astype(float), rng.random(steps) < 0.3

    client, kind, found = farm.jobs.client, farm.nodes.node_class, np.zeros(steps, bool)
    for step in range(steps):
        for other, node, started in zip(farm.attempts.step, farm.attempts.node, farm.attempts.started, strict=True):
            behind = key[other] > key[step] and started > farm.steps.since[step] and able[step, kind[node]]
            found[step] |= behind and (owes[step] or client[other] == client[step])

    assert overtaken(farm, able, key, owes).tolist() == found.tolist()


@given(st.permutations(range(6)), st.lists(st.floats(0, 2000), min_size=6, max_size=6), st.integers(0, 6))
def test_whose_turn_it_is_are_the_first_of_the_order_and_the_very_first_is_always(order, seconds, listed):
    rows = np.array(order[:listed], np.int64)
    turn = in_turn(rows, np.array(seconds))

    assert not turn[order[listed:]].any()
    assert turn[rows][:1].all()
    assert (np.diff(turn[rows].astype(int)) <= 0).all()
