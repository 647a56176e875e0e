"""Training one target: every farm gets an answer that says how sure it is, and what was cut short only raises it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.forecast.distribution import LEVELS, Forecast
from placement.forecast.target import TargetModel
from placement.telemetry.features import FEATURES
from placement.telemetry.table import Telemetry
from training.cold import ColdSettings
from training.target import Effort, fit_target, progress_curves
from training.train import Trained

NODES = pd.DataFrame(
    {"node_class": ["cpu-1t", "cpu-2t", "never seen"], "threads": [1.0, 2.0, 4.0], "cores": [1.0, 2.0, 4.0]}
)


def fitted(telemetry: Telemetry, settings: ColdSettings, effort: Effort, target: str = "run_time") -> TargetModel:
    return fit_target(telemetry.cleaned().rows, target, FEATURES, settings, effort).model


def width(forecast: Forecast) -> np.ndarray:
    return np.log(forecast.quantile(0.9) / forecast.quantile(0.1))


def test_the_less_is_known_the_wider_the_forecast_and_it_says_so(trained: Trained) -> None:
    model = trained.targets["run_time"].model
    base = {"width": 320.0, "height": 180.0, "spp": 64.0}
    tasks = pd.DataFrame(
        [
            {**base, "job_type": "cycles/path", "renderer": "cycles"},
            {**base, "job_type": "cycles/new integrator", "renderer": "cycles"},
            {**base, "job_type": "arnold", "renderer": "arnold", "declared_run_time": 30.0},
            {**base, "job_type": "arnold", "renderer": "arnold"},
            {"job_type": "nothing known"},
        ]
    )

    found = model.forecast(tasks, NODES)

    names = [[found.level_name(row, column) for column in (0, 2)] for row in range(5)]
    assert names == [
        ["job type × node class", "job type"],
        ["family", "family"],
        ["declared estimate", "declared estimate"],
        ["prior", "prior"],
        ["prior", "prior"],
    ]
    known, new_class, family, prior = found.scale[0, 0], found.scale[0, 2], found.scale[1, 0], found.scale[3, 0]
    assert known < new_class <= family <= prior
    assert np.isfinite(found.quantile(0.99)).all()
    assert found.quantile(0.5)[2] == pytest.approx(np.full(3, 30.0), rel=0.8)


def test_leaving_things_out_learns_inflations_that_grow_with_what_is_unknown(
    some: Telemetry, quick: ColdSettings
) -> None:
    model = fitted(some, quick, Effort(draws=1, folds=3, jobs=1, backoff=True))

    levels = model.calibration.inflation
    assert 1.0 <= levels[2] <= levels[3] <= levels[5] <= 10.0
    assert levels != {2: 1.3, 3: 1.8, 5: 2.5}
    assert set(levels) <= set(range(len(LEVELS)))


@pytest.mark.parametrize("rows", [4, 7, 30])
def test_a_small_farm_gets_an_answer(renders: Telemetry, quick: ColdSettings, little: Effort, rows: int) -> None:
    few = replace(renders, rows=renders.rows[:rows])

    found = fitted(few, quick, little).forecast(few.rows, NODES)

    measured = few.rows["run_time"].to_numpy()
    assert np.abs(np.log(found.quantile(0.5)[:, 0] / measured)).max() < 2.0
    assert (width(found) > 0.1).all()


def test_fewer_rows_than_four_are_refused_with_their_number(
    renders: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    few = replace(renders, rows=renders.rows[:3])

    with pytest.raises(InvalidInput, match="3 rows measure run_time; training needs at least 4 finished ones"):
        fitted(few, quick, little)


def test_a_farm_of_one_shot_gets_an_answer(renders: Telemetry, quick: ColdSettings, little: Effort) -> None:
    one = replace(renders, rows=renders.rows[renders.rows["shot"] == renders.rows["shot"].iloc[0]])

    assert np.isfinite(fitted(one, quick, little).forecast(one.rows, NODES).quantile(0.99)).all()


def test_a_farm_that_logs_job_types_and_seconds_alone_gets_an_answer(
    renders: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    kept = {"job_id", "job_type", "node_class", "run_time", "status", "quiet"}
    bare = renders.rows[:60].copy()
    for name in set(bare.columns) - kept:
        bare[name] = np.nan if bare[name].dtype == float else None

    found = fitted(replace(renders, rows=bare), quick, little).forecast(bare, NODES)

    assert np.isfinite(found.quantile(0.5)).all()


def test_run_times_that_are_all_the_same_are_forecast_as_that(
    renders: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    same = renders.rows[:30].assign(run_time=5.0, render_time=np.nan, status=["ok"] * 28 + ["timeout"] * 2)

    found = fitted(replace(renders, rows=same), quick, little).forecast(same, NODES)

    assert found.quantile(0.5)[:, 0] == pytest.approx(np.full(30, 5.0), rel=0.3)


def test_rows_killed_at_a_bound_push_forecasts_up_never_down(
    some: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    quick = replace(quick, most_rows=200)
    rows = some.rows[some.rows["status"] == "ok"].reset_index(drop=True)
    scene = rows[rows["job_type"] == "cycles/path"][:1]
    killed = pd.concat([scene] * 6, ignore_index=True).assign(status="timeout")
    killed["job_id"], killed["shot"] = "killed", "killed"
    killed["frame"] = np.arange(6.0)
    alone = scene.assign(job_id="asked")
    without = fitted(replace(some, rows=rows), quick, little).forecast(alone, NODES).quantile(0.5)[0, 0]

    for bound in (0.5, 1.0, 20.0):
        cut = killed.assign(run_time=without * bound)
        model = fitted(replace(some, rows=pd.concat([rows, cut], ignore_index=True)), quick, little)

        risen = model.forecast(alone, NODES).quantile(0.5)[0, 0] / without
        assert risen > 0.97
        if bound == 20.0:
            assert risen > 1.2


def test_killed_rows_leave_the_parts_of_the_model_as_they_are(
    some: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    rows = some.rows[some.rows["status"] == "ok"].reset_index(drop=True)
    cut = rows[:2].assign(status="timeout", render_time=np.nan, frame=999.0)

    models = [
        fitted(replace(some, rows=each), quick, little) for each in (rows, pd.concat([rows, cut], ignore_index=True))
    ]

    assert [len(model.cold.linears) for model in models] == [3, 3]


def test_declared_estimates_that_were_checked_teach_their_bias(
    some: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    half = some.rows.assign(declared_run_time=some.rows["run_time"] / 2)

    model = fitted(replace(some, rows=half), quick, little)

    strange = pd.DataFrame({"job_type": ["new"], "renderer": ["new"], "declared_run_time": [100.0]})
    assert model.forecast(strange, NODES).quantile(0.5)[0, 0] == pytest.approx(200.0, rel=0.15)


def test_memory_has_a_model_of_its_own(some: Telemetry, quick: ColdSettings, little: Effort) -> None:
    model = fitted(some, quick, little, target="peak_memory")

    found = model.forecast(some.rows, NODES).quantile(0.5)[:, 0]

    assert np.median(np.abs(np.log(found / some.rows["peak_memory"]))) < 0.3
    assert model.curve("cycles/path") is None


def test_progress_is_learnt_by_job_type_and_over_all(renders: Telemetry) -> None:
    curves = progress_curves(renders.cleaned().rows)

    assert {"", "cycles/path"} <= set(curves)
    assert all((np.diff(curve.fraction) > 0).all() for curve in curves.values())


def test_json_gives_the_same_forecast(trained: Trained) -> None:
    model = trained.targets["run_time"].model

    back = TargetModel.from_json(model.to_json(), model.cold.boosters)

    rows = trained.targets["run_time"].data.rows[:40]
    one, other = model.forecast(rows, NODES, rows[:9]), back.forecast(rows, NODES, rows[:9])
    assert one.location.tolist() == other.location.tolist()
    assert one.quantile(0.9).tolist() == other.quantile(0.9).tolist()
