"""The foreign benchmark: scenes never divided, plain regressors on what was published, absence told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import foreign
from benchmarks.foreign import Foreign, judge, read_foreign
from benchmarks.registry import BENCHMARKS, find
from placement.errors import InvalidInput
from training.target import Effort

_EVERY = 40


@pytest.fixture(scope="module")
def logs(shared_data: Path) -> Foreign:
    """Some rows of every scene, engine and server."""
    whole = read_foreign(shared_data / "blender-render-time")
    cell = whole.telemetry.rows.groupby("job_id").cumcount().to_numpy()
    few = cell % _EVERY == 0
    rows = whole.telemetry.rows[few].reset_index(drop=True)
    return Foreign(replace(whole.telemetry, rows=rows), whole.table[few].reset_index(drop=True))


def test_every_promise_stands_beside_its_bar(logs: Foreign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_EFFORT", Effort(draws=1, folds=2, jobs=1, backoff=False))
    monkeypatch.setattr(foreign, "_DRAWS", 2)

    result = judge(logs)

    assert [row.bar for row in result.rows] == [0.85, 8.0, 1.30]
    assert all(np.isfinite(row.value) for row in result.rows)
    assert result.rows[2].value < (result.rows[2].baseline or 0.0)
    assert any("SVM" in note for note in result.notes)


def test_scenes_are_whole_and_no_feature_names_them(logs: Foreign) -> None:
    rows = logs.telemetry.rows

    assert rows["shot"].nunique() == 10
    assert rows.groupby("job_id")["shot"].nunique().eq(1).all()
    assert rows["scene_family"].isna().all()


def test_a_reading_that_lost_rows_is_refused(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "published", lambda folder: pd.DataFrame({"Render time": [1.0]}))

    with pytest.raises(InvalidInput, match="not the 1 published renders"):
        read_foreign(shared_data / "blender-render-time")


def test_absent_logs_are_told_with_the_way_to_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="PLACEMENT_SHARED_DATA"):
        read_foreign(tmp_path)


@pytest.mark.parametrize("name", ["cold-start", "after-three-frames", "coverage", "memory-exceedance", "foreign-logs"])
def test_every_model_benchmark_has_a_function(name: str) -> None:
    from benchmarks import models

    function = find(name, BENCHMARKS).where.partition(":")[2]

    assert callable(getattr(models, function))
