from __future__ import annotations

import heapq
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.tariff import Outlook, Tariff
from placement.scheduling.plan import Plan, Power, Reason, Starts, Stops, Waits
from placement.scheduling.rules import Rules
from placement.simulator.whole_farm.beliefs import declared, learned, truth, type_means
from placement.simulator.whole_farm.energy import node_joules
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.simulator.whole_farm.snapshots import preview_due
from placement.testing.planner_farms import classes_of, clients_of, farm_world_of
from placement.testing.random_farms import random_farm_world
from tests.simulator.farm_worlds import check_history, first_fit, restless, slow_joules, troubled_world

RULES = Rules()
SEEDS = st.integers(0, 10_000)
KNOWLEDGE = st.sampled_from([learned, truth, declared, type_means])


def columns(history: FarmHistory) -> list[bytes]:
    tables = (history.attempts, history.spans, history.decisions, history)
    return [
        getattr(table, each.name).tobytes()
        for table in tables
        for each in fields(table)
        if isinstance(getattr(table, each.name), np.ndarray) and each.name != "latency"
    ]


@given(seed=SEEDS, knowledge=KNOWLEDGE, every=st.sampled_from([5.0, 30.0, 200.0]))
@settings(max_examples=25, deadline=None)
def test_a_quiet_policy_keeps_every_law_in_a_troubled_world(seed: int, knowledge: object, every: float) -> None:
    world = troubled_world(seed)

    history = run_farm(world, first_fit, RULES, knowledge, every=every, until=3000.0)

    check_history(world, history)


@given(seed=SEEDS, every=st.sampled_from([5.0, 30.0, 200.0]))
@settings(max_examples=40, deadline=None)
def test_a_restless_policy_keeps_every_law_in_a_troubled_world(seed: int, every: float) -> None:
    world = troubled_world(seed)

    history = run_farm(world, restless, RULES, truth, every=every, until=3000.0)

    check_history(world, history)
    assert history.end == 3000.0


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_energy_is_the_integral_over_time(seed: int) -> None:
    world = troubled_world(seed)

    history = run_farm(world, restless, RULES, learned, until=1500.0)

    assert node_joules(world, history).sum() == pytest.approx(slow_joules(world, history), rel=1e-9)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_same_seed_and_planner_give_the_same_history_byte_for_byte(seed: int) -> None:
    first, second = (run_farm(troubled_world(seed), restless, RULES, learned, until=2000.0) for _ in range(2))

    assert columns(first) == columns(second)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_without_faults_every_frame_is_done_once(seed: int) -> None:
    world = random_farm_world(seed)

    history = run_farm(world, first_fit, RULES, truth)

    assert (np.bincount(history.attempts.frame) == 1).all()
    assert np.isfinite(history.job_end).all()


def test_a_slot_goes_on_several_times_between_decisions_at_exact_instants() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]]),
        steps={"frames": [6], "seconds": [[7.0]]}, frames={"factor": [1.0, 2.0, 1.0, 0.5, 1.0, 1.0]},
    )  # fmt: skip

    past = run_farm(world, first_fit, RULES, learned).attempts

    assert past.end.tolist() == [7.0, 21.0, 28.0, 31.5, 38.5, 45.5]
    assert past.start.tolist() == [0.0, 7.0, 21.0, 28.0, 31.5, 38.5]
    assert past.continued.tolist() == [False, True, True, True, True, True]


def test_a_frame_goes_to_the_slot_that_ends_first() -> None:
    """The second slot ends at 20 s; the first by then has ended twice."""
    world = farm_world_of(
        classes=classes_of(offer=[[2, 32768, 0, 0, 0]]),
        steps={"frames": [4], "seconds": [[10.0]]}, frames={"factor": [0.5, 2.0, 0.5, 0.8]},
    )  # fmt: skip

    past = run_farm(world, first_fit, RULES, learned).attempts

    assert past.end.tolist() == [5.0, 10.0, 18.0, 20.0]
    assert past.frame.tolist() == [0, 2, 3, 1]


def test_a_stopped_attempt_finishes_its_frame_and_nothing_follows() -> None:
    def stop_at_once(farm, cost, rules):
        plan = first_fit(farm, cost, rules) if farm.now == 0 else Plan(starts=Starts.of(*np.zeros((2, 0), int), 6))
        rows = np.flatnonzero(~farm.attempts.stopping)
        stops = Stops(attempt=rows, now=np.zeros(len(rows), bool), reason=rows * 0 + 33, loss=np.zeros(len(rows)))
        return replace(plan, stops=stops)

    classes = classes_of(offer=[[1, 32768, 0, 0, 0]])
    world = farm_world_of(classes=classes, steps={"frames": [3], "seconds": [[50.0]]})

    past = run_farm(world, stop_at_once, RULES, learned, until=200.0).attempts

    assert past.end.tolist() == [50.0]


