"""Interruptions: no more than needed, never from those who are protected, and those that lose least."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import lognorm

from placement.farm.clients import Lending
from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks, Reason, Stops
from placement.scheduling.preemption import Asking, Known, ends_by, loss, reclaims, remaining, rescues
from placement.scheduling.preemption_rescue import expected_tardiness
from placement.scheduling.preemption_room import Need, Room
from placement.scheduling.reserving import NONE
from placement.scheduling.rules import Rules
from placement.scheduling.shares import demand, entitlements, held, used
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot
from placement.units import Floats

SEEDS = st.integers(0, 2**32 - 1)
RULES = Rules()


def crowd(seed: int, *, one_size: bool = False) -> tuple[FarmSnapshot, Cost]:
    """A full farm of two clients and a third that has little, with frames of all waiting."""
    chance = np.random.default_rng(seed)
    count, nodes = int(chance.integers(4, 12)), int(chance.integers(1, 6))
    cores = np.full(count, 2.0) if one_size else chance.choice([1.0, 2.0, 4.0, 8.0], count)
    job = np.sort(chance.integers(0, 6, count))
    free, runs = np.full(nodes, 8.0), []
    for step in np.repeat(chance.permutation(count), 8):
        if job[step] % 3 == 0 and chance.random() < 0.9:
            continue
        room = np.flatnonzero(free >= cores[step])
        if len(room):
            node = int(chance.choice(room))
            free[node] -= cores[step]
            runs.append((step, node))
    where = np.array(runs, np.int64).reshape(-1, 2)
    rows, jobs = len(where), int(job.max()) + 1
    farm = snapshot_of(
        now=1000.0,
        nodes={"state": chance.choice([NodeState.UP, NodeState.DRAINING], nodes, p=[0.9, 0.1])},
        clients=clients_of(
            guarantee=[0.5, 0.2, 0.2], lending=chance.choice(np.array(Lending), 3), reclaim=chance.uniform(10, 600, 3)
        ),
        jobs={
            "client": np.arange(jobs) % 3, "importance": chance.choice([1.0, 3.0, 30.0, 200.0], jobs),
            "deadline": chance.choice([1500.0, 3000.0, np.inf], jobs),
        },
        steps={
            "job": job, "request": np.column_stack([cores, np.ones(count), *np.zeros((3, count))]),
            "waiting": chance.integers(0, 6, count), "checkpoint": chance.choice([50.0, np.inf], count),
            "startup": chance.uniform(0, 20, count), "since": chance.uniform(400, 1000, count),
        },
        attempts={
            "step": where[:, 0], "node": where[:, 1], "started": chance.uniform(0, 1000, rows),
            "interrupted": chance.integers(0, 4, rows), "stopping": chance.random(rows) < 0.1,
        },
    )  # fmt: skip
    return farm, cost_of(farm, chance.lognormal(6, 1, (count, 1)))


def reclaimed(farm: FarmSnapshot, cost: Cost, rules: Rules = RULES) -> Stops:
    return reclaims(farm, cost, rules, entitlements(farm, demand(farm, cost)))


def outlooks_of(farm: FarmSnapshot, **columns: Any) -> Outlooks:
    due = np.where(np.isfinite(farm.jobs.deadline), farm.jobs.deadline, 1e6)
    plain = {"finish": due + 500, "on_time": due * 0 + 0.1, "slack": farm.jobs.deadline - due - 700,
             "earliest": due - 300, "given_up": np.zeros(len(due), bool)}  # fmt: skip
    return Outlooks(**{name: np.array(columns.get(name, value)) for name, value in plain.items()})


def rescued(farm: FarmSnapshot, cost: Cost, outlooks: Outlooks | None = None, rules: Rules = RULES) -> Stops:
    asking = Asking(ranks=np.arange(farm.steps.count, dtype=float), blocked=farm.steps.waiting > 0)
    return rescues(farm, cost, rules, outlooks or outlooks_of(farm), asking)


@given(st.floats(0.01, 1.5), st.floats(0, 3))
def test_remaining_is_the_mean_residual_life(spread: float, overdue: float) -> None:
    farm = snapshot_of(now=60.0 * overdue, attempts={"started": [0.0]})
    law = lognorm(s=spread, scale=60 * np.exp(-(spread**2) / 2))
    survives = law.sf(60 * overdue)
    if survives < 1e-12:
        return

    left = remaining(farm, cost_of(farm, 60.0, spread=[spread], common=[0.0]))

    scale = 60 * spread
    parts = [60 * overdue + scale * each for each in (0, 0.1, 0.5, 1, 2, 5, 20, 100, 1000)]
    pieces = [quad(law.sf, *ends, epsabs=1e-300, limit=200)[0] for ends in pairwise(parts)]
    assert left[0] == pytest.approx(sum(pieces) / survives, rel=1e-3, abs=1e-6)


@given(st.floats(1e-6, 2.0), st.floats(1.01, 1e9))
def test_remaining_is_finite_and_above_zero_however_long_overdue(spread: float, times: float) -> None:
    farm = snapshot_of(now=60.0 * times, attempts={"started": [0.0]})

    left = remaining(farm, cost_of(farm, 60.0, spread=[spread], common=[0.0]))[0]

    assert 0 <= left < np.inf
    assert spread < 1e-3 or 0 < left <= 60 * times * max(spread / np.log(times), 1) * 30


def test_what_is_saved_and_the_mode_count() -> None:
    classes = classes_of(speed=[[1.0, 0.5]], draw=[[1.0, 0.4]])
    farm = snapshot_of(
        classes=classes, steps={"startup": [20.0]},
        attempts={"started": [0.0] * 3, "saved": [0, 0.5, 0.5], "mode": [0, 0, 1]},
    )  # fmt: skip

    assert remaining(farm, cost_of(farm, 100.0)).tolist() == pytest.approx([100.0, 60.0, 120.0])
    unable = Cost(seconds=np.array([[np.inf]]), spread=np.array([0.1]), common=np.array([0.1]))
    assert remaining(farm, unable).tolist() == [np.inf] * 3


@given(st.floats(0.01, 1.0), st.floats(0.1, 3), st.floats(0.01, 0.99))
def test_the_chance_to_end_by_then_is_that_of_the_law(spread: float, spent: float, probability: float) -> None:
    farm = snapshot_of(now=60 * spent, attempts={"started": [0.0]})
    law = lognorm(s=spread, scale=60 * np.exp(-(spread**2) / 2))
    before = law.sf(60 * spent)

    window = ends_by(farm, cost_of(farm, 60.0, spread=[0.0], common=[spread]), probability)[0]

    assert window >= 0
    if before > 1e-10:
        assert law.sf(60 * spent + window) == pytest.approx((1 - probability) * before, rel=1e-6)


def test_loss_counts_from_the_last_checkpoint_and_loading_again() -> None:
    classes = classes_of(speed=[[1.0, 0.5]], draw=[[1.0, 0.4]])
    farm = snapshot_of(
        now=200.0, classes=classes,
        steps={
            "job": [0] * 3, "checkpoint": [60.0, np.inf, 0.0], "startup": [30.0] * 3,
            "request": [[2, 0, 0, 0, 0]] * 3,
        },
        attempts={"step": [0, 1, 0, 2], "started": [0.0, 0.0, 0.0, 0.0], "mode": [0, 0, 1, 0]},
    )  # fmt: skip

    lost = loss(farm)

    assert lost.tolist() == pytest.approx([2 * (30 + 50), 2 * 200, 2 * (30 + 10) / 0.5, 2 * 30])


@given(SEEDS)
def test_nobody_loses_more_than_was_spent(seed: int) -> None:
    farm, _ = random_snapshot(seed)

    lost = loss(farm)

    assert (lost >= 0).all()
    assert (lost <= (farm.now - farm.attempts.started) * held(farm) + 1e-6).all()


def gained(farm: FarmSnapshot, need: Need, gone: np.ndarray) -> np.ndarray:
    """Frames that fit on each node once some attempts left."""
    free = farm.nodes.free.copy()
    np.add.at(free, farm.attempts.node[gone], farm.steps.request[farm.attempts.step[gone]])
    request = farm.steps.request[need.step]
    return np.floor((free[:, request > 0] / request[request > 0]).min(axis=1) + 1e-9)


def asked(farm: FarmSnapshot, frames: int, step: int = 0) -> Need:
    nodes = farm.nodes.count
    return Need(step=step, client=0, frames=frames, amount=frames, unit=np.ones(nodes), able=np.ones(nodes, bool))


@given(SEEDS, st.integers(1, 4))
def test_every_victim_is_needed(seed: int, frames: int) -> None:
    farm, _ = crowd(seed)
    price = np.random.default_rng(seed).uniform(1, 100, farm.attempts.count)
    room, need = Room(farm, np.zeros(3)), asked(farm, frames)

    gone = room.clear(need, room.movable(), price, price / room.holds)

    before, after = gained(farm, need, gone[:0]), gained(farm, need, gone)
    assert np.unique(gone).size == gone.size
    assert (room.free >= -1e-9).all()
    for victim in gone:
        less = gained(farm, need, gone[gone != victim])
        node = farm.attempts.node[victim]
        assert before[node] <= less[node] < after[node]


@given(SEEDS, st.integers(1, 3))
def test_the_least_is_lost_where_frames_are_of_one_size(seed: int, frames: int) -> None:
    farm, _ = crowd(seed, one_size=True)
    farm = replace(farm, nodes=replace(farm.nodes, free=np.zeros_like(farm.nodes.free)))
    price = np.random.default_rng(seed).uniform(1, 100, farm.attempts.count)
    room = Room(farm, np.zeros(3))

    gone = room.clear(asked(farm, frames), room.movable(), price, price)

    assert sorted(price[gone]) == sorted(price[room.movable() | np.isin(np.arange(len(price)), gone)])[: len(gone)]
    assert len(gone) == min(frames, int((farm.nodes.state[farm.attempts.node] == NodeState.UP).sum()))


def over_the_least(seed: int) -> float:
    """Loss over the least that makes room for a frame of 4 cores on one of two nodes with five attempts."""
    chance = np.random.default_rng(seed)
    cores = chance.choice([1.0, 2.0, 3.0, 4.0], 5)
    farm = snapshot_of(
        nodes={"node_class": [0, 0], "free": np.tile([0.0, 1e5, 0, 0, 0], (2, 1))},
        steps={"job": [0] * 6, "request": [[4, 1, 0, 0, 0], *([each, 1, 0, 0, 0] for each in cores)]},
        attempts={"step": np.arange(1, 6), "node": [0, 0, 0, 1, 1]},
    )
    price = chance.uniform(1, 10, 5)
    room, need = Room(farm, np.zeros(1)), asked(farm, 1)
    every = [np.array(some) for size in range(1, 6) for some in combinations(range(5), size)]
    enough = [price[some].sum() for some in every if gained(farm, need, some).max() >= 1]

    gone = room.clear(need, room.movable(), price, price / room.holds)

    assert bool(len(gone)) == bool(enough)
    return float(price[gone].sum() / min(enough)) if enough else 1.0


def test_the_loss_is_near_the_least_whatever_the_sizes() -> None:
    assert np.mean([over_the_least(seed) for seed in range(150)]) < 1.05


@given(SEEDS)
def test_reclaims_keep_the_rules(seed: int) -> None:
    farm, cost = crowd(seed)
    granted = entitlements(farm, demand(farm, cost))

    stops = reclaims(farm, cost, RULES, granted)

    rows = stops.attempt
    assert np.unique(rows).size == rows.size
    assert (farm.nodes.state[farm.attempts.node[rows]] == NodeState.UP).all()
    assert not (farm.attempts.stopping[rows] & ~stops.now).any()
    assert (farm.attempts.interrupted[rows[stops.now]] < RULES.preempt_most).all()
    assert (stops.reason == np.where(stops.now, Reason.RECLAIM, Reason.REBALANCE)).all()
    np.testing.assert_array_equal(stops.loss, np.where(stops.now, loss(farm)[rows], 0.0))
    owner = farm.jobs.client[farm.steps.job[farm.attempts.step[rows]]]
    fresh = ~farm.attempts.stopping[rows]
    lost = np.bincount(owner[fresh], held(farm)[rows[fresh]], 3)
    victims = np.unique(owner[fresh])
    assert (used(farm) - lost >= granted.guaranteed - 1e-9)[victims].all()
    if stops.now.any():
        assert (farm.clients.lending != Lending.FRAME).any()


def in_the_way(lending: Lending, runs: float = 3000.0, waited: float = 100.0) -> tuple[FarmSnapshot, Cost]:
    """A client whose frames can run on one class alone, which is full of another's, while half of the farm is free."""
    farm = snapshot_of(
        now=1000.0, classes=classes_of(names=["any", "large"]), nodes={"node_class": [0, 1]},
        clients=clients_of(guarantee=[0.25, 0.0], lending=[int(lending), int(Lending.FRAME)]),
        jobs={"client": [0, 1, 1]},
        steps={"job": [0, 1, 2], "request": np.tile([4, 1024, 0, 0, 0], (3, 1)), "waiting": [3, 0, 0],
               "since": np.full(3, 1000.0 - waited)},
        attempts={"step": [1, 2], "node": [1, 1], "started": [800.0, 800.0]},
    )  # fmt: skip
    return farm, cost_of(farm, [[np.inf, 600.0], [runs, runs], [runs, runs]], spread=[0.01] * 3, common=[0.0] * 3)


