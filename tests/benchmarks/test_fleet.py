"""The fleet benchmarks measure what they say."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import fleet
from tests.evaluation.cases import SmallFarm


def test_gains_and_distances_are_measured_in_the_run_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def small(name: str, trainer: Any) -> SmallFarm:
        asked.append(name)
        return SmallFarm()

    monkeypatch.setattr(fleet, "workload", small)

    result = fleet.beats_round_robin(seeds=2)

    assert asked == ["mixed-renders", "measured-renders"]
    assert [(row.sense, row.bar) for row in result.rows] == [(">=", 35.0)] * 4 + [("<=", 1.1)] * 4
    assert all(row.value >= 0.999 for row in result.rows[4:]), "no schedule beats its bound"
    assert all(row.baseline is not None for row in result.rows)


def test_the_device_fleet_needs_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "train_run_time", lambda telemetry: pytest.fail("trained"))

    assert fleet.blender_fleet(seeds=1).passed
