"""What was learnt about being wrong: looked up from the particular to the general, stored exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.forecast.calibration import SEEN_STATES, Calibration, state_of

CALIBRATION = Calibration(
    np.array([0.1, 0.5, 0.9]),
    np.tile([-1.5, 0.0, 1.5], (4, 1)),
    {"cycles/path": 0.1},
    {"cycles": 0.2, "": 0.4},
    {2: 1.3, 3: 1.8, 5: 2.5},
    frozenset({("cycles/path", "small"), ("cycles/path", "big")}),
    (2.0, 1.0),
    (0.1, 0.7),
    {"small": 0.05},
    {"cycles/path": "cycles"},
)


def test_a_jobs_variance_comes_from_its_type_else_its_family_else_from_all() -> None:
    found = CALIBRATION.job_variance(["cycles/path", "new", "new"], ["cycles", "cycles", "unheard of"])

    assert found.tolist() == [0.1, 0.2, 0.4]


@given(st.lists(st.integers(0, 200), min_size=1))
def test_a_table_holds_from_its_number_of_frames_up_to_the_next(seen: list[int]) -> None:
    state = state_of(np.array(seen))

    for count, position in zip(seen, state, strict=True):
        following = SEEN_STATES[position + 1] if position + 1 < len(SEEN_STATES) else np.inf
        assert SEEN_STATES[position] <= count < following


def test_json_gives_the_same_calibration() -> None:
    back = Calibration.from_json(json.loads(json.dumps(CALIBRATION.to_json())))

    assert back.to_json() == CALIBRATION.to_json()
    assert back.known == CALIBRATION.known
    assert back.inflation[5] == pytest.approx(2.5)
