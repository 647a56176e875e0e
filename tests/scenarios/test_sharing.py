"""Who gets the room: emergencies, wide frames, limits, guarantees, licences, one after the other or all at once."""

from __future__ import annotations

import numpy as np
import pytest

from placement.farm.clients import Lending
from placement.scheduling.peers.epvm import epvm
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.peers.round_robin import round_robin
from placement.scheduling.plan import Reason
from placement.scheduling.rules import Rules
from placement.simulator.whole_farm.history import Outcome
from placement.testing.planner_farms import classes_of, clients_of, farm_world_of
from placement.testing.run_laws import RUN_LAWS, conserves_frames
from placement.testing.run_promises import honours_guarantees
from tests.scenarios.farm_life import (
    AWAKE,
    CORE,
    Watched,
    busy_share,
    cores,
    first_start,
    lived,
    running_at,
    with_outcome,
)

ONE_CORE = cores(1)


def test_an_emergency_has_its_nodes_within_the_stated_time() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(6)}, jobs={"release": [0, 610], "importance": [1, 200]},
        steps={"job": [0, 1], "frames": [12, 3], "seconds": [[3600.0], [300.0]], "checkpoint": [60.0, np.inf]},
    )  # fmt: skip
    watched = Watched()

    ours, first_come = lived(world, watched, until=2000.0), lived(world, fifo, until=2000.0)

    assert running_at(ours, 610 + AWAKE.emergency_wait + AWAKE.interval, 1) == 3
    assert with_outcome(ours, Outcome.INTERRUPTED) == 3
    assert watched.stops() == {Reason.EMERGENCY}
    assert first_start(first_come, 1) == np.inf


def test_a_wide_frame_is_not_starved_by_small_ones_and_the_farm_is_not_frozen() -> None:
    jobs = 80
    world = farm_world_of(
        classes=cores(8), fleet={"node_class": [0, 0, 0]},
        jobs={"release": np.append(0.0, np.sort(np.arange(jobs - 1) * 22.0))},
        steps={
            "job": np.arange(jobs), "frames": np.append(2, np.full(jobs - 1, 8)),
            "request": [[8, 1024, 0, 0, 0], *[CORE] * (jobs - 1)],
            "seconds": np.append(300.0, np.full(jobs - 1, 62.0))[:, None],
        },
        frames={"factor": np.append([1, 1], np.random.default_rng(0).uniform(0.6, 1.4, 8 * (jobs - 1)))},
    )  # fmt: skip
    watched = Watched()

    ours = lived(world, watched, until=1800.0)

    # A decision, the wait before room is cleared, the longest small frame, and the decisions that see it.
    assert first_start(ours, 0) <= AWAKE.wide_wait + 62 * 1.4 + 3 * AWAKE.interval
    assert busy_share(world, ours, 1800.0) > 0.85
    assert watched.reasons(0) <= {Reason.RESERVATION, Reason.OTHERS_FIRST}


def test_the_more_important_goes_first_and_the_less_important_still_gets_its_turn() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)}, jobs={"importance": [1, 10], "priority": [10, 90]},
        steps={"job": [0, 1], "frames": [20, 240], "seconds": np.full((2, 1), 60.0)},
    )  # fmt: skip
    rules = Rules(aim=AWAKE.aim, ageing=600.0)

    ours = lived(world, rules=rules)

    assert running_at(ours, 300.0, 1) == 4
    assert first_start(ours, 0) <= 600 * np.log2(20) + 120
    assert ours.job_end[0] < ours.job_end[1]


@pytest.mark.parametrize("project", [False, True])
def test_a_limit_holds_on_an_empty_farm_and_says_why(project: bool) -> None:
    clients = clients_of(parent=[-1, 0], limit=[1.0, 0.25]) if project else clients_of(limit=[1.0, 0.25])
    world = farm_world_of(
        classes=cores(8), clients=clients, jobs={"client": [1]}, steps={"frames": [12], "seconds": [[60.0]]}
    )
    watched = Watched()

    history = lived(world, watched)

    assert max(running_at(history, time) for time in history.attempts.start.tolist()) == 2
    assert watched.reasons(0) <= {Reason.LIMIT, Reason.PARTITION}
    assert history.end <= 6 * 60 + 60


def test_a_client_alone_fills_the_farm_and_shares_it_when_others_come() -> None:
    world = farm_world_of(
        classes=cores(4), fleet={"node_class": np.zeros(3)}, clients=clients_of(weight=[1, 1, 1]),
        jobs={"client": [0, 1, 2], "release": [0, 300, 300]},
        steps={"job": [0, 1, 2], "frames": [200, 60, 60], "seconds": np.full((3, 1), 60.0)},
        frames={"factor": np.random.default_rng(0).uniform(0.8, 1.2, 320)},
    )  # fmt: skip

    history = lived(world, until=900.0)

    assert running_at(history, 200.0, 0) == 12
    for step in range(3):
        assert 3 <= running_at(history, 800.0, step) <= 5


