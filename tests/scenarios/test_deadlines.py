"""Deadlines: competing, conflicting, too many, far too many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.scheduling.peers.earliest_deadline import earliest_deadline
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.planning import plan
from placement.simulator.farm_world import FarmWorld
from placement.testing.planner_farms import classes_of, clients_of, farm_world_of
from placement.testing.run_laws import conserves_frames
from tests.scenarios.farm_life import AWAKE, Watched, cores, first_start, lived, on_time_value, running_at, tardiness

ONE_CORE = cores(1)
MINUTES = replace(AWAKE, interval=60.0)


def test_competing_projects_with_imminent_deadlines_are_both_in_time() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)},
        jobs={"release": [0, 300, 300], "deadline": [np.inf, 800, 1000], "importance": [1, 10, 10]},
        steps={"job": [0, 1, 2], "frames": [120, 12, 12], "seconds": np.full((3, 1), 60.0)},
    )  # fmt: skip

    ours, first_come = lived(world), lived(world, fifo)

    assert (tardiness(world, ours)[1:] == 0).all()
    assert (tardiness(world, first_come)[1:] > 600).all()
    assert ours.job_end[0] <= first_come.job_end.max() + 60


def test_premium_clients_in_conflict_keep_their_guarantees_and_one_is_told_at_once() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(10)}, clients=clients_of(guarantee=[0.3, 0.3]),
        jobs={"client": [0, 1], "deadline": [1500, 1500], "importance": [5, 4], "value": [5, 4]},
        steps={"job": [0, 1], "frames": [140, 140], "seconds": np.full((2, 1), 60.0)},
        forecasts={"common": [0.05, 0.05]},
    )  # fmt: skip
    watched = Watched()

    history = lived(world, watched)

    first = watched.plans[0].outlooks
    assert first.given_up.tolist() == [False, True]
    assert np.abs(first.finish - history.job_end).max() < 60
    assert tardiness(world, history)[0] == 0
    assert history.job_end[1] <= 280 * 60 / 10 + 120
    for time in np.arange(30, 1200, 90.0):
        assert min(running_at(history, time, 0), running_at(history, time, 1)) >= 3


def overloaded(seed: int, jobs: int, times: float) -> FarmWorld:
    """Jobs of different value whose work is so many times what four nodes do until the last deadline."""
    chance = np.random.default_rng(seed)
    frames, seconds = chance.integers(2, 12, jobs), chance.uniform(30, 120, jobs)
    span = float(frames @ seconds) / 4 / times
    release = np.sort(chance.uniform(0, 0.7 * span, jobs))
    value = chance.choice([1.0, 3.0, 10.0], jobs)
    deadline = release + np.maximum(chance.uniform(0.1, 0.3, jobs) * span, 2.5 * frames * seconds / 4 + 120)
    return farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)},
        jobs={"release": release, "deadline": deadline, "importance": value, "value": value},
        steps={"job": np.arange(jobs), "frames": frames, "seconds": seconds[:, None]},
    )  # fmt: skip


def test_demand_over_capacity_delivers_more_value_than_any_simple_order() -> None:
    values = np.zeros(3)
    for seed in range(3):
        world = overloaded(seed, 24, 1.6)
        histories = [lived(world, each, MINUTES) for each in (plan, fifo, earliest_deadline)]
        values += [on_time_value(world, each) for each in histories]
        assert np.isfinite(histories[0].job_end).all()
    assert values[0] > 1.1 * values[1:].max()


def test_extreme_overload_delivers_value_starves_nothing_and_decides_no_more_often() -> None:
    world = overloaded(7, 40, 5.0)

    ours, others = lived(world), [lived(world, each) for each in (fifo, earliest_deadline)]

    conserves_frames(world, ours)
    assert on_time_value(world, ours) > 1.2 * max(on_time_value(world, each) for each in others)
    assert np.isfinite(ours.job_end).all()
    assert ours.end <= 1.05 * min(each.end for each in others) + 120
    waited = np.array([first_start(ours, step) for step in range(40)]) - ours.step_ready
    assert waited.max() <= AWAKE.ageing
    assert len(ours.decisions.time) <= ours.end / AWAKE.interval + 2
    assert ours.decisions.stops.sum() <= 40


def test_an_infeasible_job_does_not_drag_a_feasible_one_down() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)},
        jobs={"deadline": [400, 420], "importance": [20, 1], "value": [20, 1]},
        steps={"job": [0, 1], "frames": [200, 20], "seconds": np.full((2, 1), 60.0)},
    )  # fmt: skip
    watched = Watched()

    history, by_deadline = lived(world, watched), lived(world, earliest_deadline)

    assert watched.plans[0].outlooks.given_up.tolist() == [True, False]
    assert watched.plans[0].outlooks.earliest[0] > 400
    assert tardiness(world, history)[1] == 0
    assert tardiness(world, by_deadline)[1] > 0


def test_jobs_on_gpus_are_done_by_deadline_and_not_all_at_once() -> None:
    classes = classes_of(offer=[[8, 65536, 1, 16384, 0]])
    on_gpu, beside = [1, 1024, 1, 1024, 0], [1, 1024, 0, 0, 0]
    world = farm_world_of(
        classes=classes, fleet={"node_class": np.zeros(4)},
        jobs={"release": [0, 0, 0, 0, 0], "deadline": [1400.0, 2600.0, 3800.0, 5000.0, np.inf]},
        steps={
            "job": [0, 1, 2, 3, 4], "frames": [40, 40, 40, 40, 2000], "request": [on_gpu] * 4 + [beside],
            "seconds": np.full((5, 1), 110.0),
        },
    )  # fmt: skip

    ours = lived(world)

    assert (tardiness(world, ours) == 0).all()
