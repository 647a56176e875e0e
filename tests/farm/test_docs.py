"""The example in the manual of jobs runs."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_example_in_the_manual_runs(repository: Path) -> None:
    failed, tried = doctest.testfile(str(repository / "docs" / "jobs.md"), module_relative=False)

    assert tried > 8
    assert failed == 0
