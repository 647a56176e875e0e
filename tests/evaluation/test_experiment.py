"""Paired experiments and their report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.evaluation.experiment import compare, play
from placement.evaluation.plots import busy_share
from placement.evaluation.report import table_text, write_report
from placement.evaluation.summary import summarise
from tests.evaluation.cases import SmallFarm

POLICIES = ("random", "round-robin", "placement", "clairvoyant")


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return compare(SmallFarm(), POLICIES, seeds=3)


def test_every_policy_meets_every_seed_and_no_bound_is_beaten(runs: pd.DataFrame) -> None:
    assert sorted(zip(runs["seed"], runs["policy"], strict=True)) == sorted((s, p) for s in range(3) for p in POLICIES)
    assert (runs["makespan"] >= runs["makespan_bound"] * (1 - 1e-9)).all()
    assert (runs["node_seconds"] >= runs["node_seconds_bound_at_makespan"] * (1 - 1e-6)).all()
    assert (runs.groupby("seed")["makespan_bound"].nunique() == 1).all()


def test_the_number_of_processes_changes_nothing(runs: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(runs, compare(SmallFarm(), POLICIES, seeds=3, jobs=2))


def test_unknown_policies_and_no_seeds_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no policy 'best'; have \['random', 'round-robin'"):
        compare(SmallFarm(), ["best"], seeds=1)
    with pytest.raises(InvalidInput, match="0 seeds, expected 1 or more"):
        compare(SmallFarm(), ["fifo"], seeds=0)


def test_the_report_holds_table_runs_notes_and_plots(runs: pd.DataFrame, tmp_path: Path) -> None:
    files = write_report(tmp_path / "new", "small", SmallFarm(), runs)

    assert {path.name for path in files} == {
        "small.txt", "small.json", "small.parquet", "small-gantt.png", "small-utilisation.png", "small-completion.png",
    }  # fmt: skip
    assert all(path.stat().st_size for path in files)
    told = json.loads((tmp_path / "new" / "small.json").read_text())
    assert [row["policy"] for row in told["policies"]] == list(POLICIES)
    assert "made by hand" in (tmp_path / "new" / "small.txt").read_text()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "new" / "small.parquet"), runs)


def test_without_matplotlib_the_report_has_no_plots(
    runs: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placement.evaluation.report.find_spec", lambda name: None)

    assert len(write_report(tmp_path, "small", SmallFarm(), runs)) == 3


def test_the_table_names_policy_ratio_and_interval(runs: pd.DataFrame) -> None:
    text = table_text(summarise(runs))

    assert "/ round-robin" in text
    assert "1.00 [1.00, 1.00]" in text


def test_the_busy_share_adds_up_to_the_node_seconds() -> None:
    case = SmallFarm()(0)
    history = play(case, "fifo")
    at = np.linspace(0, history.end.max(), 20_001)[:-1]

    share = busy_share(case.world, history, at)

    expected = (history.end - history.start).sum() / (case.world.nodes * history.end.max())
    assert share.mean() == pytest.approx(expected, rel=1e-3)
