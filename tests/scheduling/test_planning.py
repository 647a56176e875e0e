"""Whole decisions: who may start where it is dear."""

from __future__ import annotations

from typing import Any

import numpy as np

from placement.farm.clients import Lending
from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling import explain
from placement.scheduling.explain import MEANING
from placement.scheduling.plan import Plan, Reason
from placement.scheduling.planning import plan
from placement.scheduling.pricing import pays
from placement.scheduling.rules import Aim, Rules
from placement.scheduling.shares import used
from placement.scheduling.urgency import assess
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of

HOUR = 3600.0


def beside_a_full_class(now: float = 5 * HOUR, guarantee: float = 0.0, **jobs: Any) -> Plan:
    """Return what is decided where the fast node is full for 95 s and a free one takes 180 s a frame instead of 100."""
    farm = snapshot_of(
        now=now, classes=classes_of(names=["fast", "slow"]), nodes={"node_class": [0, 1]},
        clients=clients_of(guarantee=[0.0, guarantee]), jobs={"client": [0, 1], **jobs},
        steps={"job": [0, 1], "waiting": [0, 4], "since": [now, 5 * HOUR]},
        attempts={"step": np.zeros(8, int), "node": np.zeros(8, int), "started": np.full(8, now - 5)},
    )  # fmt: skip
    return plan(farm, cost_of(farm, [[100.0, 180.0], [100.0, 180.0]]), Rules())


def test_work_whose_deadline_is_far_waits_for_a_much_better_class() -> None:
    assert not len(beside_a_full_class(deadline=[np.inf, 50 * HOUR]).starts.step)


def test_work_without_a_deadline_takes_any_class_on_which_it_ends_sooner() -> None:
    assert beside_a_full_class().starts.node.tolist() == [1] * 4


def test_work_in_danger_takes_any_class_on_which_it_ends_sooner() -> None:
    assert beside_a_full_class(deadline=[np.inf, 5 * HOUR + 190]).starts.node.tolist() == [1] * 4


def test_what_is_guaranteed_starts_on_any_class_on_which_it_ends_sooner() -> None:
    assert beside_a_full_class(guarantee=0.125, deadline=[np.inf, 50 * HOUR]).starts.node.tolist() == [1] * 2


def test_what_waited_for_a_better_class_for_long_enough_starts_elsewhere() -> None:
    starved = beside_a_full_class(now=14 * HOUR, deadline=[np.inf, 50 * HOUR])

    assert starved.starts.node.tolist()[:1] == [1]


def test_room_that_is_never_lent_is_no_room_for_an_emergency() -> None:
    farm = snapshot_of(
        now=1000.0, clients=clients_of(guarantee=[0.5, 0.0], lending=[int(Lending.NEVER), int(Lending.FRAME)]),
        jobs={"client": [1, 1], "importance": [1.0, 150.0]},
        steps={"job": [0, 1], "waiting": [0, 4], "since": [1000.0, 1000.0]},
        attempts={"step": np.zeros(4, int), "node": np.zeros(4, int), "started": np.full(4, 800.0)},
    )  # fmt: skip

    decided = plan(farm, cost_of(farm, [[5000.0], [200.0]]), Rules())

    assert not len(decided.starts.step)
    assert sorted(decided.stops.attempt.tolist()) == [0, 1, 2, 3]
    assert decided.stops.now.all()


def where_memory_and_cores_are_shared(waiting: int, never_lent: float, guarantee: float = 0.0) -> FarmSnapshot:
    """Three nodes of 8 cores and 32 GiB, two taken by frames of 6 cores and of 24 GiB beside each other.

    Client 0 never lends and wants nothing, client 1 wants frames of one core, what runs is client 2's.
    """
    return snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0, 0]}, jobs={"client": [2, 2, 1]},
        clients=clients_of(
            guarantee=[never_lent, guarantee, 0.0], lending=[int(Lending.NEVER), *[int(Lending.FRAME)] * 2]
        ),
        steps={
            "job": [0, 1, 2], "waiting": [0, 0, waiting],
            "request": [[6, 4096, 0, 0, 0], [2, 24576, 0, 0, 0], [1, 1024, 0, 0, 0]],
        },
        attempts={"step": [0, 1, 0, 1], "node": [0, 0, 1, 1], "started": np.full(4, 900.0)},
    )  # fmt: skip


def test_who_shares_nodes_well_leaves_free_what_is_never_lent_and_no_more() -> None:
    farm = where_memory_and_cores_are_shared(20, never_lent=0.25)

    decided = plan(farm, cost_of(farm, 600.0), Rules())

    assert used(farm)[2] == farm.worth()  # though a third of it is free
    assert decided.starts.step.tolist() == [2, 2]
    assert Reason(int(decided.waits.reason[2])) is Reason.PARTITION


def test_what_is_guaranteed_starts_though_too_little_is_free_of_what_others_never_lend() -> None:
    for guarantee, starts in ((0.0, 0), (0.5, 4)):
        farm = where_memory_and_cores_are_shared(4, never_lent=0.45, guarantee=guarantee)
        assert len(plan(farm, cost_of(farm, 600.0), Rules()).starts.step) == starts


