"""Fuzzing finds what is planted, plays it again, and finds nothing in what we offer."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput, PlacementError
from placement.farm.graph import check
from placement.farm.job_data import job_of
from placement.farm.jobs import Job
from placement.testing import fuzz as command
from placement.testing.fuzz import TARGETS, fuzz, main, promised, targets_of
from placement.testing.garbage import Hostile, job_data

ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(Hostile)
KEYS = st.sampled_from(["name", "client", "steps", "frames", "after", "waits", "first", "command", "quality", "step"])
GARBAGE = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=4)
)


@given(GARBAGE)
def test_garbage_is_refused_with_a_documented_error(data: Any) -> None:
    with pytest.raises(InvalidInput):
        job_of(data)
    with pytest.raises(InvalidInput):
        check(data)


@given(ATOMS | GARBAGE, st.sampled_from(list(Job.__dataclass_fields__)))
def test_any_value_in_any_field_is_taken_or_refused(value: Any, field: str) -> None:
    data = job_data(Random(1)) | {field: value}

    try:
        job = job_of(data)
    except PlacementError:
        return
    promised(Random(0), job)


def test_a_few_thousand_examples_find_nothing_and_are_not_all_refused() -> None:
    done = fuzz(6_000, seed=11)

    assert done.findings == ()
    assert done.examples == 6_000
    assert all(done.taken[name] > 0.05 * done.tried[name] for name in TARGETS)
    assert all(done.taken[name] < 0.95 * done.tried[name] for name in TARGETS)


def test_jobs_as_they_should_be_are_taken() -> None:
    for seed in range(300):
        promised(Random(seed), job_of(job_data(Random(seed))))


def planted(chance: Random) -> None:
    if chance.random() < 0.01:
        raise TypeError("planted")
    raise InvalidInput("documented")


PLANTED = {"planted": planted}


def test_what_is_planted_is_found_once_and_plays_again() -> None:
    done = fuzz(5_000, seed=3, targets={**TARGETS, **PLANTED})

    (finding,) = done.findings
    again = fuzz(1, seed=3, targets={**TARGETS, **PLANTED}, first=finding.example)

    assert finding.target == "planted"
    assert "TypeError: planted" in finding.error
    assert [each.example for each in again.findings] == [finding.example]
    assert done.tried["planted"] < done.tried["check"]


def test_what_was_taken_must_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InvalidInput("no such task")

    monkeypatch.setattr(command, "fill", broken)

    (finding, *_) = fuzz(50, seed=1).findings

    assert "refused after it was accepted: no such task" in finding.error


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--examples", "300", "--seed", "5"]) == 0

    said = capsys.readouterr().out
    assert "job_of: 100 tried" in said
    assert "300 examples in" in said
    assert "0 undocumented errors" in said


def test_the_command_takes_other_targets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "MORE", PLANTED, raising=False)

    assert main(["--examples", "4000", "--also", "placement.testing.fuzz:MORE"]) == 1

    assert "planted: seed 0 example" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["no.such.module:x", "placement.errors:nothing", "placement.errors:InvalidInput", ""])
def test_targets_that_are_none_are_refused(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match=r"targets"):
        targets_of(where)

    assert main(["--also", where]) == 2
    assert "error: " in capsys.readouterr().err
