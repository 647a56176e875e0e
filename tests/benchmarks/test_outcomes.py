"""Benchmarks of what comes out of whole farms, run on tiny ones: every value beside its bar, and how it is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import farm_runs, outcomes, outcomes_energy, outcomes_service
from benchmarks.__main__ import main
from benchmarks.registry import BENCHMARKS, Benchmark
from benchmarks.result import Result
from placement.evaluation.farms.contestants import live
from placement.evaluation.farms.experiment import compare_farms
from placement.scheduling.plan import Reason
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory
from placement.testing.planner_farms import farm_world_of

TINY: dict[str, Any] = {"scale": 0.01, "seeds": 1, "hours": 2.0, "warm_up": 0.0}
MODULES = (outcomes, outcomes_energy, outcomes_service)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process, two peers, a decision every quarter of an hour: what is tested is the counting."""

    def seldom(rules: Rules | None) -> Rules:
        return replace(rules or Rules(), interval=900.0)

    def compared(*given: Any, rules: Rules | None = None, **settings: Any) -> pd.DataFrame:
        return compare_farms(*given, rules=seldom(rules), **settings)

    def lived(world: FarmWorld, name: str, rules: Rules | None = None) -> FarmHistory:
        return live(world, name, seldom(rules))

    monkeypatch.setattr(farm_runs, "JOBS", 1)
    monkeypatch.setattr(farm_runs, "compare_farms", compared)
    for module in (farm_runs, outcomes_energy):
        monkeypatch.setattr(module, "live", lived)
    monkeypatch.setattr(outcomes, "PEERS", ("fifo", "random"))


def test_every_outcome_that_is_promised_has_its_function() -> None:
    for each in BENCHMARKS:
        module, _, function = each.where.partition(":")
        if module.startswith("benchmarks.outcomes"):
            assert any(module == known.__name__ and function in known.__all__ for known in MODULES)
    assert {"on-time", "previews", "tariff-shift"} <= {each.name for each in BENCHMARKS}


def _checked(result: Result, name: str, bars: list[float]) -> None:
    assert result.name == name
    assert [row.bar for row in result.rows] == bars
    assert "scale 0.01" in " ".join(result.notes)


@pytest.mark.slow
def test_jobs_on_time_and_value_stand_beside_the_best_peer() -> None:
    _checked(on_time := outcomes.on_time(**TINY), "on-time", [99.5, 99.5])
    _checked(value := outcomes.crunch_value(**TINY), "crunch-value", [90.0, 1.0, 1.0])

    assert all(0 <= row.value <= 100 and row.baseline is not None for row in on_time.rows)
    assert value.rows[0].value <= 100 + 1e-6, "nobody delivers more than the bound"


@pytest.mark.slow
def test_node_seconds_and_completion_are_compared_with_both_that_see_nothing() -> None:
    result = outcomes.beats_round_robin_farm(**TINY)

    _checked(result, "beats-round-robin-farm", [35.0] * 8)
    assert sum("against random" in row.what for row in result.rows) == 4


@pytest.mark.slow
def test_a_gap_to_foresight_and_to_the_bound_is_told_for_every_metric() -> None:
    result = outcomes.regret(**TINY, workloads=("crunch",))

    _checked(result, "regret", [3.0, 3.0, 3.0, 10.0])
    assert not result.rows[3].value < 0, "no schedule that does all the work beats its bound"


@pytest.mark.slow
def test_a_win_needs_p_and_a_tie_is_none() -> None:
    result = outcomes.beats_peers(**{**TINY, "seeds": 2}, workloads=("studio-day",))

    told = [*(row.what for row in result.rows), *result.notes]
    assert all(row.bar == 0.01 and row.sense == "<=" for row in result.rows)
    assert all(any(f"studio-day, {metric}" in each for each in told) for metric in ("weighted_tardiness", "worth_sec"))


def test_both_at_zero_are_a_tie_and_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = _runs(weighted_tardiness=[0.0, 0.0, 0.0, 0.0], worth_seconds=[9.0, 10.0, 8.0, 11.0])
    monkeypatch.setattr(outcomes, "farm_runs", lambda *given, **settings: runs)

    result = outcomes.beats_peers(workloads=("crunch",))

    assert [row.what.split(" ")[1] for row in result.rows] == ["worth_seconds"]
    assert any("weighted_tardiness: a tie" in note for note in result.notes)


def test_being_late_where_a_peer_is_not_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = _runs(weighted_tardiness=[5.0, 0.0, 7.0, 0.0], worth_seconds=[9.0, 10.0, 8.0, 11.0])
    monkeypatch.setattr(outcomes, "farm_runs", lambda *given, **settings: runs)

    late, worth = outcomes.beats_peers(workloads=("crunch",)).rows

    assert "fifo has 0" in late.what
    assert not late.passed
    assert worth.value < 0.5


