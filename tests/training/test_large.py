from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.adapters.formats import read_telemetry
from placement.errors import InvalidInput
from placement.telemetry.features import FEATURES
from training import large
from training.card import held_out_metrics
from training.chunks import Chunk, Chunks
from training.large import LARGE_ROWS, LargeSettings, fit_large, grown, is_large, slices
from training.splits import group_names
from training.spool import Spool, among
from training.synthetic import SyntheticFarm, write_synthetic
from training.target import Effort
from training.train import train, train_path
from training.trees import TreeSettings

QUICK = Effort(draws=1, folds=3, jobs=1, backoff=False)
FARM = SyntheticFarm(frames=20, job_types=3, node_classes=3, seed=3)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    path = write_synthetic(tmp_path_factory.mktemp("farm") / "farm.parquet", 4_000, FARM)
    return read_telemetry(path).cleaned().rows


@pytest.fixture(scope="module")
def spool(clean, tmp_path_factory):
    return Spool.write(slices(clean, 900), tmp_path_factory.mktemp("spool"), seed=5)


def test_synthetic_telemetry_is_the_same_for_equal_seeds_and_another_for_others():
    one, again, other = (
        pd.concat(SyntheticFarm(seed=seed).chunks(700, 300), ignore_index=True) for seed in (1, 1, 2)
    )

    pd.testing.assert_frame_equal(one, again)
    assert not one["run_time"].equals(other["run_time"])


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 900), most=st.integers(50, 400), frames=st.floats(1, 60))
def test_synthetic_jobs_are_never_mixed_up_between_chunks(rows, most, frames):
    chunks = list(SyntheticFarm(frames=frames).chunks(rows, most))

    assert [len(chunk) for chunk in chunks[:-1]] == [most] * (len(chunks) - 1)
    assert sum(map(len, chunks)) == rows
    jobs = [set(chunk["job_id"]) for chunk in chunks]
    assert sum(map(len, jobs)) == len(set().union(*jobs))
    assert (pd.concat(chunks)["run_time"] > 0).all()


def test_synthetic_cost_rises_with_pixels_samples_and_falls_with_threads(clean):
    work = np.log(clean["width"] * clean["height"] * clean["spp"])
    log = np.log(clean["run_time"])

    assert np.corrcoef(work, log)[0, 1] > 0.5
    assert clean["run_time"].groupby(clean["threads"]).median().idxmin() == clean["threads"].max()
    assert clean["job_type"].value_counts(normalize=True).max() > 1.5 / FARM.job_types


@pytest.mark.parametrize("wrong", [{"frames": 0.0}, {"job_types": 0}, {"disturbed": 1.0}, {"cut_short": -0.1}])
def test_a_synthetic_farm_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        SyntheticFarm(**wrong)


def test_no_synthetic_rows_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="0 rows"):
        write_synthetic(tmp_path / "none.parquet", 0)


def test_a_spool_gives_back_the_rows_it_was_given_and_counts_their_jobs(clean, spool):
    parts = list(spool.batches())

    back = pd.concat([rows for rows, _, _ in parts], ignore_index=True)
    pd.testing.assert_frame_equal(back, clean, check_dtype=False)
    counts = np.concatenate([counts for _, _, counts in parts])
    assert counts.tolist() == clean.groupby("job_id")["job_id"].transform("size").tolist()
    assert spool.rows == len(clean) == spool.group_rows.sum()


def test_the_sample_is_whole_shots_within_its_budget_with_every_type_and_class(clean, spool):
    sample = spool.rows_of(spool.draw(0.3, 1_000))

    whole = clean[group_names(clean).isin(group_names(sample).unique())]
    assert sorted(sample["frame"]) == sorted(whole["frame"])
    assert len(sample) <= 1_000
    for name in ("job_type", "node_class"):
        assert set(sample[name]) == set(clean[name])


def test_the_sample_does_not_depend_on_the_order_of_the_rows(clean, spool, tmp_path):
    shuffled = clean.sample(frac=1.0, random_state=0)

    other = Spool.write(slices(shuffled, 700), tmp_path, seed=5)

    assert other.draw(0.2, 500).tolist() == spool.draw(0.2, 500).tolist()


def test_other_seeds_draw_other_samples(clean, spool, tmp_path):
    other = Spool.write(slices(clean, 900), tmp_path, seed=6)

    first, second = (set(one.rows_of(one.draw(0.2, 500))["shot"]) for one in (spool, other))

    assert first != second


def test_nothing_to_spool_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="not one row"):
        Spool.write([], tmp_path, seed=0)


@given(st.lists(st.integers(0, 50), min_size=1), st.sets(st.integers(0, 50), min_size=1))
def test_among_is_membership(hashes, chosen):
    found = among(np.array(hashes, np.uint64), np.array(sorted(chosen), np.uint64))

    assert found.tolist() == [each in chosen for each in hashes]


