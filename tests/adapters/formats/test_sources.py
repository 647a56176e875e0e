"""Pieces of files: numbers of rows, delimiters, types that only Parquet has."""

from __future__ import annotations

import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.adapters.formats.csv_source import read_csv
from placement.adapters.formats.pieces import WholePart, regrouped
from placement.adapters.formats.sources import read_pieces


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_rows_keep_the_number_they_have_in_the_file(whole):
    lines = [f"{number},x" if good else f"{number}" for number, good in enumerate(whole, start=1)]
    text = "\n".join(["id,b", *lines]) + "\n"

    pieces = list(read_csv(io.BytesIO(text.encode())))

    good = [int(value) for piece in pieces for value in piece.frame["id"]]
    numbers = [int(number) for piece in pieces for number in piece.numbers]
    broken = [row.number for piece in pieces for row in piece.broken]
    assert numbers == good
    assert sorted(numbers + broken) == list(range(1, len(whole) + 1))


def test_numbers_hold_over_many_pieces():
    rows = 150_000
    lines = [f"{n},x" if n % 1000 else f"{n}" for n in range(1, rows + 1)]

    pieces = list(read_csv(io.BytesIO("\n".join(["id,b", *lines]).encode())))

    assert len(pieces) > 2
    for piece in pieces:
        np.testing.assert_array_equal(piece.frame["id"].astype(int), piece.numbers)
    assert sum(len(piece.broken) for piece in pieces) == rows // 1000


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(delimiter):
    text = delimiter.join(["a", "b"]) + "\n" + delimiter.join(["1", "2"]) + "\n"

    (piece,) = read_csv(io.BytesIO(text.encode()))

    assert piece.frame.to_dict("list") == {"a": ["1"], "b": ["2"]}


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 7))
def test_regrouping_keeps_every_row_in_order(sizes, rows):
    at = np.cumsum([0, *sizes])
    batches = [pa.RecordBatch.from_pydict({"a": np.arange(at[n], at[n + 1])}) for n in range(len(sizes))]

    tables = list(regrouped(batches, rows))

    assert [value for table in tables for value in table["a"].to_pylist()] == list(range(at[-1]))
    assert all(len(table) == rows for table in tables[:-1])


def test_batches_before_a_damage_are_given_before_it_is_told():
    def torn():
        yield pa.RecordBatch.from_pydict({"a": [1, 2, 3]})
        raise pa.ArrowInvalid("page is damaged")

    tables = regrouped(torn(), 2)

    assert [next(tables)["a"].to_pylist(), next(tables)["a"].to_pylist()] == [[1, 2], [3]]
    with pytest.raises(pa.ArrowInvalid, match="page is damaged"):
        next(tables)


def test_nothing_follows_a_damage():
    part = WholePart(iter([1]))
    part.damage = EOFError("torn")

    assert list(part) == []


def test_types_that_only_parquet_has_come_as_plain_values(tmp_path):
    table = pa.table({
        "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "decimal": pa.array([Decimal("1.50"), None, Decimal("2")]),
        "moment": pa.array([0, 1, None], type=pa.timestamp("ms", tz="UTC")),
    })
    pq.write_table(table, tmp_path / "t.parquet")

    (piece,) = read_pieces(tmp_path / "t.parquet")

    assert piece.frame["dictionary"].tolist() == ["a", "b", "a"]
    assert piece.frame["decimal"].tolist()[::2] == [1.5, 2.0]
    assert piece.numbers.tolist() == [1, 2, 3]
