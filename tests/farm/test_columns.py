"""Columns of users' tables: names checked, numbers bounded, sets found once."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.columns import as_frame, check_names, names, numbers, sets

NAMES = st.frozensets(st.sampled_from(["arnold", "vray", "denoiser", "usd"]))


@given(st.lists(NAMES, max_size=20), st.lists(NAMES, min_size=1, max_size=5))
def test_covered_counts_what_each_owner_has(rows: list[frozenset[str]], owners: list[frozenset[str]]) -> None:
    found = sets([sorted(each) for each in rows])

    counts = found.covered(owners)[found.codes]

    assert counts.tolist() == [[float(len(row & owner)) for owner in owners] for row in rows]


@given(st.lists(NAMES))
def test_texts_and_lists_mean_the_same_sets(rows: list[frozenset[str]]) -> None:
    texts, lists = sets([";".join(each) for each in rows]), sets([sorted(each) for each in rows])

    assert [texts.members[code] for code in texts.codes] == [lists.members[code] for code in lists.codes] == rows


@pytest.mark.parametrize("cell", [None, float("nan"), pd.NA, "", " ; "])
def test_an_empty_cell_holds_no_names(cell: object) -> None:
    assert names(cell) == frozenset()


@pytest.mark.parametrize("cell", [3, [1, 2], {"a": 1}])
def test_a_cell_of_something_else_is_refused_and_shown(cell: object) -> None:
    with pytest.raises(InvalidInput, match="list of names"):
        names(cell)


def test_an_unknown_column_is_named_with_the_one_it_may_mean() -> None:
    with pytest.raises(InvalidInput, match=r"'memmory' \(did you mean 'memory'\?\), 'zzz'"):
        check_names(["memmory", "zzz"], ["memory", "cores"], "nodes")


@pytest.mark.parametrize("table", ["text", {"a": 1}, [1, 2], 7])
def test_what_is_no_table_is_refused(table: object) -> None:
    with pytest.raises(InvalidInput, match="must be a DataFrame or a list of records"):
        as_frame(table, "nodes")  # type: ignore[arg-type]


def test_a_column_given_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than once"):
        as_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]), "tasks")


def test_numbers_default_where_missing_and_are_bounded() -> None:
    frame = pd.DataFrame({"cores": [2, None], "gpus": [1, -1], "text": ["a", "b"]})

    assert numbers(frame, "cores", 5.0, what="tasks").tolist() == [2.0, 5.0]
    assert np.isnan(numbers(frame, "none", np.nan, what="tasks")).all()
    with pytest.raises(InvalidInput, match="gpus -1 in row 1 is outside 0"):
        numbers(frame, "gpus", 0.0, what="tasks")
    with pytest.raises(InvalidInput, match="must hold numbers"):
        numbers(frame, "text", 0.0, what="tasks")