@pytest.mark.parametrize("lending", [Lending.STATIC, Lending.NEVER])
def test_who_stands_where_alone_what_is_never_lent_can_run_leaves(lending: Lending) -> None:
    stops, soon = reclaimed(*in_the_way(lending)), reclaimed(*in_the_way(lending, runs=220.0))

    assert stops.now.tolist() == [True]
    assert stops.reason.tolist() == [Reason.RECLAIM]
    assert soon.now.tolist() == [False]  # it ends before the next decision
    assert not reclaimed(*in_the_way(lending, waited=10.0)).now.any()  # it may come back by itself


def test_who_stands_where_alone_lent_room_can_run_may_finish_its_frame() -> None:
    assert reclaimed(*in_the_way(Lending.FRAME)).now.tolist() == [False]


def test_nobody_leaves_for_some_frames_while_others_of_the_client_have_room() -> None:
    farm, _ = in_the_way(Lending.NEVER)
    rows = np.array([0, 1, 2, 0])
    steps = {each: getattr(farm.steps, each)[rows] for each in farm.steps.__slots__} | {"after": np.full(4, -1)}
    both = replace(farm, steps=replace(farm.steps, **steps))
    seconds = np.array([[np.inf, 600.0], *[[3000.0, 3000.0]] * 2, [600.0, np.inf]])  # the last has room on the other

    assert not len(reclaimed(both, cost_of(both, seconds)).attempt)
    assert len(reclaimed(both, cost_of(both, seconds[[0, 1, 2, 0]])).attempt)


