"""Worlds handed to an orchestrator: everything of them is there, and an engine meets the same truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.farm.jobs import Checkpoint
from placement.farm.machines import Resource
from placement.runtime.ports import Said, Start
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.farm_world import FarmWorld, Fault, Faults
from placement.simulator.fates import Fate, TroubleKind
from placement.simulator.world_bridge import Bridge, bridge

_START = 1.7e9


@pytest.fixture(scope="module")
def disaster() -> FarmWorld:
    return farm_world("disaster", 0, scale=0.05)


@pytest.fixture(scope="module")
def bridged(disaster: FarmWorld) -> Bridge:
    return bridge(disaster, _START)


def _step(bridged: Bridge, row: int) -> tuple[str, str, int]:
    return (*bridged.names.steps[row], 0)


def _fault(world: FarmWorld, kind: Fault, target: int, factor: float = 1.0) -> FarmWorld:
    one = Faults(
        time=np.array([10.0]), kind=np.array([int(kind)]), target=np.array([target]), seconds=np.array([50.0]),
        factor=np.array([factor]),
    )  # fmt: skip
    return replace(world, faults=one)


def test_every_row_of_the_world_is_there(disaster: FarmWorld, bridged: Bridge) -> None:
    steps = [step for job in bridged.jobs for step in job.steps]
    assert [step.frames.tasks for step in steps] == disaster.steps.frames.tolist()
    assert [step.seconds or np.nan for step in steps] == pytest.approx(disaster.steps.declared_seconds, nan_ok=True)
    assert [job.release for job in bridged.jobs] == pytest.approx(disaster.jobs.release + _START)
    assert [job.client for job in bridged.jobs] == [disaster.clients.names[row] for row in disaster.jobs.client]
    assert [(job.deadline or np.inf) - _START for job in bridged.jobs] == pytest.approx(disaster.jobs.deadline)
    assert [node.memory for node in bridged.nodes] == pytest.approx(
        disaster.classes.offer[disaster.fleet.node_class, Resource.MEMORY]
    )
    assert sum(bridged.licences.values()) == disaster.licences.sum()
    assert [step.checkpoint is Checkpoint.RESUMES for step in steps] == np.isfinite(disaster.steps.checkpoint).tolist()
    assert [bool(step.after) for step in steps] == (disaster.steps.after >= 0).tolist()


def test_steps_fit_exactly_the_classes_that_can_run_them(disaster: FarmWorld, bridged: Bridge) -> None:
    classes = {node.node_class: set(node.tags) for node in bridged.nodes}
    steps = [step for job in bridged.jobs for step in job.steps]
    for column, name in enumerate(disaster.classes.names):
        if name in classes:
            fits = [set(step.requirements.tags) <= classes[name] for step in steps]
            assert fits == np.isfinite(disaster.steps.seconds[:, column]).tolist()


def test_an_engine_runs_the_worlds_frames_in_their_true_time(disaster: FarmWorld, bridged: Bridge) -> None:
    quiet = replace(disaster, faults=Faults.none())
    truth = bridge(quiet, _START).truth
    engine = SimulatedEngine(
        SimulatedClock(_START), truth, bridged.nodes, intervals=Intervals(alive=np.inf, progress=np.inf)
    )
    rows = np.flatnonzero(np.isfinite(disaster.steps.seconds[:, disaster.fleet.node_class[0]]))[:50].tolist()
    orders = [
        Start(attempt=row + 1, task=_step(bridged, row), node=bridged.nodes[0].name, command=(), frames=(1,))
        for row in rows
    ]
    engine.start(orders)
    took: dict[int, float] = {}
    while len(took) < len(rows):
        took |= {report.attempt - 1: report.seconds for report in engine.hear(np.inf) if report.said is Said.ENDED}
    first = disaster.steps.first
    slow = disaster.fleet.slowness[0]
    true = [
        disaster.steps.seconds[row, disaster.fleet.node_class[0]] * disaster.frames.factor[first[row]] * slow
        for row in rows
    ]
    assert [took[row] for row in rows] == pytest.approx(true, rel=1e-6)


def test_faults_of_nodes_become_troubles_racks_whole(disaster: FarmWorld, bridged: Bridge) -> None:
    kinds, faults = [each.kind for each in bridged.troubles], disaster.faults
    racks = faults.target[faults.kind == Fault.RACK_LOSS]
    lost = sum(int((disaster.fleet.rack == rack).sum()) for rack in racks)
    assert kinds.count(TroubleKind.DIES) == int((faults.kind == Fault.CRASH).sum()) + lost
    assert kinds.count(TroubleKind.SLOW) == int((faults.kind == Fault.SLOW).sum())
    assert [each.at for each in bridged.troubles] == sorted(each.at for each in bridged.troubles)


def test_faults_of_scenes_nodes_and_licences_last_as_long_as_they_last(disaster: FarmWorld) -> None:
    row = int(np.flatnonzero(disaster.steps.licence >= 0)[0])
    node = int(np.flatnonzero(np.isfinite(disaster.steps.seconds[row, disaster.fleet.node_class]))[0])
    luck = float(disaster.frames.luck[disaster.steps.first[row]])
    for kind, target, factor, fate in (
        (Fault.CORRUPT_SCENE, row, 1.0, Fate.SCENE),
        (Fault.BAD_NODE, node, 1.0, Fate.ERROR),
        (Fault.BAD_NODE, node, luck / 2, Fate.DONE),
        (Fault.LICENCE_LOSS, int(disaster.steps.licence[row]), 1.0, Fate.LICENCE),
    ):
        made = bridge(_fault(disaster, kind, target, factor))
        order = Start(attempt=1, task=_step(made, row), node=made.nodes[node].name, command=(), frames=(1,))
        assert [made.truth(order, at).fate for at in (9.0, 10.0, 59.0, 60.0)] == [Fate.DONE, fate, fate, Fate.DONE]


def test_joins_leaves_held_jobs_and_caps_are_handed_over(disaster: FarmWorld) -> None:
    joins, leaves = disaster.fleet.joins.copy(), disaster.fleet.leaves.copy()
    held = disaster.jobs.held.copy()
    joins[2], leaves[3], held[1] = 500.0, 900.0, True
    world = replace(
        disaster, fleet=replace(disaster.fleet, joins=joins, leaves=leaves), jobs=replace(disaster.jobs, held=held),
        power_cap=9000.0, faults=Faults.none(),
    )  # fmt: skip
    made = bridge(world, _START)
    assert [(each.at, each.node, each.kind) for each in made.troubles] == [
        (_START + 500.0, made.nodes[2].name, TroubleKind.JOINS)
    ]
    assert made.drains == ((_START + 900.0, made.nodes[3].name),)
    assert (made.held, made.rules) == ((made.jobs[1].name,), {"power_cap": 9000.0})


def test_what_the_world_does_not_have_is_refused(disaster: FarmWorld, bridged: Bridge) -> None:
    node = bridged.nodes[0].name
    good = {"attempt": 1, "task": _step(bridged, 0), "node": node, "command": (), "frames": (1,)}
    for change, what in (
        ({"task": ("x", "y", 0)}, "no task"),
        ({"node": "x"}, "no task"),
        ({"frames": (0,)}, "no frames"),
        ({"frames": (10**7,)}, "no frames"),
    ):
        with pytest.raises(InvalidInput, match=what):
            bridged.truth(Start(**{**good, **change}), 0.0)  # type: ignore[arg-type]
    column = disaster.fleet.node_class
    row = int(np.flatnonzero(np.isinf(disaster.steps.seconds).any(axis=1))[0])
    unable = int(np.flatnonzero(np.isinf(disaster.steps.seconds[row, column]))[0])
    with pytest.raises(InvalidInput, match="can never run"):
        bridged.truth(Start(**{**good, "task": _step(bridged, row), "node": bridged.nodes[unable].name}), 0.0)  # type: ignore[arg-type]
