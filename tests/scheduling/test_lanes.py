"""Large frames in danger lack as many places as their deadline wants, when smaller ones leave them none."""

import numpy as np

from placement.scheduling.lanes import bulky, crowded_out, lanes
from placement.scheduling.planning import plan
from placement.scheduling.reserving import reserve
from placement.scheduling.rules import Rules
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.testing.planner_farms import classes_of, clients_of, cost_of, farm_world_of, snapshot_of

SMALL, LARGE = [1, 0, 0, 0, 0], [3, 0, 0, 0, 0]


def farm_of(waited=400.0, running=0, nodes=20):
    """Every node of 8 cores runs 8 small frames; frames of 3 cores wait."""
    step = np.concatenate([np.zeros(8 * nodes - 3 * running), np.ones(running)])
    node = np.concatenate([np.repeat(np.arange(nodes), 8)[3 * running :], np.zeros(running)])
    return snapshot_of(
        now=1000.0, nodes={"node_class": np.zeros(nodes)},
        steps={"request": [SMALL, LARGE], "waiting": [50, 12], "since": [1000.0, 1000.0 - waited]},
        attempts={"step": step.astype(int), "node": node.astype(int), "started": np.full(len(step), 900.0)},
    )  # fmt: skip


def test_lanes_are_what_the_time_left_wants():
    farm = farm_of()
    cost, danger = cost_of(farm, 60.0), np.array([False, True])

    assert lanes(farm, cost, danger, np.array([240.0])).tolist() == [0, 3]
    assert lanes(farm, cost, danger, np.array([10.0])).tolist() == [0, 12]
    assert lanes(farm, cost, danger, np.array([np.inf])).tolist() == [0, 0]


def test_places_that_a_step_has_are_not_lacking():
    farm = farm_of(running=2)

    assert lanes(farm, cost_of(farm, 60.0), np.array([False, True]), np.array([240.0])).tolist() == [0, 2]


def test_large_frames_that_waited_for_their_first_place_are_bulky():
    assert bulky(farm_of(), cost_of(farm_of()), 300.0).tolist() == [False, True]
    assert bulky(farm_of(waited=100.0), cost_of(farm_of()), 300.0).tolist() == [False, False]
    assert bulky(farm_of(waited=100.0, running=1), cost_of(farm_of()), 300.0).tolist() == [False, True]


def test_bulky_frames_are_kept_as_many_nodes_as_they_lack_up_to_a_tenth():
    farm = farm_of()
    remaining, order = np.linspace(1, 50, farm.attempts.count), np.array([1])

    for lacks, kept in ((1, 1), (2, 2), (12, 2)):
        found = reserve(farm, cost_of(farm), Rules(), remaining, order, np.array([0, lacks]))
        assert len(found.kept) == kept
    assert len(reserve(farm, cost_of(farm), Rules(), remaining, order).kept) == 0


def test_larger_frames_meet_their_deadline_among_small_ones_that_never_leave_them_room():
    world = farm_world_of(
        fleet={"node_class": [0] * 4}, jobs={"release": [0.0, 60.0], "deadline": [7000.0, 3000.0]},
        steps={"job": [0, 1], "frames": [1600, 16], "request": [SMALL, LARGE], "seconds": [[100.0], [400.0]]},
        frames={"factor": np.concatenate([np.random.default_rng(1).uniform(0.5, 1.5, 1600), np.ones(16)])},
    )  # fmt: skip

    history = run_farm(world, plan, Rules(), learned)

    assert history.job_end[1] <= 3000.0
    assert history.job_end[0] <= 7000.0


def test_who_takes_the_only_gpu_is_no_larger_than_the_others_that_do():
    on_gpu, beside = [1, 0, 1, 0, 0], [1, 0, 0, 0, 0]
    farm = snapshot_of(
        now=1000.0, classes=classes_of(offer=[[8, 1024, 1, 0, 0]]), nodes={"node_class": [0, 0]},
        steps={"request": [beside, on_gpu, on_gpu], "waiting": [9, 9, 9], "since": [0.0, 0.0, 0.0]},
        attempts={"node": np.repeat([0, 1], 5), "step": [0, 0, 0, 0, 1] * 2},
    )  # fmt: skip

    assert not bulky(farm, cost_of(farm), 300.0).any()


def crowded_farm(guarantee, waiting=5):
    """Frames of one core leave 4 and 3 of 8 free on two nodes; frames of 6, of another client, wait for 10 s."""
    return snapshot_of(
        now=1000.0, nodes={"node_class": [0, 0]}, clients=clients_of(guarantee=[0.0, guarantee]),
        jobs={"client": [0, 1]},
        steps={"job": [0, 1], "waiting": [20, waiting], "since": [990.0, 990.0],
               "request": [[1, 1024, 0, 0, 0], [6, 1024, 0, 0, 0]]},
        attempts={"node": [0] * 4 + [1] * 5, "step": [0] * 9, "started": [900.0] * 9},
    )  # fmt: skip


def test_no_more_starts_where_a_frame_is_guaranteed_room_that_no_node_has():
    for guarantee, kept, starts in ((0.0, [-1, -1], 7), (0.5, [1, -1], 3)):
        farm = crowded_farm(guarantee)
        decided = plan(farm, cost_of(farm, 300.0), Rules())
        assert decided.reserved.tolist() == kept
        assert decided.starts.step.tolist() == [0] * starts


def test_many_steps_of_one_client_do_not_hide_those_of_another():
    steps = 12
    farm = snapshot_of(
        nodes={"node_class": [0]}, clients=clients_of(guarantee=[0.5, 0.5]), jobs={"client": [0, 1]},
        steps={"job": [0] * steps + [1], "waiting": [1] * (steps + 1),
               "request": [[1, 1024, 0, 0, 0]] * steps + [[6, 1024, 0, 0, 0]]},
        attempts={"node": [0] * 4, "step": [0] * 4},
    )  # fmt: skip
    found = crowded_out(farm, cost_of(farm), np.arange(steps + 1), np.array([8.0, 8.0]))
    assert found.tolist() == [0] * steps + [1]


def test_a_client_lacks_what_it_is_short_of_and_no_more_than_waits():
    order = np.array([1, 0])
    for waiting, short, lacks in ((5, 16.0, 2), (5, 5.0, 0), (1, 40.0, 1), (5, 40.0, 5)):
        farm = crowded_farm(0.5, waiting)
        found = crowded_out(farm, cost_of(farm), order, np.array([0.0, short]))
        assert found.tolist() == [0, lacks]


def test_frames_a_fifth_larger_than_the_usual_are_bulky_in_their_turn_only():
    farm = snapshot_of(
        now=1000.0,
        steps={"request": [[cores, 0, 0, 0, 0] for cores in (4, 5, 4.5)], "waiting": [9] * 3, "since": [0.0] * 3},
        attempts={"step": [0], "started": [900.0]},
    )  # fmt: skip
    cost, everybody = cost_of(farm), np.ones(3, bool)

    assert not bulky(farm, cost, 300.0).any()
    assert bulky(farm, cost, 300.0, everybody).tolist() == [False, True, False]
    assert not bulky(farm, cost, 300.0, np.array([True, False, True])).any()
