"""The whole orchestrator under faults: seeds break nothing, can be played again, and find bugs that are planted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from placement.control.deciding import _Room
from placement.control.messages import Report, Said
from placement.control.orders import again, orders
from placement.control.reactions import react
from placement.control.state import FarmState
from placement.farm.facts import Elected, Fact, NodePower
from placement.runtime import loop
from placement.runtime.ledger import Ledger, Make
from placement.runtime.loop import Loop
from placement.runtime.ports import Kept
from placement.testing.faults.disk import MemoryDisk, MemoryJournal
from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.shrinking import shrunk
from placement.testing.faults.sweeping import sweep
from placement.testing.faults.world import CALM, Played, World, play

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SEEDS = 200
ENOUGH = 300  #: seeds within which a planted bug is found


def cases(first: int = 0) -> Iterator[Case]:
    return (Case(seed=seed) for seed in range(first, first + ENOUGH))


def found(seeds: Iterator[Case] | None = None) -> Played:
    """Play seeds until one finds something."""
    for case in seeds or cases():
        if (played := play(case)).broken:
            return played
    pytest.fail(f"{ENOUGH} seeds do not find it")


def test_no_seed_breaks_anything_and_every_kind_of_fault_strikes() -> None:
    swept = sweep(islice(cases(), SEEDS))

    assert [(each.case.seed, each.broken) for each in swept.failures] == []
    assert {fault for fault in Fault if not swept.struck[fault]} == set()
    assert swept.entries > 30 * SEEDS
    assert 0 < swept.calm < CALM


def test_longer_cases_with_more_jobs_break_nothing() -> None:
    swept = sweep(Case(seed=seed, steps=200, jobs=12) for seed in range(500, 510))

    assert [(each.case.seed, each.broken) for each in swept.failures] == []
    assert swept.entries > 1500


#: Cases that found bugs, all of them repaired since.
FOUND = [
    Case(seed=0), Case(seed=58), Case(seed=1111), Case(seed=50045, steps=250, jobs=14),
    Case(seed=50058, steps=250, jobs=14), Case(seed=1001274), Case(seed=1006514), Case(seed=1006682),
    Case(seed=1000040, steps=250, jobs=14),
]  # fmt: skip


@pytest.mark.parametrize("case", FOUND, ids=lambda case: str(case.seed))
def test_what_was_found_once_stays_repaired(case: Case) -> None:
    assert play(case).broken == ""


@pytest.mark.parametrize("seed", [3, 39])
def test_a_seed_does_the_same_in_another_process(seed: int) -> None:
    if seed == 39:
        pytest.importorskip("sqlalchemy")
    script = f"from placement.testing.faults.world import *; print(play(Case(seed={seed})).digest)"
    script = "from placement.testing.faults.kinds import Case; " + script
    digests = {play(Case(seed=seed)).digest}
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        )
        digests.add(done.stdout.strip())

    assert len(digests) == 1
    assert digests != {""}


def test_several_processes_find_what_one_does() -> None:
    some = [Case(seed=seed, steps=20, jobs=2) for seed in range(4)]

    alone, together = sweep(some), sweep(some, processes=2)

    assert (alone.entries, alone.struck, alone.simulated) == (together.entries, together.struck, together.simulated)
    assert alone.cases == together.cases == 4


def test_what_does_not_strike_leaves_the_rest_as_it_was() -> None:
    calm = Case(seed=4, without=frozenset(Fault))

    played = play(calm)

    assert played.broken == ""
    assert played.struck.total() == 0
    assert played.digest != play(Case(seed=4)).digest


# Bugs that are planted.


def forget_terms(patch: pytest.MonkeyPatch) -> None:
    append = MemoryJournal.append
    patch.setattr(MemoryJournal, "append", lambda self, facts, **more: append(self, facts, **more | {"term": None}))


def forget_keys(patch: pytest.MonkeyPatch) -> None:
    append = MemoryJournal.append
    patch.setattr(MemoryJournal, "append", lambda self, facts, **more: append(self, facts, **more | {"keys": None}))


def look_for_no_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryJournal, "find", lambda self, key: None)


def lose_what_was_durable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryDisk, "mark", lambda self: len(self.log) // 2)


def order_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    record = Loop._record

    def early(self: Loop, makes: Sequence[Make]) -> Sequence[Fact]:
        append = self.ledger._append

        def ordered(facts: Sequence[Fact], *how: Any) -> None:
            self._act(facts)
            append(facts, *how)

        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(self.ledger, "_append", ordered)
            return record(self, makes)

    patch.setattr(Loop, "_record", early)


def believe_who_was_given_up(patch: pytest.MonkeyPatch) -> None:
    def gullible(state: Any, report: Report, *more: Any) -> list[Fact]:
        if report.said is Said.ENDED and report.attempt not in state.attempts:
            there = [each.number for each in state.attempts.values() if each.node == report.node]
            report = replace(report, attempt=there[0]) if there else report
        return react(state, report, *more)

    patch.setattr(loop, "react", gullible)


def begin_a_term_again(patch: pytest.MonkeyPatch) -> None:
    def elected(self: Loop, now: float, term: int, state: FarmState) -> Sequence[Fact]:
        return [Elected(at=now, by=self.name, term=term, leader=self.name)]

    patch.setattr(Loop, "_elected", elected)


def go_on_with_what_was_not_written(patch: pytest.MonkeyPatch) -> None:
    reload = Ledger.reload

    def once(self: Ledger) -> None:
        if not self.state.seq:
            reload(self)

    patch.setattr(Ledger, "reload", once)


def stop_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loop, "strays", lambda state, report: ())
    patch.setattr(loop, "orders", lambda state, facts: replace(orders(state, facts), stops=()))
    patch.setattr(loop, "again", lambda state: replace(again(state), stops=()))


def look_at_no_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loop, "overdue", lambda state, now, settings: [])


def fill_nodes_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Room, "take", lambda self, node, step, memory: True)
    patch.setattr(loop, "see", _with_room(loop.see))


def _with_room(see: Callable[..., Any]) -> Callable[..., Any]:
    def generous(*given: Any) -> Any:
        seen = see(*given)
        snapshot = seen.snapshot
        return replace(seen, snapshot=replace(snapshot, nodes=replace(snapshot.nodes, free=snapshot.nodes.free + 8.0)))

    return generous


def keep_a_wrong_state(patch: pytest.MonkeyPatch) -> None:
    def keep(self: Ledger) -> None:
        wrong = FarmState.load(self.state.dump())
        wrong.next_attempt += 1
        self.journal.keep(Kept(wrong.seq, wrong.dump()))
        self._kept = wrong.seq

    patch.setattr(Ledger, "keep", keep)


PLANTED = [
    forget_terms, forget_keys, look_for_no_key, lose_what_was_durable, order_before_it_is_durable,
    believe_who_was_given_up, begin_a_term_again, go_on_with_what_was_not_written, stop_nothing, look_at_no_clock,
    fill_nodes_twice, keep_a_wrong_state,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_bug_is_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    played = found()

    assert played.broken
    assert play(played.case).broken == played.broken, "a seed that fails fails again"


def test_a_case_is_made_smaller_while_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    order_before_it_is_durable(monkeypatch)
    first = found().case

    small = shrunk(first)

    assert play(small).broken
    assert small.without > first.without
    assert small.steps <= first.steps // 2
    assert small.command.startswith(f"python -m placement.testing.faults --seeds 1 --first {first.seed}")


@pytest.mark.parametrize("needs", [{Fault.TORN}, {Fault.NODE, Fault.CLOCK, Fault.LATE}, set(Fault)])
def test_the_smallest_case_has_nothing_more_to_leave_out(needs: set[Fault]) -> None:
    def fails(case: Case) -> bool:
        return case.steps >= 23 and case.jobs >= 3 and not needs & case.without

    small = shrunk(Case(seed=1, steps=90, jobs=7), fails)

    assert (small.steps, small.jobs, set(Fault) - small.without) == (23, 3, needs)


def test_nodes_are_told_to_sleep_and_to_wake() -> None:
    told = set()
    for seed in range(60):
        world = World(Case(seed=seed))
        world.run()
        facts = [entry.fact for entry in world.witness.journal.read()]
        told |= {fact.up for fact in facts if isinstance(fact, NodePower) and not fact.settled}
        world.close()
        if len(told) == 2:
            break

    assert told == {False, True}
