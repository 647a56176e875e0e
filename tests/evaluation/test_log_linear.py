"""The weak forecaster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.evaluation.log_linear import train_log_linear


def telemetry(jobs: int = 40) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    spp = chance.choice([8, 32, 128], jobs)
    rows = pd.DataFrame({
        "job_id": [f"job {i}" for i in range(jobs)], "job_type": "path", "renderer": "r", "scene_family": "f",
        "width": 100.0, "height": 100.0, "spp": spp.astype(float), "triangles": 1000.0, "status": "ok",
    })  # fmt: skip
    slow = rows.assign(node_class="slow", run_time=spp * chance.lognormal(0, 0.05, jobs))
    return pd.concat([slow, slow.assign(node_class="fast", run_time=slow["run_time"] / 4)], ignore_index=True)


def test_it_learns_work_and_class_and_says_how_sure_it_is() -> None:
    rows = telemetry()

    forecast = train_log_linear(rows)(rows[:3], ["slow", "fast"])

    assert np.allclose(forecast.location[:, 0] - forecast.location[:, 1], np.log(4), atol=0.1)
    assert np.allclose(forecast.location[:, 0], np.log(rows["run_time"][:3]), atol=0.3)
    assert 0.02 < forecast.scale[0, 0] < 0.4


def test_an_unknown_type_family_and_class_fall_back_on_what_is_known() -> None:
    rows = telemetry()
    strange = rows[:1].assign(job_type="new", renderer=None, scene_family=None, job_id="new")

    forecast = train_log_linear(rows)(strange, ["new class"])

    assert np.isfinite(forecast.location).all()


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none of 2 telemetry rows succeeded"):
        train_log_linear(telemetry(1).assign(status="error"))
