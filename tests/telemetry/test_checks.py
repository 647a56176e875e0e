"""Each way a row can be impossible has its reason; real rows have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from placement.telemetry.canonical import canonical
from placement.telemetry.checks import check, complete

GOOD = {"job_id": "j", "job_type": "cycles", "node_class": "fast", "run_time": 10.0}


def reasons(**values: object) -> list[str]:
    rows, _ = canonical(pd.DataFrame([{**GOOD, **values}]))
    return [reason for reason, _ in check(complete(rows)[0])]


def test_a_row_with_only_what_is_required_passes():
    assert reasons() == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"job_id": None}, "job_id: missing"),
        ({"node_class": ""}, "node_class: missing"),
        ({"run_time": np.nan}, "run_time: missing in an ok row"),
        ({"run_time": np.inf}, "run_time: infinite"),
        ({"peak_memory": -np.inf}, "peak_memory: infinite"),
        ({"run_time": -1.0}, "run_time: below 0 s"),
        ({"run_time": 1e9}, "run_time: above 2.6784e+06 s"),
        ({"width": 0.5}, "width: not a whole number"),
        ({"transmissive_fraction": 1.5}, "transmissive_fraction: above 1 1"),
        ({"start_time": 20.0, "end_time": 10.0}, "end_time: before start_time"),
        ({"start_time": 0.0, "end_time": 60.0}, "run_time: disagrees with end_time - start_time"),
        ({"start_time": 0.0, "end_time": 1.0}, "run_time: disagrees with end_time - start_time"),
        ({"load_time": 6.0, "render_time": 6.0}, "run_time: less than the sum of its parts"),
        ({"threads": 2, "cpu_user_time": 40.0}, "cpu_user_time: more CPU time than threads x run_time"),
        ({"peak_memory": 9000.0, "node_memory": 8000.0}, "peak_memory: more than node_memory"),
        ({"status": "exploded"}, "status: unknown"),
        ({"status": "ok", "exit_code": 3}, "status: ok, yet the exit code is not 0"),
        ({"shot": "../../x"}, "shot: path out of its folder"),
        ({"error_class": "=1"}, "error_class: spreadsheet formula"),
    ],
)
def test_an_impossible_row_gets_its_reason(values, reason):
    assert reason in reasons(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"start_time": 0.0, "end_time": 13.0},
        {"load_time": 5.0, "render_time": 5.1},
        {"threads": 1, "cores": 2, "cpu_user_time": 20.0},
        {"cpu_user_time": 1e6},
        {"status": "error", "exit_code": 1, "run_time": np.nan},
        {"exit_code": -9},
        {"status": "OK"},
        {"peak_memory": 8100.0, "node_memory": 8000.0},
    ],
)
def test_what_is_within_the_tolerances_passes(values):
    assert reasons(**values) == []


def test_a_missing_status_follows_from_the_exit_code():
    rows, _ = canonical(pd.DataFrame({"exit_code": [0, 1, None], "status": [None, None, "KILLED"]}))

    filled, counts = complete(rows)

    assert filled["status"].tolist() == ["ok", "error", "killed"]
    assert counts == {"status missing, taken from the exit code (none: ok)": 2}


def test_a_missing_run_time_is_taken_from_the_clock_and_counted():
    rows, _ = canonical(pd.DataFrame({"start_time": [5.0, 5.0], "end_time": [8.0, None], "status": ["ok", "ok"]}))

    filled, counts = complete(rows)

    assert filled["run_time"].tolist()[0] == 3.0
    assert np.isnan(filled["run_time"][1])
    assert counts == {"run_time taken as end_time - start_time": 1}
