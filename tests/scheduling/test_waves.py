"""Waves: who has time takes a part of the room and keeps to it, who has none takes all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.following import Queue, successors
from placement.scheduling.planning import plan
from placement.scheduling.rules import Rules
from placement.scheduling.urgency import assess
from placement.scheduling.waves import abreast, farm_seconds, reach, waves_of
from placement.testing.planner_farms import cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot

EACH = st.tuples(st.floats(1, 4), st.integers(0, 200), st.integers(0, 50))


def waves(farm, cost):
    seen = assess(farm, cost, Rules(), farm.worth() * farm.clients.limit)
    return waves_of(farm, cost, Rules(), seen.outlooks, seen.ranking), seen


def two_jobs(deadlines=(900.0, 1500.0), warmth=1.0, **columns):
    """Return two jobs of 40 frames of 60 s on two nodes of 8 slots."""
    farm = snapshot_of(
        nodes={"node_class": [0, 0]}, steps={"job": [0, 1], "waiting": [40, 40]},
        jobs={"deadline": list(deadlines), **columns},
    )  # fmt: skip
    return farm, cost_of(farm, 60.0, warmth=warmth)


@pytest.mark.parametrize("columns", [{"warmth": 0.0}, {"deadlines": (np.inf, np.inf)}, {"importance": [200.0, 200.0]}])
def test_who_saves_nothing_or_must_not_wait_begins_all_at_once(columns):
    assert waves(*two_jobs(**columns))[0].tolist() == [1.0, 1.0]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=9), st.floats(0, 120))
def test_work_without_a_deadline_has_as_many_waves_as_cost_what_they_save(waiting, startup):
    rows = np.arange(len(waiting))
    farm = snapshot_of(
        steps={"job": rows, "waiting": waiting, "startup": np.full(len(rows), startup)},
        jobs={"deadline": np.full(len(rows), np.inf)},
    )  # fmt: skip
    found = waves(farm, cost_of(farm, 60.0, warmth=0.5))[0]

    own = farm_seconds(farm, cost_of(farm, 60.0), farm.steps.waiting)
    loads = 0.5 * startup / 60.0 * own.sum()

    def saved(many: float, alone: float) -> float:
        return float((1 - 1 / many) * loads / 2 - (many - 1) * alone / 2)

    for many, alone in zip(found.tolist(), np.maximum(own, 60.0).tolist(), strict=True):
        assert 1 <= many <= 8
        assert saved(many, alone) >= max(saved(other, alone) for other in np.linspace(1, 8, 99)) - 1e-9


def test_the_more_slack_the_more_waves_and_late_work_has_one():
    few, more, late = (waves(*two_jobs(deadlines=(due, 490.0)))[0][0] for due in (400.0, 480.0, 30.0))
    assert late == 1 < few < more < 4


@given(st.integers(0, 10**6))
def test_on_any_farm_there_are_few_waves_and_one_where_somebody_waits_to_see_or_calm_work_is_due(seed):
    farm, cost = random_snapshot(seed)
    found, seen = waves(farm, replace(cost, warmth=0.5))
    undated = np.isinf(farm.jobs.deadline)[farm.steps.job] & ~seen.ranking.danger
    assert ((found >= 1) & (found <= np.where(undated, 8, 4))).all()
    assert (found[seen.ranking.preview | ~(seen.ranking.danger | undated)] == 1).all()


@given(st.lists(EACH, min_size=1, max_size=9))
def test_who_begins_abreast_is_done_in_its_waves_and_never_more_than_wait(steps):
    many, waiting, running = (np.array(column) for column in zip(*steps, strict=True))
    more = abreast(many, waiting, running)
    assert ((more >= 0) & (more <= waiting)).all()
    some = waiting + running > 0
    done = np.maximum(more + running, 1) * np.where(many > 1, many, np.inf)
    assert (done[some] * (1 + 1e-9) >= np.where(many > 1, waiting + running, 0)[some]).all()
    assert (more[many == 1] == waiting[many == 1]).all()


@given(st.permutations(range(6)), st.lists(st.floats(0, 2000), min_size=6, max_size=6), st.floats(1, 4))
def test_nobody_reaches_further_forward_than_behind_its_own_place(order, seconds, many):
    order, seconds = np.array(order), np.array(seconds)
    first = reach(order, seconds, np.full(6, many))
    assert (first[order] >= np.arange(6)).all()
    assert (np.diff(first[order]) >= 0).all()
    gap = np.cumsum(seconds[order])[np.minimum(first[order], 5)] - np.cumsum(seconds[order])
    assert many == 1 or (gap[first[order] < 6] > 900).all()


@pytest.mark.parametrize(
    ("deadlines", "warmth", "shared"),
    [((480.0, 490.0), 1.0, True), ((250.0, 460.0), 1.0, False), ((480.0, 490.0), 0.0, False)],
)
def test_two_steps_with_time_share_the_room_and_in_a_hurry_or_without_gain_the_first_takes_it(
    deadlines, warmth, shared
):
    starts = np.bincount(plan(*two_jobs(deadlines=deadlines, warmth=warmth), Rules()).starts.step, minlength=2)
    assert starts.sum() == 16
    assert (starts.min() > 0) == shared


def test_a_place_goes_on_with_its_scene_while_the_first_in_line_has_time():
    farm = snapshot_of(
        steps={"waiting": [5, 5]}, attempts={"node": [0, 1], "step": [1, 1]}, nodes={"node_class": [0, 0]}
    )
    order, waiting = np.array([0, 1]), np.array([5, 5])
    for many, expected in ((1.0, [0, 0]), (3.0, [1, 1])):
        first = reach(order, np.full(2, 100.0), np.full(2, many))
        queue = Queue(order=order, waiting=waiting, wanted=np.ones((2, 1), bool), reach=first)
        assert successors(farm, 30.0, queue, np.zeros(2), np.zeros(2, bool)).tolist() == expected
