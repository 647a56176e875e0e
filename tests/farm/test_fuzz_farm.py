"""Fuzzing of a whole farm asks for everything that people may ask for, and is not refused every time."""

from __future__ import annotations

from random import Random

import pytest

from placement.errors import PlacementError
from placement.orchestrator import Farm
from placement.testing import fuzz_farm
from placement.testing.fuzz import Target, fuzz
from placement.testing.fuzz_farm import farm_targets

#: What opens, closes and runs a farm, or writes where it is told to, is asked with care below.
NOT_ASKED = {"open", "close", "step", "run", "export", "state"}


def asked(target: Target, times: int) -> int:
    """Return how many of so many examples were accepted; only documented errors count as refusals here."""
    accepted = 0
    for example in range(times):
        try:
            target(Random(example))
        except PlacementError:
            continue
        accepted += 1
    return accepted


def test_everything_that_people_may_ask_is_asked() -> None:
    offered = {name for name in dir(Farm) if not name.startswith("_")} - NOT_ASKED

    assert {name.removeprefix("Farm.") for name in farm_targets()} == offered


def test_whatever_is_asked_only_documented_errors_come_out() -> None:
    found = fuzz(1_000, seed=21, targets=farm_targets())

    assert "\n".join(each.error for each in found.findings) == ""
    assert sum(found.taken.values()) > 200


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw what can be meant, apart from numbers and names that are out of place."""
    monkeypatch.setattr(fuzz_farm, "odd", lambda chance: chance.choice(("nobody", "", "a/b")))
    monkeypatch.setattr(fuzz_farm, "odd_text", lambda chance: chance.choice(("nobody", "", "a/b")))
    monkeypatch.setattr(fuzz_farm, "_AWRY", 0.0)


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(
    "name", ["pause", "status", "job", "jobs", "why", "history", "forecast", "set_licence", "verify", "anchor"]
)
def test_what_is_meant_is_answered(name: str) -> None:
    assert asked(farm_targets()[f"Farm.{name}"], 40) > 4


@pytest.mark.usefixtures("calm")
def test_a_farm_is_made_anew_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    make = Farm.open.__func__  # type: ignore[attr-defined]

    def open_(url: str, **parts: object) -> Farm:
        opened.append(url)
        made: Farm = make(Farm, url, **parts)
        return made

    monkeypatch.setattr(fuzz_farm, "_LIFE", 10)
    monkeypatch.setattr(Farm, "open", open_)

    asked(farm_targets()["Farm.status"], 25)

    assert opened == [":memory:"] * 3
