"""What breaks: nodes, racks, scenes, licences, memory; what is left goes on, and important work is in time."""

from __future__ import annotations

import numpy as np
import pytest

from placement.farm.machines import NodeState
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.plan import Reason
from placement.simulator.farm_world import Fault
from placement.simulator.whole_farm.history import Outcome
from placement.testing.planner_farms import farm_world_of
from placement.testing.run_laws import RUN_LAWS
from tests.scenarios.farm_life import Watched, cores, first_start, lived, running_at, tardiness, with_outcome
from tests.simulator.farm_worlds import faults

ONE_CORE = cores(1)


def test_a_critical_job_is_in_time_although_half_of_the_nodes_fail_under_it() -> None:
    crashes = faults(*((Fault.CRASH, 200.0, node, 3000.0, 1.0) for node in (0, 1, 2)))
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(6)}, faults=crashes,
        jobs={"deadline": [1500, np.inf], "importance": [20, 1]},
        steps={"job": [0, 1], "frames": [30, 90], "seconds": np.full((2, 1), 90.0), "checkpoint": [30.0, 30.0]},
    )  # fmt: skip

    ours, first_come = lived(world), lived(world, fifo)

    assert with_outcome(ours, Outcome.LOST) == 3
    assert ours.attempts.lost.max() <= 30
    assert tardiness(world, ours)[0] == 0
    assert np.isfinite(ours.job_end).all()
    assert ours.end <= 1.05 * first_come.end


def test_a_lost_rack_costs_what_ran_since_its_checkpoints_and_nothing_else() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4), "rack": [0, 0, 1, 1]},
        jobs={"deadline": [1200.0], "importance": [10]},
        steps={"frames": [20], "seconds": [[100.0]], "checkpoint": [50.0]},
        faults=faults((Fault.RACK_LOSS, 170.0, 0, 500.0, 1.0)),
    )  # fmt: skip

    history = lived(world)

    assert set(history.attempts.node[history.attempts.outcome == Outcome.LOST]) == {0, 1}
    assert history.attempts.lost.sum() <= 2 * 50
    assert running_at(history, 400.0) == 2
    assert running_at(history, 740.0) == 4
    assert tardiness(world, history)[0] == 0


def test_a_corrupt_scene_does_not_burn_the_farm_and_harms_no_other_job() -> None:
    columns = {"job": [0, 1], "frames": [200, 24], "seconds": np.full((2, 1), 60.0)}
    jobs = {"importance": [10, 1], "release": [0, 0], "deadline": [900, 900]}
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)}, jobs=jobs, steps=columns,
        faults=faults((Fault.CORRUPT_SCENE, 0.0, 0, np.inf, 1.0)),
    )  # fmt: skip

    history = lived(world)

    assert history.job_failed.tolist() == [True, False]
    failed = history.attempts.step == 0
    assert failed.sum() <= 2 * 4
    assert (history.attempts.end - history.attempts.start)[failed].sum() <= 4 * 60
    assert history.job_end[1] <= 24 * 60 / 4 + 60 + 30


def test_running_out_of_memory_teaches_at_once() -> None:
    world = farm_world_of(
        classes=cores(8, memory=4096.0), fleet={"node_class": [0, 0]},
        steps={"frames": [60], "request": [[1, 512, 0, 0, 0]]}, frames={"memory": np.full(60, 2000.0)},
    )  # fmt: skip

    history = lived(world)

    past, first = history.attempts, history.attempts.end[history.attempts.outcome == Outcome.OOM].min()
    assert with_outcome(history, Outcome.OOM) <= 2 * 8
    late = past.start > first + 30
    assert (past.memory[late] >= 2000).all()
    assert (past.outcome[late] == Outcome.DONE).all()
    assert with_outcome(history, Outcome.DONE) == 60


def test_while_a_licence_is_lost_other_work_takes_the_room() -> None:
    world = farm_world_of(
        classes=cores(4), jobs={"importance": [10, 1]}, licences=np.array([4]),
        steps={"job": [0, 1], "frames": [12, 60], "licence": [0, -1], "seconds": np.full((2, 1), 60.0)},
        faults=faults((Fault.LICENCE_LOSS, 0.0, 0, 300.0, 1.0)),
    )  # fmt: skip
    watched = Watched()

    history = lived(world, watched)

    assert 300 <= first_start(history, 0) <= 360 + 30
    assert running_at(history, 100.0, 1) == 4
    assert Reason.LICENCE in watched.reasons(0, until=299.0)
    assert np.isfinite(history.job_end).all()


def test_a_bad_node_is_put_in_quarantine_and_the_jobs_are_not() -> None:
    world = farm_world_of(
        classes=cores(2), fleet={"node_class": [0, 0]}, jobs={"release": [0, 0]},
        steps={"job": [0, 1], "frames": [4, 36], "seconds": np.full((2, 1), 60.0)},
        faults=faults((Fault.BAD_NODE, 0.0, 0, 2000.0, 1.0)),
    )  # fmt: skip

    history = lived(world)

    down = (history.spans.node == 0) & (history.spans.state == NodeState.DOWN)
    assert down.any()
    assert not history.job_failed.any()
    assert np.isfinite(history.job_end).all()
    assert with_outcome(history, Outcome.FAILED) <= 8


def test_a_flapping_node_costs_little_and_the_job_is_in_time() -> None:
    flaps = faults(*((Fault.CRASH, 100.0 + 240.0 * turn, 0, 90.0, 1.0) for turn in range(6)))
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(3)}, faults=flaps,
        jobs={"deadline": [1300.0], "importance": [10]}, steps={"frames": [40], "seconds": [[60.0]]},
    )  # fmt: skip

    history = lived(world)

    assert history.attempts.lost.sum() <= 6 * 60
    assert tardiness(world, history)[0] == 0
    for law in RUN_LAWS:
        law(world, history)


def test_work_that_no_node_can_ever_run_is_told_so_and_blocks_nobody() -> None:
    world = farm_world_of(
        classes=cores(4), jobs={"importance": [50, 1]},
        steps={"job": [0, 1], "frames": [5, 20], "request": [[64, 1024, 0, 0, 0], [1, 1024, 0, 0, 0]]},
    )  # fmt: skip
    watched = Watched()

    history = lived(world, watched, until=600.0)

    assert watched.reasons(0) == {Reason.NO_NODE}
    assert history.job_end[1] == pytest.approx(20 * 60 / 4)


def test_what_waits_for_another_step_starts_a_decision_after_it() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(3)},
        steps={"job": [0, 0, 0], "after": [-1, 0, 1], "frames": [3, 3, 1], "seconds": np.full((3, 1), 65.0)},
    )  # fmt: skip
    watched = Watched()

    history = lived(world, watched)

    assert watched.reasons(1, until=60.0) == {Reason.DEPENDS}
    for step in (1, 2):
        assert history.step_end[step - 1] <= first_start(history, step) <= history.step_end[step - 1] + 30