def test_a_successor_takes_the_place_and_the_rest_of_it_is_free() -> None:
    def follow(farm, cost, rules):
        if farm.now == 0:
            return Plan(starts=Starts.of(np.array([0]), np.array([0]), 6))
        free.append(farm.nodes.free[0, 0])
        nothing = Starts.of(*np.zeros((2, 0), int), 6)
        return Plan(starts=nothing, successors=np.full(farm.attempts.count, farm.steps.count - 1))

    free: list[float] = []
    world = farm_world_of(
        jobs={"release": [0.0, 0.0]},
        steps={"job": [0, 1], "frames": [1, 2], "request": [[8, 1024, 0, 0, 0], [2, 1024, 0, 0, 0]],
               "seconds": [[40.0], [10.0]]},
    )  # fmt: skip

    past = run_farm(world, follow, RULES, learned).attempts

    assert past.start.tolist() == [0.0, 40.0, 50.0]
    assert past.step.tolist() == [0, 1, 1]
    assert free == [0.0]


def test_an_interrupted_frame_resumes_from_its_last_checkpoint() -> None:
    def interrupt(farm, cost, rules):
        rows = np.arange(farm.attempts.count if farm.now == 60 else 0)
        stops = Stops(attempt=rows, now=np.ones(len(rows), bool), reason=rows * 0 + 31, loss=np.zeros(len(rows)))
        nothing = Starts.of(*np.zeros((2, 0), int), 6)
        return Plan(starts=nothing, stops=stops) if len(rows) else first_fit(farm, cost, rules)

    never = [99, 1024, 0, 0, 0]
    world = farm_world_of(
        jobs={"release": [0.0, 0.0]},
        steps={"job": [0, 1], "seconds": [[100.0], [1.0]], "checkpoint": [25.0, np.inf],
               "request": [[1, 1024, 0, 0, 0], never]},
    )  # fmt: skip

    past = run_farm(world, interrupt, RULES, learned, until=300.0).attempts

    assert past.outcome.tolist() == [Outcome.INTERRUPTED, Outcome.DONE]
    assert past.lost[0] == pytest.approx(10.0)
    assert past.saved.tolist() == [0.0, 0.5]
    assert past.stopped.tolist() == [Reason.RESCUE, -1]
    assert past.end[1] - past.start[1] == pytest.approx(50.0)


def test_a_dependent_step_is_ready_at_the_exact_end_and_starts_at_the_next_decision() -> None:
    world = farm_world_of(steps={"after": [-1, 0], "seconds": [[50.0], [5.0]]})

    history = run_farm(world, first_fit, RULES, learned)

    assert history.step_ready.tolist() == [0.0, 50.0]
    assert history.attempts.start.tolist() == [0.0, 60.0]
    assert history.job_end.tolist() == [65.0]


def test_a_warm_node_saves_loading() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]]), steps={"frames": [2], "seconds": [[50.0]], "startup": [20.0]}
    )

    whole, half = (run_farm(world, first_fit, RULES, learned, warmth=warmth).attempts for warmth in (1.0, 0.5))

    assert whole.end.tolist() == [50.0, 80.0]
    assert half.end.tolist() == [50.0, 90.0]
    assert whole.loading.tolist() == [20.0, 0.0]
    assert half.loading.tolist() == [20.0, 10.0]


def test_an_attempt_loads_no_longer_than_it_lasts() -> None:
    world = farm_world_of(steps={"seconds": [[50.0]], "startup": [20.0]})

    assert run_farm(world, first_fit, RULES, learned, until=15.0).attempts.loading.tolist() == [15.0]


def test_a_slower_mode_takes_longer_and_draws_less() -> None:
    def eco(farm, cost, rules):
        ready = np.flatnonzero(farm.steps.waiting)
        return Plan(starts=Starts.of(ready, ready * 0, 6, 1))

    classes = classes_of(speed=[[1.0, 0.5]], draw=[[1.0, 0.3]])
    world = farm_world_of(classes=classes, steps={"request": [[8, 1, 0, 0, 0]]})

    history = run_farm(world, eco, RULES, learned)

    assert history.attempts.end.tolist() == [120.0]
    assert node_joules(world, history).tolist() == [pytest.approx(120 * (100 + 200 * 0.3))]