def test_nobody_leaves_a_node_that_is_kept_for_others_frames() -> None:
    farm, cost = in_the_way(Lending.NEVER)
    granted = entitlements(farm, demand(farm, cost))

    for kept, leave in ((NONE, 1), (0, 1), (2, 0)):
        found = reclaims(farm, cost, RULES, granted, Known(kept=np.array([NONE, kept])))
        assert len(found.attempt) == leave


def test_of_those_who_lose_as_much_the_one_without_a_deadline_in_danger_leaves() -> None:
    farm, cost = in_the_way(Lending.NEVER)
    granted = entitlements(farm, demand(farm, cost))

    for danger, leaves in (([False, True, False], [1]), ([False, False, True], [0])):
        assert reclaims(farm, cost, RULES, granted, Known(danger=np.array(danger))).attempt.tolist() == leaves


@given(SEEDS)
def test_rescues_keep_the_rules(seed: int) -> None:
    farm, cost = crowd(seed)

    stops = rescued(farm, cost)

    rows, job = stops.attempt, farm.steps.job[farm.attempts.step[stops.attempt]]
    assert np.unique(rows).size == rows.size
    assert (farm.jobs.importance[job] < RULES.emergency).all()
    assert (farm.attempts.interrupted[rows[stops.now]] < RULES.preempt_most).all()
    young = farm.now - farm.attempts.started[rows] < RULES.preempt_rest
    assert (stops.reason[young & stops.now] == Reason.EMERGENCY).all()
    asking = (farm.steps.waiting > 0) & (np.isfinite(farm.jobs.deadline) | (farm.jobs.importance >= RULES.emergency))[
        farm.steps.job
    ]
    for row, own in zip(rows, job, strict=True):
        better = np.arange(farm.steps.count) < farm.attempts.step[row]
        assert (asking & better & (farm.steps.job != own)).any()
    clients, fresh = farm.jobs.client[job], ~farm.attempts.stopping[rows]
    taken = np.bincount(clients[fresh], held(farm)[rows[fresh]], 3)
    helped = np.unique(farm.jobs.client[farm.steps.job[asking]])
    others = np.setdiff1d(np.arange(3), helped)
    assert (taken <= np.maximum(used(farm) - farm.clients.guarantee * farm.worth(), 0) + 1e-9)[others].all()


