"""The examples of ``docs/forecast.md`` run."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_examples_in_the_documentation_run(repository: Path) -> None:
    failed, tried = doctest.testfile(str(repository / "docs" / "forecast.md"), module_relative=False, verbose=False)

    assert (failed, tried > 5) == (0, True)
