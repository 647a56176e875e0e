"""``python -m training``: from a CSV and a mapping file to a model folder, or one line that says what was wrong."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from placement.placer import Placer
from training.__main__ import main

MAPPING = """
[columns]
job_id = { from = "Scene" }
job_type = { from = "Engine" }
node_class = { from = "Server" }
run_time = { from = "Milliseconds", unit = "ms" }
spp = { from = "Samples" }
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A foreign log of 40 frames, with its mapping beside it."""
    frames = [
        {
            "Scene": f"s{n // 4}",
            "Engine": "path",
            "Server": f"m{n % 2}",
            "Milliseconds": 3000 + 200 * n,
            "Samples": 8 + n,
        }
        for n in range(40)
    ]
    pd.DataFrame(frames).to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "foreign.toml").write_text(MAPPING)
    return tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    return [
        *(
            "--telemetry",
            str(folder / "log.csv"),
            "--mapping",
            str(folder / "foreign.toml"),
            "--out",
            str(folder / "model"),
        ),
        *("--draws", "1", "--folds", "2", "--jobs", "1", "--quiet", *more),
    ]


def test_a_foreign_csv_becomes_a_model_that_scores(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(log, "--tracking", "none")) == 0

    said = capsys.readouterr().out
    assert "40 rows in 1 files: 40 kept" in said
    assert "run_time: median error on held-out shots" in said
    assert "not recorded, as asked" in said
    table = Placer.load(log / "model").score([{"job_type": "path", "spp": 20}], [{"node_class": "m0", "cores": 1}])
    assert 1.0 < table["run_time_p50"].iloc[0] < 20.0


def test_a_run_is_recorded_and_registered(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlflow")
    store = f"sqlite:///{log / 'runs.db'}"

    assert main(arguments(log, "--tracking", store, "--register", "champion")) == 0

    assert "recorded, model render-placement version 1 is 'champion'" in capsys.readouterr().out
    assert (log / "runs.db").is_file()


@pytest.mark.parametrize("missing", ["log.csv", "foreign.toml"])
def test_a_path_that_is_not_there_is_said_on_one_line(
    log: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (log / missing).unlink()

    assert main(arguments(log, "--tracking", "none")) == 2

    said = capsys.readouterr().err
    assert missing in said
    assert "Traceback" not in said


def test_units_that_cannot_be_are_said(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (log / "foreign.toml").write_text(MAPPING.replace('"ms"', '"furlongs"'))

    assert main(arguments(log, "--tracking", "none")) == 2

    assert "furlongs" in capsys.readouterr().err


def test_too_few_rows_are_said(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.read_csv(log / "log.csv")[:2].to_csv(log / "log.csv", index=False)

    assert main(arguments(log, "--tracking", "none")) == 2

    assert "2 rows measure run_time" in capsys.readouterr().err


def test_a_store_that_cannot_be_used_is_said(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlflow")

    assert main(arguments(log, "--tracking", "nonsense://x")) == 2

    assert "nonsense" in capsys.readouterr().err


def test_without_mlflow_the_run_is_not_recorded_and_says_why(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from placement.errors import PlacementError

    def absent(*_: Any) -> None:
        raise PlacementError("no MLflow")

    monkeypatch.setattr(importlib.import_module("training.record"), "MlflowTracker", absent)

    assert main(arguments(log)) == 0
    assert "MLflow is not installed" in capsys.readouterr().out
    assert main(arguments(log, "--tracking", "sqlite:///x.db")) == 2


@pytest.mark.parametrize("wrong", [["--folds", "1"], ["--draws", "0"], ["--jobs", "0"], ["--seed", "-1"]])
def test_numbers_that_cannot_be_are_said(log: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(log, "--tracking", "none", *wrong)) == 2

    assert wrong[1] in capsys.readouterr().err


def test_the_module_runs_as_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["training", "--help"])
    monkeypatch.delitem(sys.modules, "training.__main__")

    with pytest.raises(SystemExit) as end:
        runpy.run_module("training", run_name="__main__")

    assert end.value.code == 0
    assert "--telemetry" in capsys.readouterr().out