def lender(lending: Lending, *, reclaim: float = 300.0, guarantee: float = 0.25, **attempts: Any) -> FarmSnapshot:
    """A client that holds nothing of its quarter, and four frames of another's that fill one node."""
    running: dict[str, Any] = {"step": [1] * 4, "started": [100.0, 300.0, 500.0, 700.0], **attempts}
    return snapshot_of(
        now=1000.0,
        clients=clients_of(guarantee=[guarantee, 0.0], lending=[lending, Lending.FRAME], reclaim=[reclaim, 0.0]),
        jobs={"client": [0, 1]},
        steps={"job": [0, 1], "request": [[2, 1, 0, 0, 0]] * 2, "waiting": [9, 9]},
        attempts=running,
    )


def test_what_was_lent_until_a_frame_ends_comes_back_with_the_frame_that_ends_first() -> None:
    farm = lender(Lending.FRAME)

    stops = reclaimed(farm, cost_of(farm, 1000.0))

    assert stops.attempt.tolist() == [0]
    assert stops.now.tolist() == [False]
    assert stops.reason.tolist() == [Reason.REBALANCE]


def test_a_frame_that_ends_in_time_is_not_interrupted() -> None:
    farm = lender(Lending.PREEMPT)

    stops = reclaimed(farm, cost_of(farm, 1000.0, spread=[0.01] * 2, common=[0.01] * 2))

    assert stops.attempt.tolist() == [0]
    assert stops.now.tolist() == [False]