def test_a_node_sleeps_and_wakes_with_its_latencies_and_energy() -> None:
    def doze(farm, cost, rules):
        up = {0.0: False, 300.0: True}.get(farm.now)
        nodes = np.zeros(0 if up is None else 1, np.int64)
        power = Power(node=nodes, up=np.full(len(nodes), bool(up)), reason=nodes)
        return first_fit(farm, cost, rules).with_power(power)

    world = farm_world_of(classes=classes_of(wake_joules=[5000.0]), jobs={"release": [290.0]})

    history = run_farm(world, doze, RULES, learned)

    assert history.spans.state.tolist() == [0, 3, 1, 2, 0][1:]
    assert history.spans.start.tolist() == [0.0, 30.0, 300.0, 420.0]
    assert history.attempts.start.tolist() == [420.0]
    joules = 30 * 100 + 270 * 5 + 120 * 100 + 60 * (100 + 200 / 8) + 5000
    assert node_joules(world, history).tolist() == [pytest.approx(joules)]


def test_decisions_are_skipped_while_nothing_changes() -> None:
    world = farm_world_of(steps={"seconds": [[1000.0]]})

    times = run_farm(world, first_fit, RULES, learned).decisions.time

    assert times.tolist() == [0.0, 30.0]


def test_an_idle_farm_is_asked_again_when_nodes_may_sleep_and_when_prices_change() -> None:
    hours = Outlook(start=np.array([0.0, 650.0]), price=np.ones(2), carbon=np.ones(2))
    world = farm_world_of(jobs={"release": [1200.0]}, tariff=Tariff(actual=hours, published=hours))

    times = run_farm(world, first_fit, RULES, learned).decisions.time

    assert times.tolist() == [0.0, 300.0, 660.0, 1200.0, 1230.0]


def test_a_run_in_which_nothing_can_start_ends_and_says_so() -> None:
    world = farm_world_of(steps={"request": [[99, 1024, 0, 0, 0]]})

    history = run_farm(world, first_fit, RULES, learned, every=600.0)

    assert history.attempts.count == 0
    assert np.isinf(history.job_end).all()
    assert not history.job_failed.any()


def test_reasons_to_wait_are_counted_by_frames() -> None:
    def says(farm, cost, rules):
        waits = Waits(reason=np.full(farm.steps.count, int(Reason.HELD)), until=np.full(farm.steps.count, np.inf))
        return replace(first_fit(farm, cost, rules), waits=waits)

    world = farm_world_of(steps={"frames": [11]})

    log = run_farm(world, says, RULES, learned).decisions

    assert log.waits[0, Reason.HELD] == 3
    assert log.waiting[0] == 11
    assert log.starts[0] == 8


def test_clients_who_use_more_than_their_share_owe_it() -> None:
    seen = []

    def watch(farm, cost, rules):
        seen.append(farm.clients.history)
        return first_fit(farm, cost, rules)

    world = farm_world_of(clients=clients_of(names=["a", "b"], weight=[1.0, 1.0]), steps={"frames": [8]})

    run_farm(world, watch, Rules(half_life=1e9), learned)

    assert seen[0].tolist() == [0.0, 0.0]
    assert seen[1] == pytest.approx([30 * 4, -30 * 4], rel=1e-3)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (([0, 0], [0, 0]), "fewer frames waiting"),
        (([0], [1]), "not UP"),
        (([1] * 3, [0] * 3), "step 1 on node 0 asks for more CORES"),
        (([2] * 2, [0] * 2), "step 2 on node 0 asks for more MEMORY"),
        (([3] * 2, [0] * 2), "step 3 on node 0 takes a LICENCE"),
        (([4], [0]), "can never run"),
    ],
)
def test_impossible_starts_are_refused(starts: tuple[list[int], list[int]], message: str) -> None:
    world = farm_world_of(
        fleet={"node_class": [0, 0], "joins": [0.0, 99.0]}, licences=np.array([1]),
        steps={"frames": [1, 9, 9, 9, 9], "licence": [-1, -1, -1, 0, -1],
               "seconds": [[60.0]] * 4 + [[np.inf]],
               "request": [[1, 1, 0, 0, 0], [3, 1, 0, 0, 0], [1, 20000, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]]},
    )  # fmt: skip
    plan = Plan(starts=Starts.of(*np.array(starts), 6))

    with pytest.raises(InvalidInput, match=message):
        run_farm(world, lambda farm, cost, rules: plan, RULES, learned)


def test_a_busy_node_cannot_be_put_to_sleep() -> None:
    power = Power(node=np.array([0]), up=np.array([False]), reason=np.array([40]))

    with pytest.raises(InvalidInput, match="node 0 cannot sleep: it is at work"):
        run_farm(farm_world_of(), lambda *seen: first_fit(*seen).with_power(power), RULES, learned)


def test_a_node_that_is_up_cannot_be_woken() -> None:
    power = Power(node=np.array([0]), up=np.array([True]), reason=np.array([41]))

    with pytest.raises(InvalidInput, match="node 0 cannot be woken: it is UP"):
        run_farm(farm_world_of(), lambda *seen: first_fit(*seen).with_power(power), RULES, learned)