def where_power_differs(aim: Aim, deadline: float, guarantee: float = 0.0) -> list[int]:
    """Return the nodes on which 12 frames start that are as quick on a node that draws 300 W as on one of 600 W."""
    farm = snapshot_of(
        classes=classes_of(names=["new", "old"], busy_watts=[300.0, 600.0]), nodes={"node_class": [0, 1]},
        jobs={"deadline": [deadline]}, steps={"waiting": [12]}, clients=clients_of(guarantee=[guarantee]),
    )  # fmt: skip
    return sorted(plan(farm, cost_of(farm, 60.0), Rules(aim=aim)).starts.node.tolist())


def test_who_waits_for_a_better_node_while_another_is_free_or_asleep_says_so() -> None:
    for state, aim, reason in (
        (NodeState.UP, Aim.CARBON, Reason.BETTER_NODE), (NodeState.ASLEEP, Aim.CARBON, Reason.BETTER_NODE),
        (NodeState.DOWN, Aim.CARBON, Reason.OTHERS_FIRST), (NodeState.UP, Aim.BALANCED, Reason.OTHERS_FIRST),
    ):  # fmt: skip
        farm = snapshot_of(
            classes=classes_of(names=["new", "old"], busy_watts=[300.0, 600.0]), steps={"waiting": [20]},
            nodes={"node_class": [0, 1], "state": [NodeState.UP, state]}, jobs={"deadline": [9000.0]},
        )  # fmt: skip
        decided = plan(farm, cost_of(farm, 60.0), Rules(aim=aim))
        assert Reason(int(decided.waits.reason[0])) is reason, (state, aim)
        assert MEANING[reason] in explain.why(farm, decided, 0)


def test_who_saves_carbon_lets_guaranteed_work_wait_as_well_while_its_deadline_has_time() -> None:
    for aim, deadline, on_old in ((Aim.CARBON, 9000.0, 0), (Aim.CARBON, 80.0, 4), (Aim.BALANCED, 9000.0, 4)):
        assert where_power_differs(aim, deadline, guarantee=1.0).count(1) == on_old, (aim, deadline)


def test_nobody_is_interrupted_for_guaranteed_work_that_waits_for_a_thriftier_node() -> None:
    for aim, deadline, stopped in ((Aim.CARBON, 90000.0, []), (Aim.BALANCED, 90000.0, [1]), (Aim.CARBON, 80.0, [1])):
        farm = snapshot_of(
            now=1000.0, nodes={"node_class": [0, 1]},
            classes=classes_of(names=["new", "old"], busy_watts=[300.0, 900.0]),
            clients=clients_of(guarantee=[0.0, 0.75], lending=[int(Lending.FRAME), int(Lending.NEVER)]),
            jobs={"client": [0, 1], "deadline": [np.inf, 1000.0 + deadline]},
            steps={"job": [0, 1], "request": np.tile([8, 1024, 0, 0, 0], (2, 1)), "waiting": [0, 2],
                   "since": [900.0, 900.0]},
            attempts={"step": [1, 0], "node": [0, 1], "started": [995.0, 800.0]},
        )  # fmt: skip
        stops = plan(farm, cost_of(farm, [[3000.0, 3000.0], [60.0, 60.0]]), Rules(aim=aim)).stops
        assert stops.attempt[stops.now].tolist() == stopped, (aim, deadline)


def test_who_saves_carbon_lets_work_wait_though_others_behind_it_are_in_danger() -> None:
    farm = snapshot_of(
        classes=classes_of(names=["new", "old"], busy_watts=[300.0, 600.0]), nodes={"node_class": [0, 1]},
        jobs={"deadline": [300.0, 400.0]}, steps={"job": [0, 1], "waiting": [12, 60]},
    )  # fmt: skip
    seen = assess(farm, cost_of(farm, 60.0), Rules(aim=Aim.CARBON), farm.worth() * farm.clients.limit)

    assert seen.ranking.danger.tolist() == [True, True]
    assert seen.ranking.hurried.tolist() == [False, True]
    found = pays(farm, Rules(aim=Aim.CARBON), seen.outlooks, seen.ranking)
    assert found[0] < np.inf
    assert found[1] == np.inf
    assert pays(farm, Rules(), seen.outlooks, seen.ranking).tolist() == [np.inf, np.inf]


def test_who_saves_carbon_runs_slowly_where_nobody_waits_and_fast_where_the_queue_is_long() -> None:
    eco = classes_of(
        names=["new", "old"], busy_watts=[300.0, 900.0], speed=[[1.0, 0.8]] * 2, draw=[[1.0, 0.6]] * 2
    )  # fmt: skip
    modes = []
    for waiting in (16, 200):
        farm = snapshot_of(
            classes=eco, nodes={"node_class": [0, 1]}, jobs={"deadline": [9000.0]}, steps={"waiting": [waiting]}
        )
        starts = plan(farm, cost_of(farm, [[600.0, 900.0]]), Rules(aim=Aim.CARBON)).starts
        modes.append({int(mode) for mode in starts.mode[starts.node == 0]})

    assert modes == [{1}, {0}]


def test_who_saves_carbon_lets_work_wait_for_a_node_that_draws_little_while_there_is_time() -> None:
    for aim, deadline, on_old in (
        (Aim.CARBON, 9000.0, 0), (Aim.CARBON, 130.0, 0), (Aim.CARBON, 80.0, 4), (Aim.BALANCED, 9000.0, 4),
        (Aim.CARBON, np.inf, 0),
    ):  # fmt: skip
        assert where_power_differs(aim, deadline).count(1) == on_old, (aim, deadline)
