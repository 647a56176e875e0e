from __future__ import annotations

from benchmarks import fuzzing
from benchmarks.registry import find
from placement.testing.fuzz import TARGETS


def test_fuzzing_is_promised_by_its_function():
    assert find("fuzz").where == "benchmarks.fuzzing:fuzz"


def test_fewer_examples_than_promised_do_not_pass():
    result = fuzzing.fuzz(600)

    assert not result.rows[0].passed
    assert result.rows[0].value <= 600
    assert result.rows[2].value > 20
    assert all(any(note.startswith(f"{name}: 1") for note in result.notes) for name in TARGETS)
    assert any(note.startswith("Farm.submit: ") for note in result.notes)
