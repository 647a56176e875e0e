from __future__ import annotations

import numpy as np
import pytest

from placement.farm.machines import NodeState
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import Fault
from placement.simulator.whole_farm.beliefs import declared, learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import Outcome
from placement.testing.planner_farms import classes_of, farm_world_of
from tests.simulator.farm_worlds import check_history, faults, first_fit

RULES = Rules()
ONE_CORE = classes_of(offer=[[1, 32768, 0, 0, 0]])


def test_a_crash_loses_what_ran_since_its_checkpoint_and_the_node_comes_back() -> None:
    world = farm_world_of(
        steps={"seconds": [[100.0]], "checkpoint": [30.0]}, faults=faults((Fault.CRASH, 70.0, 0, 35.0, 1.0))
    )

    history = run_farm(world, first_fit, RULES, learned)

    past = history.attempts
    assert past.outcome.tolist() == [Outcome.LOST, Outcome.DONE]
    assert past.end.tolist() == [70.0, pytest.approx(160.0)]
    assert past.lost.tolist() == [pytest.approx(10.0), 0.0]
    assert past.saved.tolist() == [0.0, pytest.approx(0.6)]
    assert past.start[1] == 120.0
    assert history.spans.state.tolist() == [NodeState.UP, NodeState.DOWN, NodeState.UP]
    assert history.spans.start.tolist() == [0.0, 70.0, 105.0]


def test_a_crash_in_the_midst_of_another_lasts_as_long_as_the_longer() -> None:
    world = farm_world_of(faults=faults((Fault.CRASH, 10.0, 0, 100.0, 1.0), (Fault.CRASH, 20.0, 0, 30.0, 1.0)))

    spans = run_farm(world, first_fit, RULES, learned).spans

    assert spans.start.tolist() == [0.0, 10.0, 110.0]


def test_a_lost_rack_takes_all_its_nodes() -> None:
    world = farm_world_of(
        fleet={"node_class": [0, 0, 0], "rack": [7, 8, 7]}, classes=ONE_CORE, steps={"frames": [3]},
        faults=faults((Fault.RACK_LOSS, 10.0, 7, 100.0, 1.0)),
    )  # fmt: skip

    history = run_farm(world, first_fit, RULES, learned)

    lost = history.attempts.outcome == Outcome.LOST
    assert history.attempts.node[lost].tolist() == [0, 2]
    check_history(world, history)


def test_a_slow_node_stretches_what_is_left_while_it_is_slow() -> None:
    world = farm_world_of(steps={"seconds": [[100.0]]}, faults=faults((Fault.SLOW, 40.0, 0, 60.0, 3.0)))

    past = run_farm(world, first_fit, RULES, learned).attempts

    # 40 s of work at full speed, 20 s in 60 s, 40 s at full speed.
    assert past.end.tolist() == [pytest.approx(140.0)]


def test_frames_fail_on_a_bad_node_by_their_luck_and_run_elsewhere() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": [0, 0]}, steps={"frames": [2]}, frames={"luck": [0.25, 0.75]},
        faults=faults((Fault.BAD_NODE, 0.0, 0, 90.0, 0.5)),
    )  # fmt: skip

    past = run_farm(world, first_fit, RULES, learned).attempts

    assert past.outcome[past.frame == 0].tolist()[0] == Outcome.FAILED
    assert past.end[0] == 30.0
    assert past.lost[0] == 30.0
    assert past.outcome[past.frame == 1].tolist() == [Outcome.DONE]


def test_three_failures_of_two_jobs_in_a_row_put_a_node_in_quarantine_while_its_fault_lasts() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[4, 32768, 0, 0, 0]]), jobs={"release": [0.0, 0.0]},
        steps={"job": [0, 1], "frames": [2, 2], "seconds": [[60.0], [600.0]]}, frames={"luck": [0.1, 0.2, 0.05, 0.9]},
        faults=faults((Fault.BAD_NODE, 0.0, 0, 500.0, 0.5)),
    )  # fmt: skip

    history = run_farm(world, first_fit, RULES, learned)

    assert history.spans.state.tolist() == [NodeState.UP, NodeState.DOWN, NodeState.UP]
    assert history.spans.start.tolist() == [0.0, 60.0, 500.0]
    # Both frames of the first job fail twice before the first one of the second job does, at 60 s.
    assert (history.attempts.outcome == Outcome.FAILED).sum() == 5
    assert (history.attempts.outcome == Outcome.INTERRUPTED).sum() == 1
    assert np.isfinite(history.job_end).all()


