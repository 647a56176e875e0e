"""The command."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement.evaluation.__main__ import main
from placement.evaluation.workloads.folder import write_folder
from tests.evaluation.cases import SmallFarm


def test_it_prints_the_table_and_writes_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(SmallFarm()(0), tmp_path / "mine")
    asked = ["--workload", str(tmp_path / "mine"), "--policies", "round-robin,placement", "--seeds", "2", "--jobs", "1"]

    code = main([*asked, "--out", str(tmp_path / "report")])

    assert code == 0
    assert "placement" in capsys.readouterr().out
    assert (tmp_path / "report" / "mine.json").is_file()


def test_without_a_folder_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(SmallFarm()(0), tmp_path)

    assert main(["--workload", str(tmp_path), "--policies", "fifo", "--seeds", "1", "--jobs", "1"]) == 0
    assert "wrote" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--workload", "studio"], "no workload 'studio'"),
        (["--workload", "blender-fleet", "--policies", "best"], "no policy 'best'"),
        (["--trainer", "mine"], "no trainer 'mine'"),
    ],
)
def test_an_unknown_name_is_told(asked: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked) == 2
    assert message in capsys.readouterr().err
