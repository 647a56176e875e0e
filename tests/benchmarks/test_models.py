"""Benchmarks of the models: they tell what was judged, and a missed bar says how far off it is and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks import models
from benchmarks.result import Result
from placement.telemetry.table import Telemetry
from training.backtest import Plan
from training.cold import ColdSettings
from training.target import Effort
from training.trees import TreeSettings


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """The real renders, fewer of them, judged in fewer folds by smaller models."""
    telemetry = models._renders()
    jobs = sorted(telemetry.rows["job_id"].unique())[::3]
    rows = telemetry.rows[telemetry.rows["job_id"].isin(jobs)].reset_index(drop=True)
    quick = ColdSettings(trees=TreeSettings(rounds=40, rate=0.15, ensemble=1), support=24, most_rows=150, steps=15)
    effort = Effort(draws=1, folds=3, jobs=1, backoff=False)

    def few() -> Telemetry:
        return replace(telemetry, rows=rows)

    def plan(**given: int) -> Plan:
        return Plan(**{**given, "folds": 3}, settings=quick, effort=effort)

    models._pooled.cache_clear()
    models._curve.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_renders", few)
        patch.setattr(models, "Plan", plan)
        patch.setattr(models, "SEEDS", (0,))
        yield
    models._pooled.cache_clear()
    models._curve.cache_clear()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("measure", "bars"),
    [
        (models.cold_start, [25.0, 0.6]),
        (models.after_three_frames, [6.0]),
        (models.coverage, [3.0, 3.0, 3.0, 3.0]),
        (models.memory_exceedance, [2.0, 1.5]),
    ],
)
def test_each_value_stands_beside_its_bar_and_what_was_judged(measure: Callable[[], Result], bars: list[float]) -> None:
    result = measure()

    assert [row.bar for row in result.rows] == bars
    assert all(row.value >= 0 for row in result.rows)
    assert "held-out jobs" in result.notes[0]


@pytest.mark.usefixtures("small")
def test_a_missed_bar_tells_distance_noise_and_learning_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    curve = pd.DataFrame({"share": [0.5, 1.0], "shots": [20.0, 40.0], "cold": [0.4, 0.2], "seen": [0.1, 0.1]})
    monkeypatch.setattr(models, "_curve", lambda: curve)

    falling, flat = models._shortfall("cold", 0.3, 0.1), models._shortfall("seen", 0.1, 0.06)

    assert "20.0 points" in falling[0]
    assert "quiet repeats" in falling[1]
    assert "takes 80 shots" in falling[2]
    assert "more than the curve can tell" in flat[2]