def test_a_successor_that_needs_more_than_the_place_is_refused() -> None:
    def follow(farm, cost, rules):
        if not farm.attempts.count:
            return Plan(starts=Starts.of(np.array([0]), np.array([0]), 6))
        return Plan(starts=Starts.of(*np.zeros((2, 0), int), 6), successors=np.array([1]))

    world = farm_world_of(steps={"frames": [1, 1], "request": [[1, 1, 0, 0, 0], [2, 1, 0, 0, 0]]})

    with pytest.raises(InvalidInput, match="step 1 on node 0 asks for more CORES than the attempt"):
        run_farm(world, follow, RULES, learned)


@pytest.mark.parametrize("wrong", [{"every": 0.0}, {"warmth": 2.0}, {"until": np.inf}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="must be above 0"):
        run_farm(farm_world_of(), first_fit, RULES, learned, **wrong)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_what_a_planner_sees_adds_up_and_stays_as_it_was(seed: int) -> None:
    world = troubled_world(seed)
    seen = []

    def watch(farm, cost, rules):
        tables = (farm.nodes, farm.steps, farm.attempts, farm.jobs)
        seen.append((tables, [getattr(table, each.name).tobytes() for table in tables for each in fields(table)]))
        assert (farm.nodes.free >= 0).all()
        assert (farm.licences >= 0).all()
        assert (farm.steps.left + farm.steps.done == world.steps.frames[farm.steps.index]).all()
        assert (farm.jobs.release <= farm.now).all()
        assert (farm.steps.since <= farm.now).all()
        assert (farm.attempts.started <= farm.now).all()
        assert cost.seconds.shape[0] == farm.steps.count
        return restless(farm, cost, rules)

    run_farm(world, watch, RULES, learned, until=1500.0)

    for tables, before in seen:
        assert [getattr(table, each.name).tobytes() for table in tables for each in fields(table)] == before


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_frames_take_their_true_times(seed: int) -> None:
    world = random_farm_world(seed)

    past = run_farm(world, restless, RULES, learned, until=3000.0, warmth=0.0).attempts

    whole = past.saved == 0
    whole &= past.outcome == Outcome.DONE
    step, node = past.step[whole], past.node[whole]
    klass = world.fleet.node_class[node]
    true = world.steps.seconds[step, klass] * world.frames.factor[past.frame[whole]] * world.fleet.slowness[node]
    assert (past.end - past.start)[whole] == pytest.approx(true / world.classes.speed[klass, past.mode[whole]])


def test_previews_are_due_after_a_share_of_the_longest_chain() -> None:
    world = farm_world_of(
        jobs={"release": [100.0]},
        steps={"after": [-1, 0, 0, 2], "preview": [0, 1, 0, 0], "seconds": [[50.0], [5.0], [200.0], [30.0]]},
    )

    due = preview_due(world, Rules(preview_share=0.1))

    assert due[1] == pytest.approx(128.0)
    assert np.isnan(due[[0, 2, 3]]).all()


def test_many_frames_run_at_once() -> None:
    world = farm_world_of(fleet={"node_class": [0] * 400}, steps={"frames": [3000]})

    history = run_farm(world, first_fit, RULES, learned)

    assert history.decisions.running.max() == 3000
    assert (history.attempts.outcome == Outcome.DONE).sum() == 3000


@given(
    factors=st.lists(st.floats(0.01, 3), min_size=1, max_size=40, unique=True), slots=st.integers(1, 6),
    slowness=st.lists(st.floats(1, 2), min_size=6, max_size=6),
)  # fmt: skip
def test_waves_do_what_one_event_at_a_time_does(factors: list[float], slots: int, slowness: list[float]) -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[1, 32768, 0, 0, 0]]),
        fleet={"node_class": [0] * slots, "slowness": slowness[:slots]},
        steps={"frames": [len(factors)], "seconds": [[10.0]]}, frames={"factor": factors},
    )  # fmt: skip
    heap = [(0.0, node, node) for node in range(slots)]
    expected = []
    for frame, factor in enumerate(factors):
        start, _, node = heapq.heappop(heap)
        end = start + 10.0 * factor * slowness[node]
        heapq.heappush(heap, (end, slots + frame, node))
        expected.append((frame, node, start, end))

    past = run_farm(world, first_fit, RULES, learned, every=10_000.0).attempts

    order = np.argsort(past.frame)
    assert past.frame[order].tolist() == [row[0] for row in expected]
    assert past.node[order].tolist() == [row[1] for row in expected]
    assert past.start[order] == pytest.approx([row[2] for row in expected])
    assert past.end[order] == pytest.approx([row[3] for row in expected])
