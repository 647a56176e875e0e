"""Retries that kept work add up; others stay apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from placement.telemetry.canonical import canonical
from placement.telemetry.stitch import stitch


def attempts(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    made = {"job_id": ["j"] * rows, "node_class": ["n"] * rows, "frame": [1] * rows, "attempt": list(range(rows))}
    return canonical(pd.DataFrame({**made, **columns}))[0]


def test_a_chain_sums_its_times_and_keeps_its_greatest_memory():
    rows = attempts(
        status=["interrupted", "killed", "ok"],
        run_time=[10.0, 20.0, 5.0],
        render_time=[9.0, 19.0, None],
        peak_memory=[100.0, 300.0, 200.0],
        mean_power=[100.0, None, 40.0],
        start_time=[0.0, 50.0, 90.0],
        checkpoint_fraction=[None, 0.3, 0.9],
    )

    whole, counts = stitch(rows)

    row = whole.iloc[0]
    assert (row.run_time, row.render_time, row.peak_memory, row.start_time) == (35.0, 28.0, 300.0, 0.0)
    assert row.mean_power == 80.0
    assert row.status == "ok"
    assert not row.censored
    assert counts == {"stitched into the attempt that went on": 2}


def test_a_retry_from_scratch_stays_alone():
    whole, counts = stitch(attempts(status=["interrupted", "ok"], run_time=[10.0, 12.0]))

    assert whole["run_time"].tolist() == [10.0, 12.0]
    assert counts == {}


def test_a_resumed_attempt_without_its_beginning_is_a_lower_bound():
    whole, _ = stitch(attempts(status=["ok"], run_time=[4.0], checkpoint_fraction=[0.8]))

    assert whole["censored"].tolist() == [True]


def test_a_chain_over_two_node_classes_says_nothing_about_either():
    rows = attempts(status=["interrupted", "ok"], run_time=[1.0, 2.0], node_class=["a", "b"],
                    checkpoint_fraction=[0.0, 0.5])

    whole, counts = stitch(rows)

    assert whole.empty
    assert counts["resumed on another node class"] == 1


def test_attempts_without_a_frame_number_are_never_joined():
    rows = attempts(status=["interrupted", "ok"], frame=[None, None], run_time=[1.0, 2.0],
                    checkpoint_fraction=[0.0, 0.5])

    assert stitch(rows)[0]["run_time"].tolist() == [1.0, 2.0]


@given(st.permutations(range(6)))
def test_the_order_of_the_rows_does_not_matter(order):
    rows = attempts(
        frame=[1, 1, 1, 2, 2, 3],
        attempt=[0, 1, 2, 0, 1, 0],
        status=["interrupted", "interrupted", "ok", "killed", "ok", "timeout"],
        run_time=[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        checkpoint_fraction=[0.0, 0.2, 0.4, 0.0, 0.5, 0.0],
    )

    whole, _ = stitch(rows.iloc[list(order)])

    np.testing.assert_array_equal(whole.sort_values("frame")["run_time"], [7.0, 24.0, 32.0])
