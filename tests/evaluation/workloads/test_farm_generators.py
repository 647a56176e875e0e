"""Generated farms: the load that was asked for, deadlines that can be met, forecasts that are calibrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import Infeasible, InvalidInput
from placement.evaluation.workloads.farm_catalog import FARMS, farm_world
from placement.evaluation.workloads.farm_chance import Uncertainty, along_the_range, draw_forecasts, draw_frames
from placement.evaluation.workloads.farm_faults import FaultSettings
from placement.evaluation.workloads.farm_load import frame_shares, least_load, offered_load, promised_ends
from placement.evaluation.workloads.farm_machines import FleetSettings, MachineKind, node_classes
from placement.evaluation.workloads.farm_settings import ClientKind, DeadlineSettings
from placement.evaluation.workloads.farm_shapes import FRAME_MIX, ShapeSettings, draw_shapes
from placement.evaluation.workloads.farm_speeds import relative_times
from placement.farm.machines import Resource
from placement.simulator.farm_world import FarmWorld, Fault

SMALL = 0.05


def digest(world: FarmWorld) -> list[float]:
    return [float(world.steps.seconds[np.isfinite(world.steps.seconds)].sum()), float(world.frames.factor[0]),
            float(world.frames.luck.sum()), float(world.forecasts.memory.sum()), float(world.fleet.slowness.sum()),
            float(world.jobs.value.sum())]  # fmt: skip


@pytest.mark.parametrize("name", FARMS)
def test_load_is_met_exactly_and_a_seed_is_a_world(name: str) -> None:
    world, same, other = (
        farm_world(name, 2, scale=SMALL),
        farm_world(name, 2, scale=SMALL),
        farm_world(name, 3, scale=SMALL),
    )

    assert offered_load(world, FARMS[name].hours * 3600).share == pytest.approx(FARMS[name].load, rel=1e-6)
    assert digest(world) == digest(same)
    assert digest(world) != digest(other)
    assert world.name == name
    assert world.measure[0] < world.measure[1]


@pytest.mark.parametrize("name", FARMS)
def test_every_step_fits_a_node_as_forecast_and_frames_average_to_its_mean(name: str) -> None:
    world = farm_world(name, 4, scale=SMALL)
    request = world.steps.request.copy()
    request[:, Resource.MEMORY] = world.forecasts.memory
    fits = (request[:, None, :] <= world.classes.offer[None] * (1 + 1e-9)).all(axis=2)
    able = np.isfinite(world.steps.seconds)
    step = np.repeat(np.arange(len(world.steps.job)), world.steps.frames)

    assert able.any(axis=1).all()
    assert (fits | ~able).all()
    np.testing.assert_allclose(np.bincount(step, world.frames.factor) / world.steps.frames, 1.0)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1000),
    load=st.floats(0.1, 3.0),
    scale=st.floats(0.01, 0.05),
    hours=st.floats(4.0, 48.0),
    name=st.sampled_from(["studio-day", "maestro-farm", "upgrade"]),
)
def test_any_load_is_met(seed: int, load: float, scale: float, hours: float, name: str) -> None:
    world = farm_world(name, seed, load=load, scale=scale, hours=hours, backlog=1.0, warm_up=1.0)

    assert offered_load(world, hours * 3600).share == pytest.approx(load, rel=1e-6)


def demanded_at_once(world: FarmWorld) -> float:
    """Largest work over capacity that lies between a release and a deadline: above 1, nobody can meet them all.

    Work is in normalised capacity-seconds on each step's best class, spread so that it sums to the load.
    """
    plan, rate = FARMS[world.name], float(world.classes.worth[world.fleet.node_class].sum())
    request = world.steps.request.copy()
    request[:, Resource.MEMORY] = world.forecasts.memory
    share = np.where(np.isfinite(world.steps.seconds), frame_shares(request, world.classes), 1.0)
    work = (world.steps.seconds * share * world.classes.worth).min(axis=1) * world.steps.frames
    work = np.bincount(world.steps.job, work * plan.load * rate * plan.hours * 3600 / work.sum(), world.jobs.count)
    rows = np.flatnonzero(np.isfinite(world.jobs.deadline))
    release, due, work = world.jobs.release[rows], world.jobs.deadline[rows], work[rows]
    worst = 0.0
    for start in np.unique(release):
        inside = np.flatnonzero(release >= start)
        order = inside[np.argsort(due[inside])]
        worst = max(worst, float((np.cumsum(work[order]) / (rate * (due[order] - start))).max(initial=0.0)))
    return worst


@pytest.mark.parametrize("name", ["studio-day", "maestro-farm"])
def test_deadlines_ask_for_less_than_the_farm_can_do_between_any_two_instants(name: str) -> None:
    world = farm_world(name, 1, scale=0.2)

    assert 0.5 < np.isfinite(world.jobs.deadline).mean() < 0.95
    assert demanded_at_once(world) < 1


def test_no_deadline_is_before_the_longest_chain_of_frames() -> None:
    world = farm_world("studio-day", 1, scale=0.2)
    best = world.steps.seconds.min(axis=1)
    chain = best.copy()
    for row in np.flatnonzero(world.steps.after >= 0):
        chain[row] += chain[world.steps.after[row]]
    longest = np.zeros(world.jobs.count)
    np.maximum.at(longest, world.steps.job, chain)

    assert (world.jobs.deadline - world.jobs.release > longest).all()


def test_crunch_deadlines_cannot_all_be_met() -> None:
    assert demanded_at_once(farm_world("crunch", 1, scale=0.5)) > 1


def test_the_maestro_farm_is_the_published_one() -> None:
    world = farm_world("maestro-farm", 1)
    cores = world.classes.offer[world.fleet.node_class, Resource.CORES]
    frames = np.bincount(world.steps.request[:, Resource.CORES].astype(int), world.steps.frames, 65)
    declared = world.steps.request[:, Resource.MEMORY] / world.steps.request[:, Resource.CORES]

    assert (len(cores), int(cores.sum())) == (1553, 246 * 128 + 303 * 32 + 1004 * 16)
    assert set(declared.tolist()) == {4096.0}
    for wide, share, _, minutes in FRAME_MIX[:5]:
        rows = world.steps.request[:, Resource.CORES] == wide
        mean = np.average(world.steps.seconds[rows].min(axis=1), weights=world.steps.frames[rows]) / 60
        assert frames[wide] / frames.sum() == pytest.approx(share / 100, abs=0.02)
        assert mean == pytest.approx(minutes, rel=0.25)


def test_previews_cost_little_and_dependent_steps_wait() -> None:
    world = farm_world("studio-day", 1, scale=0.2)
    spent = world.steps.seconds.min(axis=1) * world.steps.frames
    preview = world.steps.preview == 1

    assert 0 < spent[preview].sum() / spent.sum() < 0.02
    assert (world.steps.after < np.arange(len(world.steps.job))).all()
    assert (world.steps.job[world.steps.after[world.steps.after >= 0]] == world.steps.job[world.steps.after >= 0]).all()


def test_clients_ask_for_their_share() -> None:
    world = farm_world("studio-day", 1, scale=0.5)
    share = (world.steps.request[:, None, :] / np.maximum(world.classes.offer, 1e-9)).max(axis=2)
    work = (world.steps.seconds * share * world.classes.worth).min(axis=1) * world.steps.frames
    found = np.bincount(world.jobs.client[world.steps.job], work) / work.sum()

    np.testing.assert_allclose(found, [kind.demand for kind in FARMS["studio-day"].clients], atol=0.05)


def test_forecasts_are_calibrated() -> None:
    chance, frames = np.random.default_rng(0), np.full(4000, 3)
    seconds = np.exp(chance.normal(6, 1, (4000, 2)).mean(axis=1))[:, None] * np.array([1.0, 2.0])
    memory = np.exp(chance.normal(8, 0.5, 4000))
    told = draw_forecasts(seconds, memory, np.zeros(4000, int), Uncertainty(), 1)
    drawn = draw_frames(frames, memory, Uncertainty(), 1)
    error = np.log(seconds / told.seconds)

    assert error.std() == pytest.approx(0.38, abs=0.02)
    assert error.mean() == pytest.approx(-(0.38**2) / 2, abs=0.02)
    assert abs(np.corrcoef(error[:, 0], np.log(told.seconds[:, 0]))[0, 1]) < 0.1
    assert (drawn.memory > np.repeat(told.memory, frames)).mean() == pytest.approx(0.01, abs=0.005)
    assert told.memory.mean() / memory.mean() == pytest.approx(1.54, abs=0.05)


def test_neighbouring_frames_are_alike_and_steps_are_not() -> None:
    value = along_the_range(np.full(300, 100), 0.9, np.random.default_rng(1)).reshape(300, 100)

    assert np.corrcoef(value[:, :-1].ravel(), value[:, 1:].ravel())[0, 1] == pytest.approx(0.9, abs=0.02)
    assert abs(np.corrcoef(value[:-1, -1], value[1:, 0])[0, 1]) < 0.2
    assert value.std() == pytest.approx(1, abs=0.05)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_least_load_lies_between_one_class_for_each_and_the_best_for_all(data: st.DataObject) -> None:
    chance = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    steps, classes = int(chance.integers(1, 20)), int(chance.integers(1, 5))
    need, room = np.exp(chance.normal(0, 2, (steps, classes))), np.exp(chance.normal(0, 1, classes))
    best = need.argmin(axis=1)
    alone = np.bincount(best, need[np.arange(steps), best], classes) / room

    found = least_load(need, room)

    assert found <= alone.max() * (1 + 1e-6)
    assert found >= (need / room).min(axis=1).sum() / classes * (1 - 1e-6)
    assert least_load(need * 3, room) == pytest.approx(3 * found, rel=1e-5)


def test_work_that_fits_nowhere_is_infeasible() -> None:
    with pytest.raises(Infeasible, match="step 1"):
        least_load(np.array([[1.0, 1.0], [np.inf, 2.0]]), np.array([1.0, 0.0]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_a_fluid_farm_ends_all_jobs_no_sooner_than_it_can(seed: int, jobs: int) -> None:
    chance = np.random.default_rng(seed)
    release, work = chance.uniform(0, 50, jobs), chance.uniform(0.1, 50, jobs)
    span = np.maximum(chance.uniform(0, 10, jobs), work / 10.0)

    end = promised_ends(release, work, span, release + chance.uniform(1, 99, jobs), 10.0)

    assert (end >= release + span - 1e-6).all()
    assert end.max() <= release.max() + (work / 10).sum() + span.max() + 1e-6


def test_the_order_of_devices_reverses_with_the_scene() -> None:
    relative, machines = relative_times(FARMS["studio-day"].machines, 5)

    assert relative.shape == (12, 6)
    assert np.isinf(relative[5, 0])
    assert (relative[:5, 1] < relative[:5, 0]).any()
    assert machines[3].worth > machines[0].worth
    with pytest.raises(InvalidInput, match="not in the table"):
        relative_times([MachineKind(name="x", nodes=1, cores=1, memory=1.0, device="abacus")], 5)


def test_an_upgrade_replaces_classes() -> None:
    fleet, names = (world := farm_world("upgrade", 1, scale=SMALL)).fleet, world.classes.names

    assert np.isfinite(fleet.leaves[np.isin(fleet.node_class, [names.index("old"), names.index("old-gpu")])]).all()
    assert (fleet.joins[np.isin(fleet.node_class, [names.index("new"), names.index("new-gpu")])] > 0).all()


def test_a_disaster_has_every_fault_in_order_of_time() -> None:
    world = farm_world("disaster", 1, scale=0.2)

    assert set(world.faults.kind.tolist()) == {int(each) for each in Fault}
    assert (np.diff(world.faults.time) >= 0).all()


def test_streams_are_apart() -> None:
    plain = farm_world("studio-day", 1, scale=SMALL)
    faulty = farm_world("studio-day", 1, scale=SMALL, faults=FaultSettings(crashes=5.0, bad_share=0.5))

    assert len(faulty.faults.time) > 0
    assert digest(plain) == digest(faulty)


def test_shapes_of_first_jobs_do_not_depend_on_how_many_there_are() -> None:
    few, many = (draw_shapes(count, np.zeros(count, bool), ShapeSettings(), 1) for count in (5, 50))

    np.testing.assert_array_equal(few.base, many.base[: len(few.base)])
    np.testing.assert_array_equal(many.take(np.arange(5)).after, few.after)


def test_gpu_modes_are_measured_and_save_energy() -> None:
    kind = MachineKind(name="gpu", nodes=1, cores=16, memory=64.0, gpus=1, gpu_power="V100")
    classes = node_classes([kind], FleetSettings())

    assert classes.speed[0, 1] >= 1 / 1.05
    assert (classes.draw[0, 1:] / classes.speed[0, 1:] < 1).all()


BAD: list[tuple[Any, str]] = [
    (lambda: MachineKind(name="x", nodes=0, cores=1, memory=1.0), "at least 1 node"),
    (lambda: FleetSettings(per_rack=0), "per_rack 0"),
    (lambda: FleetSettings(cpu_speeds=(1.0,)), "cpu_speeds"),
    (lambda: node_classes([MachineKind(name="x", nodes=1, cores=1, memory=1.0, idle_server="y")], FleetSettings()),
        "'y'"),
    (lambda: node_classes([MachineKind(name="x", nodes=1, cores=1, memory=1.0, gpus=1, gpu_power="z")],
        FleetSettings()),
     "'z'"),
    (lambda: ClientKind(name="x", demand=2.0), "demand 2"),
    (lambda: ClientKind(name="x", demand=1.0, deadlines=(0.9, 0.9, 0.0)), "deadlines"),
    (lambda: DeadlineSettings(slack=(3.0, 1.0)), "slack"),
    (lambda: DeadlineSettings(daily_hour=25.0), "daily_hour 25"),
    (lambda: DeadlineSettings(emergencies=2.0), "emergencies 2"),
    (lambda: ShapeSettings(comps=2.0), "comps 2"),
    (lambda: ShapeSettings(frames=0.0), "frames 0"),
    (lambda: ShapeSettings(render_rows=(9,)), "render_rows"),
    (lambda: Uncertainty(common=-1.0), "common -1"),
    (lambda: Uncertainty(correlation=1.0), "correlation 1"),
    (lambda: Uncertainty(diversity=0.5), "diversity 0.5"),
    (lambda: FaultSettings(bad_share=2.0), "bad_share 2"),
    (lambda: FaultSettings(slow_factor=0.5), "slow_factor 0.5"),
    (lambda: replace(FARMS["studio-day"], scale=0.0), "scale 0"),
    (lambda: replace(FARMS["studio-day"], swing=2.0), "swing 2"),
    (lambda: replace(FARMS["studio-day"], clients=()), "sum to 1"),
    (lambda: farm_world("studio-night"), "studio-day"),
    (lambda: farm_world("studio-day", 1, sclae=0.1), "sclae"),
    (lambda: farm_world("philly_slo", 1, sclae=0.1), "sclae"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(BAD)))
def test_settings_that_make_no_sense_are_refused(case: int) -> None:
    make, told = BAD[case]

    with pytest.raises(InvalidInput) as raised:
        make()

    assert told in str(raised.value)
