"""The example in the manual of the laws runs."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_example_in_the_manual_runs(repository: Path) -> None:
    failed, tried = doctest.testfile(str(repository / "docs" / "laws.md"), module_relative=False)

    assert tried > 5
    assert failed == 0
