"""``docs/evaluation.md`` names every metric, bound, policy and option, and its example runs."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from placement.evaluation.__main__ import main
from placement.evaluation.farms.contestants import CONTESTANTS, live
from placement.evaluation.farms.experiment import BOUNDS, BOUNDS_AT_MAKESPAN
from placement.evaluation.farms.metrics import measure
from placement.testing.planner_farms import farm_world_of


def test_every_metric_bound_and_policy_is_defined(repository: Path) -> None:
    manual = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    world = farm_world_of()

    names = [*measure(world, live(world, "fifo")), *BOUNDS, *BOUNDS_AT_MAKESPAN, *CONTESTANTS]
    assert [name for name in names if f"`{name}`" not in manual] == []


def test_every_option_is_explained(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manual = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["--help"])

    options = {word.strip("[],") for word in capsys.readouterr().out.split() if word.strip("[],").startswith("--")}
    assert {option for option in options if option not in manual} <= {"--help", "--plots"}


def test_the_example_runs(repository: Path) -> None:
    failed, tried = doctest.testfile(str(repository / "docs" / "evaluation.md"), module_relative=False, verbose=False)

    assert (failed, tried > 0) == (0, True)