@pytest.mark.parametrize(("reclaim", "at_once"), [(200.0, False), (150.0, True)])
def test_in_time_is_two_decisions_before_a_guarantee_must_be_back(reclaim: float, at_once: bool) -> None:
    """The frame that ends first runs for 100 s more: one decision saw that the guarantee was gone, one starts in it."""
    farm = lender(Lending.PREEMPT, reclaim=reclaim)

    stops = reclaimed(farm, cost_of(farm, 1000.0, spread=[0.01] * 2, common=[0.01] * 2))

    assert stops.now.tolist() == [at_once]


def test_what_does_not_come_back_in_time_is_interrupted_where_least_is_lost() -> None:
    farm = lender(Lending.PREEMPT)

    stops = reclaimed(farm, cost_of(farm, 5000.0))

    assert stops.attempt.tolist() == [3]
    assert stops.now.tolist() == [True]
    assert stops.loss.tolist() == [600.0]
    assert stops.reason.tolist() == [Reason.RECLAIM]


def test_a_checkpointed_victim_is_preferred() -> None:
    clients = clients_of(guarantee=[0.25, 0.0], lending=[Lending.PREEMPT, Lending.FRAME], reclaim=[300.0, 0.0])
    farm = snapshot_of(
        now=1000.0, clients=clients, jobs={"client": [0, 1]},
        steps={
            "job": [0, 1, 1], "request": [[2, 1, 0, 0, 0]] * 3, "waiting": [9, 9, 9],
            "checkpoint": [np.inf, np.inf, 60.0],
        },
        attempts={"step": [1, 2, 1, 1], "started": [100.0, 300.0, 500.0, 700.0]},
    )  # fmt: skip

    stops = reclaimed(farm, cost_of(farm, 5000.0))

    assert stops.attempt.tolist() == [1]
    assert stops.loss.tolist() == [2 * (700 % 60)]


def test_a_frame_interrupted_too_often_or_too_young_stays() -> None:
    often = lender(Lending.PREEMPT, interrupted=[2, 2, 0, 2])
    young = lender(Lending.PREEMPT, started=[100.0, 950.0, 950.0, 950.0])
    pressed = lender(Lending.PREEMPT, reclaim=30.0, started=[100.0, 950.0, 955.0, 950.0])

    assert reclaimed(often, cost_of(often, 5000.0)).attempt.tolist() == [2]
    assert reclaimed(young, cost_of(young, 5000.0)).attempt.tolist() == [0]
    assert reclaimed(pressed, cost_of(pressed, 5000.0)).attempt.tolist() == [2]


def test_what_leaves_already_is_not_asked_for_twice() -> None:
    farm = lender(Lending.FRAME, stopping=[False, True, False, False])
    preempted = lender(Lending.PREEMPT, stopping=[False, True, False, False])

    assert reclaimed(farm, cost_of(farm, 1000.0)).attempt.tolist() == []
    assert reclaimed(preempted, cost_of(preempted, 5000.0)).attempt.tolist() == [1]


