from __future__ import annotations

import logging

import pytest

from benchmarks.faults import fault_seeds
from benchmarks.registry import find
from placement.testing.faults.disk import MemoryJournal


def test_seeds_are_counted_with_what_they_went_through() -> None:
    before = logging.root.manager.disable

    result = fault_seeds(3, first=0)

    values = {row.what: row.value for row in result.rows}
    assert values["seeds"] == 3
    assert values["seeds that break an invariant"] == 0
    assert 0 < values["kinds of faults that struck"] <= 18
    assert any(note.startswith("370 steps, ") for note in result.notes)
    assert any(note.startswith("faults: crash ") for note in result.notes)
    assert logging.root.manager.disable == before
    assert find("fault-seeds").where == "benchmarks.faults:fault_seeds"


def test_seeds_that_break_something_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.faults.os.sched_getaffinity", lambda process: {0})
    monkeypatch.setattr(MemoryJournal, "find", lambda self, key: None)

    result = fault_seeds(2, first=0)

    assert not result.passed
    assert any(note.startswith("seed ") and "refused when asked again" in note for note in result.notes)
