"""Who leads, when the journal fails at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from placement.errors import JournalError
from placement.farm.facts import Elected, Fact, NodeSpec
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Run
from placement.testing.faults.disk import MemoryDisk, MemoryJournal
from tests.orchestrator.farms import job

NODE = NodeSpec(name="n1", node_class="plain", cores=4.0, memory=16384.0)


class Unsteady(MemoryJournal):
    """A journal that fails once, before or after it wrote."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.fails: Callable[[Sequence[Fact]], str] = lambda facts: ""

    def append(self, facts: Sequence[Fact], **how: Any) -> int:
        when = self.fails(facts)
        if when:
            self.fails = lambda facts: ""
        if when == "before":
            raise JournalError("no room")
        last = super().append(facts, **how)
        if when == "after":
            raise JournalError("the connection broke")
        return last


def engine_of() -> SimulatedEngine:
    return SimulatedEngine(SimulatedClock(), lambda order, at: Run(seconds=50.0), [NODE])


def opened(disk: MemoryDisk, engine: SimulatedEngine, name: str) -> tuple[Farm, Unsteady]:
    journal = Unsteady(disk)
    return Farm(journal, engine=engine, clock=engine.clock, name=name, timer=lambda: 0.0), journal


def terms(farm: Farm) -> list[int]:
    return [told.what["term"] for told in farm.history(kinds=("Elected",))]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_term_whose_beginning_failed_begins_once(when: str) -> None:
    engine = engine_of()
    clock = engine.clock
    farm, journal = opened(MemoryDisk(), engine, "first")
    farm.set_client("film")
    farm.register_node(NODE)
    farm.submit(job("a"))
    journal.fails = lambda facts: when if isinstance(facts[0], Elected) else ""

    with pytest.raises(JournalError):
        farm.step(clock() + 1)
    assert farm.step(clock() + 1).leads

    assert terms(farm) == [1]
    farm.run()
    assert farm.job("a").state == "done"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_leader_goes_on_in_its_term_after_trouble(when: str) -> None:
    engine = engine_of()
    clock = engine.clock
    farm, journal = opened(MemoryDisk(), engine, "first")
    farm.set_client("film")
    farm.register_node(NODE)
    farm.submit(job("a"))
    farm.step(clock() + 1)
    journal.fails = lambda facts: when

    with pytest.raises(JournalError):
        farm.run()
    farm.run()

    assert farm.job("a").state == "done"
    assert terms(farm) == [1]


def test_who_slept_through_a_term_does_not_begin_an_older_one() -> None:
    engine, disk = engine_of(), MemoryDisk()
    clock = engine.clock
    first, journal = opened(disk, engine, "first")
    second, _ = opened(disk, engine, "second")
    sleeps: list[bool] = []

    def asleep(facts: Sequence[Fact]) -> str:
        if isinstance(facts[0], Elected) and not sleeps:
            sleeps.append(True)
            engine.wait(60.0)
            assert second.step(clock()).leads
        return ""

    journal.fails = asleep

    turn = first.step(clock())

    assert not turn.leads
    assert terms(second) == [2]
    assert second.step(clock() + 1).leads
    assert not first.step(clock() + 1).leads
