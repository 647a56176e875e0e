"""The command on whole farms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from placement.evaluation.__main__ import main
from tests.evaluation.farms.by_hand import four_tables


def test_a_shipped_workload_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--workload", "studio-day", "--scale", "0.05", "--load", "0.5", "--hours", "3", "--aim", "performance"]
    out = tmp_path / "report"

    code = main([*asked, "--policies", "fifo,placement", "--seeds", "1", "--jobs", "1", "--out", str(out)])

    shown = capsys.readouterr().out
    assert code == 0
    assert "placement: node-h" in shown
    assert "Load 50% of what the farm can do" in shown
    assert f"wrote {out / 'studio-day.json'}" in shown
    assert json.loads((out / "studio-day.json").read_text())["rules"]["aim"] == "performance"


def test_a_folder_of_your_own_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = four_tables(tmp_path / "mine")

    code = main(
        ["--workload", str(mine), "--policies", "clairvoyant,placement.scheduling.peers.fifo:fifo", "--seeds", "2",
         "--jobs", "1", "--no-plots", "--out", str(tmp_path / "out")]
    )  # fmt: skip

    assert code == 0
    assert "against clairvoyant" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine.json", "mine.parquet", "mine.txt"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--workload", "blender-fleet", "--policies", "best"], "no policy 'best'; have ['random'"),
        (["--workload", "nowhere"], "'blender-devices', 'blender-fleet', 'crunch'"),
        (["--workload", "nowhere.swf"], "no workload 'nowhere.swf'"),
        (["--workload", "crunch", "--trainer", "log-linear"], "--trainer log-linear"),
        (["--workload", "crunch", "--policies", "fifo", "--seeds", "0"], "0 seeds"),
        (["--workload", "philly_slo", "--policies", "fifo", "--market", "DE"], "philly_slo"),
        (["--workload", "mixed-renders", "--aim", "cost", "--scale", "0.1"], "--scale, --aim: only whole farms"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(
    asked: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_an_unknown_aim_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--workload", "studio-day", "--aim", "thrift"])

    assert "choose from" in (told := capsys.readouterr().err)
    assert "carbon" in told.split("choose from")[1]
