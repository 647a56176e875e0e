"""The README's commands are the ones that run."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from pathlib import Path


def commands(repository: Path) -> list[str]:
    return re.findall(r"^    (python3 bootstrap\.py .+)$", (repository / "README.md").read_text(), re.MULTILINE)


def test_two_commands_do_everything(repository: Path) -> None:
    assert commands(repository) == ["python3 bootstrap.py main", "python3 bootstrap.py test"]


def test_their_jobs_are_known_to_the_set_up(repository: Path) -> None:
    jobs = runpy.run_path(str(repository / "bootstrap.py"))["JOBS"]

    assert {command.split()[2] for command in commands(repository)} <= jobs.keys()
    assert "--json-report-file=pytest_results.json" in jobs["test"]
    assert "--cov" in jobs["test"]


def test_the_check_before_landing_calls_the_test_command_of_the_readme(repository: Path) -> None:
    script = repository / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert "pytest" not in re.sub("pytest_results", "", script.read_text())


def test_links_lead_somewhere(repository: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (repository / "README.md").read_text())

    assert [link for link in links if not (repository / link).exists()] == []
