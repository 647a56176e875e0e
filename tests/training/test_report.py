"""The main job, small: one command from render logs to model, backtest, farms and report."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement.placer import Placer
from placement.telemetry.table import Telemetry
from training.backtest import Plan
from training.cold import ColdSettings
from training.report import main, make_report
from training.target import Effort


def test_the_report_holds_the_model_the_backtests_and_the_farms(
    renders: Telemetry, quick: ColdSettings, little: Effort, tmp_path: Path
) -> None:
    plan = Plan(folds=2, draws=1, settings=quick, effort=little, jobs=1)

    report = make_report(renders, tmp_path, plan=plan, seeds=2, effort=little, farms=("blender-devices",))

    assert Placer.load(tmp_path / "model").targets.keys() == {"run_time", "peak_memory"}
    targets, splits = ("run_time", "peak_memory"), ("folds of shots", "time order")
    assert set(report.backtests) == {(split, target) for split in splits for target in targets}
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == report.text
    assert "| run_time | time order |" in report.text
    assert "### blender-devices" in report.text
    assert all(path.is_file() for path in report.files)
    ours = report.farms["blender-devices"].set_index("policy").loc["placement"]
    assert ours["makespan_ratio"] < 0.65


def test_what_cannot_be_read_ends_with_2_and_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--telemetry", str(tmp_path / "nowhere.csv"), "--out", str(tmp_path / "out"), "--quiet"]) == 2

    assert "nowhere.csv" in capsys.readouterr().err
