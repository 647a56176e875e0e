"""Previews first, cheap hours, sleep, power: and deadlines are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.tariff import Outlook, Tariff
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.plan import Reason
from placement.scheduling.rules import Aim, Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.energy import node_joules
from placement.simulator.whole_farm.history import Outcome
from placement.testing.planner_farms import farm_world_of
from placement.testing.run_promises import keeps_power_cap_throughout
from tests.scenarios.farm_life import AWAKE, Watched, cores, first_start, lived, running_at, tardiness, with_outcome

ONE_CORE = cores(1)


def test_a_preview_comes_before_refinement_and_before_other_work() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)}, jobs={"release": [0, 300], "importance": [3, 1]},
        steps={
            "job": [0, 1, 1], "after": [-1, -1, 1], "frames": [120, 4, 20], "preview": [0, 1, 0],
            "seconds": [[120.0], [10.0], [900.0]],
        },
        frames={"factor": np.append(np.random.default_rng(0).uniform(0.8, 1.2, 120), np.ones(24))},
    )  # fmt: skip

    ours, first_come = lived(world, until=4000.0), lived(world, fifo, until=4000.0)

    # A tenth of a frame's render time, and until somebody's frame has ended.
    assert ours.step_end[1] <= 300 + 0.1 * 900 + 120 * 1.2
    assert ours.step_end[1] < first_start(ours, 2)
    assert first_come.step_end[1] > 3000


def dear_first(deadline: float, frames: int = 12) -> FarmWorld:
    """Two dear hours, then cheap ones, and an hour of work."""
    outlook = Outlook(start=np.array([0.0, 7200.0]), price=np.array([0.5, 0.1]), carbon=np.array([500.0, 100.0]))
    return farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)}, jobs={"deadline": [deadline]},
        steps={"frames": [frames], "seconds": [[1200.0]]}, tariff=Tariff(actual=outlook, published=outlook),
    )  # fmt: skip


def test_work_waits_for_cheap_hours_and_its_deadline_is_kept() -> None:
    for aim in (Aim.COST, Aim.CARBON):
        watched = Watched()

        history = lived(dear_first(8 * 3600.0), watched, Rules(aim=aim, interval=300.0))

        assert first_start(history, 0) >= 7200
        assert history.job_end[0] <= 8 * 3600
        assert Reason.CHEAPER_LATER in watched.reasons(0, until=7000.0)


def test_work_that_could_be_late_does_not_wait_for_cheap_hours() -> None:
    for aim, deadline in ((Aim.COST, 5400.0), (Aim.PERFORMANCE, 8 * 3600.0)):
        history = lived(dear_first(deadline), rules=Rules(aim=aim, interval=300.0))

        assert first_start(history, 0) == 0
        assert history.job_end[0] <= deadline


def test_nodes_sleep_while_nothing_is_to_do_and_wake_in_time() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(6)},
        jobs={"release": [0, 7200], "deadline": [np.inf, 7200 + 1200], "importance": [1, 5]},
        steps={"job": [0, 1], "frames": [6, 24], "seconds": [[60.0], [200.0]]},
    )  # fmt: skip

    balanced, awake = lived(world, rules=Rules()), lived(world)

    asleep = balanced.spans.state == NodeState.ASLEEP
    assert (balanced.spans.end - balanced.spans.start)[asleep].sum() > 0.5 * 6 * 7200
    assert not (awake.spans.state == NodeState.ASLEEP).any()
    assert tardiness(world, balanced)[1] == 0
    assert node_joules(world, balanced).sum() < 0.6 * node_joules(world, awake).sum()


def test_a_power_cap_holds_and_the_most_important_runs_under_it() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(6)}, power_cap=6 * 100 + 3 * 200.0,
        jobs={"importance": [1, 20], "deadline": [np.inf, 700]},
        steps={"job": [0, 1], "frames": [30, 18], "seconds": np.full((2, 1), 90.0)},
    )  # fmt: skip
    watched = Watched()

    history = lived(world, watched)

    keeps_power_cap_throughout(world, history)
    assert max(running_at(history, time) for time in history.attempts.start.tolist()) == 3
    assert tardiness(world, history)[1] == 0
    assert Reason.POWER_CAP in watched.reasons(0) | watched.reasons(1)
    assert np.isfinite(history.job_end).all()


def test_an_upgrade_half_way_loses_nothing_and_the_new_nodes_are_used_at_once() -> None:
    world = farm_world_of(
        classes=cores(4, 8), jobs={"deadline": [2400.0], "importance": [5]},
        fleet={
            "node_class": [0, 0, 0, 1, 1, 1], "joins": [0, 0, 0, 610, 910, 1210],
            "leaves": [600, 900, 1200, np.inf, np.inf, np.inf],
        },
        steps={"frames": [500], "seconds": [[70.0, 35.0]]},
    )  # fmt: skip

    history = lived(world)

    assert with_outcome(history, Outcome.DONE) == history.attempts.count == 500
    fresh = history.attempts.node == 3
    assert history.attempts.start[fresh].min() <= 610 + AWAKE.interval
    assert tardiness(world, history)[0] == 0
    old = replace(world, fleet=replace(world.fleet, joins=np.where(world.fleet.node_class == 1, 9e4, 0.0),
                                       leaves=np.full(6, np.inf)))  # fmt: skip
    assert lived(old).end > history.end
