"""Every reason has words, every step and every deadline an answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.explain import MEANING, verdict, why
from placement.scheduling.plan import Plan, Reason, Starts, Waits
from placement.scheduling.previews import key_frame_order, preview_part
from placement.scheduling.rules import Rules
from placement.scheduling.urgency import assess
from placement.testing.planner_farms import cost_of, snapshot_of

NONE = Starts.of(np.zeros(0, np.int64), np.zeros(0, np.int64), Reason.IDLE)


def waiting(farm: FarmSnapshot, reason: Reason, until: float = np.inf) -> Plan:
    steps = farm.steps.count
    return Plan(starts=NONE, waits=Waits(reason=np.full(steps, int(reason)), until=np.full(steps, until)))


def test_every_reason_has_words_of_its_own() -> None:
    assert set(MEANING) == set(Reason)
    assert len(set(MEANING.values())) == len(Reason)


@given(st.sampled_from(list(Reason)))
def test_every_reason_makes_a_sentence(reason: Reason) -> None:
    farm = snapshot_of(steps={"after": [-1, 0], "licence": [-1, 0]})

    assert MEANING[reason] in why(farm, waiting(farm, reason), 1)


def test_a_step_that_depends_names_the_other() -> None:
    farm = snapshot_of(steps={"index": [7, 9], "after": [-1, 0]})

    assert "(step 7)" in why(farm, waiting(farm, Reason.DEPENDS), 1)


def test_what_starts_in_part_says_both() -> None:
    farm = snapshot_of(steps={"waiting": [3]})
    starts = Starts.of(np.zeros(1, np.int64), np.zeros(1, np.int64), Reason.URGENT)
    waits = Waits(reason=np.array([int(Reason.OTHERS_FIRST)]), until=np.array([7200.0]))

    said = why(farm, Plan(starts=starts, waits=waits), 0)

    assert "danger of its deadline (1 frames)" in said
    assert "2 h from now" in said


def test_a_policy_that_gives_no_reasons_is_not_put_words_in_its_mouth() -> None:
    farm = snapshot_of()

    assert "does not say why" in why(farm, Plan(starts=NONE), 0)


def test_verdicts_tell_the_end_the_conflict_and_what_is_needed() -> None:
    farm = snapshot_of(
        jobs={"deadline": [700.0, 700.0, np.inf], "value": [1.0, 5.0, 1.0], "index": [10, 11, 12]},
        steps={"job": [0, 1, 2], "waiting": [60, 60, 1]},
    )  # fmt: skip
    seen = assess(farm, cost_of(farm, 60.0), Rules(), np.array([8.0]))

    said = [verdict(farm, seen.outlooks, job, seen.admission) for job in range(3)]

    assert "cannot meet" in said[0]
    assert "conflicts with jobs 11" in said[0]
    assert "more worth" in said[0]
    assert "with probability" in said[1]
    assert "no deadline" in said[2]
    assert verdict(farm, seen.outlooks, 0) in said[0]


def test_rows_that_are_not_there_are_refused() -> None:
    farm = snapshot_of()
    seen = assess(farm, cost_of(farm), Rules(), np.array([8.0]))

    with pytest.raises(InvalidInput):
        why(farm, Plan(starts=NONE), 1)
    with pytest.raises(InvalidInput):
        verdict(farm, seen.outlooks, -1)


@given(st.integers(0, 300))
def test_key_frames_are_all_frames_the_ends_and_the_middle_first(frames: int) -> None:
    order = key_frame_order(frames)

    assert sorted(order.tolist()) == list(range(frames))
    if frames > 2:
        assert order[:2].tolist() == [0, frames - 1]
        assert abs(order[2] - (frames - 1) / 2) <= 0.5


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 50), st.floats(51, 900))
def test_previews_stay_within_their_share(frames: int, shown: int, startup: float, seconds: float) -> None:
    shown = min(shown, frames)

    part = preview_part(frames, shown, startup, seconds)

    if part > 0:
        assert shown * (startup + part * (seconds - startup)) <= 0.02 * frames * seconds * (1 + 1e-9)


def test_impossible_previews_are_refused() -> None:
    with pytest.raises(InvalidInput):
        key_frame_order(-1)
    with pytest.raises(InvalidInput):
        preview_part(3, 4, 0.0, 1.0)
    assert preview_part(100, 2, 1.0, 1.0) == 1.0
    assert preview_part(100, 3, 1.0, 1.0) == 0.0
