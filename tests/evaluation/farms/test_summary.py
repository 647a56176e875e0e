"""Paired comparisons of runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from placement.errors import InvalidInput
from placement.evaluation.farms.summary import difference_between, ratio_to, summarise_farms


def runs_of(ours: list[float], theirs: list[float], metric: str = "makespan") -> pd.DataFrame:
    rows = [(seed, "ours", value) for seed, value in enumerate(ours)]
    rows += [(seed, "fifo", value) for seed, value in enumerate(theirs)]
    return pd.DataFrame(rows, columns=["seed", "policy", metric]).sample(frac=1, random_state=1)


OURS, THEIRS = [1.0, 2.0, 3.0, 5.0, 4.0, 2.5, 7.0], [2.0, 2.5, 4.0, 4.5, 7.0, 3.0, 9.0]


def test_the_paired_tests_are_those_of_scipy() -> None:
    found = difference_between(runs_of(OURS, THEIRS), "makespan", "ours", "fifo")

    test = stats.ttest_rel(OURS, THEIRS, alternative="less")
    both = stats.ttest_rel(OURS, THEIRS).confidence_interval()
    assert found.p_student == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx((both.low, both.high))
    assert found.p_wilcoxon < 0.1


def test_ranks_without_ties_are_exact() -> None:
    theirs = [1.1, 2.2, 3.3, 5.4, 4.5, 2.1]

    found = difference_between(runs_of(OURS[:6], theirs), "makespan", "ours", "fifo")

    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(np.subtract(OURS[:6], theirs), alternative="less").pvalue)


def test_more_is_better_where_it_is() -> None:
    found = difference_between(runs_of(THEIRS, OURS, "value"), "value", "ours", "fifo")

    assert found.mean > 0
    assert found.p_student < 0.05
    assert str(found).startswith("1.07")


def test_differences_that_are_all_alike() -> None:
    same = difference_between(runs_of([1.0] * 6, [1.0] * 6), "makespan", "ours", "fifo")
    less = difference_between(runs_of([1.0] * 6, [2.0] * 6), "makespan", "ours", "fifo")

    assert (same.mean, same.low, same.high, same.p_student, same.p_wilcoxon) == (0.0, 0.0, 0.0, 0.5, 0.5)
    assert (less.mean, less.high, less.p_student) == (-1.0, -1.0, 0.0)
    assert less.p_wilcoxon < 0.05


def test_one_seed_is_no_evidence() -> None:
    found = difference_between(runs_of([1.0], [2.0]), "makespan", "ours", "fifo")

    assert found.mean == -1.0
    assert found.low == -np.inf
    assert np.isnan([found.p_student, found.p_wilcoxon]).all()


def test_seeds_with_nothing_to_judge_are_left_out() -> None:
    runs = runs_of([1.0, np.nan, 3.0], [2.0, 5.0, 4.0])

    assert difference_between(runs, "makespan", "ours", "fifo").mean == -1.0
    row = summarise_farms(runs, "fifo").set_index("policy").loc["ours"]
    assert (row["mean"], row["difference"]) == (2.0, -1.0)
    assert row["ratio"] == pytest.approx(np.sqrt(1 / 2 * 3 / 4))


def test_a_summary_row_per_policy_and_metric() -> None:
    runs = runs_of(OURS, THEIRS).assign(on_time=0.0, seconds_of_nothing=1.0)

    found = summarise_farms(runs)

    assert sorted(found["metric"].unique()) == ["makespan", "on_time"]
    assert len(found) == 4
    assert found["ratio"].isna().sum() == 2
    assert set(summarise_farms(runs, "ours")["baseline"]) == {"ours"}


def test_ratios_to_columns_and_policies() -> None:
    runs = runs_of(OURS, THEIRS).assign(least_makespan=1.0)

    assert ratio_to(runs, "makespan", "ours", "least_makespan").mean == pytest.approx(stats.gmean(OURS))
    assert ratio_to(runs, "makespan", "ours", "makespan", "fifo").mean < 1


@pytest.mark.parametrize(
    ("metric", "policy", "message"),
    [("available", "ours", "not known which direction"), ("value", "ours", "no column 'value'"),
     ("makespan", "best", "policy 'best' is not among the runs")],
)  # fmt: skip
def test_a_wrong_name_is_told(metric: str, policy: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        difference_between(runs_of(OURS, THEIRS), metric, policy, "fifo")
