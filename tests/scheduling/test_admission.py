"""Deadlines are given up for the least value, and the hopeless take no room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.admission import Admission, admit
from placement.scheduling.bottlenecks import Bottlenecks
from placement.units import Floats


def shared(work: Floats, room: float = 1.0) -> Bottlenecks:
    return Bottlenecks(
        room=np.full(1, room), work=work[None], variance=np.zeros((1, len(work))), client=np.array([-1]),
        classes=np.ones((1, 1), bool),
    )  # fmt: skip


def admitted(work: Floats, due: Floats, value: Floats) -> Admission:
    return admit(shared(work), due, work > due, value, np.zeros(len(work), bool))


def most_value(work: Floats, due: Floats, value: Floats) -> float:
    order = np.argsort(due)
    choices = (np.arange(2 ** len(work))[:, None] >> np.arange(len(work)) & 1).astype(bool)
    fits = (np.cumsum(work[order] * choices, axis=1) <= due[order] + 1e-9).all(axis=1)
    return float((choices[fits] @ value[order]).max())


JOBS = st.integers(0, 2**32 - 1)


def instance(seed: int, jobs: int) -> tuple[Floats, Floats, Floats]:
    chance = np.random.default_rng(seed)
    work = chance.uniform(1, 20, jobs)
    return work, chance.uniform(3, max(work.sum(), 4), jobs), chance.uniform(1, 10, jobs)


@given(JOBS, st.integers(1, 10))
def test_of_few_jobs_the_most_valuable_choice_is_found(seed: int, jobs: int) -> None:
    work, due, value = instance(seed, jobs)

    found = value[~admitted(work, due, value).given_up].sum()

    assert found == pytest.approx(most_value(work, due, value))


def test_of_more_jobs_at_least_95_percent_of_the_most_value_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placement.scheduling.admission._Task._best", lambda task: task._improved(task._forward(1.0)))
    shares = []

    for seed in range(300):
        work, due, value = instance(seed, 9)
        best = most_value(work, due, value)
        shares.append(value[~admitted(work, due, value).given_up].sum() / best if best else 1.0)

    assert np.mean(shares) >= 0.99
    assert np.quantile(shares, 0.01) >= 0.95


@given(JOBS, st.integers(1, 60))
def test_what_is_admitted_fits(seed: int, jobs: int) -> None:
    work, due, value = instance(seed, jobs)

    rows = admitted(work, due, value).admitted

    assert (np.cumsum(work[rows]) <= due[rows] * (1 + 1e-6)).all()


def test_an_infeasible_job_does_not_drag_feasible_ones_down() -> None:
    found = admitted(np.array([1000.0, 5.0, 5.0]), np.array([3.0, 6.0, 12.0]), np.array([100.0, 1.0, 1.0]))

    assert found.given_up.tolist() == [True, False, False]
    assert found.hopeless.tolist() == [True, False, False]
    assert np.isinf(found.needed(0))
    assert not len(found.conflicts(0))


def test_a_given_up_job_says_with_whom_it_conflicts_and_what_it_needs() -> None:
    found = admitted(np.array([8.0, 8.0, 1.0]), np.array([10.0, 10.0, 40.0]), np.array([2.0, 1.0, 1.0]))

    assert found.given_up.tolist() == [False, True, False]
    assert found.conflicts(1).tolist() == [0]
    assert found.needed(1) == pytest.approx(0.6)
    assert found.needed(0) == 0.0


def test_of_equal_jobs_the_same_is_given_up_every_time() -> None:
    same = np.full(3, 4.0)

    assert len({tuple(admitted(same, same * 2, same).given_up.tolist()) for _ in range(3)}) == 1


def test_extreme_overload_still_fills_the_time() -> None:
    chance = np.random.default_rng(0)
    work, value = chance.lognormal(3, 1, 400), chance.uniform(1, 10, 400)

    found = admitted(work, np.sort(chance.uniform(50, work.sum() / 10, 400)), value)

    kept = ~found.given_up
    assert 0 < kept.sum() < 400
    assert (value / work)[kept].mean() > (value / work)[~kept].mean()
