"""A foreign table goes in, checked rows and reasons come out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from placement.telemetry.admit import admit, lacking, unused_columns
from placement.telemetry.mapping_file import mapping_from

GOOD = {"job_id": "j", "job_type": "cycles", "node_class": "fast", "run_time": 10.0}
ANYTHING = st.one_of(st.none(), st.text(max_size=5), st.floats(), st.integers(), st.booleans(), st.binary(max_size=2))


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(GOOD, ANYTHING)), min_size=1, max_size=8))
def test_whatever_comes_in_each_row_is_admitted_or_has_a_reason(rows):
    admitted = admit(pd.DataFrame(rows, dtype=object))

    assert len(admitted.rows) == len(rows)
    assert len(admitted.reasons()) == admitted.refused.sum()
    assert all(admitted.reasons())
    assert (admitted.rows.loc[~admitted.refused, "run_time"] >= 0).all()


def test_a_wrong_type_is_told_once_not_as_missing_too():
    admitted = admit(pd.DataFrame([{**GOOD, "run_time": "fast"}, {**GOOD, "run_time": None}]))

    assert admitted.reasons() == [("run_time: not a number",), ("run_time: missing in an ok row",)]


def test_a_unit_that_does_not_fit_refuses_every_row_that_has_it():
    rows = [{**GOOD, "run_time": 1000.0 * n, "start_time": 0.0, "end_time": float(n)} for n in range(10, 20)]

    admitted = admit(pd.DataFrame([*rows, {**GOOD, "run_time": None, "status": "error"}]))

    assert admitted.refused.tolist() == [True] * 10 + [False]
    assert admitted.reasons()[0] == (
        'run_time: looks like ms: median is 1000 x (end_time - start_time); add unit = "ms" to a mapping',
    )


def test_a_suspicion_holds_for_the_rest_of_the_source():
    rows = [{**GOOD, "run_time": 1000.0 * n, "start_time": 0.0, "end_time": float(n)} for n in range(10, 20)]
    first = admit(pd.DataFrame(rows))

    rest = admit(pd.DataFrame([{**GOOD, "run_time": 5000.0}]), suspected=first.suspected)

    assert rest.refused.all()


def test_what_is_lacking_and_what_is_unused_is_named():
    mapping = mapping_from({"columns": {"run_time": {"from": "took"}}}, where="m")

    assert lacking(["job_id", "job_type", "node_class", "run_time"]) == []
    assert lacking(["job_type"]) == ["job_id", "node_class", "run_time (or start_time and end_time)"]
    assert unused_columns(["took", "spp", "mood"], mapping) == ["mood"]
    assert unused_columns(["took"], None) == ["took"]


def test_declared_features_are_part_of_the_rows():
    mapping = mapping_from({"features": {"objects": {"from": "Objects", "scale": "log"}}}, where="m")

    admitted = admit(pd.DataFrame([{**GOOD, "Objects": 3}, {**GOOD, "Objects": -3}]), mapping)

    assert np.array_equal(admitted.rows["objects"], [3.0, -3.0])
    assert admitted.reasons() == [("objects: below 0",)]
