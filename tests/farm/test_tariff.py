"""Tariffs: exact means, what is known when, and what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.tariff import Outlook, Tariff

SEEDS = st.integers(0, 2**32 - 1)


def outlook(chance: np.random.Generator, periods: int) -> Outlook:
    start = np.cumsum(chance.integers(1, 50, periods)).astype(float)
    return Outlook(start=start, price=chance.normal(0, 1, periods), carbon=chance.uniform(0, 500, periods))


def slow_mean(told: Outlook, column: np.ndarray, start: float, seconds: float) -> float:
    """Cut at every period's start, and sum piece by piece."""
    cuts = sorted({start, start + seconds, *(each for each in told.start if start < each < start + seconds)})
    paid = 0.0
    for left, right in itertools.pairwise(cuts):
        row = max([row for row, begin in enumerate(told.start) if begin <= left], default=0)
        paid += column[row] * (right - left)
    return paid / seconds


@given(SEEDS, st.integers(1, 6), st.floats(-50, 400), st.floats(0.1, 500))
def test_a_mean_is_the_exact_integral(seed: int, periods: int, start: float, seconds: float) -> None:
    told = outlook(np.random.default_rng(seed), periods)

    found = told.mean(told.price, np.array([start]), np.array([seconds]))

    assert found[0] == pytest.approx(slow_mean(told, told.price, start, seconds), abs=1e-8)


@given(SEEDS, st.integers(1, 6), st.floats(-50, 400))
def test_the_mean_over_no_time_is_the_value(seed: int, periods: int, start: float) -> None:
    told = outlook(np.random.default_rng(seed), periods)

    assert told.mean(told.carbon, np.array([start]), np.zeros(1))[0] == told.at(start)[1]


@given(SEEDS, st.integers(2, 8), st.floats(0, 300), st.floats(0, 200))
def test_nothing_is_known_before_it_is_published(seed: int, periods: int, now: float, horizon: float) -> None:
    chance = np.random.default_rng(seed)
    actual, published = outlook(chance, periods), outlook(chance, periods)
    published = Outlook(start=actual.start.copy(), price=published.price.copy(), carbon=published.carbon.copy())
    row = max(int((actual.start <= now).sum()) - 1, 0)
    later, beyond = np.arange(periods) > row, (np.arange(periods) > row) & (published.start >= now + horizon)
    other_truth = Outlook(start=actual.start.copy(), price=actual.price + 9 * later, carbon=actual.carbon + later)
    other_told = Outlook(start=actual.start.copy(), price=published.price + beyond, carbon=published.carbon + beyond)

    known = Tariff(actual=actual, published=published, horizon=horizon).outlook(now)
    same = Tariff(actual=other_truth, published=other_told, horizon=horizon).outlook(now)

    assert known.price.tolist() == same.price.tolist()
    assert known.carbon.tolist() == same.carbon.tolist()
    assert known.at(now) == actual.at(now)


def test_hours_ahead_are_as_published_and_beyond_the_horizon_their_mean() -> None:
    hours = 3600.0 * np.arange(30)
    truth = Outlook(start=hours, price=np.full(30, 5.0), carbon=np.full(30, 50.0))
    told = Outlook(start=hours.copy(), price=np.arange(30.0), carbon=np.arange(30.0))

    known = Tariff(actual=truth, published=told).outlook(now=1800.0)

    assert known.price[:25].tolist() == [5.0, *range(1, 25)]
    assert known.start[-1] == 25 * 3600.0
    assert known.price[-1] == pytest.approx((5.0 + sum(range(1, 25))) / 25)


def test_the_last_value_holds_for_ever_and_the_first_before_the_first() -> None:
    two = Outlook(start=np.array([10.0, 20.0]), price=np.array([-1.0, 3.0]), carbon=np.zeros(2))

    assert two.at(1e9) == (3.0, 0.0)
    assert two.at(0.0) == (-1.0, 0.0)
    assert Tariff(actual=two, published=two).outlook(1e9).price.tolist() == [3.0]


@pytest.mark.parametrize("name", ["start", "price", "carbon"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(name: str, value: float) -> None:
    columns = {"start": np.arange(3.0), "price": np.zeros(3), "carbon": np.zeros(3)}
    columns[name][1] = value

    with pytest.raises(InvalidInput, match=f"{name} of period 1 is {value}"):
        Outlook(**columns)


def test_other_impossible_tariffs_are_refused() -> None:
    one, two = Outlook.flat(), Outlook(start=np.arange(2.0), price=np.zeros(2), carbon=np.zeros(2))
    with pytest.raises(InvalidInput, match="at least one period"):
        Outlook(start=np.zeros(0), price=np.zeros(0), carbon=np.zeros(0))
    with pytest.raises(InvalidInput, match="must increase"):
        Outlook(start=np.zeros(2), price=np.zeros(2), carbon=np.zeros(2))
    with pytest.raises(InvalidInput, match="same periods"):
        Tariff(actual=one, published=two)
    with pytest.raises(InvalidInput, match="horizon -1"):
        Tariff(actual=one, published=one, horizon=-1.0)
