"""What a farm did becomes telemetry: every outcome, resumed work, chunks, quality parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placement.adapters.formats import read_telemetry
from placement.adapters.formats.journal_rows import JournalRows, rows_of, spool_journal
from placement.farm.facts import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Fact,
    JobSubmitted,
    NodeRegistered,
    NodeSpec,
    Outcome,
)
from placement.farm.jobs import Checkpoint, Frames, Job, Preview, Requirements, Step
from placement.runtime.ports import Entry
from placement.telemetry.clean import clean

_T0 = 1.7e9
_NODE = NodeSpec(name="n1", node_class="plain", cores=32, memory=65536)
_STEP = Step(
    name="beauty", frames=Frames(first=101, last=110), job_type="cycles/path", seconds=120.0,
    requirements=Requirements(cores=8, memory=4096), checkpoint=Checkpoint.RESUMES,
    quality={"spp": 64, "denoise": True, "look": "final", "crowd": 12, "status": "fooled", "threads": 4},
)  # fmt: skip


def _entries(*facts: Fact, steps: Sequence[Step] = (_STEP,), quality: object = None) -> list[Entry]:
    job = Job(name="sh010", client="film", group="show/seq/sh010", steps=tuple(steps))
    given = [NodeRegistered(at=_T0, node=_NODE), JobSubmitted(at=_T0, job=job), *facts]
    return [Entry(seq=seq, fact=fact) for seq, fact in enumerate(given, start=1)]


def _tried(  # noqa: PLR0913 - an attempt and its end
    attempt: int, outcome: Outcome, seconds: float, *, task: int = 0, saved: float = 0.0, at: float = 0.0,
    step: str = "beauty", mode: int = 0, memory: float = 0.0, node: str = "n1",
) -> tuple[Fact, Fact]:  # fmt: skip
    begun = AttemptStarted(
        at=_T0 + at, attempt=attempt, job="sh010", step=step, task=task, node=node, lease=0.0, saved=saved, mode=mode
    )
    return begun, AttemptEnded(
        at=_T0 + at + seconds, attempt=attempt, outcome=outcome, seconds=seconds, memory=memory,
        exit_code=0 if outcome is Outcome.DONE else None,
    )  # fmt: skip


def test_an_attempt_is_a_row_of_the_schema() -> None:
    (row,) = rows_of(_entries(*_tried(7, Outcome.DONE, 95.0, task=2, memory=2000.0))).to_dict("records")
    expected = {
        "job_id": "sh010/beauty", "frame": 103.0, "attempt": 0.0, "record_id": "attempt-7", "client": "film",
        "show": "show", "shot": "show/seq/sh010", "node_id": "n1", "first_frame": 101.0, "frames_in_job": 10.0,
        "job_type": "cycles/path", "renderer": "cycles", "node_class": "plain", "threads": 8.0, "cores": 8.0,
        "node_memory": 65536.0, "declared_memory": 4096.0, "declared_run_time": 120.0, "spp": 64.0, "denoise": 1.0,
        "run_time": 95.0, "start_time": _T0, "end_time": _T0 + 95.0, "peak_memory": 2000.0, "status": "ok",
        "exit_code": 0.0, "checkpoint_fraction": 0.0, "look": "final", "crowd": 12.0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert pd.isna(row["error_class"])
    assert pd.isna(row["width"])


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.ERROR, "error"), (Outcome.SCENE, "error"), (Outcome.NODE, "error"), (Outcome.STUCK, "error"),
        (Outcome.OUT_OF_MEMORY, "oom"), (Outcome.TIMEOUT, "timeout"), (Outcome.LOST, "interrupted"),
        (Outcome.INTERRUPTED, "interrupted"), (Outcome.CANCELLED, "interrupted"),
    ],
)  # fmt: skip
def test_every_outcome_has_a_status(outcome: Outcome, status: str) -> None:
    (row,) = rows_of(_entries(*_tried(1, outcome, 10.0))).to_dict("records")
    assert (row["status"], row["error_class"]) == (status, outcome.value)


def test_resumed_attempts_are_stitched_and_failures_drop_out() -> None:
    rows = rows_of(
        _entries(
            *_tried(1, Outcome.ERROR, 5.0),
            *_tried(2, Outcome.INTERRUPTED, 60.0, at=10),
            *_tried(3, Outcome.DONE, 45.0, saved=0.5, at=100),
            *_tried(4, Outcome.DONE, 90.0, task=1, at=10),
            *_tried(5, Outcome.TIMEOUT, 300.0, task=2, at=10),
        )
    )
    assert rows["attempt"].tolist() == [0, 1, 2, 0, 0]
    kept, dropped = clean(rows)
    assert sorted(zip(kept["frame"], kept["run_time"], kept["censored"], strict=True)) == [
        (101.0, 105.0, False), (102.0, 90.0, False), (103.0, 300.0, True)
    ]  # fmt: skip
    assert dropped["error"] == 1


def test_a_lost_attempt_ran_until_it_was_lost() -> None:
    begun, _ = _tried(1, Outcome.LOST, 0.0)
    lost = AttemptEnded(at=_T0 + 77.0, attempt=1, outcome=Outcome.LOST)
    assert rows_of(_entries(begun, lost))["run_time"].tolist() == [77.0]


def test_a_chunk_is_a_row_of_its_first_frame_with_its_share() -> None:
    step = Step(name="beauty", frames=Frames(first=1, last=10, chunk=5), job_type="cycles/path", seconds=100.0)
    (row,) = rows_of(_entries(*_tried(1, Outcome.DONE, 200.0, task=1), steps=[step])).to_dict("records")
    assert (row["frame"], row["run_time"], row["declared_run_time"]) == (6.0, 40.0, 20.0)
    assert np.isnan(row["start_time"])


def test_progress_is_kept_short_and_rises() -> None:
    begun, ended = _tried(1, Outcome.DONE, 1000.0)
    news = [
        AttemptProgressed(at=_T0 + after, attempt=1, lease=0.0, progress=after / 1000.0)
        for after in range(10, 1000, 10)
    ]
    late = AttemptProgressed(at=_T0 + 500, attempt=1, lease=0.0, progress=0.2)
    unknown = AttemptProgressed(at=_T0, attempt=99, lease=0.0)
    points = json.loads(rows_of(_entries(begun, *news, late, unknown, ended))["progress"].iloc[0])
    assert 5 <= len(points) <= 20
    assert points == sorted(points)
    assert all(share == pytest.approx(after / 1000.0) for after, share in points)


def test_what_cannot_be_a_row_is_counted() -> None:
    made = JournalRows()
    preview = Step(name="beauty", quality={"samples": 100}, preview=Preview(share=0.1))
    orphan = AttemptEnded(at=_T0, attempt=50, outcome=Outcome.DONE)
    entries = _entries(
        *_tried(1, Outcome.DONE, 9.0, mode=1), *_tried(2, Outcome.DONE, 9.0, node="gone"), orphan,
        *_tried(3, Outcome.DONE, 9.0, step="beauty/preview"), steps=[preview],
    )  # fmt: skip
    assert [row["job_id"] for row in made.rows(entries)] == ["sh010/beauty/preview"]
    assert sorted(made.skipped.values()) == [1, 1, 1]


def test_a_preview_that_looks_like_whole_frames_teaches_nothing() -> None:
    made = JournalRows()
    plain = Step(name="beauty", quality={"spp": 64}, preview=Preview(share=0.1))
    entries = _entries(
        *_tried(1, Outcome.DONE, 9.0), *_tried(2, Outcome.DONE, 3.0, step="beauty/preview"), steps=[plain]
    )
    assert [row["job_id"] for row in made.rows(entries)] == ["sh010/beauty"]
    assert list(made.skipped) == ["a preview that no parameter tells from whole frames"]


def test_quality_of_any_type_can_be_learned() -> None:
    steps = [
        Step(name="a", quality={"crowd": 3, "hair": True, "bias": -1.5, "look": "x", "odd": 3}),
        Step(name="b", quality={"crowd": 9.5, "hair": False, "bias": 2, "look": "y", "odd": "three"}),
    ]
    made = JournalRows()
    done = [*_tried(1, Outcome.DONE, 9.0, step="a"), *_tried(2, Outcome.DONE, 9.0, step="b")]
    list(made.rows(_entries(*done, steps=steps)))
    assert {each.name: each.scale for each in made.features} == {
        "crowd": "count", "hair": "flag", "bias": "linear", "look": "category", "odd": "category"
    }  # fmt: skip


def test_a_spooled_journal_reads_back_as_checked_telemetry(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    facts = [
        fact
        for number in range(20)
        for fact in _tried(number + 1, Outcome.DONE, 50.0 + number, task=number % 10, at=100.0 * number, memory=900.0)
    ]
    mapping, made = spool_journal(_entries(*facts), folder)
    telemetry = read_telemetry(folder, mapping=mapping, quarantine=tmp_path / "bad.jsonl")
    assert telemetry.report.rows_kept == 20
    assert telemetry.report.quarantined == {}
    assert {each.name for each in telemetry.features} == {"look", "crowd"}
    assert telemetry.rows["crowd"].tolist() == [12.0] * 20
    pd.testing.assert_series_equal(telemetry.rows["run_time"], rows_of(_entries(*facts))["run_time"])
    assert made.skipped == {}
