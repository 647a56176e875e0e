"""What clients held, wanted and were owed: by hand, and against a slow look at every instant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.evaluation.farms.courses import client_courses
from placement.evaluation.farms.demand import changes
from placement.evaluation.farms.shares import clients, entitled, jain, least_over
from placement.farm.clients import Lending
from placement.farm.machines import NodeState, Resource
from placement.scheduling.plan import Planner
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld, Fault
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.testing.history_columns import attempt_worth
from placement.testing.planner_farms import classes_of, clients_of, farm_world_of
from tests.evaluation.farms.by_hand import history_of
from tests.simulator.farm_worlds import faults, first_fit, restless, troubled_world

seeds = st.integers(0, 10_000)


def borrowed(lending: Lending, reclaim: float = 300.0, **rest: float) -> tuple[FarmWorld, FarmHistory]:
    """Half of a node of 8 cores is promised to a lender, who wants it from 100 s on; a borrower holds it for 1000 s."""
    world = farm_world_of(
        clients=clients_of(
            names=["lender", "borrower"], guarantee=[0.5, 0.0], lending=[lending, Lending.FRAME], reclaim=[reclaim] * 2
        ),
        jobs={"client": [1, 0], "release": [0.0, 100.0]},
        steps={"job": [0, 1], "frames": [1, 1], "request": [[8, 64, 0, 0, 0], [2, 64, 0, 0, 0]]}, **rest,
    )  # fmt: skip
    ran = {"frame": [0, 1], "start": [0.0, 1000.0], "end": [1000.0, 1100.0]}
    return world, history_of(world, 1100.0, ran, decided=[0.0, 30.0])


def test_what_is_held_below_the_guarantee_is_no_more_than_what_is_wanted() -> None:
    found = clients(*borrowed(Lending.PREEMPT))

    assert found["shortfall"] == pytest.approx(2 * 900)


def test_under_preemption_a_guarantee_is_overdue_after_the_time_to_reclaim() -> None:
    assert clients(*borrowed(Lending.PREEMPT))["shortfall_overdue"] == pytest.approx(2 * 600, abs=2 * 10)
    assert clients(*borrowed(Lending.PREEMPT, reclaim=900.0))["shortfall_overdue"] == 0.0


@pytest.mark.parametrize("lending", [Lending.NEVER, Lending.STATIC])
def test_what_is_never_lent_is_overdue_after_it_could_be_seen_cleared_and_started(lending: Lending) -> None:
    assert clients(*borrowed(lending))["shortfall_overdue"] == pytest.approx(2 * (900 - 3 * 30), abs=2 * 10)


def test_at_frame_boundary_nothing_is_overdue_while_the_borrowed_frame_runs() -> None:
    assert clients(*borrowed(Lending.FRAME))["shortfall_overdue"] == 0.0


def test_at_frame_boundary_a_frame_that_others_began_meanwhile_is_no_excuse() -> None:
    world, _ = borrowed(Lending.FRAME)
    two = farm_world_of(
        clients=world.clients, jobs={"client": [1, 0], "release": [0.0, 100.0]},
        steps={"job": [0, 1], "frames": [2, 1], "request": [[8, 64, 0, 0, 0], [2, 64, 0, 0, 0]]},
    )  # fmt: skip
    ran = {"frame": [0, 1, 2], "start": [0.0, 500.0, 1000.0], "end": [500.0, 1000.0, 1100.0]}

    found = clients(two, history_of(two, 1100.0, ran, decided=[0.0, 30.0]))

    assert found["shortfall_overdue"] == pytest.approx(2 * 500, abs=2 * 10)


@pytest.mark.parametrize(("guarantee", "overdue"), [(0.0, 8 * 50.0), (0.5, 0.0)])
def test_what_only_others_guarantees_could_give_is_not_overdue(guarantee: float, overdue: float) -> None:
    """The one node with a GPU is held by a client who is guaranteed half of the farm, or by one who borrows it."""
    world = farm_world_of(
        classes=classes_of(offer=[[8, 32768, 0, 0, 0], [8, 32768, 1, 8192, 0]]), fleet={"node_class": [0, 1]},
        clients=clients_of(guarantee=[0.5, guarantee], lending=[Lending.NEVER, Lending.FRAME]),
        jobs={"client": [0, 1]},
        steps={"job": [0, 1], "frames": [1, 1], "request": [[2, 64, 1, 64, 0], [8, 64, 0, 0, 0]]},
    )  # fmt: skip
    ran = {"frame": [1, 0], "node": [1, 1], "start": [0.0, 100.0], "end": [100.0, 160.0]}

    found = clients(world, history_of(world, 160.0, ran, decided=[0.0, 50.0 / 3]))

    assert found["shortfall"] == pytest.approx(8 * 100)
    assert found["shortfall_overdue"] == pytest.approx(overdue, abs=8 * 10)


@pytest.mark.parametrize(("takes", "overdue"), [(0, 0.0), (1, 8 * 50.0)])
def test_cores_beside_a_gpu_that_a_guarantee_holds_are_no_gpu(takes: int, overdue: float) -> None:
    """Of two GPUs both are held by a guarantee, and their cores are borrowed; or one of them is borrowed."""
    world = farm_world_of(
        classes=classes_of(offer=[[8, 32768, 0, 0, 0], [8, 32768, 1, 8192, 0]]), fleet={"node_class": [0, 0, 1, 1]},
        clients=clients_of(guarantee=[0.25, 0.5, 0.0], lending=[Lending.NEVER, Lending.NEVER, Lending.FRAME]),
        jobs={"client": [0, 1, 2]},
        steps={"job": [0, 1, 2], "frames": [1, 2 - takes, 2 - takes],
               "request": [[2, 64, 1, 64, 0], [2, 64, 1, 64, 0], [6, 64, takes, 0, 0]]},
    )  # fmt: skip
    node = [2, 3] if takes else [2, 3, 2, 3]
    ran = {"frame": [*range(1, len(node) + 1), 0], "node": [*node, 2], "start": [0.0] * len(node) + [100.0],
           "end": [100.0] * len(node) + [160.0]}  # fmt: skip

    found = clients(world, history_of(world, 160.0, ran, decided=[0.0, 50.0 / 3]))

    assert found["shortfall"] == pytest.approx(8 * 100)
    assert found["shortfall_overdue"] == pytest.approx(overdue, abs=8 * 10)


@pytest.mark.parametrize(("own", "overdue"), [(4, 4 * 910.0), (5, 0.0)])
def test_room_in_pieces_too_small_for_a_frame_is_no_room(own: int, overdue: float) -> None:
    """A client has a frame on each of two nodes of 8 cores and wants one of 4 more; a borrower has what they leave."""
    world = farm_world_of(
        fleet={"node_class": [0, 0]}, clients=clients_of(guarantee=[1.0, 0.0], lending=[Lending.NEVER, Lending.FRAME]),
        jobs={"client": [0, 0, 1]},
        steps={"job": [0, 1, 2], "frames": [2, 1, 2],
               "request": [[own, 64, 0, 0, 0], [4, 64, 0, 0, 0], [8 - own, 64, 0, 0, 0]]},
    )  # fmt: skip
    ran = {"frame": [0, 1, 3, 4, 2], "node": [0, 1, 0, 1, 0], "start": [0.0] * 4 + [1000.0],
           "end": [1000.0] * 4 + [1100.0]}  # fmt: skip

    found = clients(world, history_of(world, 1100.0, ran, decided=[0.0, 30.0]))

    assert found["shortfall"] == pytest.approx(4 * 1000)
    assert found["shortfall_overdue"] == pytest.approx(overdue, abs=4 * 10)


def test_a_frame_counts_with_the_memory_that_is_kept_for_it() -> None:
    """Frames peak at a third of a node's memory and get a half: of three that are guaranteed a whole node two fit."""
    world = farm_world_of(
        clients=clients_of(guarantee=[1.0], lending=[Lending.NEVER]),
        steps={"frames": [3], "request": [[1, 10_000, 0, 0, 0]]},
    )
    ran = {"frame": [0, 1], "end": [1000.0] * 2, "memory": [16_384.0] * 2}

    found = clients(world, history_of(world, 1000.0, ran, decided=[0.0, 30.0]))

    assert found["shortfall"] == found["shortfall_overdue"] == 0.0


