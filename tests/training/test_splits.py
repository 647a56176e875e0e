"""Honest splits: no shot is divided, time runs forward, and a planted leak is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from training.splits import check_no_leak, folds_of, groups_of, leave_one_out, time_split

NAMES = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))
GROUPS = st.lists(st.integers(0, 12), min_size=2, max_size=40).map(np.array)


@given(st.lists(st.tuples(st.sampled_from(["j1", "j2", "j3", "j4"]), NAMES, NAMES), min_size=1, max_size=12))
def test_rows_of_one_job_or_one_shot_are_one_group(cells: list[tuple[str, str | None, str | None]]) -> None:
    scene = {job: (show, shot) for job, show, shot in cells}
    rows = pd.DataFrame([(job, *scene[job]) for job, _, _ in cells], columns=["job_id", "show", "shot"], dtype=object)

    group = groups_of(rows)

    for one, left in enumerate(rows.itertuples()):
        for other, right in enumerate(rows.itertuples()):
            same_shot = left.shot is not None and (left.show, left.shot) == (right.show, right.shot)
            assert (group[one] == group[other]) == (left.job_id == right.job_id or same_shot)


@given(GROUPS, st.integers(2, 6), st.integers(0, 5))
def test_folds_divide_no_group_and_are_nearly_equal(groups: np.ndarray, folds: int, seed: int) -> None:
    fold = folds_of(groups, folds, seed)

    sizes = [len(np.unique(groups[fold == number])) for number in np.unique(fold)]
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == min(folds, len(np.unique(groups)))
    for number in np.unique(fold):
        check_no_leak(groups, fold != number, fold == number)


def test_the_same_seed_deals_the_same_folds() -> None:
    groups = np.arange(20)

    assert folds_of(groups, 4, 1).tolist() == folds_of(groups, 4, 1).tolist() != folds_of(groups, 4, 2).tolist()


@given(GROUPS, st.floats(0.05, 0.95), st.integers(0, 2**32 - 1))
def test_what_is_tested_started_after_all_that_was_learned_from(groups: np.ndarray, share: float, seed: int) -> None:
    start = np.random.default_rng(seed).uniform(0, 100, len(groups))

    train, test = time_split(groups, start, share)

    assert not (train & test).any()
    check_no_leak(groups, train, test)
    assert test.any() == (len(np.unique(groups)) > 1)
    if train.any() and test.any():
        assert start[train].max() < start[test].min()


def test_a_group_across_the_boundary_is_in_neither_part() -> None:
    groups, start = np.array([0, 0, 1, 1, 2, 2]), np.array([0.0, 1.0, 2.0, 9.0, 5.0, 6.0])

    train, test = time_split(groups, start, 0.3)

    assert groups[train].tolist() == [0, 0]
    assert groups[test].tolist() == [2, 2]


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(InvalidInput, match=f"test share {share}"):
        time_split(np.arange(3), np.arange(3.0), share)


def test_a_time_split_needs_times() -> None:
    with pytest.raises(InvalidInput, match="2 rows have no start_time"):
        time_split(np.arange(3), np.array([np.nan, 1.0, np.inf]), 0.5)


def test_one_fold_is_no_split() -> None:
    with pytest.raises(InvalidInput, match="1 folds, expected at least 2"):
        folds_of(np.arange(3), 1, 0)


@given(GROUPS, st.integers(0, 2**32 - 1))
def test_a_planted_leak_is_found(groups: np.ndarray, seed: int) -> None:
    fold = folds_of(groups, 2, 0)
    train, test = fold != 0, fold == 0
    if not train.any():
        return
    planted = test.copy()
    planted[np.random.default_rng(seed).choice(np.flatnonzero(train))] = True

    with pytest.raises(InvalidInput, match="the split leaks: 1 shots"):
        check_no_leak(groups, train, planted)


def test_leaving_one_label_out_leaves_each_out_once() -> None:
    labels = np.array([3, 1, 3, 2])

    tested = [labels[test].tolist() for _, test in leave_one_out(labels)]

    assert tested == [[1], [2], [3, 3]]
    assert all((train ^ test).all() for train, test in leave_one_out(labels))
