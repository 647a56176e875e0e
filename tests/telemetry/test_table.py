"""Telemetry carries its account and a fingerprint of its content."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from placement.telemetry.canonical import canonical
from placement.telemetry.table import ReadReport, Telemetry, fingerprint

NAMES = st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=3)), min_size=2, max_size=6)


@given(NAMES, NAMES)
def test_a_fingerprint_tells_contents_apart_and_only_contents(one, other):
    first, second = (canonical(pd.DataFrame({"job_id": names}, dtype=object))[0] for names in (one, other))

    same = first["job_id"].equals(second["job_id"])

    assert (fingerprint(first) == fingerprint(second)) == same
    assert fingerprint(pd.concat([first.iloc[:1], first.iloc[1:]])) == fingerprint(first)


def test_zero_has_one_sign_and_nothing_one_form():
    payload = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]

    one, other = pd.DataFrame({"a": [0.0, 1.0, np.nan]}), pd.DataFrame({"a": [-0.0, 1.0, payload]})

    assert fingerprint(one) == fingerprint(other)


def test_a_report_reads_as_lines():
    report = ReadReport(
        files=2, rows_read=5, rows_kept=3, rows_quarantined=2, quarantined={"run_time: infinite": 2},
        dropped={"error": 1}, unreadable={"b.csv": "the file is empty"}, quarantine="q.jsonl",
        notes=("read as utf-16",),
    )

    assert str(report).splitlines() == [
        "5 rows in 2 files: 3 kept, 2 quarantined in q.jsonl",
        "  quarantined        2  run_time: infinite",
        "  dropped            1  error",
        "  unreadable  b.csv: the file is empty",
        "  note: read as utf-16",
    ]


def test_cleaned_telemetry_says_what_was_dropped_and_keeps_the_fingerprint_of_what_was_read():
    rows = canonical(pd.DataFrame({"job_id": ["a", "b"], "status": ["ok", "error"], "run_time": [1.0, 2.0]}))[0]
    telemetry = Telemetry(rows=rows, features=(), report=ReadReport(), fingerprint=fingerprint(rows))

    cleaned = telemetry.cleaned()

    assert cleaned.report.dropped == {"error": 1}
    assert len(cleaned.rows) == 1
    assert cleaned.fingerprint == telemetry.fingerprint
