"""Energy modes: cheaper where there is time, never where there is not."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook
from placement.scheduling.cost import Cost
from placement.scheduling.energy_modes import attempt_watts, choose_modes, default_scarcity, waking_watts, watts
from placement.scheduling.plan import Outlooks
from placement.scheduling.rules import Aim, Rules
from placement.testing.planner_farms import classes_of, cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot

ECO = classes_of(speed=[[1.0, 0.8]], draw=[[1.0, 0.5]])
WHOLE = {"request": [[8, 1024, 0, 0, 0]]}


def expected(slack: object, jobs: int = 1) -> Outlooks:
    full = np.broadcast_to(np.asarray(slack, float), (jobs,)).copy()
    plain = np.full(jobs, 100.0)
    return Outlooks(finish=plain, on_time=plain, slack=full, earliest=plain.copy(), given_up=np.zeros(jobs, np.bool_))


@st.composite
def cases(draw: st.DrawFn) -> tuple[FarmSnapshot, Cost, Rules, Outlooks]:
    seed = draw(st.integers(0, 2**32 - 1))
    farm, cost = random_snapshot(seed, steps=draw(st.integers(0, 8)))
    chance = np.random.default_rng(seed)
    start = np.cumsum(chance.uniform(1, 900, 5))
    told = Outlook(start=start, price=chance.normal(0.1, 0.2, 5), carbon=chance.uniform(0, 500, 5))
    slack = np.where(np.isfinite(farm.jobs.deadline), chance.uniform(-500, 5000, farm.jobs.count), np.inf)
    rules = Rules(aim=draw(st.sampled_from(list(Aim))))
    return dataclasses.replace(farm, outlook=told), cost, rules, expected(slack, farm.jobs.count)


@given(cases())
def test_a_mode_never_breaks_the_slack(case: tuple[FarmSnapshot, Cost, Rules, Outlooks]) -> None:
    farm, cost, rules, outlooks = case

    mode = choose_modes(farm, cost, rules, outlooks)

    for step, kind in zip(*np.nonzero(mode), strict=True):
        assert np.isfinite(cost.seconds[step, kind])
        slack, deadline = outlooks.slack[farm.steps.job[step]], farm.jobs.deadline[farm.steps.job[step]]
        likely = np.exp(ndtri(rules.confidence) * np.hypot(cost.spread[step], cost.common[step]))
        way = max(deadline - farm.now - slack if np.isfinite(deadline) else 0.0, cost.seconds[step, kind] * likely)
        assert farm.now + way / farm.classes.speed[kind, mode[step, kind]] <= farm.now + way + slack + 1e-6


@given(cases())
def test_performance_is_always_the_fastest(case: tuple[FarmSnapshot, Cost, Rules, Outlooks]) -> None:
    farm, cost, _, outlooks = case

    assert not choose_modes(farm, cost, Rules(aim=Aim.PERFORMANCE), outlooks).any()


@given(cases(), st.floats(0, 1e3))
def test_scarcer_room_never_slows(case: tuple[FarmSnapshot, Cost, Rules, Outlooks], scarcity: float) -> None:
    farm, cost, rules, outlooks = case

    speeds = [
        np.take_along_axis(farm.classes.speed, choose_modes(farm, cost, rules, outlooks, scarcity=each).T, axis=1)
        for each in (0.0, scarcity, scarcity * 10)
    ]

    assert (speeds[0] <= speeds[1] + 1e-12).all()
    assert (speeds[1] <= speeds[2] + 1e-12).all()


@pytest.mark.parametrize(
    ("aim", "slack", "mode"),
    [
        (Aim.COST, 1e4, 1),
        (Aim.CARBON, 1e4, 1),
        (Aim.COST, 1.0, 0),
        (Aim.COST, -5.0, 0),
        (Aim.BALANCED, 1e4, 0),  # (200 × 0.5 + 95) / 0.8² W is more than 295 W
        (Aim.PERFORMANCE, 1e4, 0),
    ],
)
def test_the_aim_and_the_slack_decide(aim: Aim, slack: float, mode: int) -> None:
    farm = snapshot_of(classes=ECO, jobs={"deadline": [2e4]}, steps=WHOLE)
    slower = (
        dataclasses.replace(farm, classes=classes_of(speed=[[1.0, 0.8]], draw=[[1.0, 0.7]]))
        if aim is Aim.BALANCED
        else farm
    )

    assert choose_modes(slower, cost_of(farm), Rules(aim=aim), expected(slack))[0, 0] == mode


def test_emergencies_previews_and_lost_jobs_are_not_slowed() -> None:
    rules, lost = Rules(aim=Aim.COST), np.ones(1, np.bool_)
    plain = snapshot_of(classes=ECO, jobs={"deadline": [2e4]}, steps=WHOLE)
    urgent = snapshot_of(classes=ECO, jobs={"deadline": [2e4], "importance": [rules.emergency]}, steps=WHOLE)
    preview = snapshot_of(classes=ECO, jobs={"deadline": [2e4]}, steps={**WHOLE, "preview_due": [50.0]})

    assert choose_modes(plain, cost_of(plain), rules, expected(1e4))[0, 0] == 1
    for farm in (urgent, preview):
        assert choose_modes(farm, cost_of(farm), rules, expected(1e4))[0, 0] == 0
    assert choose_modes(plain, cost_of(plain), rules, dataclasses.replace(expected(1e4), given_up=lost))[0, 0] == 0


def test_a_saturated_farm_is_not_slowed_and_an_empty_one_is() -> None:
    few = snapshot_of(classes=ECO, steps={**WHOLE, "waiting": [1]})
    many = snapshot_of(classes=ECO, steps={**WHOLE, "waiting": [50]})
    rules = Rules(aim=Aim.COST)

    assert default_scarcity(few, cost_of(few), rules) == 0
    assert default_scarcity(many, cost_of(many), rules) > 0
    assert choose_modes(few, cost_of(few), rules, expected(np.inf))[0, 0] == 1
    assert choose_modes(many, cost_of(many), rules, expected(np.inf))[0, 0] == 0


def test_a_farm_without_nodes_has_no_scarcity() -> None:
    down = snapshot_of(nodes={"state": [NodeState.DOWN]})

    assert default_scarcity(down, cost_of(down), Rules()) == 0


def test_scarcity_is_zero_when_power_is_free() -> None:
    farm = snapshot_of(classes=ECO, steps={**WHOLE, "waiting": [50]}, outlook=Outlook.flat(-0.1))

    assert default_scarcity(farm, cost_of(farm), Rules(aim=Aim.COST)) == 0


def test_the_farm_draws_its_nodes_and_what_runs_on_them() -> None:
    classes = classes_of(
        offer=[[8, 32768, 0, 0, 0], [8, 32768, 2, 49152, 0]], wake_joules=[1200.0, 0.0], speed=[[1.0, 0.8]] * 2,
        draw=[[1.0, 0.5]] * 2,
    )  # fmt: skip
    farm = snapshot_of(
        classes=classes,
        nodes={"node_class": [0, 1, 0, 0], "state": [NodeState.UP, NodeState.UP, NodeState.ASLEEP, NodeState.WAKING]},
        steps={"request": [[4, 0, 0, 0, 0], [1, 0, 1, 0, 0]]},
        attempts={"step": [0, 1], "node": [0, 1], "mode": [1, 0]},
    )

    assert attempt_watts(farm).tolist() == [50.0, 100.0]
    assert waking_watts(classes).tolist() == [110.0, 100.0]
    assert watts(farm) == 100 + 50 + 100 + 100 + 5 + 110


def test_frames_that_ask_for_nothing_and_classes_without_nodes_are_no_matter() -> None:
    two = classes_of(speed=[[1.0, 0.8]] * 2, draw=[[1.0, 0.5]] * 2)
    farm = snapshot_of(classes=two, nodes={"node_class": [0]}, steps={"request": np.zeros((1, 5))})

    assert default_scarcity(farm, cost_of(farm), Rules(aim=Aim.COST)) == 0
    assert choose_modes(farm, cost_of(farm), Rules(aim=Aim.COST), expected(np.inf)).tolist() == [[0, 0]]


def test_many_steps_are_chosen_for_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    farm, cost = random_snapshot(seed=5, steps=40)
    deep = dataclasses.replace(farm.classes, draw=farm.classes.speed**6)
    farm = dataclasses.replace(farm, classes=deep)
    outlooks, rules = expected(2000.0, farm.jobs.count), Rules(aim=Aim.COST)
    whole = choose_modes(farm, cost, rules, outlooks, scarcity=0.0)

    monkeypatch.setattr("placement.scheduling.energy_modes._CELLS", 1)

    assert whole.any()
    assert (choose_modes(farm, cost, rules, outlooks, scarcity=0.0) == whole).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([Aim.BALANCED, Aim.COST, Aim.CARBON]), st.floats(0, 1e-5))
def test_with_time_to_spare_the_mode_is_the_cheapest_of_all(seed: int, aim: Aim, scarcity: float) -> None:
    farm, cost = random_snapshot(seed)
    classes, outlooks = farm.classes, expected(np.inf, farm.jobs.count)
    price, carbon = farm.outlook.at(farm.now)
    rate = {Aim.COST: price / 3.6e6, Aim.CARBON: carbon / 3.6e6, Aim.BALANCED: 1.0}[aim]

    mode = choose_modes(farm, cost, Rules(aim=aim), outlooks, scarcity=scarcity)

    for step in np.flatnonzero(farm.steps.waiting > 0):
        for kind in np.flatnonzero(
            np.isfinite(cost.seconds[step]) & (farm.jobs.importance[farm.steps.job[step]] < 100)
        ):
            share = np.nan_to_num(farm.steps.request[step] / np.maximum(classes.offer[kind], 1e-9))
            of_gpus, full = classes.gpu_watts[kind], (classes.busy_watts - classes.idle_watts)[kind]
            seconds = cost.seconds[step, kind] / classes.speed[kind]
            split = (full - of_gpus) * share[0] + of_gpus * share[2] if of_gpus else full * max(share[0], share[2])
            power = split * classes.draw[kind]
            power = power + share.max() * (classes.idle_watts - classes.asleep_watts)[kind]
            spent = (power * rate + share.max() * classes.worth[kind] * scarcity) * seconds
            spent = spent * seconds if aim is Aim.BALANCED else spent
            assert spent[mode[step, kind]] <= spent.min() * (1 + 1e-9)


def test_a_farm_that_is_late_for_somebody_hurries_for_all() -> None:
    farm = snapshot_of(
        classes=ECO, jobs={"deadline": [2e4, 50.0]}, steps={"job": [0, 1], "request": WHOLE["request"] * 2}
    )
    late, paused = np.array([False, True]), dataclasses.replace(farm.jobs, held=np.array([False, True]))
    rules = Rules(aim=Aim.COST)

    for given_up, jobs, mode in ((~late & late, farm.jobs, 1), (late, farm.jobs, 0), (late, paused, 1)):
        outlooks = dataclasses.replace(expected(1e4, 2), given_up=given_up)
        seen = dataclasses.replace(farm, jobs=jobs)
        assert choose_modes(seen, cost_of(farm), rules, outlooks, scarcity=0.0)[0, 0] == mode
