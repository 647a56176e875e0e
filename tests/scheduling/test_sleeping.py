"""Sleeping: saves energy, is never in the way of work, does not flap."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Power, Reason
from placement.scheduling.planning import plan
from placement.scheduling.rules import Aim, Rules
from placement.scheduling.sleeping import break_even, sleep_and_wake, waiting_for_room, warm_reserve
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot
from placement.units import Floats

PATIENT = Rules(emergency_wait=600.0)  # an emergency may wait until a node has woken


def decide(farm: FarmSnapshot, cost: Cost, rules: Rules = PATIENT, **changed: object) -> Power:
    columns = {
        "taken": np.zeros(farm.nodes.count, np.bool_), "frames": np.zeros(farm.steps.count, np.int64),
        "when": np.full(farm.steps.count, farm.now),
    }  # fmt: skip
    return sleep_and_wake(farm, cost, rules, **{**columns, **changed})  # type: ignore[arg-type]


def slept(power: Power) -> list[int]:
    return power.node[~power.up].tolist()


def woken(power: Power) -> list[int]:
    return power.node[power.up].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from(list(Aim)))
def test_only_rested_idle_nodes_sleep_and_only_sleepers_wake(seed: int, nodes: int, aim: Aim) -> None:
    farm, cost = random_snapshot(seed, nodes=nodes)
    chance, rules = np.random.default_rng(seed), Rules(aim=aim, idle_sleep=100.0)
    taken = chance.random(nodes) < 0.3
    when = farm.now + chance.choice([0.0, 60.0, 9000.0], farm.steps.count)

    power = decide(farm, cost, rules, taken=taken, frames=farm.steps.waiting.copy(), when=when)

    down, up = power.node[~power.up], power.node[power.up]
    least = np.maximum(break_even(farm.classes), rules.idle_sleep)[farm.nodes.node_class[down]]
    assert (farm.nodes.state[down] == NodeState.UP).all()
    assert not taken[down].any()
    assert not np.isin(down, farm.attempts.node).any()
    assert (farm.now - farm.nodes.idle_since[down] >= least).all()
    assert (farm.nodes.state[up] == NodeState.ASLEEP).all()
    assert len(np.unique(power.node)) == len(power.node)
    assert not np.isin(farm.nodes.node_class[down], farm.nodes.node_class[up]).any()
    assert not len(down) or aim is not Aim.PERFORMANCE
    assert power.reason.tolist() == [Reason.WORK_COMING if each else Reason.IDLE_NODE for each in power.up]


@given(
    st.floats(1, 600), st.floats(0, 600), st.floats(0, 1e5), st.floats(6, 300), st.floats(0, 5), st.floats(0, 9),
)  # fmt: skip
def test_a_gap_of_twice_the_threshold_takes_less_energy_and_none_takes_more_than_twice_the_best(
    wake: float, fall: float, joules: float, idle: float, asleep: float, gaps: float
) -> None:
    classes = classes_of(
        wake_seconds=[wake], sleep_seconds=[fall], wake_joules=[joules], idle_watts=[idle], asleep_watts=[asleep]
    )
    threshold = float(break_even(classes)[0])
    gap = threshold * gaps

    awake = idle * gap
    asleep_for = max(gap - threshold - fall - wake, 0.0)
    nap = idle * (threshold + fall + wake) + joules + asleep * asleep_for if gap > threshold else awake
    best = min(awake, idle * (fall + wake) + joules + asleep * max(gap - fall - wake, 0.0))

    if gap >= 2 * threshold:
        assert nap <= awake * (1 + 1e-9)
    assert nap <= 2 * best * (1 + 1e-9) or gap < threshold + fall + wake


def test_sleep_that_saves_nothing_never_breaks_even() -> None:
    assert break_even(classes_of(idle_watts=[5.0], asleep_watts=[5.0])).tolist() == [np.inf]

    farm = snapshot_of(now=1e6, classes=classes_of(idle_watts=[5.0], asleep_watts=[5.0]))
    assert slept(decide(farm, cost_of(farm))) == []


def test_nodes_sleep_after_their_rest_and_not_before() -> None:
    farm = snapshot_of(now=1000.0, nodes={"idle_since": [0.0, 699.0, 701.0]})

    assert slept(decide(farm, cost_of(farm))) == [0, 1]


def test_a_node_that_just_woke_rests_anew() -> None:
    farm = snapshot_of(now=1000.0, nodes={"idle_since": [0.0, 0.0], "ready": [900.0, 100.0]})

    assert slept(decide(farm, cost_of(farm))) == [1]


def test_performance_wakes_everything() -> None:
    farm = snapshot_of(now=1e6, nodes={"state": [NodeState.UP, NodeState.ASLEEP]})

    power = decide(farm, cost_of(farm), Rules(aim=Aim.PERFORMANCE))

    assert (slept(power), woken(power)) == ([], [1])


def test_an_idle_farm_keeps_one_efficient_node_for_emergencies() -> None:
    classes = classes_of(busy_watts=[300.0, 200.0])
    farm = snapshot_of(now=1e6, classes=classes, nodes={"node_class": [0, 0, 1, 1]})

    assert slept(decide(farm, cost_of(farm), Rules())) == [0, 1, 2]
    assert slept(decide(farm, cost_of(farm), PATIENT)) == [0, 1, 2, 3]


def test_a_busy_farm_keeps_a_reserve_that_grows_with_the_root_of_its_turnover() -> None:
    def reserve(busy: int, seconds: float) -> Floats:
        farm = snapshot_of(nodes={"node_class": [0] * busy}, attempts={"node": np.arange(busy)})
        return warm_reserve(farm, cost_of(farm, seconds), Rules(), np.zeros(busy, np.bool_))

    assert reserve(100, 60.0)[0] == np.ceil(1.2815515655446004 * np.sqrt(200))
    assert reserve(400, 60.0)[0] == pytest.approx(2 * reserve(100, 60.0)[0], abs=1)
    assert reserve(100, 12000.0)[0] == np.ceil(1.2815515655446004 * np.sqrt(2))


def test_work_without_a_node_wakes_one_and_the_most_efficient() -> None:
    classes = classes_of(busy_watts=[300.0, 200.0])
    farm = snapshot_of(classes=classes, nodes={"node_class": [0, 0, 1, 1], "state": [NodeState.ASLEEP] * 4})

    assert woken(decide(farm, cost_of(farm, 600), frames=np.array([1]))) == [2]


def test_as_many_wake_as_the_work_pays_for() -> None:
    farm = snapshot_of(nodes={"state": [NodeState.ASLEEP] * 9}, steps={"request": [[8, 1024, 0, 0, 0]]})

    assert len(woken(decide(farm, cost_of(farm, 600), frames=np.array([5])))) == 5
    assert len(woken(decide(farm, cost_of(farm, 10), frames=np.array([20])))) == 2  # 200 s of work, 150 s a turn
    assert len(woken(decide(farm, cost_of(farm, 600), frames=np.array([500])))) == 9


def test_nodes_on_their_way_and_soon_free_count() -> None:
    waking = snapshot_of(nodes={"state": [NodeState.WAKING, NodeState.ASLEEP]})
    turning = snapshot_of(
        nodes={"state": [NodeState.UP, NodeState.ASLEEP]}, attempts={"node": [0]},
        steps={"request": [[8, 1024, 0, 0, 0]]},
    )  # fmt: skip

    assert woken(decide(waking, cost_of(waking, 600), frames=np.array([1]))) == []
    assert woken(decide(turning, cost_of(turning, 100), frames=np.array([1]), reserve=np.zeros(1))) == []
    assert woken(decide(turning, cost_of(turning, 1200), frames=np.array([1]), reserve=np.zeros(1))) == [1]


def test_work_that_gets_room_first_wakes_nobody_where_others_wait_for_that_room() -> None:
    farm = snapshot_of(
        classes=classes_of(names=["new", "old"], busy_watts=[300.0, 600.0]),
        nodes={"node_class": [0, 1], "state": [NodeState.UP, NodeState.ASLEEP]},
        steps={"job": [0, 1], "waiting": [8, 8]},
    )  # fmt: skip
    cost = cost_of(farm, [[600.0, np.inf], [600.0, 600.0]])
    frames = np.array([8, 8])

    assert woken(decide(farm, cost, frames=frames)) == [1]
    assert woken(decide(farm, cost, frames=frames, first=np.array([True, False]))) == [1]
    assert woken(decide(farm, cost, frames=frames, first=np.array([False, True]))) == []


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0, 500))
def test_frames_may_use_what_clients_and_licences_leave_the_first_in_order_first(
    seed: int, steps: int, most: float
) -> None:
    farm, cost = random_snapshot(seed, steps=steps)
    chance = np.random.default_rng(seed)
    worth = np.where(cost.able, farm.share_of_node() * farm.classes.worth, np.inf).min(axis=1)
    frames = chance.integers(0, 9, farm.steps.count)
    order = chance.permutation(farm.steps.count)[: chance.integers(0, farm.steps.count + 1)]
    left = chance.uniform(-10, most + 1e-9, farm.clients.count)

    may = waiting_for_room(farm, frames, order, worth, left, farm.licences)

    client = farm.jobs.client[farm.steps.job]
    able = np.where(np.isfinite(worth), worth, 0.0)
    licensed = np.minimum(frames, np.append(farm.licences, 10**9)[farm.steps.licence])
    assert ((may >= 0) & (may <= licensed)).all()
    held = np.bincount(client, may * able, farm.clients.count)
    assert (held <= np.maximum(left, 0.0) * (1 + 1e-6) + 1e-5).all()
    for first, second in itertools.pairwise(order):
        if client[first] == client[second] and may[second] * able[second] > 0:
            assert may[first] == licensed[first]  # nobody overtakes


def test_nobody_wakes_or_stays_awake_for_a_client_that_may_hold_no_more() -> None:
    for limit, begun, down, up in ((1 / 3, [], 2, []), (1.0, [2, 3, 4], 0, [5])):
        farm = snapshot_of(
            now=1e5, clients=clients_of(limit=[limit]), nodes={"state": [NodeState.UP] * 5 + [NodeState.ASLEEP]},
            steps={"request": [[8, 1024, 0, 0, 0]], "waiting": [50]}, attempts={"node": [0, 1]},
        )  # fmt: skip

        decided = plan(farm, cost_of(farm, 3600.0), PATIENT)

        assert sorted(decided.starts.node.tolist()) == begun
        assert (len(slept(decided.power)), woken(decided.power)) == (down, up)  # one idle node is kept in reserve


def test_held_work_wakes_nodes_as_late_as_it_can() -> None:
    farm = snapshot_of(nodes={"state": [NodeState.ASLEEP]})  # wakes in 120 s

    for ahead, nodes in ((200.0, []), (120.0, [0])):
        assert woken(decide(farm, cost_of(farm), frames=np.array([1]), when=np.array([ahead]))) == nodes


def test_a_node_that_is_needed_within_its_break_even_time_stays_up() -> None:
    farm = snapshot_of(now=1e5, nodes={"state": [NodeState.UP] * 2})

    assert slept(decide(farm, cost_of(farm), frames=np.array([1]), when=np.array([1e5 + 250]))) == [0]
    assert slept(decide(farm, cost_of(farm), frames=np.array([1]), when=np.array([1e5 + 9000]))) == [0, 1]


def test_a_reserve_is_woken_and_then_left_alone() -> None:
    asleep = snapshot_of(now=1e5, nodes={"state": [NodeState.ASLEEP] * 4})
    awake = dataclasses.replace(
        asleep, nodes=dataclasses.replace(asleep.nodes, state=np.array([NodeState.UP] * 2 + [NodeState.ASLEEP] * 2))
    )

    assert woken(decide(asleep, cost_of(asleep), reserve=np.array([2.0]))) == [0, 1]
    quiet = decide(awake, cost_of(awake), reserve=np.array([2.0]))
    assert (slept(quiet), woken(quiet)) == ([], [])


def test_frames_that_fit_nowhere_wake_nobody() -> None:
    farm = snapshot_of(nodes={"state": [NodeState.ASLEEP]}, steps={"request": [[99, 0, 0, 0, 0]]})

    assert woken(decide(farm, cost_of(farm), frames=np.array([3]))) == []
