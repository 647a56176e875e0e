"""The power cap: never broken, most important first, slower before later."""

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.energy_modes import waking_watts, watts
from placement.scheduling.plan import Starts
from placement.scheduling.power_cap import fit_cap, start_watts, within_cap
from placement.testing.planner_farms import classes_of, snapshot_of
from placement.testing.random_farms import random_snapshot
from placement.units import Ints


@st.composite
def capped(draw: st.DrawFn) -> tuple[FarmSnapshot, Starts, Ints]:
    seed = draw(st.integers(0, 2**32 - 1))
    farm, _ = random_snapshot(seed, nodes=draw(st.integers(1, 12)), steps=draw(st.integers(1, 8)))
    chance, count = np.random.default_rng(seed), draw(st.integers(0, 30))
    starts = Starts.of(chance.integers(farm.steps.count, size=count), chance.integers(farm.nodes.count, size=count), 0)
    cap = watts(farm) + draw(st.floats(-500, 5000))
    return dataclasses.replace(farm, power_cap=cap), starts, np.flatnonzero(farm.nodes.state == NodeState.ASLEEP)


def drawn(farm: FarmSnapshot, starts: Starts, mode: Ints, keep: np.ndarray, woken: Ints) -> float:
    extra = (waking_watts(farm.classes) - farm.classes.asleep_watts)[farm.nodes.node_class[woken]]
    return watts(farm) + float(start_watts(farm, starts, mode)[keep].sum() + extra.sum())


@given(capped())
def test_the_cap_is_never_broken_by_what_starts_and_wakes(case: tuple[FarmSnapshot, Starts, Ints]) -> None:
    farm, starts, asleep = case

    keep, wakes = within_cap(farm, starts, asleep)
    fit = fit_cap(farm, starts, asleep)

    most = max(farm.power_cap, watts(farm)) + 1e-6
    assert drawn(farm, starts, starts.mode, keep, asleep[wakes]) <= most
    assert drawn(farm, starts, fit.mode, fit.starts, asleep[fit.wakes]) <= most


@given(capped())
def test_what_is_kept_is_the_most_important(case: tuple[FarmSnapshot, Starts, Ints]) -> None:
    farm, starts, asleep = case

    keep, wakes = within_cap(farm, starts, asleep)
    fit = fit_cap(farm, starts, asleep)

    for mask in (keep, wakes, fit.starts, fit.wakes):
        assert (np.diff(mask.astype(int)) <= 0).all()
    assert not wakes.any() or keep.all()


@given(capped())
def test_slowing_keeps_at_least_as_many_and_changes_nothing_without_need(
    case: tuple[FarmSnapshot, Starts, Ints],
) -> None:
    farm, starts, asleep = case

    keep, _ = within_cap(farm, starts, asleep)
    fit = fit_cap(farm, starts, asleep)

    assert fit.starts.sum() >= keep.sum()
    if keep.all():
        assert (fit.mode == starts.mode).all()
    if not fit.starts.all():
        least = farm.classes.draw.min(axis=1)[farm.nodes.node_class[starts.node]]
        assert (farm.classes.draw[farm.nodes.node_class[starts.node], fit.mode] == least).all()


def test_the_mild_mode_comes_before_the_deep_one() -> None:
    modes = classes_of(speed=[[1.0, 0.9, 0.5]], draw=[[1.0, 0.8, 0.2]])
    farm = snapshot_of(classes=modes, steps={"request": [[2, 0, 0, 0, 0]]}, power_cap=100 + 4 * 50 - 25)
    four = np.zeros(4, np.int64)

    fit = fit_cap(farm, Starts.of(four, four, 0), np.zeros(0, np.int64))

    assert fit.mode.tolist() == [0, 1, 1, 1]
    assert fit.starts.all()


def test_no_cap_holds_nothing_back() -> None:
    farm = snapshot_of(nodes={"state": [NodeState.UP, NodeState.ASLEEP]})
    one = np.zeros(1, np.int64)

    keep, wakes = within_cap(farm, Starts.of(one, one, 0), np.array([1]))

    assert keep.all()
    assert wakes.all()


def test_waking_is_counted_with_its_joules() -> None:
    hungry = classes_of(wake_joules=[12000.0])  # 100 W over 120 s on top of 100 W idle
    farm = snapshot_of(classes=hungry, nodes={"state": [NodeState.ASLEEP]}, power_cap=199.0)
    nothing = np.zeros(0, np.int64)

    tight = within_cap(farm, Starts.of(nothing, nothing, 0), np.array([0]))[1]
    enough = within_cap(dataclasses.replace(farm, power_cap=200.0), Starts.of(nothing, nothing, 0), np.array([0]))[1]

    assert not tight.any()
    assert enough.all()
