"""The loop: when it decides, what it orders, who leads, what becomes of failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from placement.control import commands
from placement.control.forecasting import Finished
from placement.control.settings import Settings
from placement.errors import JournalError
from placement.farm.facts import (
    AttemptEnded,
    AttemptStarted,
    ClientSet,
    Decided,
    Fact,
    NodeLost,
    NodeReturned,
    NodeSpec,
)
from placement.farm.jobs import Frames, Job, Requirements, Step
from placement.runtime.forecasting import EstimateForecaster
from placement.runtime.ledger import Ledger
from placement.runtime.loop import Loop
from placement.runtime.ports import Start, Stop
from placement.scheduling.plan import Plan
from placement.scheduling.planning import plan
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.fates import Fate, Run, Truth
from placement.testing.faults.disk import MemoryDisk, MemoryJournal

NODE = NodeSpec(name="n1", node_class="plain", cores=4.0, memory=16384.0)
QUIET = Intervals(alive=20.0, progress=float("inf"))


class Listening(SimulatedEngine):
    """An engine that remembers its orders, and does not hear those to stop while it is `deaf`."""

    def __init__(self, clock: SimulatedClock, truth: Truth) -> None:
        super().__init__(clock, truth, [NODE], intervals=QUIET)
        self.started: list[int] = []
        self.stopped: list[int] = []
        self.deaf = False

    def start(self, orders: Sequence[Start]) -> None:
        self.started += [order.attempt for order in orders]
        super().start(orders)

    def stop(self, orders: Sequence[Stop]) -> None:
        self.stopped += [order.attempt for order in orders]
        if not self.deaf:
            super().stop(orders)


class Attentive(EstimateForecaster):
    """Remembers what it learned."""

    def __init__(self) -> None:
        super().__init__()
        self.learned: list[Finished] = []

    def learn(self, finished: Sequence[Finished]) -> None:
        self.learned += finished
        super().learn(finished)


def lasting(seconds: float, fate: Fate = Fate.DONE) -> Truth:
    return lambda order, at: Run(seconds=seconds, fate=fate)


def loop(
    disk: MemoryDisk | None = None,
    *,
    clock: SimulatedClock | None = None,
    truth: Truth | None = None,
    name: str = "first",
    **parts: Any,
) -> tuple[Loop, Listening]:
    """Return a loop on a farm of one node and one client, and its engine."""
    engine = Listening(clock or SimulatedClock(), truth or lasting(50.0))
    ledger = Ledger(MemoryJournal(disk or MemoryDisk()))
    made: dict[str, Any] = {"forecaster": EstimateForecaster(), "timer": lambda: 0.0} | parts
    if not ledger.state.nodes:
        ledger.command(lambda state: commands.set_client(state, ClientSet(at=0.0, name="film")))
        ledger.command(lambda state: commands.register_node(state, NODE, 0.0, ""))
    return Loop(ledger, engine, engine.clock, name=name, **made), engine


def submit(farm: Loop, name: str, tasks: int = 1, **more: Any) -> None:
    step = Step(name="render", frames=Frames(last=tasks), seconds=50, requirements=Requirements(cores=2, memory=1024))
    job = Job(name=name, client="film", steps=(step,), **more)
    farm.ledger.command(lambda state: commands.submit(state, job, farm.clock(), "td"))


def facts(farm: Loop, kind: type[Fact]) -> list[Any]:
    return [entry.fact for entry in farm.ledger.entries() if isinstance(entry.fact, kind)]


def run(farm: Loop, until: float, step: float = 1.0) -> None:
    while farm.clock() < until:
        farm.turn(farm.clock() + step)


def test_work_starts_at_once_and_is_ordered_once() -> None:
    farm, engine = loop()
    submit(farm, "a", tasks=3)

    turn = farm.turn(10.0)

    assert (turn.leads, turn.decided, farm.leads) == (True, True, True)
    assert [start.at for start in facts(farm, AttemptStarted)] == [0.0, 0.0]
    run(farm, 120.0)
    assert engine.started == [1, 2, 3]
    assert not farm.state.jobs


def test_who_is_fenced_follows_and_orders_nothing() -> None:
    disk, clock = MemoryDisk(), SimulatedClock()
    farm, engine = loop(disk, clock=clock)
    assert farm.turn(0.1).leads
    other = MemoryJournal(disk)
    assert other.lead("second", 1000.0, 15.0) == 2  # its clock is ahead
    submit(farm, "a")

    turn = farm.turn(0.5)

    assert (turn.leads, farm.leads) == (False, False)
    assert engine.started == []
    assert not facts(farm, AttemptStarted)
    assert not farm.turn(0.6).leads


def test_who_gives_the_lead_up_lets_another_lead_at_once() -> None:
    disk, clock = MemoryDisk(), SimulatedClock()
    one, _ = loop(disk, clock=clock)
    two, _ = loop(disk, clock=clock, name="second")
    assert one.turn(0.1).leads
    assert not two.turn(0.2).leads
    two.resign()
    assert not two.turn(0.3).leads

    one.resign()

    assert two.turn(0.4).leads
    assert not one.turn(0.5).leads
    assert (two.state.leader, two.state.term) == ("second", 2)


def test_a_new_leader_orders_again_what_should_run_and_stop() -> None:
    disk, clock = MemoryDisk(), SimulatedClock()
    one, _ = loop(disk, clock=clock)
    submit(one, "a", tasks=2)
    one.turn(1.0)
    one.ledger.keep()
    two, fresh = loop(disk, clock=clock, name="second")
    clock.move(20.0)

    assert two.turn(21.0).leads

    assert fresh.started == [1, 2]
    assert sorted(two.state.attempts) == [1, 2]
    run(two, 100.0)
    assert not two.state.jobs
    assert not one.turn(101.0).leads


def test_what_users_end_is_stopped_at_once_and_until_it_has_stopped() -> None:
    farm, engine = loop(truth=lasting(5000.0))
    submit(farm, "a", tasks=2)
    farm.turn(1.0)
    engine.deaf = True
    farm.ledger.command(lambda state: commands.cancel(state, "a", farm.clock(), "td"))
    farm.turn(2.0)
    assert engine.stopped == [1, 2]
    run(farm, 30.0)  # the node said at 20 s what runs there
    assert engine.stopped.count(1) == engine.stopped.count(2) > 1
    engine.stopped.clear()
    run(farm, 50.0)
    assert engine.stopped == [1, 2]
    assert len(engine.nodes["n1"].attempts) == 2

    engine.deaf = False
    run(farm, 70.0)

    assert not engine.nodes["n1"].attempts
    assert not farm.state.attempts


def test_what_users_end_elsewhere_is_stopped_at_once() -> None:
    disk = MemoryDisk()
    farm, engine = loop(disk, truth=lasting(5000.0))
    submit(farm, "a", tasks=2)
    farm.turn(1.0)
    elsewhere = Ledger(MemoryJournal(disk))
    elsewhere.command(lambda state: commands.cancel(state, "a", farm.clock(), "td"))

    farm.turn(2.0)

    assert engine.stopped == [1, 2]
    assert not engine.nodes["n1"].attempts


def test_decisions_keep_their_distance() -> None:
    farm, _ = loop(settings=Settings(gap=5.0), truth=lasting(500.0))
    submit(farm, "a")
    assert farm.turn(0.0).decided
    submit(farm, "b")

    run(farm, 20.0, step=0.5)

    assert [start.at for start in facts(farm, AttemptStarted)] == [0.0, 5.0]


def test_planning_leaves_the_processor_most_of_the_time() -> None:
    seconds = count()  # every look at the timer is a second later, so that each decision takes one
    farm, _ = loop(
        settings=Settings(most_planning=0.1, gap=0.2), truth=lasting(500.0), timer=lambda: float(next(seconds))
    )
    submit(farm, "a")
    assert farm.turn(0.0).decided
    submit(farm, "b")

    run(farm, 20.0, step=0.5)

    assert [start.at for start in facts(farm, AttemptStarted)] == [0.0, 9.0]
    assert {decision.seconds for decision in facts(farm, Decided)} == {1.0}


@pytest.mark.parametrize("release", [0.1, 1.0, 2.9])
def test_a_chance_soon_after_a_decision_is_waited_for(release: float) -> None:
    farm, _ = loop(settings=Settings(gap=3.0), clock=SimulatedClock(1090.7))
    submit(farm, "a", release=1090.7 + release)
    assert farm.turn(0.0).decided

    turns = 0
    while not facts(farm, AttemptStarted):
        turns += 1
        assert turns < 20, "it turns without waiting"
        farm.turn(1200.0)

    assert facts(farm, AttemptStarted)[0].at == pytest.approx(1093.7)


def test_where_nothing_happens_decisions_are_as_far_apart_as_the_settings_say() -> None:
    decided: list[float] = []
    farm, _ = loop(settings=Settings(interval=25.0), truth=lasting(5000.0))
    submit(farm, "a")
    while farm.clock() < 80.0:
        if farm.turn(farm.clock() + 1.0).decided:
            decided.append(farm.clock())

    assert decided == [0.0, 25.0, 50.0, 75.0]


def test_an_empty_farm_decides_nothing_after_its_first_look() -> None:
    farm, _ = loop()

    assert sum(farm.turn(farm.clock() + 10.0).decided for _ in range(30)) == 1


def started_when(prepare: Callable[[Loop], object], **parts: Any) -> list[float]:
    """Return when attempts start on a farm that decides by itself only once in 1,000 s."""
    farm, _ = loop(settings=Settings(interval=1000.0, backoff=7.0), **parts)
    prepare(farm)
    farm.turn(0.0)
    run(farm, 60.0, step=100.0)
    return [start.at for start in facts(farm, AttemptStarted)]


def test_a_release_starts_work_at_once() -> None:
    assert started_when(lambda farm: submit(farm, "a", release=33.0)) == [33.0]


def test_the_end_of_a_back_off_starts_work_at_once() -> None:
    starts = started_when(lambda farm: submit(farm, "a"), truth=lasting(10.0, Fate.ERROR))

    ends = [start + 5.0 for start in starts]  # failures come half way
    assert [later - end for later, end in zip(starts[1:], ends, strict=False)][:2] == [7.0, 14.0]


def test_a_node_that_is_trusted_again_gets_work_at_once() -> None:
    def prepare(farm: Loop) -> None:
        farm.ledger.command(lambda state: [NodeLost(at=0.0, node="n1")])
        farm.ledger.command(lambda state: [NodeReturned(at=0.0, node="n1", trusted=44.0)])
        submit(farm, "a")

    assert started_when(prepare) == [44.0]


def test_the_forecaster_learns_from_what_is_done() -> None:
    forecaster = Attentive()
    farm, _ = loop(forecaster=forecaster, truth=lasting(40.0))
    submit(farm, "a", tasks=4)

    run(farm, 200.0)

    assert [each.seconds for each in forecaster.learned] == [40.0] * 4
    assert {each.node for each in forecaster.learned} == {NODE}


def test_who_was_not_first_learns_once() -> None:
    disk, forecaster = MemoryDisk(), Attentive()
    farm, _ = loop(disk, forecaster=forecaster, truth=lasting(40.0))
    submit(farm, "a")
    farm.turn(1.0)
    other, append = Ledger(MemoryJournal(disk)), farm.ledger.journal.append

    def second(facts: Sequence[Fact], **how: Any) -> int:
        if any(isinstance(fact, AttemptEnded) for fact in facts) and not other.state.licences:
            other.command(lambda state: commands.set_licence(state, "houdini", 1, 0.0, "td"))
        return append(facts, **how)

    farm.ledger.journal.append = second  # type: ignore[method-assign]
    run(farm, 60.0)

    assert other.state.licences == {"houdini": 1}
    assert [each.seconds for each in forecaster.learned] == [40.0]


def test_what_was_handed_in_during_a_decision_does_not_wait_for_the_next_interval() -> None:
    disk = MemoryDisk()
    farm, _ = loop(disk, settings=Settings(interval=1000.0, gap=3.0), truth=lasting(500.0))
    other, _ = loop(disk, name="second")

    def planner(*asked: Any) -> Plan:
        if not other.state.jobs:
            submit(other, "b")
        return plan(*asked)

    farm.planner = planner  # type: ignore[assignment]
    run(farm, 10.0)

    assert [start.at for start in facts(farm, AttemptStarted)] == [3.0]


def test_failed_attempts_teach_nothing() -> None:
    forecaster = Attentive()
    farm, _ = loop(forecaster=forecaster, truth=lasting(40.0, Fate.ERROR))
    submit(farm, "a")

    run(farm, 200.0)

    assert forecaster.learned == []


def test_a_planner_that_fails_loses_nothing_that_was_heard() -> None:
    fails = [False]

    def planner(*asked: Any) -> Plan:
        if fails.pop():
            raise ZeroDivisionError
        fails.append(False)
        return plan(*asked)

    farm, engine = loop(planner=planner, truth=lasting(10.0))
    submit(farm, "a", tasks=4)
    farm.turn(0.0)
    fails[:] = [False, True]

    with pytest.raises(ZeroDivisionError):
        run(farm, 15.0)
    assert not farm.leads
    assert farm.state.jobs["a"].steps[0].counts[3:5] != [0, 0]
    run(farm, 60.0)

    assert not farm.state.jobs
    assert engine.started[-2:] == [3, 4]
    assert farm.state.term == 1


def test_an_engine_that_fails_is_told_again() -> None:
    farm, engine = loop(truth=lasting(10.0))
    submit(farm, "a", tasks=2)
    take = engine.start

    def refuse(orders: Sequence[Start]) -> None:
        if orders:
            raise OSError("the network is away")

    engine.start = refuse  # type: ignore[method-assign]
    with pytest.raises(OSError, match="away"):
        farm.turn(0.0)
    assert len(facts(farm, AttemptStarted)) == 2
    engine.start = take  # type: ignore[method-assign]
    run(farm, 30.0)

    assert engine.started == [1, 2]
    assert not farm.state.jobs


def test_a_journal_that_fails_leaves_a_loop_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    farm, engine = loop(truth=lasting(10.0))
    submit(farm, "a", tasks=2)
    append = farm.ledger.journal.append

    def fails_once(facts: Sequence[Fact], **how: Any) -> int:
        if any(isinstance(fact, AttemptStarted) for fact in facts):
            monkeypatch.undo()
            raise JournalError("no room")
        return append(facts, **how)

    monkeypatch.setattr(farm.ledger.journal, "append", fails_once)
    with pytest.raises(JournalError, match="no room"):
        farm.turn(0.0)
    assert (engine.started, dict(farm.state.attempts)) == ([], {})

    run(farm, 30.0)

    assert engine.started == [1, 2]
    assert not farm.state.jobs