def test_nobody_leaves_where_there_is_room_or_a_node_wakes_up_in_time() -> None:
    farm = lender(Lending.PREEMPT)
    free = np.concatenate([farm.nodes.free, [[8.0, 1e5, 0, 0, 1e5]]])
    for state, ready, there in (
        (NodeState.UP, 0.0, True), (NodeState.ASLEEP, 0.0, True), (NodeState.WAKING, 1100.0, True),
        (NodeState.FALLING_ASLEEP, 1010.0, True), (NodeState.FALLING_ASLEEP, 1290.0, False),
        (NodeState.DOWN, 1.0, False),
    ):  # fmt: skip
        nodes = snapshot_of(
            nodes={"node_class": [0, 0], "state": [0, state], "ready": [0.0, ready], "free": free}
        ).nodes
        more = replace(farm, nodes=nodes, clients=replace(farm.clients, guarantee=np.array([0.125, 0.0])))

        assert (len(reclaimed(more, cost_of(more, 5000.0)).attempt) == 0) is there


def test_room_is_made_where_frames_fit() -> None:
    classes = classes_of(offer=[[8, 1e5, 0, 0, 0], [8, 1e5, 2, 1e4, 0]])
    farm = snapshot_of(
        now=1000.0, classes=classes, nodes={"node_class": [0, 0, 1]},
        clients=clients_of(guarantee=[0.2, 0.0], lending=[Lending.PREEMPT, Lending.FRAME], reclaim=[10.0, 0.0]),
        jobs={"client": [0, 1]},
        steps={"job": [0, 1], "request": [[4, 1, 1, 0, 0], [4, 1, 0, 0, 0]], "waiting": [1, 0]},
        attempts={"step": [1] * 6, "node": [0, 0, 1, 1, 2, 2], "started": [800.0, 800, 800, 800, 100, 200]},
    )  # fmt: skip

    assert reclaimed(farm, cost_of(farm, 5000.0)).attempt.tolist() == [5]


def test_a_borrower_keeps_its_own_guarantee_and_the_largest_pays() -> None:
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]},
        clients=clients_of(guarantee=[0.25, 0.25, 0.125], lending=[Lending.FRAME] * 3), jobs={"client": [0, 1, 2]},
        steps={"job": [0, 1, 2], "request": [[2, 1, 0, 0, 0]] * 3, "waiting": [9, 9, 9]},
        attempts={"step": [1, 1, 2, 2, 2, 2, 2, 2], "node": [0, 0, 0, 0, 1, 1, 1, 1], "started": [0.0, *[900.0] * 7]},
    )  # fmt: skip

    stops = reclaimed(farm, cost_of(farm, 1000.0))

    assert stops.attempt.tolist() == [2, 3]


def test_a_project_takes_from_its_sibling_and_its_client_from_others() -> None:
    farm = snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]},
        clients=clients_of(guarantee=[0.5, 0.25, 0.0, 0.0], parent=[-1, 0, 0, -1]), jobs={"client": [1, 2, 3]},
        steps={"job": [0, 1, 2], "request": [[2, 1, 0, 0, 0]] * 3, "waiting": [2, 0, 9]},
        attempts={"step": [1, 1, 2, 2, 2, 2, 2, 2], "node": [0, 0, 0, 0, 1, 1, 1, 1], "started": [900.0] * 8},
    )  # fmt: skip

    stops = reclaimed(farm, cost_of(farm, 1000.0))

    assert stops.attempt.tolist() == [2, 3]


def danger(
    importance: float = 10.0, seconds: float = 900.0, *, deadline: float = 900.0, **attempts: Any
) -> tuple[FarmSnapshot, Cost]:
    """A job in danger that needs a node on which two frames of another client run."""
    running: dict[str, Any] = {"step": [1, 1], "started": [300.0, 200.0], **attempts}
    farm = snapshot_of(
        now=500.0, jobs={"deadline": [deadline, np.inf], "importance": [importance, 1.0], "client": [0, 1]},
        clients=clients_of(guarantee=[0.0, 0.0]),
        steps={"job": [0, 1], "request": [[4, 1, 0, 0, 0]] * 2, "waiting": [1, 0]}, attempts=running,
    )  # fmt: skip
    return farm, cost_of(farm, [[200.0], [seconds]])


def test_a_job_in_danger_takes_the_room_that_loses_least() -> None:
    farm, cost = danger()

    stops = rescued(farm, cost)

    assert stops.attempt.tolist() == [0]
    assert stops.now.tolist() == [True]
    assert stops.reason.tolist() == [Reason.RESCUE]


