"""Holding: cheap hours are used, deadlines are not risked, and not all work moves to the same hour."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook
from placement.scheduling import holding
from placement.scheduling.cost import Cost
from placement.scheduling.holding import holds, shift_savings
from placement.scheduling.plan import Outlooks
from placement.scheduling.rules import Aim, Rules
from placement.testing.planner_farms import cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot

COST = Rules(aim=Aim.COST)
WHOLE = [8, 1024, 0, 0, 0]


def hourly(*price: float) -> Outlook:
    return Outlook(start=3600.0 * np.arange(len(price)), price=np.array(price), carbon=np.array(price[::-1]))


def expected(farm: FarmSnapshot, span: object, jobs: int) -> Outlooks:
    took = np.broadcast_to(np.asarray(span, float), (jobs,)).copy()
    return Outlooks(
        finish=farm.now + took, on_time=np.ones(jobs), slack=farm.jobs.deadline - farm.now - took,
        earliest=farm.now + took, given_up=np.zeros(jobs, np.bool_),
    )  # fmt: skip


def nightly(jobs: int = 1, deadline: float = 30000.0, **rest: object) -> FarmSnapshot:
    """Jobs of one frame that takes a whole node; the third hour is cheap."""
    return snapshot_of(
        outlook=hourly(0.3, 0.3, 0.1, 0.3, 0.3), jobs={"deadline": [deadline] * jobs},
        steps={"job": np.arange(jobs), "request": [WHOLE] * jobs, "waiting": np.ones(jobs, int)}, **rest,
    )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[FarmSnapshot, Cost, Rules, Outlooks]:
    seed = draw(st.integers(0, 2**32 - 1))
    farm, cost = random_snapshot(seed, nodes=draw(st.integers(1, 6)), steps=draw(st.integers(0, 8)))
    chance = np.random.default_rng(seed)
    start = np.cumsum(chance.uniform(100, 900, 60)[: draw(st.integers(1, 60))])
    price, carbon = chance.normal(0.1, 0.2, len(start)), chance.uniform(0, 500, len(start))
    farm = dataclasses.replace(farm, outlook=Outlook(start=start, price=price, carbon=carbon))
    rules = Rules(aim=draw(st.sampled_from([Aim.COST, Aim.CARBON])))
    return farm, cost, rules, expected(farm, chance.uniform(10, 3000, farm.jobs.count), farm.jobs.count)


@given(cases())
def test_nothing_is_held_beyond_its_latest_start(case: tuple[FarmSnapshot, Cost, Rules, Outlooks]) -> None:
    farm, cost, rules, outlooks = case

    found = holds(farm, cost, rules, outlooks)

    job, ages = farm.steps.job[found.held], farm.jobs.release + rules.ageing
    latest = np.where(np.isfinite(farm.jobs.deadline), farm.now + outlooks.slack, ages)[job]
    assert (found.until[found.held] <= latest).all()
    assert (found.until[found.held] > farm.now).all()
    assert (found.until[~found.held] == farm.now).all()
    assert (farm.steps.waiting[found.held] > 0).all()
    assert not farm.jobs.held[job].any()


@given(cases())
def test_some_later_hour_is_cheaper_than_now_if_work_is_held_on_an_empty_farm(
    case: tuple[FarmSnapshot, Cost, Rules, Outlooks],
) -> None:
    farm, cost, rules, outlooks = case
    rate = farm.outlook.price if rules.aim is Aim.COST else farm.outlook.carbon

    found = holds(farm, cost, rules, outlooks)

    if found.held.any():
        now = max(int(np.searchsorted(farm.outlook.start, farm.now, side="right")) - 1, 0)
        assert rate[now:].min() < rate[now : now + 2].max()


@given(cases())
def test_other_aims_hold_nothing(case: tuple[FarmSnapshot, Cost, Rules, Outlooks]) -> None:
    farm, cost, _, outlooks = case

    for aim in (Aim.PERFORMANCE, Aim.BALANCED):
        assert not holds(farm, cost, Rules(aim=aim), outlooks).held.any()


def test_flexible_work_waits_for_the_cheap_hour() -> None:
    farm = nightly()

    found = holds(farm, cost_of(farm), COST, expected(farm, 60, 1))

    assert found.held.tolist() == [True]
    assert found.until.tolist() == [7200.0]


def test_carbon_looks_at_carbon() -> None:
    farm = dataclasses.replace(nightly(), outlook=hourly(0.1, 0.3, 0.2))

    assert not holds(farm, cost_of(farm), COST, expected(farm, 60, 1)).held.any()
    assert holds(farm, cost_of(farm), Rules(aim=Aim.CARBON), expected(farm, 60, 1)).until.tolist() == [7200.0]


def test_a_negative_price_is_waited_for() -> None:
    farm = dataclasses.replace(nightly(), outlook=hourly(0.0, -0.05, -0.01))

    assert holds(farm, cost_of(farm), COST, expected(farm, 60, 1)).until.tolist() == [3600.0]


def test_nothing_waits_for_the_same_price() -> None:
    farm = dataclasses.replace(nightly(), outlook=hourly(0.2, 0.2, 0.2))

    assert not holds(farm, cost_of(farm), COST, expected(farm, 60, 1)).held.any()


def test_a_job_without_time_to_render_a_frame_again_is_not_held() -> None:
    frame = 1000.0
    tight, easy = nightly(deadline=7200 + frame + 1100), nightly(deadline=7200 + frame + 1800)

    for farm, held in ((tight, False), (easy, True)):
        assert holds(farm, cost_of(farm, frame), COST, expected(farm, frame, 1)).held.tolist() == [held]


def test_a_job_without_a_deadline_is_held_no_longer_than_it_ages() -> None:
    patient = nightly(deadline=np.inf)
    impatient = Rules(aim=Aim.COST, ageing=7000.0)

    assert holds(patient, cost_of(patient), COST, expected(patient, 60, 1)).held.all()
    assert not holds(patient, cost_of(patient), impatient, expected(patient, 60, 1)).held.any()


def test_emergencies_previews_paused_and_lost_jobs_are_not_held() -> None:
    plain = nightly()
    outlooks = expected(plain, 60, 1)
    urgent = dataclasses.replace(plain, jobs=dataclasses.replace(plain.jobs, importance=np.full(1, COST.emergency)))
    paused = dataclasses.replace(plain, jobs=dataclasses.replace(plain.jobs, held=np.ones(1, np.bool_)))
    preview = dataclasses.replace(plain, steps=dataclasses.replace(plain.steps, preview_due=np.full(1, 9000.0)))

    for farm in (urgent, paused, preview):
        assert not holds(farm, cost_of(farm), COST, outlooks).held.any()
    lost = dataclasses.replace(outlooks, given_up=np.ones(1, np.bool_))
    assert not holds(plain, cost_of(plain), COST, lost).held.any()


def test_a_farm_that_is_down_holds_nothing() -> None:
    farm = nightly(nodes={"state": [NodeState.DOWN]})

    assert not holds(farm, cost_of(farm), COST, expected(farm, 60, 1)).held.any()


def test_the_cheap_hour_takes_only_what_fits_into_it() -> None:
    farm = nightly(jobs=10, deadline=17000.0)  # ten hours of work for one node, due within the five hours there are
    fits = nightly(jobs=1, deadline=17000.0)

    crowded = holds(farm, cost_of(farm, 3600), COST, expected(farm, 3600, 10)).held
    alone = holds(fits, cost_of(fits, 3600), COST, expected(fits, 3600, 1)).held

    assert alone.all()
    assert 0 < crowded.sum() < 10


def test_work_that_cannot_wait_takes_the_cheap_hour_first() -> None:
    busy = nightly(jobs=9, deadline=30000.0)
    slack = np.where(np.arange(9) < 8, 0.0, 20000.0)  # eight hours of work that must go on fill the night
    outlooks = dataclasses.replace(expected(busy, 3600, 9), slack=slack)

    assert not holds(busy, cost_of(busy, 3600), COST, outlooks).held[:8].any()
    assert holds(busy, cost_of(busy, 3600), COST, outlooks).until[8] != 7200.0


def test_running_work_takes_room_and_goes_on() -> None:
    farm = nightly(jobs=2)
    running = snapshot_of(
        outlook=farm.outlook, jobs={"deadline": [30000.0] * 2}, attempts={"step": [0], "node": [0]},
        steps={"job": [0, 1], "request": [WHOLE] * 2, "waiting": [0, 1]},
    )  # fmt: skip
    cost = cost_of(running, [[4 * 3600.0], [60.0]])

    found = holds(running, cost, COST, expected(running, 14400, 2))

    assert found.held.tolist() == [False, False]  # nothing is free in the cheap hour, later ones are as dear as now


def test_a_solver_that_fails_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "linprog", lambda *_, **__: SimpleNamespace(x=None))
    farm = nightly()

    assert not holds(farm, cost_of(farm), COST, expected(farm, 60, 1)).held.any()


def test_many_jobs_and_periods_are_planned_in_groups() -> None:
    farm = nightly(jobs=100, deadline=2e5, nodes={"node_class": [0] * 40})
    price = np.where(np.arange(96) % 24 < 6, 0.05, 0.3)
    farm = dataclasses.replace(
        farm, outlook=Outlook(start=900.0 * np.arange(96) - 9000, price=price[::-1].copy(), carbon=price)
    )

    found = holds(farm, cost_of(farm, 600), COST, expected(farm, 1800, 100))

    assert found.held.any()
    for until in np.unique(found.until[found.held]):
        assert farm.outlook.at(until)[0] < 0.3


def slow_savings(prices: np.ndarray, told: np.ndarray, hours: int, slack: int) -> float:
    paid = plain = 0.0
    for release in range(len(prices) - hours - slack + 1):
        for start in range(release, release + slack + 1):
            now = prices[start] + told[start + 1 : start + hours].sum()
            later = [told[each : each + hours].sum() for each in range(start + 1, release + slack + 1)]
            if now <= min(later, default=np.inf):
                break
        paid += prices[start : start + hours].sum()
        plain += prices[release : release + hours].sum()
    return 1 - paid / plain


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 5))
def test_savings_are_those_of_the_hourly_decisions(seed: int, hours: int, slack: int) -> None:
    chance = np.random.default_rng(seed)
    prices = chance.uniform(1, 9, 15)
    told = prices + chance.normal(0, 1, 15)

    assert shift_savings(prices, told, hours, slack) == pytest.approx(slow_savings(prices, told, hours, slack))


@pytest.mark.parametrize("market", ["BE", "DE", "FR", "NP"])
def test_published_prices_save_nine_tenths_of_what_the_true_ones_would(repository: Path, market: str) -> None:
    path = repository / "data" / "tariffs" / "day_ahead_prices.csv.gz"
    if not path.exists():
        pytest.skip("needs the day-ahead prices")
    table = pd.read_csv(path).query("market == @market")
    prices = table["price_eur_per_mwh"].to_numpy()

    perfect = shift_savings(prices, prices, hours=4, slack=24)

    for forecast in ("forecast_dnn", "forecast_lear"):
        assert shift_savings(prices, table[forecast].to_numpy(), hours=4, slack=24) >= 0.9 * perfect > 0
