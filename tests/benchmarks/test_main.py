"""The benchmark command lists, measures, compares, and says by its exit code what came out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from benchmarks.__main__ import main
from benchmarks.registry import BENCHMARKS, Benchmark
from benchmarks.result import Result, Row
from placement.errors import InvalidInput

TOYS = tuple(Benchmark(name, f"tests.benchmarks.toys:{name}", f"bar of {name}") for name in
             ("reached", "missed", "undefined"))
PROMISED = {
    "cold-start", "after-three-frames", "coverage", "memory-exceedance", "foreign-logs", "beats-round-robin",
    "blender-fleet", "score-latency", "first-score", "train-shipped", "train-large",
    "decide-farm", "decide-huge", "overhead", "simulate",
    "on-time", "crunch-value", "utilisation", "guarantees", "beats-round-robin-farm", "beats-peers", "regret",
    "overnight-energy", "tariff-shift", "previews",
}


def test_every_promised_number_has_its_name() -> None:
    assert {each.name for each in BENCHMARKS}.issuperset(PROMISED)
    assert len({each.name for each in BENCHMARKS}) == len(BENCHMARKS)


def test_without_a_name_all_are_listed_with_their_bars(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], TOYS) == 0

    assert capsys.readouterr().out.splitlines() == [
        "reached    bar of reached", "missed     bar of missed", "undefined  bar of undefined",
    ]


def test_a_reached_bar_exits_0_and_prints_value_bar_and_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reached"], TOYS) == 0

    assert "sum of the first ten  45 1  >= 40  reached  baseline 0" in capsys.readouterr().out


def test_one_missed_bar_exits_1_but_the_rest_are_measured_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["missed", "reached"], TOYS) == 1

    printed = capsys.readouterr().out
    assert "MISSED" in printed
    assert "sum of the first ten" in printed


def test_a_value_that_is_not_a_number_misses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["undefined"], TOYS) == 1

    assert "MISSED" in capsys.readouterr().out


def test_an_unknown_name_exits_2_and_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reached", "warp-speed"], TOYS) == 2

    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err == "no benchmark 'warp-speed'; have reached, missed, undefined\n"


def test_a_result_without_rows_is_no_result() -> None:
    with pytest.raises(InvalidInput, match="'empty' measured nothing"):
        Result("empty", ())


@pytest.mark.parametrize("sense", ["<=", ">="])
def test_a_value_on_its_bar_reaches_it(sense: Literal["<=", ">="]) -> None:
    assert Row("exact", 1.0, 1.0, sense).passed


def test_the_command_lists_without_importing_what_it_measures(repository: Path) -> None:
    code = (
        "import runpy, sys\nsys.argv = ['benchmarks']\n"
        "try:\n    runpy.run_module('benchmarks', run_name='__main__')\n"
        "except SystemExit as left:\n    code = left.code\n"
        "sys.exit(code or 'lightgbm' in sys.modules or 'pandas' in sys.modules)"
    )

    listed = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)

    assert listed.returncode == 0, listed.stderr
    assert all(name in listed.stdout for name in PROMISED)
