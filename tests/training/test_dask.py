from __future__ import annotations

import importlib
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from placement.adapters.formats import read_telemetry
from placement.errors import InvalidInput
from placement.telemetry.features import FEATURES
from training.chunks import Chunk, Chunks
from training.large import LargeSettings, fit_large, grown
from training.spool import Spool
from training.synthetic import SyntheticFarm, write_synthetic
from training.target import Effort
from training.train import train_path
from training.trees import TreeSettings

pytest.importorskip("dask.array")
pytest.importorskip("distributed")

QUICK = Effort(draws=1, folds=3, jobs=1, backoff=False)


@pytest.mark.slow
def test_workers_of_a_local_cluster_grow_trees_as_good_as_one_process_does(tmp_path, quick):
    farm = SyntheticFarm(frames=20, job_types=3, node_classes=3)
    rows = read_telemetry(write_synthetic(tmp_path / "farm.parquet", 3_000, farm)).cleaned().rows
    spool = Spool.write([rows], tmp_path, seed=0)
    settings = (quick, LargeSettings(rounds=25))

    here, spread = (
        fit_large(spool, ("run_time",), FEATURES, settings, replace(QUICK, cluster=cluster))[0]["run_time"]
        for cluster in ("", "local")
    )

    errors = [np.abs(one.held_out.location - one.data.value).mean() for one in (here, spread)]
    boosters = [one.model.cold.boosters[0] for one in (here, spread)]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)
    assert boosters[0].features == boosters[1].features
    assert "objective=huber" in boosters[1].text
    _, raw, codes = here.model.cold.basis.arrays(here.data.rows)
    matrix = here.model.cold.matrix(raw, codes)
    assert np.corrcoef(*(one.predict(matrix) for one in boosters))[0, 1] > 0.8


def test_an_address_where_no_scheduler_answers_is_named(tmp_path, monkeypatch):
    dask_trees = importlib.import_module("training.dask_trees")
    monkeypatch.setattr(dask_trees, "_PATIENCE_SECONDS", 0.2)
    rng = np.random.default_rng(0)
    chunks = Chunks.write([Chunk(rng.normal(size=(50, 2)), rng.normal(size=50), np.ones(50))], tmp_path, 25)
    params = grown(TreeSettings(), 50, LargeSettings()).params([False, False], 0, 50)

    with pytest.raises(InvalidInput, match=re.escape("tcp://127.0.0.1:9")):
        dask_trees.grow_on_cluster(chunks, params, 3, "tcp://127.0.0.1:9")


def test_without_the_extra_a_cluster_is_refused_by_name(tmp_path, monkeypatch, quick):
    path = write_synthetic(tmp_path / "farm.parquet", 600, SyntheticFarm(frames=10, job_types=2, node_classes=2))
    monkeypatch.setitem(sys.modules, "training.dask_trees", None)
    effort = replace(QUICK, cluster="tcp://nowhere:1")

    with pytest.raises(InvalidInput, match="extra 'dask'"):
        train_path(path, settings=quick, effort=effort, targets=("run_time",))