def test_seconds_outside_the_window_do_not_count() -> None:
    world, history = borrowed(Lending.PREEMPT, measure=(700.0, 900.0))

    assert clients(world, history)["shortfall"] == pytest.approx(2 * 200)
    assert clients(world, history)["shortfall_overdue"] == pytest.approx(2 * 200)
    assert clients(world, history)["shortfall_overdue_share"] == pytest.approx(1.0)


def test_less_than_a_frame_is_not_overdue() -> None:
    """A guarantee of 3 cores, frames of 2: one is held, the other does not fit into it."""
    world = farm_world_of(
        clients=clients_of(guarantee=[3 / 8, 0.0], lending=[Lending.NEVER, Lending.FRAME]),
        steps={"frames": [2], "request": [[2, 64, 0, 0, 0]]},
    )
    ran = {"frame": [0, 1], "start": [0.0, 500.0], "end": [500.0, 1000.0]}

    found = clients(world, history_of(world, 1000.0, ran, decided=[0.0, 30.0]))

    assert found["shortfall"] == pytest.approx(1.0 * 500)
    assert found["shortfall_overdue"] == 0.0


def test_paused_jobs_and_taken_licences_are_no_demand() -> None:
    steps = {"frames": [4], "licence": [0]}
    guaranteed = clients_of(guarantee=[1.0], lending=[Lending.NEVER])
    ran = {"frame": [0], "start": [0.0], "end": [100.0]}
    licensed = farm_world_of(clients=guaranteed, steps=steps, licences=np.array([1]))
    paused = farm_world_of(clients=guaranteed, steps={"frames": [4]}, jobs={"held": [True]})

    assert clients(licensed, history_of(licensed, 100.0, ran))["shortfall"] == pytest.approx(0.0)
    assert clients(paused, history_of(paused, 100.0, {}))["shortfall"] == 0.0
    assert np.isnan(clients(paused, history_of(paused, 100.0, {}))["fairness"])


