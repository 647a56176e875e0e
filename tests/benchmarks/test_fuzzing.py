from __future__ import annotations

from benchmarks import fuzzing
from benchmarks.registry import find
from placement.testing.fuzz import TARGETS


def test_fuzzing_is_promised_by_its_function():
    assert find("fuzz").where == "benchmarks.fuzzing:fuzz"


def test_fewer_examples_are_measured_and_do_not_pass():
    result = fuzzing.fuzz(600)

    assert [row.passed for row in result.rows[:2]] == [False, True]
    assert result.rows[0].value == 600
    assert result.rows[2].value > 100
    assert len(result.notes) == len(TARGETS)