def test_binned_data_from_files_grow_the_trees_that_one_array_grows(tmp_path):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(2_000, 4)).astype(np.float32).astype(float)
    matrix[rng.random((2_000, 4)) < 0.1] = np.nan
    target = np.nan_to_num(matrix[:, 0]) + rng.normal(0, 0.1, 2_000)
    cuts = [slice(at, at + 800) for at in (0, 800, 1600)]
    parts = [Chunk(matrix[cut], target[cut], np.ones(len(target[cut]))) for cut in cuts]

    chunks = Chunks.write(parts, tmp_path, most=300)

    params = {"verbose": -1, "num_threads": 1, "deterministic": True, "objective": "l2"}
    lightgbm = large.lightgbm
    filed = lightgbm.train(params, chunks.dataset({"verbose": -1}), 10)
    whole = lightgbm.train(params, lightgbm.Dataset(matrix, target.astype(np.float32), params={"verbose": -1}), 10)
    assert chunks.rows == 2_000
    assert len(chunks.paths) == 3 + 3 + 2
    assert np.allclose(filed.predict(matrix), whole.predict(matrix))
    chunks.delete()
    assert not list(tmp_path.iterdir())


@given(rows=st.integers(1, 10**8))
def test_more_rows_never_make_trees_coarser_nor_cost_more_rows_a_tree(rows):
    few, many = (grown(TreeSettings(), count, LargeSettings()) for count in (rows, 2 * rows))

    assert few.leaves <= many.leaves
    assert few.leaf_rows <= many.leaf_rows
    assert many.row_share * 2 * rows <= LargeSettings().tree_rows * (1 + 1e-9)


def test_large_training_learns_nearly_as_much_as_there_is_to_learn(clean, spool, quick):
    fitted, sample = fit_large(
        spool, ("run_time", "peak_memory"), FEATURES, (quick, LargeSettings(share=0.4)), QUICK
    )

    held_out = fitted["run_time"].held_out
    error = np.abs(held_out.location - fitted["run_time"].data.value)
    floor = FARM.job_spread
    assert np.median(error) < 2 * floor
    assert len(sample) <= 0.4 * len(clean)
    assert len(fitted["run_time"].model.cold.boosters) == 1
    assert set(fitted) == {"run_time", "peak_memory"}


def test_trees_of_large_training_never_see_the_sample(clean, spool, quick):
    chosen = spool.draw(0.3, 1_000)
    seen = []

    class Watched(large._Growing):
        def _chunks(self, *arguments):
            for chunk in super()._chunks(*arguments):
                seen.append(len(chunk.target))
                yield chunk

    sample = spool.rows_of(chosen)
    growing = Watched(spool, chosen, LargeSettings(rounds=3), QUICK)
    large.fit_target(sample, "run_time", FEATURES, quick, QUICK, growing)

    assert sum(seen) == len(clean) - len(sample)


def test_a_target_that_the_sample_does_not_measure_is_left_out(clean, tmp_path, quick):
    blind = Spool.write([clean.assign(peak_memory=np.nan)], tmp_path, seed=0)

    fitted, _ = fit_large(
        blind, ("run_time", "peak_memory"), FEATURES, (quick, LargeSettings(rounds=5)), QUICK
    )

    assert set(fitted) == {"run_time"}


def test_in_batches_and_in_memory_draw_the_same_shots_and_do_as_well(tmp_path, monkeypatch, quick):
    path = write_synthetic(tmp_path / "farm.parquet", 2_500, FARM)
    monkeypatch.setattr("training.train.LARGE_ROWS", 2_000)

    streamed, telemetry = train_path(path, settings=quick, effort=QUICK, targets=("run_time",), in_batches=True)
    held = train(read_telemetry(path), settings=quick, effort=QUICK, targets=("run_time",))

    data = [one.targets["run_time"].data for one in (streamed, held)]
    assert set(data[0].rows["shot"]) == set(data[1].rows["shot"])
    errors = [held_out_metrics(one.targets["run_time"])["mean_log_error"] for one in (streamed, held)]
    assert errors[0] == pytest.approx(errors[1], rel=0.1)
    assert len(telemetry.rows) < 2_500 == telemetry.report.rows_kept
    assert "large telemetry" in telemetry.report.notes[-1]
    assert "large telemetry" in held.card
    tasks = [{"task": "a", "job_type": telemetry.rows["job_type"].iloc[0], "width": 1920, "height": 1080, "spp": 64}]
    score = streamed.placer().score(tasks, [{"node_class": "node-00", "cores": 4}])
    assert (score["run_time_p50"] > 0).all()


def test_small_telemetry_is_read_whole(tmp_path, quick):
    path = write_synthetic(tmp_path / "farm.parquet", 300, FARM)

    trained, telemetry = train_path(path, settings=quick, effort=QUICK, targets=("run_time",))

    assert len(telemetry.rows) == 300
    assert len(trained.targets["run_time"].model.cold.boosters) == quick.trees.ensemble
    assert not any("large" in note for note in telemetry.report.notes)


def test_run_time_must_be_among_the_targets(tmp_path):
    with pytest.raises(InvalidInput, match="leave out run_time"):
        train_path(tmp_path, targets=("peak_memory",))


def test_size_is_told_from_metadata_and_lines_over_all_files(tmp_path):
    write_synthetic(tmp_path / "a.parquet", 60, FARM)
    (tmp_path / "b.csv").write_text("job_id\n" + "x\n" * 30)
    with gzip.open(tmp_path / "c.jsonl.gz", "wt") as file:
        file.write('{"job_id": "x"}\n' * 10)
    (tmp_path / "d.parquet").write_bytes(b"PAR1 damaged")

    assert is_large(tmp_path, 99)
    assert not is_large(tmp_path, 102)
    assert not is_large(tmp_path, LARGE_ROWS)
