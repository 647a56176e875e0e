"""Nodes that sleep although they should not: the order to wake was lost, or one to sleep came late."""

from __future__ import annotations

from itertools import pairwise

from placement.control.messages import Said
from placement.control.state import FarmState
from placement.control.transitions import NodeLife, Power
from placement.farm.facts import NodeLost, NodePower
from tests.control.bench import Bench


def told(bench: Bench) -> list[float]:
    return [fact.at for fact in bench.facts if isinstance(fact, NodePower) and fact.reason == "LOST"]


def silent(wake_seconds: float) -> Bench:
    bench = Bench()
    bench.client()
    bench.node(wake_seconds=wake_seconds)
    bench.tick(10.0)
    bench.tick(7200.0, alive=False)
    assert bench.state.nodes["a"].life is NodeLife.LOST
    return bench


def test_a_lost_node_that_can_sleep_is_told_to_wake_ever_less_often() -> None:
    bench = silent(30.0)
    lost = next(fact.at for fact in bench.facts if isinstance(fact, NodeLost))
    first = bench.settings.wake_patience * 30.0 + bench.settings.lease

    times = [at - lost for at in told(bench)]

    assert first <= times[0] <= first + 5.0
    assert 4 <= len(times) <= 7
    assert all(2 * before <= after <= 2 * before + 5.0 for before, after in pairwise(times))
    assert bench.power == [("a", True)] * len(times)
    assert FarmState.load(bench.state.dump()).dump() == bench.state.dump()


def test_it_returns_when_it_is_heard_and_is_told_no_more() -> None:
    bench = silent(30.0)

    bench.report(Said.UP)

    node, times = bench.state.nodes["a"], told(bench)
    assert (node.life, node.power) == (NodeLife.IN, Power.UP)
    bench.tick(7200.0)
    assert told(bench) == times


def test_a_lost_node_that_never_sleeps_is_told_nothing() -> None:
    assert told(silent(0.0)) == []
