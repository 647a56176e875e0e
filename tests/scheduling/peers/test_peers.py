"""What each peer is known for, on farms small enough to see it."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.peers.earliest_deadline import earliest_deadline
from placement.scheduling.peers.easy_backfill import easy_backfill
from placement.scheduling.peers.epvm import epvm
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.peers.least_loaded import least_loaded
from placement.scheduling.peers.least_slack import least_slack
from placement.scheduling.peers.random import random
from placement.scheduling.peers.round_robin import round_robin
from placement.scheduling.plan import Plan, Planner, Reason
from placement.scheduling.rules import Rules
from placement.scheduling.within_guarantees import within_guarantees
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of
from tests.scheduling.whole_farm import real_size_farm

RULES = Rules()
PEERS: list[Planner] = [
    earliest_deadline, easy_backfill, epvm, fifo, least_loaded, least_slack, random, round_robin,
    partial(within_guarantees, earliest_deadline), partial(within_guarantees, least_slack),
]  # fmt: skip
ONE, WHOLE = [1, 0, 0, 0, 0], [8, 0, 0, 0, 0]
TWO_CLASSES = classes_of(offer=[[8, 32768, 0, 0, 0], [8, 32768, 0, 0, 0]])


def steps_of(plan: Plan, farm: FarmSnapshot) -> list[int]:
    return [int(each) for each in np.bincount(plan.starts.step, minlength=farm.steps.count)]


def nodes_of(plan: Plan, farm: FarmSnapshot) -> list[int]:
    return [int(each) for each in np.bincount(plan.starts.node, minlength=farm.nodes.count)]


@pytest.mark.parametrize("peer", [fifo, round_robin, least_loaded, earliest_deadline, least_slack])
def test_jobs_released_first_go_first_where_nothing_else_tells_them_apart(peer: Planner) -> None:
    farm = snapshot_of(steps={"job": [0, 1], "waiting": [8, 8]}, jobs={"release": [5.0, 0.0]})

    assert steps_of(peer(farm, cost_of(farm), RULES), farm) == [0, 8]


@pytest.mark.parametrize("peer", [earliest_deadline, least_slack])
def test_frames_go_where_they_are_fastest(peer: Planner) -> None:
    farm = snapshot_of(classes=TWO_CLASSES, nodes={"node_class": [0, 1]}, steps={"waiting": [10]})

    assert nodes_of(peer(farm, cost_of(farm, [[90.0, 30.0]]), RULES), farm) == [2, 8]


def test_the_first_node_that_fits_is_filled_first() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0, 0]}, steps={"waiting": [9]}, attempts={"node": [0]})

    assert nodes_of(fifo(farm, cost_of(farm), RULES), farm) == [7, 2, 0]


def test_load_is_levelled() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0, 0]}, steps={"waiting": [7]}, attempts={"node": [0, 0]})

    assert nodes_of(least_loaded(farm, cost_of(farm), RULES), farm) == [1, 3, 3]


def test_round_robin_goes_on_where_it_stopped() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0, 0]}, steps={"waiting": [1], "done": [4]})

    assert nodes_of(round_robin(farm, cost_of(farm), RULES), farm) == [0, 1, 0]


def test_lots_fall_differently_at_another_time() -> None:
    nodes = {"node_class": [0] * 30}
    first, later = (snapshot_of(now=now, nodes=nodes, steps={"waiting": [5]}) for now in (0.0, 1.0))

    one, other = (random(farm, cost_of(farm), RULES).starts.node for farm in (first, later))
    assert sorted(one.tolist()) != sorted(other.tolist())


def test_slack_counts_the_chain_of_steps_that_is_left() -> None:
    farm = snapshot_of(
        steps={"job": [0, 1, 1], "after": [-1, -1, 1], "waiting": [8, 8, 0], "blocked": [0, 0, 8]},
        jobs={"deadline": [900.0, 1000.0]},
    )
    cost = cost_of(farm, [[60.0], [60.0], [800.0]])

    assert steps_of(least_slack(farm, cost, RULES), farm) == [0, 8, 0]
    assert steps_of(earliest_deadline(farm, cost, RULES), farm) == [8, 0, 0]


@pytest.mark.parametrize("peer", PEERS)
def test_a_project_stays_within_the_limit_of_its_client(peer: Planner) -> None:
    clients = clients_of(parent=[-1, 0, -1], limit=[0.25, 1.0, 1.0])
    farm = snapshot_of(nodes={"node_class": [0, 0]}, clients=clients, jobs={"client": [1]}, steps={"waiting": [9]})

    assert len(peer(farm, cost_of(farm), RULES).starts.step) == 4


@pytest.mark.parametrize("peer", PEERS)
def test_a_static_partition_is_a_limit(peer: Planner) -> None:
    clients = clients_of(guarantee=[0.5], lending=[Lending.STATIC])
    farm = snapshot_of(nodes={"node_class": [0, 0]}, clients=clients, steps={"waiting": [20]})

    assert len(peer(farm, cost_of(farm), RULES).starts.step) == 8


@pytest.mark.parametrize("peer", PEERS)
def test_a_dear_class_is_passed_over_by_a_client_that_can_only_hold_a_cheap_one(peer: Planner) -> None:
    classes = classes_of(offer=[[1, 32768, 0, 0, 0], [8, 32768, 0, 0, 0]], worth=[10.0, 8.0])
    farm = snapshot_of(classes=classes, nodes={"node_class": [0, 1]}, clients=clients_of(limit=[0.12]),
                       steps={"waiting": [5], "request": [ONE]})  # fmt: skip

    assert nodes_of(peer(farm, cost_of(farm), RULES), farm) == [0, 2]


def easy_farm(**steps: list[float]) -> FarmSnapshot:
    return snapshot_of(
        nodes={"node_class": [0, 0]}, jobs={"priority": [90.0, 50.0, 10.0]},
        steps={"job": [0, 1, 2], "request": [WHOLE, ONE, ONE], "waiting": [1, 4, 4], **steps},
        attempts={"step": [1, 1, 1], "node": [0, 1, 1], "started": [-20.0, -50.0, 0.0]},
    )  # fmt: skip


def test_easy_keeps_the_node_that_is_free_first_and_lets_in_what_ends_before() -> None:
    farm = easy_farm()
    plan = easy_backfill(farm, cost_of(farm, [[60.0], [60.0], [30.0]]), RULES)

    assert plan.reserved is not None
    assert plan.reserved.tolist() == [0, -1]
    assert set(plan.starts.node[plan.starts.step == 1].tolist()) == {1}
    assert set(plan.starts.reason.tolist()) == {int(Reason.BACKFILL)}
    assert steps_of(plan, farm) == [0, 4, 4]


def test_easy_reserves_nothing_where_all_can_start() -> None:
    farm = snapshot_of()

    assert easy_backfill(farm, cost_of(farm), RULES).reserved.tolist() == [-1]  # type: ignore[union-attr]


def test_easy_is_not_held_up_by_what_can_never_fit() -> None:
    attempts = {"step": [1], "node": [0]}
    farm = snapshot_of(jobs={"priority": [90.0, 50.0]}, attempts=attempts, steps={"job": [0, 1], "waiting": [1, 4],
                       "request": [[9, 0, 0, 0, 0], ONE]})  # fmt: skip

    assert steps_of(easy_backfill(farm, cost_of(farm), RULES), farm) == [0, 4]


@pytest.mark.parametrize(("done", "nodes"), [(3, [4, 4]), (0, [0, 6])])
def test_maestro_reserves_for_wide_frames_that_waited_and_refuses_backfill_without_history(
    done: int, nodes: list[int]
) -> None:
    farm = easy_farm(since=[-400.0, 0.0, 0.0], done=[0, 9, done])
    plan = epvm(farm, cost_of(farm, [[60.0], [60.0], [30.0]]), RULES)

    assert plan.reserved is not None
    assert plan.reserved.tolist() == [0, -1]
    assert set(plan.starts.node[plan.starts.step == 1].tolist()) == {1}
    assert nodes_of(plan, farm) == nodes


def test_maestro_starts_a_wide_frame_that_waited_before_the_lottery() -> None:
    farm = snapshot_of(now=1000.0, jobs={"priority": [1.0, 100.0]},
                       steps={"job": [0, 1], "waiting": [3, 90], "request": [WHOLE, ONE], "since": [0, 0]})  # fmt: skip
    plan = epvm(farm, cost_of(farm), RULES)

    assert steps_of(plan, farm) == [1, 0]
    assert plan.starts.reason.tolist() == [int(Reason.RESERVED)]


def test_maestro_lets_the_clients_tiers_rise_to_one_level() -> None:
    clients = clients_of(guarantee=[0.6, 0.2])
    farm = snapshot_of(nodes={"node_class": [0] * 10}, clients=clients, jobs={"client": [0, 1]},
                       steps={"job": [0, 1], "waiting": [500, 500]})  # fmt: skip
    started = steps_of(epvm(farm, cost_of(farm), RULES), farm)

    assert started == pytest.approx([60, 20], abs=1)


def test_maestro_draws_in_proportion_to_priority() -> None:
    farm = snapshot_of(nodes={"node_class": [0] * 50}, jobs={"priority": [75.0, 25.0]},
                       steps={"job": [0, 1], "waiting": [900, 900]})  # fmt: skip
    started = steps_of(epvm(farm, cost_of(farm), RULES), farm)

    assert started == pytest.approx([300, 100], abs=1)


def test_maestro_prefers_hosts_that_run_the_step_then_those_that_cost_least() -> None:
    request = [[2, 4096, 0, 0, 0], [4, 4096, 0, 0, 0]]
    farm = snapshot_of(nodes={"node_class": [0, 0, 0]}, steps={"request": request, "job": [0, 1], "waiting": [5, 0]},
                       attempts={"step": [0, 1], "node": [1, 0]})  # fmt: skip

    assert nodes_of(epvm(farm, cost_of(farm), RULES), farm) == [0, 3, 2]


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("full", [False, True])
def test_a_farm_of_real_size_is_planned_in_a_moment(peer: Planner, full: bool) -> None:
    farm, cost = real_size_farm(full=full)

    begun = time.process_time()
    plan = peer(farm, cost, RULES)

    assert time.process_time() - begun < 2.0
    assert full or len(plan.starts.step) > 10000


def test_nothing_is_planned_on_a_farm_without_nodes_that_are_up() -> None:
    farm = snapshot_of(nodes={"node_class": [0], "state": [4]}, steps={"since": [-900.0], "request": [WHOLE]})
    cost: Cost = cost_of(farm)

    assert [len(peer(farm, cost, RULES).starts.step) for peer in PEERS] == [0] * len(PEERS)