def _runs(**metrics: list[float]) -> pd.DataFrame:
    nothing = {"jobs_unfinished": 0.0, "jobs_failed": 0.0}
    base = {"seed": [0, 0, 1, 1], "policy": ["placement", "fifo"] * 2, "node_seconds": [1.0, 2.0, 1.0, 2.0]}
    return pd.DataFrame({**base, **metrics}).assign(**nothing)


def test_a_peer_that_gives_up_is_not_the_best() -> None:
    runs = pd.DataFrame({
        "policy": ["placement", "fifo", "random"], "node_seconds": [3.0, 4.0, 1.0], "value": [2.0, 1.0, 3.0],
        "jobs_unfinished": [0.0, 0.0, 2.0], "jobs_failed": [1.0, 1.0, 1.0],
    })  # fmt: skip

    assert farm_runs.best_peer(runs, "node_seconds") == "fifo"
    assert farm_runs.best_peer(runs.assign(jobs_unfinished=0.0), "value") == "random"


@pytest.mark.parametrize(("ours", "gap"), [(0.0, 0.0), (1.0, np.inf)])
def test_a_gap_to_zero_is_none_or_infinite(ours: float, gap: float) -> None:
    assert outcomes._gap({"placement": ours, "clairvoyant": 0.0}, "placement") == gap


@pytest.mark.slow
def test_a_night_is_judged_by_energy_and_missed_deadlines() -> None:
    result = outcomes_energy.overnight_energy(scale=0.01, seeds=1, hours=8.0)

    _checked(result, "overnight-energy", [30.0, 0.0])
    assert result.rows[0].value < 100
    assert any("money" in note and "carbon" in note for note in result.notes)


@pytest.mark.slow
def test_shifting_is_judged_on_four_markets_and_on_a_farm() -> None:
    result = outcomes_energy.tariff_shift(scale=0.01, seeds=1, hours=8.0)

    _checked(result, "tariff-shift", [90.0] * 5)
    assert all(90 <= row.value <= 100 for row in result.rows[:4])


@pytest.mark.slow
def test_use_guarantees_and_previews_are_judged() -> None:
    _checked(used := outcomes_service.utilisation(**TINY), "utilisation", [95.0, 98.0])
    _checked(outcomes_service.guarantees(**TINY), "guarantees", [0.0] * 4)
    _checked(outcomes_service.previews(**TINY), "previews", [10.0, 2.0])

    assert 0 < used.rows[0].value <= 100
    assert not used.rows[1].value > 100


def test_a_missed_bar_reads_missed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    runs = _runs(weighted_tardiness=[5.0, 0.0, 7.0, 0.0], worth_seconds=[9.0, 10.0, 8.0, 11.0])
    monkeypatch.setattr(outcomes, "FARMS", ("crunch",))
    monkeypatch.setattr(outcomes, "farm_runs", lambda *given, **settings: runs)

    assert main(["peers"], (Benchmark("peers", "benchmarks.outcomes:beats_peers", "better"),)) == 1
    assert "MISSED" in capsys.readouterr().out


def test_images_are_also_counted_from_the_release() -> None:
    lives = farm_runs.lived("studio-day", "fifo", 1, scale=0.01, hours=6.0)

    shares = outcomes_service._from_release(*lives[0])

    assert ((shares > 0) & (shares <= 1)).all()
    assert 0 < outcomes_service._added(lives) < 10


def test_a_farm_that_never_idles_does_what_a_fluid_one_does_and_an_idle_one_less() -> None:
    world = farm_world_of(steps={"frames": [16]}, measure=(0.0, 90.0))
    history = live(world, "fifo")
    late = replace(history, attempts=replace(history.attempts, start=history.attempts.start + 30.0))

    assert outcomes_service.served(world, history) == pytest.approx(1.0)
    assert outcomes_service.served(world, late) < 0.9


def test_saturation_is_while_frames_wait_for_others() -> None:
    world = farm_world_of(steps={"frames": [400]})
    history = live(world, "placement")
    useful, reserved, available, seconds = outcomes_service.saturated(world, history)
    calm = np.zeros_like(history.decisions.waits)
    idle = replace(history, decisions=replace(history.decisions, waits=calm))

    assert seconds > 600
    assert useful == pytest.approx(1.0)
    assert reserved == pytest.approx(1.0)
    assert available > 0
    assert history.decisions.waits[:, Reason.OTHERS_FIRST].any()
    assert outcomes_service.saturated(world, idle) == (0.0, 0.0, 0.0, 0.0)
    assert np.isnan(outcomes_service._saturation([(world, idle)])[0])
