"""Successors fit in the place they take, the first in the queue comes first, nothing follows on closed nodes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.following import Bounds, Queue, Spare, successors
from placement.testing.planner_farms import clients_of, snapshot_of

INTERVAL = 30.0


def drawn(seed, steps, count):
    rng = np.random.default_rng(seed)
    cores = rng.integers(1, 4, steps).astype(float)
    request = np.column_stack([cores, 1024.0 * rng.integers(1, 4, steps), *(np.zeros(steps) for _ in range(3))])
    waiting = rng.integers(0, 4, steps)
    licence = rng.integers(-1, 2, steps)
    farm = snapshot_of(
        steps={"request": request, "waiting": waiting, "licence": licence},
        attempts={"node": np.arange(count), "step": rng.integers(0, steps, count)},
        nodes={"node_class": np.zeros(count)},
        licences=[9, 9],
    )
    order = rng.permutation(steps)[: rng.integers(0, steps + 1)]
    queue = Queue(order=order, waiting=waiting, wanted=rng.random((steps, 1)) < 0.8)
    return farm, queue, rng.uniform(0, 200, count), rng.random(count) < 0.2


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 12))
def test_successors_fit_in_the_place_they_take(seed, steps, count):
    farm, queue, remaining, closed = drawn(seed, steps, count)
    follow = successors(farm, INTERVAL, queue, remaining, closed)
    assert (follow[closed] == -1).all()
    some = np.flatnonzero(follow >= 0)
    own = farm.attempts.step[some]
    assert (farm.steps.request[follow[some]] <= farm.steps.request[own]).all()
    licence = farm.steps.licence[follow[some]]
    assert ((licence == -1) | (licence == farm.steps.licence[own])).all()
    assert (queue.waiting[follow[some]] > 0).all()
    assert np.isin(follow[some], queue.order).all()
    changed = follow[some] != own
    assert queue.wanted[follow[some][changed], 0].all()


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 12))
def test_nobody_follows_who_ranks_behind_a_step_that_could_go_on_itself(seed, steps, count):
    farm, queue, remaining, closed = drawn(seed, steps, count)
    follow = successors(farm, INTERVAL, queue, remaining, closed)
    rank = {int(row): at for at, row in enumerate(queue.order)}
    for attempt in np.flatnonzero(follow >= 0):
        own = int(farm.attempts.step[attempt])
        if queue.waiting[own] > 0 and own in rank:
            assert rank[int(follow[attempt])] <= rank[own]


def test_who_ends_late_goes_on_with_its_own_step():
    farm = snapshot_of(
        steps={"waiting": [5, 5]}, attempts={"node": [0, 1], "step": [1, 1]}, nodes={"node_class": [0, 0]}
    )
    queue = Queue(order=np.array([0, 1]), waiting=np.array([5, 5]), wanted=np.ones((2, 1), bool))
    follow = successors(farm, INTERVAL, queue, np.array([10.0, 1000.0]), np.zeros(2, bool))
    assert follow.tolist() == [0, 1]


def test_a_step_with_one_frame_is_offered_little_more_than_one_place():
    farm = snapshot_of(
        steps={"waiting": [1, 9]}, attempts={"node": [0, 1, 2], "step": [1, 1, 1]}, nodes={"node_class": [0, 0, 0]}
    )
    queue = Queue(order=np.array([0, 1]), waiting=np.array([1, 9]), wanted=np.ones((2, 1), bool))
    follow = successors(farm, INTERVAL, queue, np.zeros(3), np.zeros(3, bool))
    assert follow.tolist() == [0, 1, 1]


def bounds(**columns):
    plain = {
        "gain": [np.inf] * 2,
        "lose": [np.inf] * 2,
        "lend": [np.inf] * 2,
        "short": [0.0] * 2,
        "danger": [False] * 2,
    }
    return Bounds(**{name: np.array(column) for name, column in (plain | columns).items()})


def test_a_client_below_its_fair_share_takes_places_of_one_above_it_that_ranks_before():
    farm = snapshot_of(
        clients=clients_of(limit=[1.0, 1.0]), jobs={"client": [0, 1]}, steps={"job": [0, 1], "waiting": [9, 9]},
        attempts={"node": [0, 1, 2, 3], "step": [0, 0, 0, 0]}, nodes={"node_class": [0, 0, 0, 0]},
    )  # fmt: skip
    for danger, expected in ((False, [1, 1, 0, 0]), (True, [0, 0, 0, 0])):
        shares = bounds(lend=[2.0, 0.0], short=[0.0, 3.0], danger=[danger, False])
        spare = Spare(farm, np.ones((2, 1)), shares)
        queue = Queue(order=np.array([0, 1]), waiting=np.array([9, 9]), wanted=np.ones((2, 1), bool), spare=spare)

        assert successors(farm, INTERVAL, queue, np.zeros(4), np.zeros(4, bool)).tolist() == expected


def test_a_client_takes_others_places_only_as_far_as_its_limit_allows():
    farm = snapshot_of(
        clients=clients_of(limit=[1.0, 0.5]), jobs={"client": [0, 1]}, steps={"job": [0, 1], "waiting": [9, 9]},
        attempts={"node": [0, 1, 2, 3], "step": [0, 0, 1, 0]}, nodes={"node_class": [0, 0, 0, 0]},
    )  # fmt: skip
    spare = Spare(farm, np.ones((2, 1)), bounds(gain=[np.inf, 1.5]))
    queue = Queue(order=np.array([1, 0]), waiting=np.array([9, 9]), wanted=np.ones((2, 1), bool), spare=spare)

    follow = successors(farm, INTERVAL, queue, np.zeros(4), np.zeros(4, bool))

    assert follow.tolist() == [1, 0, 1, 0]


def test_a_client_loses_places_to_others_only_as_far_as_its_guarantee_allows():
    farm = snapshot_of(
        clients=clients_of(limit=[1.0, 1.0]), jobs={"client": [0, 1]}, steps={"job": [0, 1], "waiting": [9, 9]},
        attempts={"node": [0, 1, 2], "step": [0, 0, 0]}, nodes={"node_class": [0, 0, 0]},
    )  # fmt: skip
    spare = Spare(farm, np.ones((2, 1)), bounds(lose=[1.0, np.inf]))
    queue = Queue(order=np.array([1, 0]), waiting=np.array([9, 9]), wanted=np.ones((2, 1), bool), spare=spare)

    follow = successors(farm, INTERVAL, queue, np.zeros(3), np.zeros(3, bool))

    assert follow.tolist() == [1, 0, 0]


def test_a_place_is_left_to_who_needs_a_free_licence_that_it_does_not_hold():
    farm = snapshot_of(
        steps={"waiting": [9, 9], "licence": [0, -1]}, attempts={"node": [0, 1, 2], "step": [1, 1, 1]},
        nodes={"node_class": [0, 0, 0]}, licences=[2],
    )  # fmt: skip
    order, wanted = np.array([0, 1]), np.ones((2, 1), bool)
    for free, expected in (([2], [-1, -1, 1]), ([0], [1, 1, 1])):
        queue = Queue(order=order, waiting=np.array([9, 9]), wanted=wanted, licences=np.array(free))

        assert successors(farm, INTERVAL, queue, np.zeros(3), np.zeros(3, bool)).tolist() == expected


def test_smaller_frames_do_not_take_the_place_of_a_large_one_that_is_guarded_but_its_like_do():
    large, small = [4, 1024, 0, 0, 0], [1, 1024, 0, 0, 0]
    farm = snapshot_of(
        steps={"request": [small, large, large], "waiting": [9, 9, 9]},
        attempts={"node": [0, 1], "step": [2, 0]}, nodes={"node_class": [0, 0]},
    )  # fmt: skip
    no = np.zeros(3, bool)
    for order, guarded, waiting, expected in (
        ([0, 1, 2], no, [9, 9, 9], [0, 0]),
        ([0, 1, 2], no | [False, False, True], [9, 9, 9], [2, 0]),
        ([0, 1, 2], no | [False, True, True], [9, 9, 9], [1, 0]),  # as large, guarded, and ranks before
        ([0, 1, 2], no | [False, False, True], [9, 9, 0], [0, 0]),  # it waits for no more
    ):
        queue = Queue(order=np.array(order), waiting=np.array(waiting), wanted=np.ones((3, 1), bool), guarded=guarded)

        assert successors(farm, INTERVAL, queue, np.zeros(2), np.zeros(2, bool)).tolist() == expected
