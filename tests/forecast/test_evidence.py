"""Which finished frames say something, and which are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.forecast.evidence import evidence_of, quiet_rows

TASKS = pd.DataFrame({"job_id": ["j", None]})
NODES = pd.DataFrame({"node_class": ["big"], "cores": [8.0]})
DONE = pd.DataFrame({"job_id": ["j", "j", "k"], "node_class": "big", "run_time": [1.0, 2.0, 3.0]})


def test_only_frames_of_the_tasks_jobs_count() -> None:
    assert evidence_of(DONE, "run_time", TASKS, NODES)["run_time"].tolist() == [1.0, 2.0]


def test_what_did_not_finish_or_measured_nothing_is_passed_over() -> None:
    mixed = DONE.assign(job_id="j", status=["ok", "killed", None], run_time=[1.0, 2.0, np.nan])

    assert evidence_of(mixed, "run_time", TASKS, NODES)["run_time"].tolist() == [1.0]
    assert evidence_of(DONE, "peak_memory", TASKS, NODES).empty
    assert evidence_of(DONE, "run_time", TASKS.drop(columns="job_id"), NODES).empty


def test_node_features_are_filled_in_where_the_rows_have_none() -> None:
    assert evidence_of(DONE, "run_time", TASKS, NODES)["cores"].tolist() == [8.0, 8.0]
    assert evidence_of(DONE.assign(cores=2.0), "run_time", TASKS, NODES)["cores"].tolist() == [2.0, 2.0]


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
def test_a_measurement_that_cannot_be_is_refused(value: float) -> None:
    with pytest.raises(InvalidInput, match=f"run_time {value}"):
        evidence_of(DONE.assign(run_time=value), "run_time", TASKS, NODES)


def test_rows_that_cannot_be_tied_to_a_job_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"lack columns \['job_id'\]"):
        evidence_of(DONE.drop(columns="job_id"), "run_time", TASKS, NODES)


def test_without_word_of_it_a_measurement_is_quiet() -> None:
    assert quiet_rows(DONE).all()
    assert quiet_rows(DONE.assign(quiet=[1.0, 0.0, np.nan])).tolist() == [True, False, True]
