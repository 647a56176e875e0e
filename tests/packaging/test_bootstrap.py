"""The set-up says what is missing, and does nothing twice."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def bootstrap(repository: Path) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(repository / "bootstrap.py")))


def interpreter(folder: Path, exit_code: int) -> Path:
    """Make a program that stands in for an environment's python and leaves with `exit_code`."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho \"$@\" >> '{folder}/asked'\nexit {exit_code}\n")
    python.chmod(0o755)
    return python


def test_a_missing_openmp_runtime_is_named(
    bootstrap: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit, match="libgomp1"):
        bootstrap.need_openmp(interpreter(tmp_path, 1))


def test_an_environment_that_is_up_to_date_is_kept(bootstrap: SimpleNamespace, tmp_path: Path) -> None:
    python = interpreter(tmp_path, 0)
    (tmp_path / "installed-from").write_text(bootstrap.fingerprint())

    assert bootstrap.set_up(tmp_path) == python
    assert not (tmp_path / "asked").exists()


def test_the_exit_code_of_the_job_is_handed_on(bootstrap: SimpleNamespace) -> None:
    with pytest.raises(SystemExit) as left:
        bootstrap.run(sys.executable, "-c", "raise SystemExit(7)")

    assert left.value.code == 7


def test_only_the_lock_decides_what_is_installed(
    bootstrap: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setitem(bootstrap.install.__globals__, "run", lambda *command: asked.append([*map(str, command)]))

    bootstrap.install(tmp_path / "python")

    assert all("--no-deps" in command for command in asked)
    assert ["--require-hashes" in command for command in asked] == [True, False]
