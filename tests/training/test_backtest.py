"""Backtests: shots are never divided, what is judged was not learned from, and what is told can be recomputed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.telemetry.features import FEATURES, Feature
from placement.telemetry.mapping_file import mapping_from
from placement.telemetry.table import Telemetry
from training.backtest import (
    Plan,
    coverage,
    first_frames,
    grouped_backtest,
    learning_curve,
    percentage_error,
    time_backtest,
)
from training.baselines import REGRESSORS, left_out, log_linear, out_of_fold
from training.cold import ColdSettings
from training.noise import noise_floor
from training.plots import draw_backtest
from training.splits import check_no_leak, groups_of
from training.target import Effort


@pytest.fixture(scope="module")
def plan(quick: ColdSettings, little: Effort) -> Plan:
    return Plan(folds=3, draws=2, settings=quick, effort=little, jobs=1)


@pytest.fixture(scope="module")
def rows(renders: Telemetry) -> pd.DataFrame:
    return renders.cleaned().rows[::2].reset_index(drop=True)


def test_every_finished_row_is_judged_once_by_a_model_that_saw_nothing_of_its_shot(
    rows: pd.DataFrame, plan: Plan
) -> None:
    found = grouped_backtest(rows, "run_time", FEATURES, plan)

    groups = groups_of(rows)[found.cold["row"]]
    assert found.cold["row"].is_unique
    assert len(found.cold) == int((~rows["censored"]).sum())
    assert pd.Series(found.cold["fold"].to_numpy()).groupby(groups).nunique().eq(1).all()
    assert (found.cold["p2.5"] <= found.cold["p50"]).all()
    assert (found.cold["p50"] <= found.cold["p99"]).all()


def test_frames_of_a_job_make_its_others_surer_and_nearer(rows: pd.DataFrame, plan: Plan) -> None:
    found = grouped_backtest(rows, "run_time", FEATURES, plan)

    before = found.cold[found.cold["row"].isin(found.seen["row"])]
    assert set(found.seen["draw"]) == {0, 1}
    assert np.median(percentage_error(found.seen)) < 0.5 * np.median(percentage_error(before))
    assert np.median(found.seen["p90"] / found.seen["p10"]) < np.median(before["p90"] / before["p10"])


def test_in_time_order_what_is_judged_started_after_all_that_was_learned_from(rows: pd.DataFrame, plan: Plan) -> None:
    found = time_backtest(rows, "run_time", FEATURES, plan, test_share=0.3)

    judged = rows.loc[found.cold["row"], "start_time"]
    assert len(found.cold) > 20
    assert judged.min() > rows["start_time"].quantile(0.4)


def test_a_planted_leak_is_found(rows: pd.DataFrame) -> None:
    groups = groups_of(rows)
    by_row = np.arange(len(rows)) % 2 == 0

    with pytest.raises(InvalidInput, match="leaks"):
        check_no_leak(groups, ~by_row, by_row)


@pytest.mark.parametrize("column", ["run_time", "render_time", "cpu_user_time", "peak_memory"])
def test_what_is_measured_cannot_be_declared_a_feature(column: str) -> None:
    with pytest.raises(InvalidInput, match="known only after the render"):
        Feature(name=column, scale="log", unit="s")

    with pytest.raises(InvalidInput, match="known only after the render"):
        Feature(name="disguised", scale="log", product=("width", column))


def test_a_copy_of_the_target_under_another_name_cannot_be_mapped_to_a_feature() -> None:
    planted = {
        "columns": {"run_time": {"from": "Render time", "unit": "s"}},
        "features": {"harmless": {"from": "Render time", "scale": "log"}},
    }

    with pytest.raises(InvalidInput, match=r"harmless.*'Render time'.*measured run_time"):
        mapping_from(planted, where="planted.toml")


def test_one_shot_cannot_be_held_out_of_itself(rows: pd.DataFrame, plan: Plan) -> None:
    alone = rows[rows["shot"] == rows["shot"].iloc[0]].reset_index(drop=True)

    with pytest.raises(InvalidInput, match="1 shots"):
        grouped_backtest(alone, "run_time", FEATURES, plan)


def test_more_shots_to_learn_from_are_counted(rows: pd.DataFrame, plan: Plan) -> None:
    curve = learning_curve(rows, "run_time", FEATURES, replace(plan, draws=1), shares=(0.5, 1.0))

    assert curve["shots"].iloc[0] == pytest.approx(curve["shots"].iloc[1] / 2, rel=0.05)
    assert (curve[["cold", "seen"]] > 0).all(axis=None)


def test_seen_frames_are_the_first_to_finish_and_repeats_of_them_are_not_asked() -> None:
    table = pd.DataFrame(
        {
            "job_id": ["a"] * 5 + ["b"] * 2,
            "frame": [1.0, 2.0, 3.0, 1.0, 4.0, 1.0, 2.0],
            "end_time": [30.0, 10.0, 20.0, 5.0, 40.0, 1.0, 2.0],
        }
    )

    seen, asked = first_frames(table, 2)

    assert seen.tolist() == [1, 3]
    assert asked.tolist() == [2, 4]


def test_coverage_counts_truths_between_two_columns() -> None:
    table = pd.DataFrame({"node_class": list("aab"), "truth": [1.0, 9.0, 2.0], "p10": 0.5, "p90": 2.0})

    assert coverage(table, "p10", "p90").to_dict() == {"a": 0.5, "b": 1.0}


def test_the_noise_floor_is_what_repeats_differ_by() -> None:
    table = pd.DataFrame(
        {"job_id": "a", "frame": [1.0, 1.0, 2.0], "node_class": "n", "quiet": 1.0, "censored": False}
    ).assign(run_time=[10.0, 11.0, 5.0])

    floor = noise_floor(table, "run_time")

    assert floor.pairs == 1
    assert floor.difference == pytest.approx(np.log(1.1))
    assert floor.bound == pytest.approx(np.expm1(np.log(1.1) / np.sqrt(2)))
    with pytest.raises(InvalidInput, match="noise cannot be told"):
        noise_floor(table[1:].reset_index(drop=True), "run_time")


def test_the_log_linear_fit_finds_lines_per_job_type_and_the_common_one_for_rare_types() -> None:
    table = pd.DataFrame({"width": 10.0, "height": 10.0, "spp": np.tile([1.0, 2.0, 4.0, 8.0], 5)})
    table["job_type"] = ["often"] * 16 + ["rare"] * 4
    table["run_time"] = np.where(table["job_type"] == "often", 3.0, 5.0) * table["spp"]

    told = log_linear(table, table, "run_time")

    assert told[:16] == pytest.approx(table["run_time"][:16].to_numpy())
    assert ((told[16:] > 3.0 * table["spp"][16:]) & (told[16:] < 5.0 * table["spp"][16:])).all()
    assert np.isfinite(out_of_fold(table, np.arange(20) % 2, "run_time")).all()


@pytest.mark.parametrize("name", REGRESSORS)
def test_plain_regressors_predict_labels_from_the_others(name: str) -> None:
    rng = np.random.default_rng(0)
    matrix, labels = rng.normal(size=(120, 3)), np.arange(120) % 3

    told = left_out(matrix, matrix[:, 0], labels, REGRESSORS[name])

    assert np.corrcoef(told, matrix[:, 0])[0, 1] > 0.8


def test_a_backtest_is_drawn(rows: pd.DataFrame, plan: Plan, tmp_path) -> None:
    pytest.importorskip("matplotlib")

    found = grouped_backtest(rows, "run_time", FEATURES, replace(plan, draws=1))

    path = draw_backtest(found, "folds of shots", tmp_path)

    assert path.name == "backtest-run_time-folds-of-shots.png"
    assert path.read_bytes().startswith(b"\x89PNG")
