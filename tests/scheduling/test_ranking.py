"""Who goes first: emergencies, previews, what is in danger, then short work, and long work in the end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.scheduling.plan import Reason
from placement.scheduling.ranking import patience_of, rank
from placement.scheduling.rules import Rules
from placement.scheduling.urgency import Urgency, assess
from placement.testing.planner_farms import cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot
from tests.scheduling.list_farm import by_deadline, by_rank, completed, drawn

NEVER = np.inf


def seen(now: float = 0.0, **tables: dict[str, object]) -> Urgency:
    farm = snapshot_of(now=now, **tables)  # type: ignore[arg-type]
    return assess(farm, cost_of(farm, 60.0), Rules(), farm.worth() * farm.clients.limit)


def test_emergencies_go_before_previews_before_danger_before_the_rest() -> None:
    found = seen(
        jobs={"deadline": [NEVER, 700.0, NEVER, NEVER], "importance": [1, 1, 1, 100]},
        steps={"job": [0, 1, 2, 3], "waiting": [1, 50, 1, 9], "preview_due": [np.nan, np.nan, 60.0, np.nan]},
    ).ranking

    assert found.order.tolist() == [3, 2, 1, 0]
    assert found.danger.tolist() == [False, True, False, True]
    assert found.reason.tolist() == [Reason.SHARE, Reason.URGENT, Reason.PREVIEW, Reason.URGENT]


def test_without_deadlines_short_and_important_work_goes_first() -> None:
    found = seen(jobs={"importance": [1, 1, 10]}, steps={"job": [0, 1, 2], "waiting": [40, 10, 50]}).ranking

    assert found.order.tolist() == [2, 1, 0]


def test_a_deadline_far_away_lets_short_work_pass_and_one_near_does_not() -> None:
    steps = {"job": [0, 1], "waiting": [40, 40]}

    far, near = (seen(jobs={"deadline": [due, NEVER]}, steps=steps).ranking.order for due in (1e6, 500.0))

    assert far.tolist() == [1, 0]
    assert near.tolist() == [0, 1]


def test_a_given_up_job_goes_after_the_deadlines_that_can_be_met() -> None:
    found = seen(jobs={"deadline": [400.0, 420.0], "value": [1.0, 9.0]}, steps={"job": [0, 1], "waiting": [40, 40]})

    assert found.outlooks.given_up.tolist() == [True, False]
    assert found.ranking.order.tolist() == [1, 0]


def test_what_has_waited_long_enough_gets_a_frame_before_shorter_work() -> None:
    rules = Rules()
    patience = float(patience_of(rules, np.array([64.0]))[0])
    steps = {"job": [0, 1], "waiting": [64, 1]}

    before, after = (
        seen(now=patience + 1, steps={**steps, "since": [since, patience + 1]}).ranking for since in (patience, 0.0)
    )

    assert before.order.tolist() == [1, 0]
    assert after.order.tolist() == [0, 1]
    assert after.danger.tolist() == [True, False]


@given(st.floats(1, 1e6), st.floats(60, 1e6))
def test_no_work_waits_for_its_turn_longer_than_its_size_says(frames: float, ageing: float) -> None:
    patience = float(patience_of(Rules(ageing=ageing), np.array([frames]))[0])

    assert ageing <= patience <= ageing * max(np.log2(frames), 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_keys_are_a_permutation_and_the_same_every_time(seed: int) -> None:
    farm, cost = random_snapshot(seed)
    entitled = farm.worth() * farm.clients.limit

    one, other = (assess(farm, cost, Rules(), entitled) for _ in range(2))

    assert sorted(one.ranking.key.tolist()) == list(range(farm.steps.count))
    np.testing.assert_array_equal(one.ranking.key, other.ranking.key)
    assert rank(farm, cost, Rules(), one.outlooks).key.shape == (farm.steps.count,)
    assert not np.isnan(one.outlooks.finish).any()
    assert ((one.outlooks.on_time >= 0) & (one.outlooks.on_time <= 1)).all()


@pytest.mark.slow
def test_all_deadlines_are_met_in_underload_and_undated_work_ends_sooner_than_by_deadline() -> None:
    on_time, undated = [], {by_rank: 0.0, by_deadline: 0.0}

    for seed in range(2):
        case = drawn(seed, 30, 6, 0.8)
        for order in undated:
            end = completed(case, order, seed=seed)
            dated = np.isfinite(case.deadline)
            undated[order] += float((end - case.release)[~dated].mean())
            if order is by_rank:
                on_time.append((end <= case.deadline)[dated].mean())

    assert np.mean(on_time) >= 0.97
    assert undated[by_rank] < 0.9 * undated[by_deadline]


def test_of_equal_deadlines_those_go_first_that_are_worth_most_for_their_work_then_the_important() -> None:
    jobs = {"deadline": [900.0] * 4, "value": [4.0, 9.0, 9.0, 9.0], "importance": [1, 1, 4, 4]}
    found = seen(jobs=jobs, steps={"job": [0, 1, 2, 3], "waiting": [20, 20, 20, 60]}).ranking

    assert found.danger.all()
    assert found.order.tolist() == [2, 1, 0, 3]


def test_a_later_deadline_goes_first_that_is_worth_more_where_there_is_hardly_time_for_both() -> None:
    pressed, at_ease = (
        seen(
            jobs={"deadline": [900.0, 1000.0], "value": [1.0, 9.0]},
            steps={"job": [0, 1], "waiting": [waiting, waiting]},
        )
        for waiting in (55, 10)
    )

    assert not pressed.outlooks.given_up.any()
    assert pressed.ranking.order.tolist() == [1, 0]
    assert at_ease.standing.by.tolist() == [900.0, 1000.0]