def lent(lending: Lending, reclaim: float = 60.0) -> dict[str, object]:
    """A farm lent to one client; another, who is promised half of it, comes back after 300 s."""
    return {
        "classes": cores(4), "fleet": {"node_class": np.zeros(2)},
        "clients": clients_of(guarantee=[0, 0.5], lending=[int(Lending.FRAME), int(lending)], reclaim=[60, reclaim]),
        "jobs": {"client": [0, 1], "release": [0.0, 310.0]},
        "steps": {"job": [0, 1], "frames": [40, 30], "seconds": [[900.0], [100.0]], "checkpoint": [90.0, np.inf]},
        "frames": {"factor": np.append(np.linspace(0.6, 1.4, 40), np.ones(30))},
    }  # fmt: skip


def test_a_guarantee_lent_comes_back_as_frames_end() -> None:
    world = farm_world_of(**lent(Lending.FRAME))

    history = lived(world)

    assert with_outcome(history, Outcome.INTERRUPTED) == 0
    assert running_at(history, 299.0, 0) == 8
    assert running_at(history, 700.0, 1) >= 4
    honours_guarantees(world, history, AWAKE)


def test_a_guarantee_lent_comes_back_by_preemption_in_the_stated_time() -> None:
    world = farm_world_of(**lent(Lending.PREEMPT))
    watched = Watched()

    history = lived(world, watched)

    assert running_at(history, 310 + 60 + 3 * AWAKE.interval, 1) == 4
    assert watched.stops() == {Reason.RECLAIM}
    assert history.attempts.lost.max() <= 90
    honours_guarantees(world, history, AWAKE)


def test_what_is_never_lent_is_there_at_once() -> None:
    world = farm_world_of(**lent(Lending.NEVER))

    history = lived(world)

    assert running_at(history, 200.0, 0) == 4
    assert running_at(history, 330.0, 1) == 4


def test_a_completion_storm_leaves_no_slot_idle() -> None:
    world = farm_world_of(
        classes=cores(64, memory=131072.0), fleet={"node_class": np.zeros(4)},
        steps={"job": [0, 1], "frames": [512, 1024], "seconds": np.full((2, 1), 45.0)},
    )  # fmt: skip

    history = lived(world)

    conserves_frames(world, history)
    assert history.end <= 6 * 45 + 30 + 30
    assert busy_share(world, history, 6 * 45.0) > 0.95


def test_full_load_of_all_kinds_of_work_is_packed_better_than_in_turn() -> None:
    chance = np.random.default_rng(3)
    machines = classes_of(
        offer=[[16, 65536, 0, 0, 1e6], [8, 65536, 2, 49152, 1e6], [32, 262144, 0, 0, 1e6]], worth=[16, 40, 32]
    )
    kinds = np.array([[1, 2048, 0, 0, 0], [4, 8192, 0, 0, 0], [16, 32768, 0, 0, 0], [2, 8192, 1, 16384, 0]])
    rows, kind = 24, np.arange(24) % 4
    seconds = chance.uniform(40, 160, (rows, 1)) * np.array([1.0, 1.2, 0.7])
    request = kinds[kind].astype(float)
    fits = (request[:, None, :] <= machines.offer).all(axis=2)
    world = farm_world_of(
        classes=machines, fleet={"node_class": [0, 0, 1, 1, 2]}, licences=np.array([6]),
        steps={
            "job": np.arange(rows), "frames": np.array([60, 16, 6, 12])[kind], "request": request,
            "seconds": np.where(fits, seconds, np.inf), "licence": np.where(np.arange(rows) % 8 == 0, 0, -1),
        },
    )  # fmt: skip

    ours, in_turn = lived(world), lived(world, round_robin)

    for law in RUN_LAWS:
        law(world, ours)
    assert np.isfinite(ours.job_end).all()
    assert ours.end < in_turn.end
    assert ours.job_end.mean() < 0.95 * in_turn.job_end.mean()


def test_gpu_work_is_not_stranded_by_work_that_needs_none() -> None:
    machines = classes_of(offer=[[8, 65536, 0, 0, 0], [8, 65536, 2, 49152, 0]], worth=[8, 40])
    world = farm_world_of(
        classes=machines, fleet={"node_class": [0, 1]}, jobs={"release": [0, 0]},
        steps={
            "job": [0, 1], "frames": [16, 4], "request": [[1, 2048, 0, 0, 0], [1, 2048, 1, 16384, 0]],
            "seconds": [[300.0, 300.0], [np.inf, 60.0]],
        },
    )  # fmt: skip

    ours, theirs = lived(world), lived(world, epvm)

    assert first_start(ours, 1) == 0
    assert ours.job_end[1] <= 180
    assert ours.end <= theirs.end + 300


def test_frames_go_where_their_scene_is_loaded() -> None:
    world = farm_world_of(
        classes=ONE_CORE, fleet={"node_class": np.zeros(4)}, jobs={"release": [0, 0]},
        steps={"job": [0, 1], "frames": [30, 30], "seconds": np.full((2, 1), 60.0), "startup": [20.0, 20.0]},
    )  # fmt: skip

    history = lived(world)

    past = history.attempts
    cold = (past.end - past.start) > 45
    assert cold.sum() <= 8