def test_fairness_of_two_that_want_all_and_get_a_half_or_everything() -> None:
    world = farm_world_of(
        clients=clients_of(weight=[1.0, 1.0]), jobs={"client": [0, 1]},
        steps={"job": [0, 1], "frames": [99, 99], "request": [[1, 64, 0, 0, 0]] * 2},
    )  # fmt: skip
    half = {"frame": [*range(4), *range(99, 103)], "end": [100.0] * 8}
    one = {"frame": list(range(8)), "end": [100.0] * 8}

    assert clients(world, history_of(world, 100.0, half))["fairness"] == pytest.approx(1.0)
    assert clients(world, history_of(world, 100.0, one))["fairness"] == pytest.approx(0.5)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=12), st.data())
def test_least_over_ranges(values: list[float], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(values) - 1))
    last = data.draw(st.integers(first, len(values) - 1))

    assert least_over(np.array(values), np.array([first]), np.array([last])).tolist() == [min(values[first : last + 1])]


@given(seeds, st.integers(1, 5))
def test_what_clients_are_entitled_to(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    world = farm_world_of(
        clients=clients_of(guarantee=chance.dirichlet(np.ones(count + 1))[:count], weight=chance.uniform(0.5, 2, count))
    )
    wanted, worth = chance.exponential(5, (count, 3)), chance.uniform(1, 20, 3)

    given_out = entitled(world, wanted, worth)

    assert (given_out <= wanted + 1e-9).all()
    assert given_out.sum(axis=0) == pytest.approx(np.minimum(wanted.sum(axis=0), worth))
    assert (given_out >= np.minimum(wanted, world.clients.guarantee[:, None] * worth) - 1e-9).all()


@given(st.lists(st.floats(0.01, 9), min_size=1, max_size=9))
def test_jains_index_lies_between_one_for_one_and_one(values: list[float]) -> None:
    assert 1 / len(values) - 1e-9 <= jain(np.array(values)) <= 1 + 1e-9


def waiting_frames(world: FarmWorld, history: FarmHistory, at: float) -> list[int]:
    """Frames of each step that wait at an instant, counted one by one."""
    attempts, waiting = history.attempts, []
    for step, frames in enumerate(world.steps.frames.tolist()):
        job, own = int(world.steps.job[step]), attempts.step == step
        gone = history.job_failed[job] and at >= max(attempts.end[world.steps.job[attempts.step] == job])
        if not history.step_ready[step] <= at or gone or world.jobs.held[job]:
            waiting.append(0)
            continue
        done = int((own & (attempts.outcome == Outcome.DONE) & (attempts.end <= at)).sum())
        waiting.append(frames - done - int((own & (attempts.start <= at) & (at < attempts.end)).sum()))
    return waiting


def fitting(world: FarmWorld, history: FarmHistory, step: int) -> int:
    """Frames of a step that fit on all nodes that can run it, with the memory that was kept for those that ran."""
    request = world.steps.request[step].copy()
    first, kept = world.steps.first, history.attempts.memory[history.attempts.step == step]
    peaks = world.frames.memory[first[step] : first[step + 1]]
    request[Resource.MEMORY] = kept.mean() if len(kept) else peaks.mean()
    count = 0
    for klass in world.fleet.node_class.tolist():
        if np.isfinite(world.steps.seconds[step, klass]):
            parts = [offer / asked for offer, asked in zip(world.classes.offer[klass], request, strict=True) if asked]
            count += int(np.floor(min(parts) + 1e-9))
    return count


@settings(max_examples=25)
@given(seeds, st.sampled_from([restless, first_fit]))
def test_changes_against_a_look_at_every_instant(seed: int, planner: Planner) -> None:
    world = troubled_world(seed)
    world = replace(world, steps=replace(world.steps, licence=np.full(len(world.steps.job), -1)))
    history = run_farm(world, planner, Rules(), learned, until=2000.0)
    attempts, moved = history.attempts, changes(world, history)
    client, worth = world.jobs.client[world.steps.job], attempt_worth(world, attempts)
    fits = [fitting(world, history, step) for step in range(len(client))]

    instants = np.unique(np.concatenate([attempts.start, attempts.end, [0.0, history.end]]))
    for at in ((instants[1:] + instants[:-1]) / 2).tolist():
        runs = (attempts.start <= at) & (at < attempts.end)
        running = np.bincount(attempts.step[runs], minlength=len(client))
        ready = np.clip(np.minimum(waiting_frames(world, history, at), fits - running), 0, None)
        for row in range(world.clients.count):
            own = (moved.time <= at) & (moved.client == row)
            assert moved.held[own].sum() == pytest.approx(worth[runs & (client[attempts.step] == row)].sum(), abs=1e-6)
            assert moved.frames[own].sum() == pytest.approx(ready[client == row].sum(), abs=1e-6)
            assert (moved.ready[own].sum() > 1e-6) == (ready[client == row].sum() > 0)


def test_no_more_of_a_licence_is_wanted_than_is_free() -> None:
    lost = faults((Fault.LICENCE_LOSS, 50.0, 0, 20.0, 1.0))
    world = farm_world_of(steps={"frames": [6], "licence": [0]}, licences=np.array([4]), faults=lost)
    ran = {"frame": [0], "start": [0.0], "end": [100.0]}

    moved = changes(world, history_of(world, 100.0, ran))

    wanted = [float(moved.ready[moved.time <= at].sum()) for at in (10.0, 60.0, 90.0, 200.0)]
    assert wanted == pytest.approx([3.0, 0.0, 3.0, 4.0])


@settings(max_examples=25)
@given(seeds)
def test_courses_of_troubled_farms(seed: int) -> None:
    world = troubled_world(seed)
    history = run_farm(world, restless, Rules(), learned, until=3000.0)

    courses = client_courses(world, history)

    lasts = np.diff(courses.edges)
    tops = np.flatnonzero(world.clients.parent < 0)
    for course in courses.of:
        assert (course.most_held >= course.held - 1e-6).all()
        assert (course.short >= 0).all()
        assert (course.wanted >= course.held - 1e-6).all()
        assert (course.since <= courses.edges[:-1]).all()
    up = np.isin(history.spans.state, [NodeState.DOWN, NodeState.DRAINING], invert=True)
    spent = (history.spans.end - history.spans.start) * world.classes.worth[world.fleet.node_class[history.spans.node]]
    assert float(courses.worth @ lasts) == pytest.approx(float(spent[up].sum()))
    found = clients(world, history)
    assert 0 <= found["shortfall_overdue"] <= found["shortfall"] + 1e-3 * max(found["shortfall"], 1)
    assert np.isnan(found["fairness"]) or 1 / len(tops) - 1e-9 <= found["fairness"] <= 1 + 1e-9
