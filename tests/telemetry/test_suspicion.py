"""Milliseconds and kilobytes are noticed, honest numbers are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.telemetry.canonical import canonical
from placement.telemetry.suspicion import suspect_units

START = 1.7e9


def farm(rows: int = 20, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    run_time = rng.lognormal(3, 1, rows)
    made = {
        "run_time": run_time,
        "start_time": START,
        "end_time": START + run_time + 0.3,
        "render_time": run_time * 0.8,
        "peak_memory": rng.uniform(200, 4000, rows),
        "node_memory": 24_000.0,
    }
    return canonical(pd.DataFrame({**made, **columns}))[0]


def suspicions(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return [(each.column, each.unit) for each in suspect_units(rows)]


def test_a_farm_in_seconds_and_mebibytes_raises_no_suspicion():
    assert suspicions(farm()) == []


@given(st.sampled_from([("ms", 1e3), ("us", 1e6), ("ns", 1e9), ("min", 1 / 60), ("h", 1 / 3600)]), st.booleans())
def test_a_run_time_in_another_unit_shows_against_the_clock_or_its_parts(unit, has_clock):
    rows = farm()
    rows["run_time"] *= unit[1]
    if not has_clock:
        rows["end_time"] = np.nan

    found = suspect_units(rows)

    assert [(each.column, each.unit) for each in found] == [("run_time", unit[0])]
    assert f'add unit = "{unit[0]}" to a mapping' in str(found[0])


def test_run_times_without_other_evidence_are_held_against_a_week():
    bare = {"start_time": None, "render_time": None}

    assert suspicions(farm(run_time=5e6, **bare)) == [("run_time", "ms")]
    assert suspicions(farm(run_time=5e4, **bare)) == []


@pytest.mark.parametrize(("unit", "scale"), [("KiB", 1024.0), ("B", 1024.0**2)])
def test_memory_in_kilobytes_or_bytes_shows_against_the_node(unit, scale):
    rows = farm()
    rows["peak_memory"] *= scale

    assert suspicions(rows) == [("peak_memory", unit)]


@pytest.mark.parametrize(
    ("column", "value", "unit"),
    [
        ("peak_memory", 8e6, "KiB"),
        ("peak_memory", 8e9, "B"),
        ("peak_memory", 0.03, "GiB"),
        ("node_memory", 64.0, "GiB"),
        ("node_memory", 128.0 * 1024**2, "KiB"),
        ("node_memory", 128.0 * 1024**3, "B"),
    ],
)
def test_memory_without_other_evidence_is_held_against_what_machines_have(column, value, unit):
    rows = farm(**{"node_memory": None, "peak_memory": None, column: value})

    assert suspicions(rows) == [(column, unit)]


@pytest.mark.parametrize(("unit", "scale"), [("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_stamps_in_milliseconds_are_blamed_rather_than_the_run_time(unit, scale):
    rows = farm()
    rows["start_time"] *= scale
    rows["end_time"] *= scale

    assert suspicions(rows) == [("start_time", unit), ("end_time", unit)]


def test_a_few_odd_rows_raise_no_suspicion():
    rows = farm()
    rows.loc[:3, "run_time"] *= 1000

    assert suspicions(rows) == []


def test_a_clock_that_fits_no_unit_is_left_to_the_checks_of_rows():
    rows = farm()
    rows["run_time"] *= 30

    assert suspicions(rows) == []
