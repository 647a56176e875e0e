"""What presses: forecasts in their turn, premium clients that collide, overload, and the laws of outlooks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.scheduling.plan import Outlooks
from placement.scheduling.rules import Rules
from placement.scheduling.urgency import Urgency, assess
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of


def outlooks(deadline: float, nodes: int = 2, frames: int = 80, ahead: int = 40) -> Outlooks:
    farm = snapshot_of(
        nodes={"node_class": [0] * nodes}, jobs={"deadline": [deadline, 300.0]},
        steps={"job": [0, 1], "waiting": [frames, ahead]},
    )  # fmt: skip
    return assess(farm, cost_of(farm, 60.0), Rules(), farm.worth() * farm.clients.limit).outlooks


def premium(deadlines: list[float], values: list[float], held: list[bool] | None = None) -> Urgency:
    rows = len(deadlines)
    farm = snapshot_of(
        nodes={"node_class": [0] * 4}, clients=clients_of(guarantee=[0.5, 0.5]),
        jobs={"deadline": deadlines, "value": values, "client": np.arange(rows) % 2, "held": held or [False] * rows},
        steps={"job": np.arange(rows), "waiting": [160] * rows},
    )  # fmt: skip
    return assess(farm, cost_of(farm, 60.0), Rules(), farm.worth() * farm.clients.guarantee)


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 12), st.floats(200, 4000))
def test_more_capacity_never_lowers_the_chance_to_be_on_time(nodes: int, more: int, deadline: float) -> None:
    few, many = (outlooks(deadline, count).on_time[0] for count in (nodes, nodes + more))

    assert many >= few - 0.03


@settings(deadline=None)
@given(st.floats(100, 4000), st.floats(0, 4000))
def test_a_later_deadline_never_lowers_slack_by_more_than_what_then_goes_first(deadline: float, later: float) -> None:
    soon, late = outlooks(deadline, ahead=0), outlooks(deadline + later, ahead=0)

    assert late.slack[0] >= soon.slack[0] - 1e-6
    assert late.on_time[0] >= soon.on_time[0] - 1e-9


def test_premium_clients_with_the_same_deadline_are_judged_each_within_its_own_guarantee() -> None:
    found = premium([700.0, 700.0], [1.0, 9.0])

    assert found.outlooks.given_up.tolist() == [False, False]
    assert np.ptp(found.outlooks.finish) < 1.0


def test_deadlines_of_a_premium_client_that_collide_cost_the_least_value() -> None:
    found = premium([800.0, 800.0, 800.0], [1.0, 1.0, 5.0])

    assert found.outlooks.given_up.tolist() == [True, False, False]
    assert found.admission.conflicts(0).tolist() == [2]
    assert found.admission.needed(0) > 0
    assert found.outlooks.finish[0] > found.outlooks.finish[2]
    assert found.outlooks.earliest[0] < found.outlooks.finish[0]


def test_a_held_job_stands_in_nobodys_way() -> None:
    found = premium([800.0, 800.0, 800.0], [1.0, 1.0, 5.0], held=[False, False, True])

    assert found.outlooks.given_up.tolist() == [False, False, False]
    assert not found.ranking.danger[2]


def test_an_infeasible_job_is_said_at_once_and_leaves_the_others_alone() -> None:
    alone, beside = premium([5000.0, 800.0], [1.0, 1.0]), premium([5000.0, 800.0, 30.0], [1.0, 1.0, 99.0])

    assert beside.admission.hopeless.tolist() == [False, False, True]
    assert np.allclose(beside.outlooks.slack[:2], alone.outlooks.slack)


def test_extreme_overload_keeps_as_many_deadlines_as_fit() -> None:
    found = premium(list(np.linspace(700, 1400, 40)), [1.0] * 40)

    kept = ~found.outlooks.given_up
    assert 2 <= kept.sum() <= 6
    assert found.ranking.order[: kept.sum()].tolist() == np.flatnonzero(kept).tolist()


def test_steps_that_fit_only_scarce_nodes_share_those() -> None:
    offer = [[8, 32768, 0, 0, 1e5], [8, 32768, 1, 24576, 1e5]]
    farm = snapshot_of(
        classes=classes_of(offer=offer), nodes={"node_class": [0] * 9 + [1]}, jobs={"deadline": [700.0, 700.0]},
        steps={"job": [0, 1], "waiting": [8, 8], "request": [[1, 1024, 1, 8192, 0]] * 2},
    )  # fmt: skip

    found = assess(farm, cost_of(farm, 60.0), Rules(), farm.worth() * farm.clients.limit)

    assert found.outlooks.given_up.sum() == 1
    assert assess(farm, cost_of(farm, 30.0), Rules(), farm.worth() * farm.clients.limit).outlooks.given_up.sum() == 0


def test_a_project_is_bound_by_the_limit_of_its_client() -> None:
    farm = snapshot_of(
        nodes={"node_class": [0] * 10}, clients=clients_of(parent=[-1, 0], limit=[0.1, 1.0]), jobs={"client": [1]},
        steps={"waiting": [80]},
    )  # fmt: skip

    assert assess(farm, cost_of(farm, 60.0), Rules(), np.full(2, farm.worth())).outlooks.earliest[0] > 590


def test_a_calm_job_is_expected_behind_the_work_that_passes_it_and_in_time_all_the_same() -> None:
    for frames, passed in ((40, True), (4000, False)):
        farm = snapshot_of(
            jobs={"deadline": [9000.0, np.inf], "importance": [1.0, 500.0 if frames > 40 else 1.0]},
            steps={"job": [0, 1], "waiting": [80, frames]},
        )  # fmt: skip
        found = assess(farm, cost_of(farm, 60.0), Rules(emergency=1000.0), farm.worth() * farm.clients.limit)

        assert found.ranking.order.tolist() == [1, 0]
        assert not found.ranking.danger[0]
        expected = 120 * 60 / 8 if passed else 0.9 * 9000
        assert abs(found.outlooks.finish[0] - expected) < 60
        assert found.outlooks.on_time[0] > 0.99
        assert found.outlooks.slack[0] > 8000


def test_deadlines_of_work_on_gpus_are_not_given_up_for_room_that_other_work_cannot_use() -> None:
    offer = [[8, 65536, 0, 0, 0], [8, 65536, 1, 16384, 0]]
    farm = snapshot_of(
        classes=classes_of(offer=offer, worth=[8.0, 200.0]), nodes={"node_class": [0, 1]},
        jobs={"deadline": [700.0, 700.0, 700.0], "value": [1.0, 5.0, 5.0]},
        steps={
            "job": [0, 1, 2], "waiting": [9, 80, 80],
            "request": [[1, 1024, 1, 1024, 0], [1, 1024, 0, 0, 0], [1, 1024, 0, 0, 0]],
        },
    )  # fmt: skip
    cost = cost_of(farm, [[np.inf, 60.0], [100.0, 100.0], [100.0, 100.0]], spread=[0.01] * 3, common=[0.01] * 3)

    found = assess(farm, cost, Rules(), farm.worth() * farm.clients.limit).outlooks

    assert not found.given_up[0]
    assert found.given_up[1:].sum() == 1


def test_long_frames_that_may_end_late_have_less_to_spare_than_what_is_foreseen_well() -> None:
    farm = snapshot_of(nodes={"node_class": [0] * 4}, jobs={"deadline": [7200.0]}, steps={"waiting": [32]})

    sure, unsure = (
        assess(farm, cost_of(farm, 1200.0, common=[error]), Rules(), farm.worth() * farm.clients.limit)
        for error in (0.01, 0.3)
    )

    assert not unsure.outlooks.given_up.any()
    assert unsure.admission.due == sure.admission.due
    assert unsure.standing.spare[0] < sure.standing.spare[0] - 0.05
