"""Cleaning keeps what can be learned from, says what is a bound, and counts the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.telemetry.canonical import canonical
from placement.telemetry.clean import Cleaner, clean
from placement.telemetry.schema import STATUSES


def attempts(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    made = {"job_id": ["j"] * rows, "node_class": ["n"] * rows, "status": ["ok"] * rows,
            "run_time": [float(n + 1) for n in range(rows)]}
    return canonical(pd.DataFrame({**made, **columns}))[0]


def test_errors_interruptions_and_warned_rows_go_and_are_counted():
    rows = attempts(status=["ok", "error", "interrupted", "ok"], warning_class=[None, None, None, "watermark"])

    kept, counts = clean(rows)

    assert kept["run_time"].tolist() == [1.0]
    assert counts == {"error": 1, "interrupted": 1, "failed, though it ended well": 1}


def test_attempts_cut_short_are_lower_bounds():
    kept, _ = clean(attempts(status=["ok", "timeout", "killed", "oom"]))

    assert kept["censored"].tolist() == [False, True, True, True]


def test_disturbed_rows_weigh_less_and_unknown_ones_do_not():
    kept, _ = clean(attempts(quiet=[1, 0, None]), noisy_weight=0.25)

    assert kept["weight"].tolist() == [1.0, 0.25, 1.0]


@pytest.mark.parametrize("weight", [0.0, 1.5, float("nan")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(InvalidInput, match=r"noisy_weight .* is not in"):
        clean(attempts(run_time=[1.0]), noisy_weight=weight)


def test_the_same_attempt_told_twice_counts_once():
    same = {"frame": [1, 1, 1], "start_time": [5.0, 5.0, 9.0], "run_time": [2.0, 2.1, 2.2]}

    kept, counts = clean(attempts(**same))

    assert kept["run_time"].tolist() == [2.0, 2.2]
    assert counts == {"duplicate of another attempt": 1}


def test_rows_without_any_target_teach_nothing():
    kept, counts = clean(attempts(status=["killed", "ok"], run_time=[None, 3.0]))

    assert len(kept) == 1
    assert counts == {"nothing measured": 1}


def test_an_empty_table_stays_empty():
    kept, counts = clean(attempts(run_time=[1.0]).iloc[:0])

    assert kept.empty
    assert {"censored", "weight"} <= set(kept)
    assert counts == {}


TABLES = st.lists(
    st.fixed_dictionaries({
        "frame": st.integers(0, 3),
        "attempt": st.integers(0, 2),
        "status": st.sampled_from(STATUSES),
        "run_time": st.sampled_from([1.0, 2.0, 5.0]),
        "start_time": st.sampled_from([None, 0.0, 100.0]),
        "checkpoint_fraction": st.sampled_from([None, 0.0, 0.5]),
        "quiet": st.sampled_from([None, 0, 1]),
    }),
    min_size=1,
    max_size=30,
)


@settings(max_examples=30)
@given(TABLES, st.integers(1, 7))
def test_batches_give_the_same_rows_as_one_table(table, batch):
    rows = canonical(pd.DataFrame([{"job_id": "j", "node_class": "n", **row} for row in table]))[0]
    whole, counts = clean(rows)

    cleaner = Cleaner()
    parts = [cleaner.add(rows.iloc[at : at + batch]) for at in range(0, len(rows), batch)]
    parts = [part for part in [*parts, cleaner.finish()] if len(part)]

    assert cleaner.dropped == counts
    if parts:
        together = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
        pd.testing.assert_frame_equal(together, whole)
    else:
        assert whole.empty


@settings(max_examples=30)
@given(TABLES)
def test_every_row_is_kept_or_counted_and_twice_the_table_is_the_table(table):
    rows = canonical(pd.DataFrame([{"job_id": "j", "node_class": "n", **row} for row in table]))[0]

    kept, counts = clean(rows)
    again, more = clean(pd.concat([rows, rows], ignore_index=True))

    assert len(kept) + sum(counts.values()) == len(rows)
    pd.testing.assert_frame_equal(kept, again)
    assert sum(more.values()) == sum(counts.values()) + len(rows)


def test_many_batches_of_different_sizes_remember_every_row():
    rng = np.random.default_rng(5)
    run_time = rng.permutation(np.repeat(np.arange(400.0), 3))
    cleaner = Cleaner()

    kept = [
        cleaner.add(attempts(run_time=part.tolist()))["run_time"].to_numpy()
        for part in np.split(run_time, np.sort(rng.integers(1, len(run_time), 30)))
        if len(part)
    ]

    assert np.sort(np.concatenate(kept)).tolist() == list(range(400))
    assert cleaner.dropped == {"duplicate of another row": 800}
