"""What every test may use: the repository, the data that cannot be committed, and steady settings."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import database, postgres  # noqa: F401 - fixtures for all tests

if TYPE_CHECKING:
    import pandas as pd

    from placement.telemetry.table import Telemetry
    from training.train import Trained

ROOT = Path(__file__).resolve().parents[1]

# Deadlines measure the machine, not the code; a failure must come back when it is looked for.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.hookimpl(optionalhook=True)
def pytest_json_modifyreport(json_report: dict[str, Any]) -> None:
    """Keep paths of the machine that ran the tests out of the report, which is committed."""
    text = json.dumps(json_report, default=str).replace(str(ROOT), ".").replace(str(ROOT.parent), "..")
    json_report.clear()
    json_report.update(json.loads(text))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the data sets that may be looked at but not passed on; skips where it is absent."""
    folder = Path(os.environ.get("PLACEMENT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the data sets that cannot be committed, not found in {folder}")
    return folder


@pytest.fixture(scope="session")
def renders() -> Telemetry:
    """Give the shipped renders, as read."""
    from placement.adapters.formats import read_telemetry
    from placement.adapters.stores.shipped import shipped

    return read_telemetry(shipped("data/renders/renders.parquet"))


@pytest.fixture(scope="session")
def split(renders: Telemetry) -> tuple[Telemetry, pd.DataFrame]:
    """Two thirds of the shipped renders' shots to train on, and the clean rows of the others."""
    from training.splits import folds_of, groups_of

    out = folds_of(groups_of(renders.rows), 3, seed=1) == 0
    return replace(renders, rows=renders.rows[~out]), replace(renders, rows=renders.rows[out]).cleaned().rows


@pytest.fixture(scope="session")
def trained(split: tuple[Telemetry, pd.DataFrame]) -> Trained:
    """One small model of run time and memory, trained quickly on `split`'s training shots."""
    from training.cold import ColdSettings
    from training.target import Effort
    from training.train import train
    from training.trees import TreeSettings

    trees = TreeSettings(rounds=40, rate=0.15, ensemble=1)
    quick = ColdSettings(trees=trees, support=24, most_rows=250, steps=20)
    return train(split[0], settings=quick, effort=Effort(draws=1, folds=3, jobs=1, backoff=False))


@pytest.fixture(scope="session")
def model_folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of `trained`, saved; not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "live"
    trained.save(folder)
    return folder