def test_failures_of_one_job_put_no_node_in_quarantine() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[4, 32768, 0, 0, 0]]), steps={"frames": [3]}, frames={"luck": [0.1, 0.2, 0.05]},
        faults=faults((Fault.BAD_NODE, 0.0, 0, 100.0, 0.5)),
    )  # fmt: skip

    history = run_farm(world, first_fit, RULES, learned)

    assert history.spans.state.tolist() == [NodeState.UP]
    assert (history.attempts.outcome == Outcome.DONE).sum() == 3


def test_a_corrupt_scene_fails_its_job_after_two_nodes() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": [0, 0, 0]}, jobs={"release": [0.0, 0.0]},
        steps={"job": [0, 0, 1], "after": [-1, 0, -1], "frames": [2, 1, 1]},
        faults=faults((Fault.CORRUPT_SCENE, 0.0, 0, np.inf, 1.0)),
    )  # fmt: skip

    history = run_farm(world, first_fit, RULES, learned)

    assert history.job_failed.tolist() == [True, False]
    assert history.job_end.tolist() == [np.inf, 60.0]
    assert history.attempts.step.tolist() == [0, 0, 2]


def test_a_lost_licence_starts_nothing_and_what_holds_it_goes_on() -> None:
    world = farm_world_of(
        licences=np.array([2]), steps={"frames": [4], "licence": [0]},
        faults=faults((Fault.LICENCE_LOSS, 10.0, 0, 100.0, 1.0)),
    )  # fmt: skip

    past = run_farm(world, first_fit, RULES, learned).attempts

    assert past.start.tolist() == [0.0, 0.0, 60.0, 60.0]
    assert past.continued.tolist() == [False, False, True, True]


def test_a_licence_cannot_be_started_on_while_it_is_lost() -> None:
    world = farm_world_of(
        licences=np.array([1]), steps={"licence": [0]}, faults=faults((Fault.LICENCE_LOSS, 0.0, 0, 100.0, 1.0))
    )

    assert run_farm(world, first_fit, RULES, learned).attempts.start.tolist() == [120.0]


def test_a_leaving_node_drains_and_takes_nothing_more() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": [0, 0], "leaves": [40.0, np.inf]}, steps={"frames": [4]}
    )

    history = run_farm(world, first_fit, RULES, learned)

    assert history.attempts.node.tolist() == [0, 1, 1, 1]
    assert history.spans.state.tolist() == [NodeState.UP, NodeState.DRAINING, NodeState.DOWN, NodeState.UP]
    assert history.spans.start.tolist() == [0.0, 40.0, 60.0, 0.0]


def test_a_joining_node_takes_work_from_the_next_decision_on() -> None:
    world = farm_world_of(fleet={"joins": [70.0]})

    history = run_farm(world, first_fit, RULES, learned)

    assert history.attempts.start.tolist() == [90.0]
    assert history.spans.start.tolist() == [0.0, 70.0]


def test_a_frame_that_outgrows_its_request_runs_out_of_memory_and_asks_for_more() -> None:
    world = farm_world_of(
        classes=classes_of(offer=[[8, 1500, 0, 0, 0]]), frames={"memory": [2000.0], "luck": [0.5]},
    )  # fmt: skip
    roomy = farm_world_of(
        classes=classes_of(offer=[[1, 2500, 0, 0, 0], [1, 1500, 0, 0, 0]]), fleet={"node_class": [1, 0]},
        frames={"memory": [2000.0], "luck": [0.5]},
    )  # fmt: skip

    never, history = (run_farm(each, first_fit, RULES, declared) for each in (world, roomy))

    assert never.job_failed.tolist() == [True]
    assert history.attempts.outcome.tolist() == [Outcome.OOM, Outcome.DONE]
    assert history.attempts.memory.tolist() == [1024.0, 2200.0]
    assert history.attempts.end[0] == 30.0


def test_a_frame_that_outgrows_its_request_takes_what_is_unused_on_the_node() -> None:
    world = farm_world_of(frames={"memory": [2000.0]})

    past = run_farm(world, first_fit, RULES, declared).attempts

    assert past.outcome.tolist() == [Outcome.DONE]
    assert past.end.tolist() == [60.0]
