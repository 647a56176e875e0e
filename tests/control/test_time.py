"""What becomes due by itself: silence, hanging, stops that nobody obeyed, nodes that come and go."""

from __future__ import annotations

import math

import numpy as np
import pytest

from placement.control import commands
from placement.control.deciding import decided
from placement.control.messages import Report, Said
from placement.control.reactions import react
from placement.control.settings import Settings
from placement.control.timers import next_chance, next_due, overdue
from placement.control.transitions import NodeLife, Power
from placement.farm.facts import AttemptEnded, AttemptStopping, NodeLost, NodePower, NodeReturned, Outcome
from placement.farm.jobs import Requirements
from placement.scheduling.plan import Plan, Starts, Stops
from placement.scheduling.plan import Power as Powers
from tests.control.bench import bench, job_of


def of(facts, kind):
    return [fact for fact in facts if isinstance(fact, kind)]


def test_a_silent_node_is_lost_within_a_lease_and_its_work_starts_elsewhere():
    farm = bench(nodes=2)
    farm.tick(30.0)
    farm.submit(job_of(frames=4, requirements=Requirements(cores=2)))
    started = [number for number in farm.decide() if farm.starts[number].node == "a"]
    assert started
    since = farm.now
    facts = []
    while not of(facts, NodeLost):
        farm.now += 5.0
        farm.report(Said.ALIVE, "b", running=tuple(farm.state.nodes["b"].attempts))
        facts += farm.fold(overdue(farm.state, farm.now, farm.settings))

    assert farm.now - since <= farm.settings.lease + 5.0
    assert {fact.attempt for fact in of(facts, AttemptEnded)} == set(started)
    assert {fact.outcome for fact in of(facts, AttemptEnded)} == {Outcome.LOST}
    assert {stop.attempt for stop in farm.stops} == set(started)
    assert len(farm.decide()) == len(started)


def test_nobody_is_lost_because_the_controller_was_away_or_its_clock_jumped():
    farm = bench(nodes=2)
    farm.tick(30.0)
    for jump in (10_000.0, -50_000.0, 400.0):
        farm.now += jump
        assert farm.fold(overdue(farm.state, farm.now, farm.settings)) == []

    assert of(farm.tick(100.0, alive=False), NodeLost)


def test_a_node_that_returns_often_is_trusted_later_each_time():
    farm = bench(nodes=1)
    waits = []
    for _ in range(4):
        farm.tick(100.0, alive=False)
        assert farm.state.nodes["a"].life is NodeLife.LOST
        (back,) = of(farm.report(Said.ALIVE, "a"), NodeReturned)
        waits.append(max(back.trusted - farm.now, 0.0))
    farm.submit(job_of())

    assert waits == [0.0, 120.0, 240.0, 480.0]
    assert farm.decide() == []
    farm.tick(500.0)
    assert len(farm.decide()) == 4


def test_a_node_that_was_drained_or_quarantined_stays_so_when_it_returns():
    farm = bench(nodes=1)
    farm.command(commands.drain, "a")
    farm.tick(100.0, alive=False)
    farm.report(Said.ALIVE, "a")

    assert farm.state.nodes["a"].life is NodeLife.DRAINING


def test_an_attempt_that_its_node_knows_nothing_of_is_lost_after_a_while():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=2))
    first, second = farm.decide()
    facts = []
    for _ in range(12):
        farm.now += 5.0
        farm.report(Said.ALIVE, "a", running=(first,))
        facts += farm.fold(overdue(farm.state, farm.now, farm.settings))

    (lost,) = of(facts, AttemptEnded)
    assert (lost.attempt, lost.outcome) == (second, Outcome.LOST)
    assert first in farm.state.attempts


def test_a_task_is_stuck_by_its_forecast_and_not_by_the_clock():
    farm = bench(nodes=1)
    farm.submit(job_of("short", frames=1, seconds=60.0))
    farm.submit(job_of("long", frames=1, seconds=6000.0))
    farm.decide()

    (stuck,) = of(farm.tick(1000.0), AttemptEnded)

    assert stuck.outcome is Outcome.STUCK
    assert 240.0 < stuck.seconds < 400.0  # four times the 90 % quantile of a minute
    assert [attempt.job for attempt in farm.state.attempts.values()] == ["long"]


def test_a_task_that_comes_on_slowly_is_not_stuck():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, seconds=60.0))
    (number,) = farm.decide()
    for tenth in range(1, 10):
        assert farm.tick(300.0) == []
        farm.report(Said.PROGRESS, "a", attempt=number, progress=tenth / 10)

    assert of(farm.tick(3000.0), AttemptEnded)[0].outcome is Outcome.STUCK


def test_who_was_found_stuck_gets_more_time_at_the_next_attempt():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, seconds=60.0))
    took = []
    for _ in range(2):
        farm.tick(20.0)
        farm.decide()
        took += [fact.seconds for fact in of(farm.tick(1000.0), AttemptEnded)]

    assert took[1] == pytest.approx(2 * took[0], rel=0.05)


def test_a_timeout_is_enforced_where_the_engine_does_not():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, seconds=6000.0, timeout=100.0))
    farm.decide()

    (end,) = of(farm.tick(150.0), AttemptEnded)

    assert (end.outcome, end.seconds) == (Outcome.TIMEOUT, 135.0)  # counted since somebody looks


