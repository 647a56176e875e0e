"""Whole runs of our planner keep the laws that say how long; a history that breaks one is caught."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.plan import Plan, Planner, Starts
from placement.scheduling.planning import plan
from placement.scheduling.rules import Aim, Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory
from placement.testing.planner_farms import classes_of, clients_of, farm_world_of
from placement.testing.random_farms import random_farm_world
from placement.testing.run_laws import RUN_LAWS, conserves_frames, keeps_limits_throughout, starves_nothing
from placement.testing.run_promises import (
    gives_one_history,
    honours_guarantees,
    keeps_power_cap_throughout,
    loses_little_by_a_node,
    serves_within_patience,
)
from tests.contracts.planner_farms import aims, eventful_worlds, farm_worlds
from tests.contracts.test_planner_laws import KEEPING, PEERS

SEEDS = st.integers(0, 2**32 - 1)
WAKING = st.sampled_from([Rules(aim=Aim.PERFORMANCE), Rules(aim=Aim.BALANCED)])
UNTIL = 2400.0
NOTHING = Plan(starts=Starts.of(np.zeros(0, np.int64), np.zeros(0, np.int64), 0))


def run(world: FarmWorld, planner: Planner, rules: Rules | None = None, until: float | None = None) -> FarmHistory:
    return run_farm(world, planner, rules or Rules(), learned, until=until)


@settings(max_examples=20)
@given(world=eventful_worlds(), rules=aims())
def test_our_planner_keeps_every_law_of_runs_whatever_happens(world: FarmWorld, rules: Rules) -> None:
    history = run(world, plan, rules, UNTIL)

    for law in (each for each in RUN_LAWS if each is not starves_nothing):
        law(world, history)
    keeps_power_cap_throughout(world, history)


@settings(max_examples=15)
@given(world=farm_worlds(), rules=aims())
def test_our_planner_finishes_all_that_can_be_finished(world: FarmWorld, rules: Rules) -> None:
    # What others never lend may leave no room for a wide frame, ever.
    lending = np.where(world.clients.lending == Lending.NEVER, int(Lending.FRAME), world.clients.lending)
    lends = replace(world, clients=replace(world.clients, lending=lending))

    history = run(lends, plan, rules)

    for law in RUN_LAWS:
        law(lends, history)
    assert np.isfinite(history.job_end).all()


@pytest.mark.parametrize("name", PEERS)
@settings(max_examples=5)
@given(world=eventful_worlds())
def test_every_peer_keeps_limits_throughout_whatever_happens(name: str, world: FarmWorld) -> None:
    history = run(world, PEERS[name], until=UNTIL)

    conserves_frames(world, history)
    keeps_limits_throughout(world, history)


@settings(max_examples=4)
@given(world=eventful_worlds(), rules=aims())
def test_one_seed_gives_one_history(world: FarmWorld, rules: Rules) -> None:
    gives_one_history(world, lambda world: run(world, plan, rules, UNTIL))


def shared_world(seed: int) -> FarmWorld:
    """Clients who are promised shares of a farm on which a frame takes one core anywhere, and who come and go."""
    chance = np.random.default_rng(seed)
    nodes, clients = int(chance.integers(2, 5)), int(chance.integers(2, 4))
    jobs = int(chance.integers(clients, 3 * clients))
    return farm_world_of(
        classes=classes_of(offer=[[4, 32768, 0, 0, 0]]), fleet={"node_class": np.zeros(nodes)},
        clients=clients_of(
            guarantee=chance.dirichlet(np.ones(clients + 1))[:clients], lending=chance.integers(4, size=clients),
            reclaim=chance.choice([60.0, 300.0], clients),
        ),
        jobs={
            "release": np.append(0.0, np.sort(chance.uniform(0, 1500, jobs - 1))),
            "client": np.append(np.arange(clients), chance.integers(clients, size=jobs - clients)),
            "importance": chance.uniform(1, 3, jobs),
        },
        steps={
            "job": np.arange(jobs), "frames": chance.integers(1, 30, jobs),
            "seconds": chance.lognormal(4.5, 1, (jobs, 1)),
        },
    )  # fmt: skip


@settings(max_examples=12)
@given(seed=SEEDS, rules=WAKING)
def test_our_planner_gives_guarantees_back_in_time(seed: int, rules: Rules) -> None:
    world = shared_world(seed)

    honours_guarantees(world, run(world, plan, rules), rules)


@pytest.mark.parametrize("name", KEEPING)
@settings(max_examples=12)
@given(seed=SEEDS)
def test_a_peer_within_guarantees_gives_them_back_as_frames_end(name: str, seed: int) -> None:
    world = shared_world(seed)
    lending = np.minimum(world.clients.lending, int(Lending.FRAME))
    world = replace(world, clients=replace(world.clients, lending=lending))

    honours_guarantees(world, run(world, KEEPING[name]), Rules())


def test_a_guarantee_that_is_not_given_back_is_caught() -> None:
    world = farm_world_of(
        clients=clients_of(guarantee=[0.0, 0.5], lending=[int(Lending.FRAME), int(Lending.PREEMPT)], reclaim=[60, 60]),
        jobs={"client": [0, 1], "release": [0.0, 100.0]},
        steps={"job": [0, 1], "frames": [40, 40], "seconds": [[900.0], [900.0]]},
    )  # fmt: skip
    rules = Rules()

    honours_guarantees(world, run(world, plan), rules)
    with pytest.raises(AssertionError, match="is owed for 4400 s from 100 s on, promised are 150 s"):
        honours_guarantees(world, run(world, fifo), rules)


def undated_world(seed: int) -> FarmWorld:
    """A world of one client without deadlines, previews or licences."""
    world = random_farm_world(seed, nodes=3, steps=6)
    steps = len(world.steps.job)
    return replace(
        world, clients=clients_of(), licences=np.zeros(0, np.int64),
        steps=replace(world.steps, licence=np.full(steps, -1)),
        jobs=replace(
            world.jobs, deadline=np.full(world.jobs.count, np.inf), client=np.zeros(world.jobs.count, np.int64)
        ),
    )  # fmt: skip


@settings(max_examples=20)
@given(seed=SEEDS, aim=st.sampled_from([Aim.PERFORMANCE, Aim.BALANCED]))
def test_our_planner_lets_nothing_wait_beyond_its_patience(seed: int, aim: Aim) -> None:
    world, rules = undated_world(seed), Rules(aim=aim, ageing=100.0)

    serves_within_patience(world, run(world, plan, rules), rules)


def crowded_world() -> FarmWorld:
    """One long job, and short ones that keep coming for as long as anybody is patient."""
    jobs = 300
    return farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]]),
        jobs={"release": np.append(0.0, np.arange(jobs - 1) * 30.0)},
        steps={"job": np.arange(jobs), "frames": np.append(40, np.ones(jobs - 1)), "seconds": np.full((jobs, 1), 40.0)},
    )  # fmt: skip


def test_long_work_gets_its_turn_among_short_work_that_never_ends() -> None:
    world, rules = crowded_world(), Rules(ageing=300.0)

    history = run(world, plan, rules, 8000.0)

    serves_within_patience(world, replace_steps(world, history), rules)
    assert (history.attempts.step == 0).sum() >= 3


def replace_steps(world: FarmWorld, history: FarmHistory) -> FarmHistory:
    """Return the history with the long job alone to be judged: the others wait for the farm, not for their turn."""
    ready = np.where(np.arange(len(world.steps.job)) == 0, history.step_ready, np.inf)
    return replace(history, step_ready=ready)


def test_a_step_that_is_passed_over_for_ever_is_caught() -> None:
    world, rules = farm_world_of(steps={"job": [0, 1], "frames": [90, 1]}), Rules(ageing=60.0)

    def first_only(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        starts = fifo(farm, cost, rules).starts
        first = farm.steps.index[starts.step] == 0
        return Plan(starts=Starts.of(starts.step[first], starts.node[first], 0))

    with pytest.raises(AssertionError, match="step 1 waited"):
        serves_within_patience(world, run(world, first_only, until=4000.0), rules)


def urgent_world(seed: int) -> FarmWorld:
    """A world without limits and licences, one of whose jobs is an emergency."""
    world, chance = random_farm_world(seed, nodes=3, steps=5), np.random.default_rng(seed)
    importance = world.jobs.importance.copy()
    importance[chance.integers(len(importance))] = 150.0
    return replace(
        world, licences=np.zeros(0, np.int64), jobs=replace(world.jobs, importance=importance),
        steps=replace(world.steps, licence=np.full(5, -1)),
    )  # fmt: skip


@settings(max_examples=10)
@given(seed=SEEDS, rules=aims())
def test_one_more_node_makes_no_emergency_much_later(seed: int, rules: Rules) -> None:
    loses_little_by_a_node(urgent_world(seed), lambda world: run(world, plan, rules, 20000.0), rules)


def test_a_planner_that_is_confused_by_a_node_more_is_caught() -> None:
    world = farm_world_of(jobs={"importance": [150.0]}, steps={"frames": [3]})

    def confused(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        return NOTHING if farm.nodes.count > 1 and farm.now < 900 else fifo(farm, cost, rules)

    with pytest.raises(AssertionError, match="later"):
        loses_little_by_a_node(world, lambda world: run(world, confused, until=2000.0), Rules())


def test_a_farm_that_draws_more_than_its_cap_is_caught() -> None:
    world = farm_world_of(steps={"frames": [8]}, power_cap=200.0)

    keeps_power_cap_throughout(world, run(world, plan))
    with pytest.raises(AssertionError, match="300 W drawn at 0 s"):
        keeps_power_cap_throughout(world, run(world, fifo))


def test_a_client_above_its_limit_is_caught() -> None:
    world = farm_world_of(clients=clients_of(limit=[0.5]), steps={"frames": [8]})
    history = run(world, fifo)

    keeps_limits_throughout(world, history)
    with pytest.raises(AssertionError, match="client 0 holds 6 at 0 s of 4"):
        keeps_limits_throughout(replace(world, clients=clients_of(limit=[0.5])), shifted(history))


def shifted(history: FarmHistory) -> FarmHistory:
    """Return the history with the first six frames at once."""
    start, end = history.attempts.start.copy(), history.attempts.end.copy()
    start[:6], end[:6] = 0.0, 60.0
    return replace(history, attempts=replace(history.attempts, start=start, end=end))


def test_a_planner_that_rolls_dice_is_caught() -> None:
    calls = count()

    def fickle(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        return fifo(farm, cost, rules) if next(calls) else NOTHING

    with pytest.raises(AssertionError, match="differs"):
        gives_one_history(farm_world_of(steps={"frames": [20]}), lambda world: run(world, fickle))
