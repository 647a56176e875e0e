"""Training as a library call: the same seed gives the same bytes, and declared features are learnt and scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.placer import Placer
from placement.telemetry.features import Feature
from placement.telemetry.table import Telemetry
from training.cold import ColdSettings
from training.target import Effort
from training.train import Trained, features_of, train

NODES = [{"node_class": "cpu-1t", "cores": 1}]


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(
    some: Telemetry, quick: ColdSettings, tmp_path: Path
) -> None:
    few = replace(some, rows=some.rows[:60])
    digests = [
        train(few, settings=quick, effort=Effort(draws=2, folds=3, jobs=jobs, seed=seed), targets=("run_time",)).save(
            tmp_path / str(number)
        )
        for number, (jobs, seed) in enumerate([(1, 0), (2, 0), (1, 1)])
    ]

    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
    for name in sorted(each.name for each in (tmp_path / "0").iterdir()):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_a_feature_that_a_mapping_declared_is_learnt_and_scored(
    some: Telemetry, quick: ColdSettings, little: Effort
) -> None:
    hair = Feature(name="hair_density", scale="log", work=True)
    style = Feature(name="style", scale="category")
    rng = np.random.default_rng(0)
    density = rng.uniform(1, 20, len(some.rows))
    rows = some.rows.assign(
        hair_density=density, style=rng.choice(["toon", "real"], len(density)), run_time=some.rows["run_time"] * density
    )
    telemetry = replace(some, rows=rows.assign(render_time=np.nan), features=(hair, style))

    placer = train(telemetry, settings=quick, effort=little, targets=("run_time",)).placer()

    assert {"hair_density", "style"} <= set(placer.features)
    tasks = [{"job_type": "cycles/path", "hair_density": value, "style": "toon"} for value in (2.0, 20.0)]
    seconds = placer.score(tasks, NODES)["run_time_p50"].to_numpy()
    assert seconds[3] > 3 * seconds[0]
    with pytest.raises(InvalidInput, match=r"'hair_densty' \(did you mean 'hair_density'"):
        placer.score([{"job_type": "cycles/path", "hair_densty": 1.0}], NODES)


def test_features_are_the_schemas_and_the_declared_ones(some: Telemetry) -> None:
    extra = Feature(name="extra", scale="linear")

    assert features_of(replace(some, features=(extra,)))[-1] == extra


def test_a_target_that_nothing_measured_is_left_out(some: Telemetry, quick: ColdSettings, little: Effort) -> None:
    blind = replace(some, rows=some.rows.assign(peak_memory=np.nan))

    trained = train(blind, settings=quick, effort=little)

    assert list(trained.targets) == ["run_time"]
    assert trained.placer().score([{"job_type": "cycles/path"}], NODES)["memory_p99"].isna().all()


def test_a_model_without_run_time_is_refused(some: Telemetry) -> None:
    with pytest.raises(InvalidInput, match="leave out run_time"):
        train(some, targets=("peak_memory",))


def test_a_folder_that_is_no_model_is_not_overwritten(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(InvalidInput, match="not overwritten"):
        trained.save(tmp_path)


def test_a_saved_model_is_replaced_whole(trained: Trained, tmp_path: Path) -> None:
    first = trained.save(tmp_path / "live")

    assert trained.save(tmp_path / "live") == first == Placer.load(tmp_path / "live").digest


def test_the_card_says_what_it_was_trained_on_how_well_it_did_and_what_it_is_not_for(trained: Trained) -> None:
    for words in (
        "Trained on",
        "Held-out shots",
        "cycles/path",
        "cpu-2t",
        "run_time (s)",
        "Back-off",
        "modelled",
        "Limits",
    ):
        assert words in trained.card
