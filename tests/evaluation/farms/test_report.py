"""The report on whole farms: files, tables, plots."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from placement.evaluation.farms import report
from placement.evaluation.farms.experiment import compare_farms
from placement.evaluation.farms.report import Experiment, farms_text, write_farms_report
from placement.scheduling.rules import Aim, Rules

TINY = {"scale": 0.05, "hours": 3.0, "load": 0.5}
MINE = Experiment(workload="crunch", rules=Rules(aim=Aim.COST), settings=TINY)
PLOTS = ("gantt", "utilisation", "tardiness", "shares", "power")


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return compare_farms("crunch", ["fifo", "earliest-deadline"], [0], **TINY)


def test_tables_name_policies_metrics_and_the_baseline(runs: pd.DataFrame) -> None:
    text = farms_text(runs, "fifo")

    assert "earliest-deadline" in text
    assert "weighted tardiness h" in text
    assert "against fifo, 95 % intervals over 1 seeds" in text


def test_files_hold_the_runs_the_summary_and_how_to_run_it_again(runs: pd.DataFrame, tmp_path: Path) -> None:
    files = write_farms_report(tmp_path / "new", MINE, runs, plots=False)

    assert [path.name for path in files] == ["crunch.txt", "crunch.json", "crunch.parquet"]
    content = json.loads((tmp_path / "new" / "crunch.json").read_text(), parse_constant=pytest.fail)
    assert content["rules"]["aim"] == "cost"
    assert content["settings"] == {"scale": "0.05", "hours": "3.0", "load": "0.5"}
    assert len(content["runs"]) == 2
    assert {row["policy"] for row in content["summary"]} == {"fifo", "earliest-deadline"}
    assert content["notes"][0] in (tmp_path / "new" / "crunch.txt").read_text()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "new" / "crunch.parquet"), runs)


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib")
def test_plots_are_drawn(runs: pd.DataFrame, tmp_path: Path) -> None:
    files = write_farms_report(tmp_path, MINE, runs)

    assert [path.name for path in files[3:]] == [f"crunch-{name}.png" for name in PLOTS]
    assert all(path.stat().st_size > 1000 for path in files[3:])


def test_without_matplotlib_there_are_no_plots(
    runs: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None)

    assert len(write_farms_report(tmp_path, MINE, runs)) == 3
