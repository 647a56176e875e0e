"""The pieces of cold training: settings searched on held-out shots, trees held to what must rise, spreads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from placement.telemetry.features import FEATURES, Encoder
from placement.telemetry.table import Telemetry
from training.cold import ColdSettings, TrainingData, fit_cold
from training.heldout import HeldOut, candidates, search
from training.spread import busy_offsets, declared_error, job_variances
from training.target import training_data
from training.trees import TreeSettings, fit_trees


def test_the_search_is_seeded_and_begins_with_the_fixed_starts() -> None:
    start = ColdSettings()

    found = candidates(start, 6, seed=1)

    assert found == candidates(start, 6, seed=1)
    assert found[2:] != candidates(start, 6, seed=2)[2:]
    assert found[0] == start
    assert found[1].trees.alpha == 0.0
    assert len(candidates(start, 10_000, seed=1)) < 200


def test_the_search_judges_every_row_by_a_model_that_did_not_see_its_shot(
    some: Telemetry, quick: ColdSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _, _ = training_data(some.cleaned().rows, "run_time")
    encoder = Encoder.fit(data.rows, FEATURES)
    planted = replace(data, value=np.random.default_rng(0).normal(size=len(data.value))[data.group])

    found = search(planted, encoder, candidates(quick, 2, 0), folds=3, seed=0, progress=True)

    errors = [error for _, error in found.trials]
    assert errors == sorted(errors)
    assert np.corrcoef(found.location, planted.value)[0, 1] < 0.5
    assert "held-out run_time" in capsys.readouterr().err


def test_without_a_quiet_row_all_rows_judge(some: Telemetry, quick: ColdSettings) -> None:
    rows = some.cleaned().rows.assign(quiet=0.0, weight=0.4)
    data, _, _ = training_data(rows, "run_time")

    found = search(data, Encoder.fit(data.rows, FEATURES), [quick], folds=2, seed=0)

    assert np.isfinite(found.trials[0][1])


def misses(shots: int, linear: float, trees: float, seed: int = 0) -> tuple[TrainingData, HeldOut, np.ndarray]:
    """Held-out forecasts of shots of three rows whose misses spread by `linear` and `trees`, shot by shot."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(shots), 3)
    rows = pd.DataFrame({"job_id": [f"j{shot}" for shot in group]})
    data = TrainingData(rows, "run_time", np.zeros(len(group)), np.ones(len(group)), group)
    found = HeldOut(ColdSettings(), data.value, (), rng.normal(0, linear, shots)[group])
    return data, found, rng.normal(0, trees, shots)[group]


def test_weights_stay_even_until_shots_clearly_say_otherwise() -> None:
    few, enough = misses(6, 0.5, 0.45), misses(2_000, 0.2, 0.8)

    assert few[1].with_trees(few[0], few[2]).settings.mix == 0.5
    assert enough[1].with_trees(enough[0], enough[2]).settings.mix == 0.8


def test_a_single_shot_says_nothing_of_weights() -> None:
    data, found, trees = misses(1, 0.1, 0.9)

    assert found.with_trees(data, trees).settings.mix == 0.5


def test_render_and_overhead_are_modelled_apart_where_most_rows_measured_them(
    some: Telemetry, quick: ColdSettings
) -> None:
    data, _, _ = training_data(some.cleaned().rows, "run_time")
    encoder = Encoder.fit(data.rows, FEATURES)
    few = data.rows.assign(render_time=data.rows["render_time"].where(np.arange(len(data.rows)) % 3 == 0))
    gaps = data.rows.assign(render_time=data.rows["render_time"].where(np.arange(len(data.rows)) % 9 != 0))

    parts = [len(fit_cold(replace(data, rows=rows), encoder, quick, 0).linears) for rows in (data.rows, gaps, few)]

    assert parts == [3, 3, 1]
    assert len(fit_cold(data, encoder, replace(quick, parts=False), 0).linears) == 1


def test_trees_never_fall_where_they_must_rise() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(0, 1, (300, 2))
    target = -matrix[:, 0] + matrix[:, 1]
    ramp = np.column_stack([np.linspace(0, 1, 50), np.full(50, 0.5)])
    settings = TreeSettings(rounds=30, ensemble=2, column_share=1.0)

    held = fit_trees(matrix, target, np.ones(300), [True, False], settings, 0)
    free = fit_trees(matrix, target, np.ones(300), [True, False], replace(settings, monotone=False), 0)

    assert len(held) == 2
    assert (np.diff(held[0].predict(ramp)) >= -1e-12).all()
    assert free[0].predict(ramp)[-1] < free[0].predict(ramp)[0] - 0.3


def test_what_a_disturbance_costs_is_read_from_jobs_measured_both_ways() -> None:
    rows = pd.DataFrame({"job_id": np.repeat([f"j{n}" for n in range(40)], 4), "node_class": "a"})
    quiet = np.tile([True, True, False, False], 40)
    value = np.repeat(np.random.default_rng(0).normal(size=40), 4) + np.where(quiet, 0.0, 0.1)

    assert busy_offsets(rows, value, quiet)["a"] == pytest.approx(0.1, abs=0.02)
    assert busy_offsets(rows, -value, quiet)["a"] == 0.0


def test_variances_of_jobs_shrink_from_types_to_families_to_all() -> None:
    rows = pd.DataFrame({"job_id": [f"j{n}" for n in range(100)], "job_type": ["calm"] * 50 + ["wild"] * 49 + ["rare"]})
    rows["renderer"] = ["one"] * 50 + ["two"] * 50
    residual = np.array([0.1] * 50 + [0.9] * 49 + [0.1])

    kinds, families = job_variances(rows, residual)

    assert kinds["calm"] < families[""] < kinds["wild"]
    assert kinds["rare"] == pytest.approx(families["two"], rel=0.15)
    assert job_variances(rows.drop(columns="renderer"), residual)[1].keys() == {"calm", "wild", "rare", ""}


def test_declared_estimates_are_trusted_once_ten_were_checked() -> None:
    measured = np.log(np.linspace(10, 20, 12))
    rows = pd.DataFrame({"declared_run_time": np.exp(measured) / 3})

    assert declared_error(rows, measured, "run_time") == (pytest.approx(np.log(3)), 0.05)
    assert declared_error(rows[:9], measured[:9], "run_time") == (0.0, pytest.approx(np.log(2)))
    assert declared_error(rows, measured, "mean_power") == (0.0, pytest.approx(np.log(2)))
