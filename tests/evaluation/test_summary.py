"""Paired ratios and the summary."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.evaluation.summary import paired_ratio, ratio_between, summarise

RUN = {
    "makespan": 4.0, "node_seconds": 8.0, "mean_completion": 2.0, "core_seconds": 8.0, "utilisation": 0.5,
    "makespan_bound": 2.0, "node_seconds_bound": 4.0, "node_seconds_bound_at_makespan": 4.0,
}  # fmt: skip


def test_the_interval_covers_the_true_ratio_about_95_times_in_100() -> None:
    chance = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        luck = chance.lognormal(0, 0.5, 8)
        ratio = paired_ratio(luck * 0.7 * chance.lognormal(0, 0.1, 8), luck)
        covered += ratio.low <= 0.7 <= ratio.high

    assert 930 <= covered <= 970


@given(values=st.lists(st.floats(0.1, 10), min_size=2, max_size=9), factor=st.floats(0.1, 10))
def test_a_constant_ratio_has_no_spread(values: list[float], factor: float) -> None:
    theirs = np.array(values)

    ratio = paired_ratio(theirs * factor, theirs)

    assert (ratio.low, ratio.mean, ratio.high) == pytest.approx((factor,) * 3)


def test_one_seed_says_nothing_of_the_spread() -> None:
    ratio = paired_ratio(np.array([1.0]), np.array([2.0]))

    assert (ratio.low, ratio.mean, ratio.high) == (0.0, 0.5, np.inf)


def test_pairs_must_match_and_be_positive() -> None:
    with pytest.raises(InvalidInput, match=r"got \(1,\) and \(2,\)"):
        paired_ratio(np.ones(1), np.ones(2))
    with pytest.raises(InvalidInput, match="positive"):
        paired_ratio(np.zeros(1), np.ones(1))


def test_ratios_are_paired_by_seed_whatever_the_order_of_rows() -> None:
    runs = pd.DataFrame(
        [{**RUN, "policy": policy, "seed": seed, "makespan": slow * (seed + 1)}
         for policy, slow in (("fifo", 1.0), ("round-robin", 4.0)) for seed in (0, 1, 2)]
    ).sample(frac=1, random_state=1)  # fmt: skip

    table = summarise(runs).set_index("policy")

    assert table.loc["fifo", ["makespan_ratio", "makespan_ratio_low"]].tolist() == pytest.approx([0.25, 0.25])
    assert table.loc["fifo", "makespan_to_bound"] == pytest.approx(6 ** (1 / 3) / 2)
    assert table["seeds"].tolist() == [3, 3]


def test_without_the_baseline_the_first_policy_takes_its_place() -> None:
    table = summarise(pd.DataFrame([{**RUN, "policy": "fifo", "seed": 0}]))

    assert table["baseline"].tolist() == ["fifo"]


def test_a_policy_that_did_not_run_is_named_with_those_that_did() -> None:
    runs = pd.DataFrame([{**RUN, "policy": "fifo", "seed": 0}])

    with pytest.raises(InvalidInput, match=r"'random' is not among the runs; have \['fifo'\]"):
        ratio_between(runs, "makespan", "fifo", "random")
