"""A bad network: what is lost, doubled, late and cut off; the same seed, the same faults, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.facts import NodeSpec
from placement.runtime.ports import Report, Said, Start, Stop
from placement.simulator.chance import DrawnTruth, drawn_troubles
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.fates import Fate, TroubleKind
from placement.simulator.network import FaultyEngine, Network, Partition

_NODES = tuple(f"n{number}" for number in range(5))
_QUIET = Intervals(alive=float("inf"), progress=float("inf"))
_LUCK = DrawnTruth(seed=1, spread=0.0, seconds=100.0)


def _order(attempt: int, node: str) -> Start:
    return Start(
        attempt=attempt, task=("job", "step", attempt % 40), node=node, command=(), frames=(1, 2),
        checkpoint="resumes", memory=900.0, timeout=4000.0,
    )  # fmt: skip


def _engine(network: Network, seed: int = 0, truth: DrawnTruth = _LUCK, intervals: Intervals = _QUIET) -> FaultyEngine:
    nodes = [NodeSpec(name=name, node_class="c", cores=8, memory=8192, wake_seconds=20) for name in _NODES]
    each = dict.fromkeys((TroubleKind.DIES, TroubleKind.SLOW, TroubleKind.LEAVES), 1.0) if intervals != _QUIET else {}
    troubles = drawn_troubles(_NODES, 0.0, 3000.0, seed, each=each)
    clock = SimulatedClock(0.0, jumps=[(700.0, -200.0), (900.0, 400.0)] if intervals != _QUIET else ())
    engine = SimulatedEngine(clock, truth, nodes, troubles=troubles, intervals=intervals)
    return FaultyEngine(engine, network, seed)


def _played(network: Network, seed: int) -> list[tuple[float, float, Report]]:
    """A loop that starts, stops, sleeps and wakes on what it hears; everything it heard."""
    fates = {Fate.HANGS: 0.1, Fate.ERROR: 0.1, Fate.VANISHES: 0.1, Fate.NODE: 0.05}
    truth = DrawnTruth(seed=seed, fates=fates, scenes=0.05, memory=700.0)
    engine = _engine(network, seed, truth, Intervals())
    heard: list[tuple[float, float, Report]] = []
    attempt = 0
    while engine.clock.true < 5000.0:
        tick = engine.clock.true + 40.0
        while engine.clock.true < tick - 1e-6:
            reports = engine.hear(engine.clock() + tick - engine.clock.true)
            heard += [(engine.clock.true, engine.clock(), report) for report in reports]
        engine.start([_order(attempt + row, node) for row, node in enumerate(_NODES[: 1 + attempt % 5], start=1)])
        attempt += 5
        engine.stop([Stop(attempt=attempt - 23, node=_NODES[attempt % 5], now=bool(attempt % 2))])
        engine.power(_NODES[attempt % 5], up=bool(attempt % 3))
    return heard


@given(
    st.integers(0, 2**31),
    st.builds(
        Network, lost=st.floats(0, 0.5), doubled=st.floats(0, 0.5), late=st.floats(0, 0.5), shuffled=st.floats(0, 1),
        delay=st.floats(0.1, 500.0),
    ),
)  # fmt: skip
@settings(max_examples=8, deadline=None)
def test_the_same_seed_is_the_same_run_and_virtual_time_never_goes_back(seed: int, network: Network) -> None:
    network = replace(network, partitions=(Partition(start=400.0, seconds=300.0, nodes=frozenset({"n1", "n2"})),))
    first = _played(network, seed)
    assert first == _played(network, seed)
    assert all(before[0] <= after[0] for before, after in pairwise(first))


def test_seeds_differ() -> None:
    network = Network(lost=0.3, late=0.3)
    assert _played(network, 1) != _played(network, 2)


def test_a_sound_network_changes_nothing() -> None:
    behind, bare = _engine(Network()), _engine(Network()).engine
    for engine in (behind, bare):
        engine.start([_order(1, "n0"), _order(2, "n1")])
    assert list(behind.hear(1000.0)) == list(bare.hear(1000.0)) != []


def test_what_is_lost_never_comes_and_what_is_doubled_comes_twice() -> None:
    lost = _engine(Network(lost=1.0))
    lost.start([_order(1, "n0")])
    assert lost.hear(1000.0) == []
    assert not lost.engine.nodes["n0"].attempts
    twice = _engine(Network(doubled=1.0))
    twice.start([_order(1, "n0")])
    assert [report.attempt for report in twice.hear(1000.0)] == [1, 1]


def test_what_is_late_comes_in_its_own_time() -> None:
    engine = _engine(Network(late=1.0, delay=50.0), seed=3)
    engine.start([_order(each, "n0") for each in range(1, 30)])
    seen: list[tuple[float, int]] = []
    while len(seen) < 29:
        heard = engine.hear(1e6)
        seen += [(engine.clock.true, report.attempt) for report in heard]
    assert all(at > 200.0 for at, _ in seen)
    assert [attempt for _, attempt in seen] != sorted(attempt for _, attempt in seen)
    engine.close()


def test_a_batch_is_shuffled_whole() -> None:
    engine = _engine(Network(shuffled=1.0), seed=1)
    engine.start([_order(each, "n0") for each in range(1, 30)])
    heard = [report.attempt for report in engine.hear(1000.0)]
    assert heard != sorted(heard)
    assert sorted(heard) == list(range(1, 30))


def test_a_node_that_is_cut_off_works_on_and_says_what_ended_afterwards() -> None:
    cut = Partition(start=150.0, seconds=300.0, nodes=frozenset({"n0"}))
    engine = _engine(Network(partitions=(cut,)))
    engine.start([_order(1, "n0")])
    assert engine.hear(160.0) == []
    engine.start([_order(2, "n0")])
    engine.stop([Stop(attempt=1, node="n0")])
    (ended,) = engine.hear(1000.0)
    assert (ended.said, ended.attempt, ended.seconds, engine.clock()) == (Said.ENDED, 1, 200.0, 450.0)
    assert engine.hear(2000.0) == []


def test_impossible_networks_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"chance of late 2 must lie in \[0, 1\]"):
        Network(late=2.0)
    with pytest.raises(InvalidInput, match="delay 0 s"):
        Network(delay=0.0)
    with pytest.raises(InvalidInput, match="sum to at most 1"):
        DrawnTruth(seed=0, fates={Fate.ERROR: 0.7, Fate.NODE: 0.7})
