"""The benchmarks of whole farms, small: they measure what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.controlling import control_overhead
from benchmarks.crashing import sigkill
from benchmarks.disaster import rerender
from benchmarks.dying import restarts
from benchmarks.months import contents, month
from benchmarks.reopening import main, write_farm
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.farm.facts import ClientSet

pytestmark = pytest.mark.slow


def test_reopened_farms_hold_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "farm.db"
    count = write_farm(path, 4_000, 1_000)
    main([str(path)])
    told = json.loads(capsys.readouterr().out)
    assert told["live"] >= 1_000
    assert told["running"] == 800
    assert told["tail"] == count % 20_000 >= 19_000


def test_overhead_is_what_is_neither_decided_nor_simulated() -> None:
    result = control_overhead(40, 60)
    overhead, running = result.rows
    assert overhead.value > 0
    assert 20 < running.value <= 40


def test_work_of_dead_nodes_starts_again() -> None:
    settings = Settings()
    waits = restarts(3, settings, 1)
    assert waits
    assert 0 < max(waits) <= settings.lease + settings.look + settings.gap


def test_two_farms_go_through_days() -> None:
    result = month(2, 8)
    assert result.rows[3].value > 0
    state = FarmState()
    before = contents(state)
    state.apply(ClientSet(at=0.0, name="film"))
    assert contents(state) == before + 1


def test_kills_are_counted() -> None:
    result = sigkill(2, 0, 0)
    assert [row.value for row in result.rows] == [2, 0, 0, 0, 0]


def test_disaster_repeats_a_share() -> None:
    (share,) = rerender(0.005, days=0.1).rows
    assert 0 <= share.value < 1