def stopped(farm, *, now):
    """Let a planner stop every attempt."""
    seen = farm.see()
    rows = np.arange(seen.snapshot.attempts.count)
    stops = Stops(attempt=rows, now=np.full(len(rows), now), reason=np.full(len(rows), 31), loss=np.zeros(len(rows)))
    empty = np.zeros(0, int)
    plan = Plan(starts=Starts.of(empty, empty, 6), stops=stops)
    return farm.fold(decided(farm.state, seen, plan, farm.now, 0.0, farm.settings))


def test_a_stop_that_nobody_obeys_ends_the_attempt_anyway():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, seconds=6000.0))
    (number,) = farm.decide()

    assert of(stopped(farm, now=False), AttemptStopping)[0].reason == "RESCUE"
    assert not farm.stops[-1].now
    assert of(farm.tick(200.0), AttemptEnded) == []
    assert of(stopped(farm, now=True), AttemptStopping)
    assert farm.stops[-1].now
    assert of(stopped(farm, now=True), AttemptStopping) == []  # told already
    (end,) = of(farm.tick(200.0), AttemptEnded)
    assert (end.attempt, end.outcome) == (number, Outcome.INTERRUPTED)
    assert farm.state.jobs["sh010"].steps[0].troubles[0].interruptions == 1


def test_nodes_sleep_and_wake():
    farm = bench(nodes=0)
    farm.node("a", wake_seconds=60.0, sleep_seconds=10.0)
    farm.tick(400.0)
    farm.decide()
    assert farm.power == [("a", False)]
    farm.report(Said.ALIVE, "a")  # said before it fell asleep
    assert farm.state.nodes["a"].power is Power.FALLING_ASLEEP
    farm.report(Said.ASLEEP, "a")
    assert farm.state.nodes["a"].power is Power.ASLEEP
    assert of(farm.tick(500.0, alive=False), NodeLost) == []

    farm.submit(job_of())
    assert farm.decide() == []
    assert farm.power[-1] == ("a", True)
    farm.report(Said.ASLEEP, "a")  # said before it was woken
    assert farm.state.nodes["a"].power is Power.WAKING
    farm.report(Said.UP, "a")
    assert len(farm.decide()) == 4


def test_a_node_that_does_not_say_that_it_sleeps_counts_as_asleep_and_one_that_does_not_wake_as_lost():
    farm = bench(nodes=0)
    farm.node("a", wake_seconds=60.0, sleep_seconds=10.0)
    farm.tick(400.0)
    farm.decide()
    assert of(farm.tick(100.0, alive=False), NodePower)
    assert farm.state.nodes["a"].power is Power.ASLEEP

    farm.submit(job_of())
    farm.decide()
    (lost,) = of(farm.tick(400.0, alive=False), NodeLost)
    assert lost.why == "it was woken and is silent"
    assert isinstance(farm.report(Said.UP, "a")[0], NodeReturned)
    assert farm.report(Said.UP, "a") == []


def test_a_waking_node_that_reports_is_awake():
    farm = bench(nodes=0)
    farm.node("a", wake_seconds=60.0)
    farm.tick(400.0)
    farm.decide()
    farm.report(Said.ASLEEP, "a")
    farm.submit(job_of())
    farm.decide()

    assert isinstance(farm.report(Said.ALIVE, "a")[0], NodePower)
    assert farm.state.nodes["a"].power is Power.UP


def test_the_next_thing_due_is_known():
    settings = Settings()
    farm = bench(nodes=1, settings=settings)
    assert next_due(farm.state, farm.now, settings) == farm.now  # nobody looked yet
    farm.tick(10.0)
    assert next_due(farm.state, farm.now, settings) == pytest.approx(farm.state.senses.scanned + settings.stuck_least)
    farm.submit(job_of(frames=1))
    farm.ended(farm.decide()[0], exit_code=1)
    assert next_due(farm.state, farm.now, settings) == farm.now + settings.backoff
    assert next_chance(farm.state, farm.now) == farm.now + 15
    assert math.isinf(next_chance(farm.state, farm.now + 15))
    assert next_due(farm.state, farm.now - 100, settings) == farm.now - 100
    assert math.isinf(next_due_of_nothing())


def next_due_of_nothing():
    farm = bench(nodes=0)
    farm.fold(overdue(farm.state, farm.now, farm.settings))
    return next_due(farm.state, farm.now, farm.settings)


def test_what_nodes_say_that_nobody_knows_is_ignored():
    farm = bench(nodes=1)
    for said in Said:
        report = Report(said=said, node="stranger", attempt=1, running=(5,))
        assert react(farm.state, report, farm.now, farm.settings) == []
    farm.tick(100.0, alive=False)
    assert farm.report(Said.GONE, "a") == []
    assert farm.report(Said.ASLEEP, "a") == []


def test_what_still_runs_on_a_node_that_returns_is_stopped_until_it_has_heard():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1))
    (number,) = farm.decide()
    farm.report(Said.GONE, "a")
    farm.stops.clear()

    for _ in range(3):
        farm.report(Said.ALIVE, "a", running=(number,))

    assert [stop.attempt for stop in farm.stops if stop.attempt == number]
    assert len(farm.stops) >= 3
    assert farm.state.totals.refused == 1


def test_sleep_that_came_too_late_is_left_out():
    farm = bench(nodes=0)
    farm.node("a", wake_seconds=60.0)
    farm.submit(job_of())
    seen = farm.see()
    farm.decide()
    power = Powers(node=np.array([0, 0]), up=np.array([False, True]), reason=np.array([40, 41]))
    empty = np.zeros(0, int)
    plan = Plan(starts=Starts.of(empty, empty, 6), power=power)

    facts = decided(farm.state, seen, plan, farm.now, 0.0, farm.settings)

    assert of(facts, NodePower) == []
