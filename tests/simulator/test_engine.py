"""The simulated engine: every fate, power, fencing, troubles, clocks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.facts import NodeSpec
from placement.runtime.ports import Report, Said, Start, Stop
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.fates import Fate, Run, Trouble, TroubleKind
from placement.simulator.memory import Memory

_NEVER = Intervals(alive=float("inf"), progress=float("inf"))
_EPOCH = 1.7e9


def _node(name: str) -> NodeSpec:
    return NodeSpec(name=name, node_class="c", cores=8, memory=8192, wake_seconds=30, sleep_seconds=10)


def _order(attempt: int = 1, **other: object) -> Start:
    given: dict[str, object] = {
        "task": ("job", "step", 0),
        "node": "a",
        "command": ("render",),
        "frames": (1,),
        **other,
    }
    return Start(attempt=attempt, **given)  # type: ignore[arg-type]


def _engine(
    *runs: Run, troubles: Sequence[Trouble] = (), intervals: Intervals = _NEVER, clock: SimulatedClock | None = None
) -> SimulatedEngine:
    which = list(runs or (Run(seconds=100.0, memory=500.0),))
    return SimulatedEngine(
        clock or SimulatedClock(_EPOCH), lambda order, at: which[(order.attempt - 1) % len(which)],
        [_node("a"), _node("b")], troubles=troubles, intervals=intervals,
    )  # fmt: skip


def _all(engine: SimulatedEngine, seconds: float) -> list[tuple[float, Report]]:
    """Everything that is heard within so many seconds, with the virtual time it is heard at."""
    end, heard = engine.clock.true + seconds, []
    while engine.clock.true < end:
        reports = engine.wait(end)
        heard += [(engine.clock.true, each) for each in reports]
    return heard


def _one(engine: SimulatedEngine, seconds: float = 1000.0) -> Report:
    heard = [report for _, report in _all(engine, seconds) if report.said is Said.ENDED]
    assert len(heard) == 1
    return heard[0]


def test_a_task_is_done_after_its_true_seconds_with_its_outputs() -> None:
    engine = _engine()
    engine.start([_order(outputs=("a.exr",), memory=600.0)])
    (heard,) = engine.hear(_EPOCH + 1000)
    assert engine.clock() == _EPOCH + 100
    assert (heard.exit_code, heard.cause, heard.outputs, heard.progress, heard.frames) == (0, "", ("a.exr",), 1.0, (1,))
    assert heard.seconds == pytest.approx(100)
    assert heard.memory == 500.0


@pytest.mark.parametrize(
    ("run", "cause", "exit_code", "seconds"),
    [
        (Run(seconds=100.0, fate=Fate.ERROR, at=0.25), "", 1, 25),
        (Run(seconds=100.0, fate=Fate.SCENE, at=0.1), "scene", 1, 10),
        (Run(seconds=100.0, fate=Fate.NODE, at=0.0), "node", None, 0),
        (Run(seconds=100.0, fate=Fate.LICENCE, at=0.0), "licence", None, 0),
        (Run(seconds=100.0, fate=Fate.NO_OUTPUT, at=1.0), "no output", 0, 100),
        (Run(seconds=100.0, memory=900.0, at=0.6), "out of memory", None, 60),
    ],
)
def test_failures_come_when_they_should_and_say_why(
    run: Run, cause: str, exit_code: int | None, seconds: float
) -> None:
    engine = _engine(run)
    engine.start([_order(memory=600.0, outputs=("a.exr",))])
    heard = _one(engine)
    assert (heard.cause, heard.exit_code, heard.outputs) == (cause, exit_code, ())
    assert heard.seconds == pytest.approx(seconds)
    assert heard.memory <= 600.0


def test_a_hanging_attempt_makes_no_progress_and_ends_only_when_stopped() -> None:
    engine = _engine(Run(seconds=100.0, fate=Fate.HANGS, at=0.4), intervals=Intervals(progress=20.0))
    engine.start([_order()])
    heard = [report for _, report in _all(engine, 200) if report.said is Said.PROGRESS]
    assert [round(each.progress, 6) for each in heard] == [0.2, *[0.4] * 9]
    engine.stop([Stop(attempt=1, node="a")])
    (ended, *_) = engine.hear(engine.clock())
    assert (ended.cause, ended.signal, round(ended.seconds)) == ("interrupted", 9, 200)


def test_a_timeout_ends_what_hangs_and_what_is_slow() -> None:
    engine = _engine(Run(seconds=100.0, fate=Fate.HANGS), Run(seconds=500.0))
    engine.start([_order(1, timeout=120.0), _order(2, task=("job", "step", 1), timeout=130.0)])
    ends = [(round(at - _EPOCH), report.cause) for at, report in _all(engine, 1000)]
    assert ends == [(120, "timeout"), (130, "timeout")]


def test_a_vanished_attempt_says_nothing_and_its_node_lists_it_no_more() -> None:
    engine = _engine(Run(seconds=100.0, fate=Fate.VANISHES), intervals=Intervals(alive=30.0, progress=float("inf")))
    engine.start([_order()])
    heard = _all(engine, 90)
    assert {report.said for _, report in heard} == {Said.ALIVE}
    assert [report.running for _, report in heard if report.node == "a"] == [(1,), (), ()]


def test_checkpoints_keep_what_their_period_allows_and_are_gone_on_from() -> None:
    run = Run(seconds=100.0, checkpoint=30.0)
    engine = _engine(run)
    engine.start([_order(1, checkpoint="resumes")])
    assert engine.hear(_EPOCH + 75) == []
    engine.stop([Stop(attempt=1, node="a")])
    (ended,) = engine.hear(_EPOCH + 75)
    assert ended.saved == pytest.approx(0.6)
    assert ended.seconds == pytest.approx(75)
    engine.start([_order(2, checkpoint="resumes", saved=ended.saved)])
    assert _one(engine).seconds == pytest.approx(40)
    engine.start([_order(3, saved=0.25)])
    engine.stop([Stop(attempt=3, node="a")])
    assert engine.hear(engine.clock())[0].saved == 0.25


def test_finished_frames_of_a_chunk_are_kept_and_a_soft_stop_waits_for_its_frame() -> None:
    engine = _engine(intervals=Intervals(alive=float("inf"), progress=30.0))
    chunk = _order(1, frames=(1, 2, 3, 4), checkpoint="frames")
    engine.start([chunk])
    (news,) = engine.hear(_EPOCH + 30)
    assert (news.saved, news.frames) == (0.25, (1,))
    engine.stop([Stop(attempt=1, node="a", now=False)])
    ended = _one(engine)
    assert (ended.cause, ended.saved, ended.frames, round(ended.seconds)) == ("interrupted", 0.5, (1, 2), 50)


def test_a_soft_stop_of_what_keeps_nothing_lets_it_end() -> None:
    engine = _engine()
    engine.start([_order(1, frames=(1, 2))])
    engine.stop([Stop(attempt=1, node="a", now=False)])
    assert _one(engine).exit_code == 0


def test_orders_twice_run_once_and_older_attempts_are_fenced() -> None:
    engine = _engine()
    engine.start([_order(5), _order(5), _order(3)])
    refused, done = (report for _, report in _all(engine, 200))
    assert (refused.attempt, refused.cause) == (3, "unknown attempt")
    assert (done.attempt, done.cause) == (5, "")
    engine.start([_order(5)])
    engine.stop([Stop(attempt=5, node="a"), Stop(attempt=77, node="a")])
    again, more, unknown = engine.hear(engine.clock())
    assert again == more == done
    assert unknown.cause == "unknown attempt"
    assert _all(engine, 500) == []


def test_orders_to_nodes_that_are_not_there() -> None:
    dies = Trouble(at=_EPOCH + 10, node="b", kind=TroubleKind.DIES)
    engine = _engine(troubles=[dies])
    engine.start([_order(1, node="x")])
    engine.power("x", up=True)
    assert _one(engine, 20).cause == "node"
    engine.start([_order(2, node="b")])
    engine.stop([Stop(attempt=2, node="b")])
    assert _all(engine, 1000) == []


def test_a_silent_death_loses_what_ran_and_the_node_returns_empty() -> None:
    dies = Trouble(at=_EPOCH + 10, node="a", kind=TroubleKind.DIES, seconds=50)
    longer = Trouble(at=_EPOCH + 20, node="a", kind=TroubleKind.DIES, seconds=60)
    engine = _engine(troubles=[longer, dies])
    engine.start([_order(1)])
    heard = [(at - _EPOCH, report.said, report.running) for at, report in _all(engine, 500)]
    assert heard == [(80, Said.UP, ()), (80, Said.ALIVE, ())]
    engine.start([_order(2)])
    assert _one(engine).attempt == 2


def test_a_leaving_node_says_so_and_a_joining_one_comes_up() -> None:
    troubles = [
        Trouble(at=_EPOCH + 10, node="a", kind=TroubleKind.LEAVES),
        Trouble(at=_EPOCH + 20, node="b", kind=TroubleKind.JOINS),
    ]
    heard = [(at - _EPOCH, report.said, report.node) for at, report in _all(_engine(troubles=troubles), 100)]
    assert heard == [(10, Said.GONE, "a"), (20, Said.UP, "b"), (20, Said.ALIVE, "b")]


def test_a_slow_node_takes_longer_while_it_is_slow() -> None:
    slow = Trouble(at=_EPOCH + 50, node="a", kind=TroubleKind.SLOW, seconds=60, factor=3.0)
    engine = _engine(troubles=[slow])
    engine.start([_order()])
    assert _one(engine).seconds == pytest.approx(50 + 60 + 30)


def test_power_takes_its_time_and_a_node_at_work_stays_awake() -> None:
    engine = _engine()
    engine.start([_order(1, node="b")])
    for node in "ab":
        engine.power(node, up=False)
    engine.start([_order(2, task=("job", "other", 0))])
    first = [(at - _EPOCH, report.said, report.node, report.cause) for at, report in _all(engine, 50)]
    assert first == [(0, Said.UP, "b", ""), (0, Said.ENDED, "a", "node"), (10, Said.ASLEEP, "a", "")]
    engine.power("a", up=False)
    engine.power("a", up=True)
    engine.power("a", up=False)
    engine.power("a", up=True)
    second = [(at - _EPOCH, report.said, report.node) for at, report in _all(engine, 100) if report.node == "a"]
    assert second == [(50, Said.ASLEEP, "a"), (80, Said.UP, "a")]


def test_a_wish_that_came_on_the_way_is_granted_afterwards() -> None:
    engine = _engine()
    engine.power("a", up=False)
    engine.power("a", up=True)
    heard = [(at - _EPOCH, report.said) for at, report in _all(engine, 100)]
    assert heard == [(10, Said.ASLEEP), (40, Said.UP)]


def test_death_while_falling_asleep_is_a_death() -> None:
    engine = _engine(troubles=[Trouble(at=_EPOCH + 5, node="a", kind=TroubleKind.LEAVES, seconds=20)])
    engine.power("a", up=False)
    assert [(at - _EPOCH, report.said) for at, report in _all(engine, 100)] == [(25, Said.UP), (25, Said.ALIVE)]


def test_hearing_ends_when_the_clock_reads_until_even_if_it_jumps() -> None:
    ahead = _engine(clock=SimulatedClock(0.0, jumps=[(50.0, 1000.0)]))
    assert ahead.hear(500.0) == []
    assert ahead.clock.true == 50.0
    assert ahead.clock() == 1050.0
    back = _engine(clock=SimulatedClock(0.0, jumps=[(50.0, -1000.0)]))
    assert back.hear(500.0) == []
    assert back.clock.true == 500.0
    assert back.clock() == -500.0
    assert back.hear(-600.0) == []
    assert back.clock.true == 500.0


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_waiting_for_a_reading_reaches_it(jump: float, ahead: float) -> None:
    engine = _engine(clock=SimulatedClock(_EPOCH, jumps=[(_EPOCH, jump)]))
    engine.clock.move(_EPOCH)
    until = engine.clock() + ahead
    assert engine.hear(until) == []
    assert engine.clock() >= until


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'z', which the engine does not have"):
        _engine(troubles=[Trouble(at=0.0, node="z", kind=TroubleKind.DIES)])
    with pytest.raises(InvalidInput, match="above 0 s"):
        Intervals(alive=0.0)
    with pytest.raises(InvalidInput, match="expected both above 0"):
        Trouble(at=0.0, node="z", kind=TroubleKind.SLOW, factor=0.0)
    with pytest.raises(InvalidInput, match="cannot move"):
        SimulatedClock(5.0).move(4.0)


def test_memory_is_bounded() -> None:
    memory = Memory(size=2)
    for number in range(1, 5):
        assert memory.youngest(("job", "step", number), number)
        memory.keep(Report(said=Said.ENDED, node="a", attempt=number))
    assert memory.ended(2) is None
    assert memory.ended(4) is not None
    assert memory.youngest(("job", "step", 4), 3) is False
    assert memory.youngest(("job", "step", 1), 0)


def test_closing_lets_what_runs_go_on() -> None:
    engine = _engine()
    engine.start([_order()])
    engine.close()
    assert _one(engine).cause == ""