def test_it_does_not_when_that_does_not_pay_or_does_not_help() -> None:
    farm, cost = danger()
    cheap, _ = danger(importance=0.5)
    rested, _ = danger(started=[400.0, 450.0])
    often, _ = danger(interrupted=[2, 2])
    kept = replace(farm, clients=replace(farm.clients, guarantee=np.array([0.0, 1.0])))

    assert not len(rescued(farm, cost, outlooks_of(farm, given_up=[True, False])).attempt)
    assert not len(rescued(farm, cost, outlooks_of(farm, slack=[5.0, np.inf])).attempt)
    assert not len(rescued(farm, cost, outlooks_of(farm, earliest=[901.0, 900.0])).attempt)
    assert not len(rescued(farm, cost, rules=Rules(preempt_gain=1e3)).attempt)
    for other in (cheap, rested, often, kept):
        assert not len(rescued(other, cost).attempt)
    asking = Asking(ranks=np.array([1.0, 0.0]), blocked=np.array([True, False]))
    back = rescues(farm, cost, RULES, outlooks_of(farm), asking)
    assert not len(back.attempt)


def test_a_nearly_finished_frame_is_not_killed() -> None:
    farm, cost = danger(seconds=310.0, started=[200.0, 200.0])

    stops = rescued(farm, cost)

    assert len(stops.attempt) == 1
    assert stops.now.tolist() == [False]


def test_an_emergency_gets_room_at_once_and_waits_for_what_ends_at_once() -> None:
    farm, cost = danger(importance=500.0, deadline=np.inf, started=[390.0, 470.0])
    ending, soon = danger(importance=500.0, deadline=np.inf, seconds=201.0, started=[300.0, 300.0])

    stops = rescued(farm, cost)
    waits = rescued(ending, Cost(seconds=soon.seconds, spread=np.full(2, 1e-3), common=np.full(2, 1e-3)))

    assert stops.attempt.tolist() == [1]
    assert stops.now.tolist() == [True]
    assert stops.reason.tolist() == [Reason.EMERGENCY]
    assert waits.now.tolist() == [False]


def test_a_client_at_its_limit_makes_room_from_its_own() -> None:
    farm, cost = danger()
    limit = replace(farm.clients, limit=np.array([0.0, 1.0]))
    own = snapshot_of(
        now=500.0, jobs={"deadline": [900.0, np.inf, np.inf], "importance": [10.0, 1.0, 1.0], "client": [0, 0, 1]},
        clients=clients_of(limit=[0.5, 1.0]),
        steps={"job": [0, 1, 2], "request": [[4, 1, 0, 0, 0]] * 3, "waiting": [1, 0, 0]},
        attempts={"step": [1, 2], "started": [200.0, 300.0]},
    )  # fmt: skip

    assert not len(rescued(replace(farm, clients=limit), cost).attempt)
    assert rescued(own, cost_of(own, [[200.0], [900.0], [900.0]])).attempt.tolist() == [0]


def test_licences_bound_whom_a_rescue_helps() -> None:
    farm, cost = danger()
    farm = replace(farm, steps=replace(farm.steps, licence=np.array([0, -1])), licences=np.array([0]))

    assert not len(rescued(farm, cost).attempt)
    assert not len(reclaimed(farm, cost).attempt)


@given(st.floats(-2000, 2000), st.floats(0, 1000))
def test_expected_tardiness_is_that_of_a_normal_end(late: float, high: float) -> None:
    farm = snapshot_of(jobs={"deadline": [5000.0]})
    looks = outlooks_of(farm, finish=[5000.0 + late], slack=[-late - high])

    tardy = expected_tardiness(farm, RULES, looks)[0]

    draws: Floats = late + high / 1.2815515655 * np.random.default_rng(0).normal(size=20000)
    assert tardy == pytest.approx(np.maximum(draws, 0).mean(), rel=0.1, abs=8)
    free = snapshot_of()
    assert expected_tardiness(free, RULES, outlooks_of(free)).tolist() == [0.0]


@pytest.mark.parametrize("seed", range(20))
def test_the_same_farm_gives_the_same_stops(seed: int) -> None:
    farm, cost = crowd(seed)

    for decide in (reclaimed, rescued):
        one, other = decide(farm, cost), decide(farm, cost)
        assert one.attempt.tolist() == other.attempt.tolist()
