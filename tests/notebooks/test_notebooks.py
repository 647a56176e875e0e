"""Every notebook runs from its first cell to its last, and is kept without its output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
EXECUTE = "from nbclient.cli import main; main()"


def execute(notebook: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", EXECUTE, "--timeout=300", f"--output={folder / notebook.stem}", str(notebook)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")

    done = execute(notebook, tmp_path)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_kept_without_output(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]

    assert [cell["source"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
