"""`mixed-renders`: measured frames, composed classes, forecasts by models that saw other shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from placement.adapters.formats import read_telemetry
from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.evaluation.case import Forecaster
from placement.evaluation.experiment import compare
from placement.evaluation.gaussian import gaussian_forecast
from placement.evaluation.log_linear import train_log_linear
from placement.evaluation.summary import ratio_between, to_bounds
from placement.evaluation.workloads.catalog import device_table
from placement.evaluation.workloads.composition import ANCHOR, CLASSES, NodeClass, device_ratios
from placement.evaluation.workloads.frames import measured_frames
from placement.evaluation.workloads.mixed_renders import MixedRenders, Truth, mixed_telemetry
from placement.forecast.distribution import Forecast


@pytest.fixture(scope="module")
def renders() -> pd.DataFrame:
    return read_telemetry(shipped("data/renders")).rows


@pytest.fixture(scope="module")
def mixed(renders: pd.DataFrame) -> MixedRenders:
    return MixedRenders(telemetry=renders, table=device_table(), trainer=train_log_linear)


def test_every_frame_has_a_time_on_both_measured_classes(renders: pd.DataFrame) -> None:
    frames = measured_frames(renders)

    assert np.isfinite(frames.seconds).all()
    assert (frames.overhead < frames.seconds[:, 1]).all()
    assert 0 < frames.filled < len(frames.rows)
    assert np.median(frames.seconds[:, 0] / frames.seconds[:, 1]) == pytest.approx(1.7, abs=0.2)


def test_a_frame_without_one_class_is_filled_with_the_ratio_of_its_job() -> None:
    rows = pd.DataFrame({
        "job_id": "a", "shot": "s", "job_type": "t", "renderer": "r", "scene_family": "f", "status": "ok",
        "frame": [1, 1, 2], "node_class": ["cpu-1t", "cpu-2t", "cpu-1t"], "run_time": [6.0, 3.0, 8.0],
        "render_time": [5.0, 2.0, 7.0],
    })  # fmt: skip

    frames = measured_frames(rows)

    assert frames.seconds.tolist() == [[6.0, 3.0], [8.0, 4.0]]
    assert frames.filled == 1


def test_disturbed_attempts_are_left_out_where_a_quiet_one_is_there() -> None:
    rows = pd.DataFrame({
        "job_id": "a", "shot": "s", "job_type": "t", "renderer": "r", "scene_family": "f", "status": "ok",
        "frame": 1, "node_class": ["cpu-1t", "cpu-1t", "cpu-2t"], "run_time": [6.0, 9.0, 3.0],
        "render_time": 1.0, "quiet": [1.0, 0.0, 0.0],
    })  # fmt: skip

    assert measured_frames(rows).seconds.tolist() == [[6.0, 3.0]]


def test_telemetry_without_what_is_needed_is_refused(renders: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=r"lacks the columns \['shot'\]"):
        measured_frames(renders.drop(columns="shot"))
    with pytest.raises(InvalidInput, match="no successful attempt"):
        measured_frames(renders[renders["status"] != "ok"])


def test_composed_times_are_measured_times_times_measured_ratios(mixed: MixedRenders) -> None:
    truth, table = mixed.truth, mixed.table
    anchor = [each.device for each in CLASSES].index(ANCHOR)
    gpu = [each.name for each in CLASSES].index("rtx-3090-optix")
    interior = truth.frames.rows["scene_family"].eq("interior_gi").to_numpy()
    frame = int(np.flatnonzero(interior & np.isfinite(truth.seconds[:, gpu]))[0])
    scene = table.scenes.index("classroom")
    rows = [table.devices.index(CLASSES[gpu].device), table.devices.index(ANCHOR)]

    assert np.allclose(truth.seconds[:, anchor], truth.frames.seconds[:, 1])
    measured = table.median[rows[0], scene] / table.median[rows[1], scene]
    assert truth.seconds[frame, gpu] == pytest.approx(truth.frames.seconds[frame, 1] * measured)


def test_with_fixed_overhead_no_device_is_faster_than_start_load_and_save(mixed: MixedRenders) -> None:
    truth = replace(mixed, whole=False).truth

    assert (truth.seconds >= truth.frames.overhead[:, None]).all()
    assert (truth.seconds[:, -1] > mixed.truth.seconds[:, -1])[np.isfinite(truth.seconds[:, -1])].all()


def test_gpus_run_cycles_only(mixed: MixedRenders) -> None:
    case = mixed(0)
    gpu = [i for i, each in enumerate(CLASSES) if each.name.startswith("rtx")]
    cycles = mixed.truth.frames.rows["renderer"].eq("cycles").to_numpy()

    assert np.isfinite(mixed.truth.seconds[cycles][:, gpu]).all()
    assert np.isinf(mixed.truth.seconds[~cycles][:, gpu]).all()
    assert case.runnable[:, 0].all()


def test_no_forecast_comes_from_a_model_that_saw_the_shot(renders: pd.DataFrame) -> None:
    seen: list[tuple[set[str], set[str]]] = []

    def suspicious(telemetry: pd.DataFrame) -> Forecaster:
        learned = set(telemetry["shot"])

        def forecaster(tasks: pd.DataFrame, classes: Sequence[str]) -> Forecast:
            seen.append((learned, set(tasks["shot"])))
            assert "run_time" not in tasks or tasks["run_time"].isna().all(), "the truth was handed over"
            return gaussian_forecast(np.zeros((len(tasks), len(classes))), np.ones((len(tasks), len(classes))))

        return forecaster

    _ = MixedRenders(telemetry=renders, table=device_table(), trainer=suspicious).forecast

    assert len(seen) == 3
    assert all(not learned & asked for learned, asked in seen)
    assert set.union(*(asked for _, asked in seen)) == set(measured_frames(renders).rows["shot"])


def test_mixed_telemetry_is_the_measured_rows_and_composed_ones_in_the_schema(mixed: MixedRenders) -> None:
    rows = mixed_telemetry(mixed.telemetry, mixed.truth, seed=0)
    composed = rows[len(mixed.telemetry) :]

    pd.testing.assert_frame_equal(rows[: len(mixed.telemetry)], mixed.telemetry)
    assert set(composed["node_class"]) == {each.name for each in CLASSES if each.device}
    assert len(composed) == 3 * len(mixed.truth.frames.rows)
    assert composed[["peak_memory", "render_time", "progress"]].isna().all().all()
    assert not mixed_telemetry(mixed.telemetry, mixed.truth, seed=1)["run_time"].equals(rows["run_time"])


def test_a_seed_is_a_case_and_the_specimens_differ_between_seeds(mixed: MixedRenders) -> None:
    first, again = mixed(3), mixed(3)

    assert np.array_equal(first.world.true_time, again.world.true_time)
    assert first.world.tasks == 24 * 20
    assert len(np.unique(first.world.task_group)) == 24
    assert not np.array_equal(first.world.true_time, mixed(4).world.true_time)
    assert "292 of their 922 times" in first.notes[0]


def test_without_resampling_each_measured_frame_is_there_once(mixed: MixedRenders) -> None:
    case = replace(mixed, frames_per_job=0, jobs=10_000)(0)

    assert case.world.tasks == len(mixed.truth.frames.rows)


def test_measured_classes_alone_need_nothing_composed(mixed: MixedRenders) -> None:
    alone = replace(mixed, classes=CLASSES[:2])

    case = alone(0)

    assert case.notes[1] == "No time is composed."
    assert len(mixed_telemetry(alone.telemetry, alone.truth, seed=0)) == len(alone.telemetry)
    assert np.isfinite(case.world.true_time).all()


def test_placement_takes_35_per_cent_less_and_is_near_the_bounds(mixed: MixedRenders) -> None:
    runs = compare(mixed, ["round-robin", "random", "placement"], seeds=1)

    for metric in ("makespan", "node_seconds"):
        for baseline in ("round-robin", "random"):
            assert ratio_between(runs, metric, "placement", baseline).mean <= 0.65
        assert to_bounds(runs, "placement")[metric].mean <= 1.2


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("Cray-1", r"devices \['Cray-1'\] are not in the device table"),
        ("AMD Ryzen 9 5950X (CPU)", "did not run 'pavillon"),
    ],
)
def test_a_device_that_was_not_measured_is_refused(device: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        device_ratios(device_table(), (NodeClass(name="x", device=device, cores=1, nodes=1),))


def test_a_family_that_no_scene_stands_for_is_refused(renders: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=r"scene families \['opera'\]"):
        Truth.compose(renders.assign(scene_family="opera"), device_table(), CLASSES, whole=True)


def test_folds_with_other_quantile_levels_cannot_be_joined(renders: pd.DataFrame) -> None:
    sizes: list[int] = []

    def changing(telemetry: pd.DataFrame) -> Forecaster:
        def forecaster(tasks: pd.DataFrame, classes: Sequence[str]) -> Forecast:
            sizes.append(1)
            levels, shape = np.array([0.2, 0.5, 0.8]) + 0.01 * len(sizes), (len(tasks), len(classes))
            z = np.tile([-1.0, 0.0, 1.0], (shape[1], 1))
            return Forecast(np.zeros(shape), np.ones(shape), levels, z, np.full(shape, 1))

        return forecaster

    with pytest.raises(InvalidInput, match="different quantile levels"):
        _ = MixedRenders(telemetry=renders, table=device_table(), trainer=changing).forecast
