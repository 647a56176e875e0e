"""Values of every shape come to canonical dtypes, or are pointed out."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.telemetry.canonical import TEXT, canonical, extra_columns, to_flags, to_numbers, to_text
from placement.telemetry.features import Feature
from placement.telemetry.schema import COLUMNS


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(2**53), 2**53))))
def test_numbers_written_as_text_come_back_exactly(values):
    written = pd.Series([None if value is None else repr(value) for value in values], dtype=object)

    numbers, wrong = to_numbers(written)

    expected = np.array([np.nan if value is None else float(value) for value in values])
    np.testing.assert_array_equal(numbers, expected)
    assert not wrong.any()


ANYTHING = st.one_of(
    st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.binary(), st.lists(st.none())
)


@given(st.lists(ANYTHING))
def test_no_value_whatever_breaks_a_conversion(values):
    column = pd.Series(values, dtype=object)

    for numbers, wrong in (to_numbers(column), to_flags(column)):
        assert numbers.dtype == np.float64
        assert np.isnan(numbers[wrong]).all()
    text, wrong = to_text(column)
    assert text.dtype == TEXT
    assert text[wrong].isna().all()


@pytest.mark.parametrize("word", ["fast", "1,5", "0x10", "1_000", "12 s", "١٢x"])
def test_text_that_is_no_number_is_pointed_out(word):
    numbers, wrong = to_numbers(pd.Series([word, " 7 "]))

    assert wrong.tolist() == [True, False]
    assert numbers[1] == 7.0


@pytest.mark.parametrize("word", ["", "NaN", "null", "N/A", "None"])
def test_words_for_nothing_are_missing_numbers_not_wrong_ones(word):
    numbers, wrong = to_numbers(pd.Series([word, "x"]))

    assert wrong.tolist() == [False, True]
    assert np.isnan(numbers).all()


def test_an_integer_beyond_float64_is_no_number():
    _, wrong = to_numbers(pd.Series([10**400, 10**30, [1], b"1"], dtype=object))

    assert wrong.tolist() == [True, False, True, True]


def test_moments_become_seconds_and_durations_too():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = pd.Series(pd.to_datetime([datetime.datetime(1970, 1, 1, 2, 0, 1, tzinfo=zone), None]))
    naive = pd.Series(pd.to_datetime(["1970-01-01T00:01:00"]))
    lasted = pd.Series(pd.to_timedelta(["1.5s"]))

    assert to_numbers(moment)[0][0] == 1.0
    assert np.isnan(to_numbers(moment)[0][1])
    assert to_numbers(naive)[0].tolist() == [60.0]
    assert to_numbers(lasted)[0].tolist() == [1.5]


def test_flags_are_read_in_words_and_numbers():
    assert to_flags(pd.Series(["Yes", "false", "", "2"]))[0][:2].tolist() == [1.0, 0.0]
    assert to_flags(pd.Series(["Yes", "false", "", "2"]))[1].tolist() == [False, False, False, True]
    assert to_flags(pd.Series([1.0, 0.5, np.nan]))[1].tolist() == [False, True, False]
    assert to_flags(pd.Series([True, False]))[0].tolist() == [1.0, 0.0]


def test_names_that_were_read_as_numbers_are_whole_again():
    text, wrong = to_text(pd.Series([17.0, 2, True, Decimal("1.5"), None, b"raw", b"\xff", "\ud800"], dtype=object))

    assert text.tolist()[:4] == ["17", "2", "true", "1.5"]
    assert text[5] == "raw"
    assert wrong.tolist() == [False] * 6 + [True, True]


def test_nested_values_are_json_only_where_json_is_expected():
    rows, findings = canonical(pd.DataFrame({"progress": [[[0.5, 1.0]]], "shot": [["a"]]}))

    assert rows.loc[0, "progress"] == "[[0.5, 1.0]]"
    assert [reason for reason, _ in findings] == ["shot: not text"]
    assert to_text(pd.Series([np.array([1, 2])], dtype=object), nested=True)[0][0] == "[1, 2]"


def test_a_canonical_table_has_all_columns_of_the_schema_in_order():
    rows, findings = canonical(pd.DataFrame({"unknown": [1]}))

    assert list(rows) == [column.name for column in COLUMNS]
    assert rows.isna().all(axis=None)
    assert not findings


@given(st.data())
def test_being_canonical_is_stable(data):
    table = pd.DataFrame({
        "job_id": data.draw(st.lists(st.text(), min_size=3, max_size=3)),
        "run_time": data.draw(st.lists(st.floats(), min_size=3, max_size=3)),
        "quiet": data.draw(st.lists(st.booleans(), min_size=3, max_size=3)),
    })

    once, _ = canonical(table)
    twice, findings = canonical(once)

    pd.testing.assert_frame_equal(once, twice)
    assert not findings


def test_declared_features_become_columns_unless_the_schema_or_a_product_makes_them():
    declared = [
        Feature(name="objects", scale="log", unit="MiB"),
        Feature(name="spp", scale="log"),
        Feature(name="area", scale="log", product=("width", "height")),
        Feature(name="look", scale="category"),
        Feature(name="on", scale="flag"),
        Feature(name="offset", scale="linear"),
    ]

    columns = extra_columns(declared)

    assert [(each.name, each.kind, each.low) for each in columns] == [
        ("objects", "number", 0.0), ("look", "category", None), ("on", "flag", None), ("offset", "number", None),
    ]
