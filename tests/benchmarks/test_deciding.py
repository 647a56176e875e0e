from __future__ import annotations

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest

from benchmarks import deciding
from benchmarks.big_farms import FARM, HUGE, big_farm
from benchmarks.profile_parts import shares_of
from benchmarks.registry import BENCHMARKS
from benchmarks.result import Result
from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.packing import Room

SMALL = 0.01


def test_every_decision_that_is_promised_has_its_function():
    names = [each.where.split(":")[1] for each in BENCHMARKS if each.where.startswith("benchmarks.deciding:")]

    assert sorted(names) == sorted(deciding.__all__)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "bars", "told"),
    [
        (deciding.decide_farm, [100.0, 100.0], "built farms: 3 decisions, p50/p99/max"),
        (deciding.decide_huge, [300.0], "by steps, the rest as it is"),
        (deciding.overhead, [0.1], "of rendering; over the farm's own clock"),
        (deciding.simulate, [20_000.0], "under a profiler"),
    ],
)
def test_each_time_stands_beside_its_bar_and_the_peer(
    measure: Callable[[float], Result], bars: list[float], told: str
) -> None:
    result = measure(SMALL)

    assert [row.bar for row in result.rows] == bars
    assert all(row.value > 0 and row.baseline is not None and row.baseline > 0 for row in result.rows)
    assert any(told in note for note in result.notes)


@pytest.mark.slow
def test_a_built_farm_is_as_big_as_promised_and_has_all_kinds_of_work():
    farm, cost, _ = big_farm(FARM, 6)

    assert (farm.nodes.count, farm.steps.waiting.sum(), farm.attempts.count) == (1_553, 20_000, 15_000)
    assert (farm.nodes.free >= -1e-6).all()
    assert np.isfinite(cost.seconds[farm.attempts.step, farm.nodes.node_class[farm.attempts.node]]).all()
    assert (farm.nodes.state[farm.attempts.node] == NodeState.UP).all()
    for some in (
        farm.jobs.held, np.isfinite(farm.jobs.deadline), farm.jobs.importance >= 100, farm.clients.parent >= 0,
        np.isfinite(farm.steps.preview_due), farm.steps.after >= 0, farm.steps.licence >= 0, farm.attempts.stopping,
        *(farm.steps.request > 0).T, farm.nodes.state == NodeState.ASLEEP,
    ):  # fmt: skip
        assert some.any()
    assert np.isfinite(farm.power_cap)


def test_the_same_seed_builds_the_same_farm_and_another_another():
    def cores(seed: int) -> list[float]:
        farm: FarmSnapshot = big_farm(HUGE.scaled(SMALL), seed)[0]
        return Room(farm).free[:, 0].tolist()

    assert cores(1) == cores(1)
    assert cores(1) != cores(2)


def test_what_library_code_takes_counts_for_who_called_it():
    farm, _, _ = big_farm(FARM.scaled(SMALL), 0)

    def busy() -> None:
        until = process_time() + 0.2
        while process_time() < until:
            farm.up.tolist()

    shares = shares_of(busy)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["farm.snapshot"] > 0.2
