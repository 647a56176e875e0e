"""Columns as users give them: numbers are possible numbers, names are names, and the rest is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.telemetry.given import given

GOOD = pd.DataFrame({"width": [640.0, np.nan], "job_type": ["a", None], "denoise": [1, 0], "task": [1, 2]})


def test_what_is_well_given_is_returned_as_it_is() -> None:
    assert given(GOOD, "tasks") is GOOD


def test_numbers_written_as_text_and_names_written_as_numbers_are_understood() -> None:
    rows = given(pd.DataFrame({"width": ["640", None], "renderer": [5, np.nan], "denoise": [True, False]}), "tasks")

    assert rows["width"].tolist()[0] == 640.0
    assert rows["renderer"].tolist()[0] == "5.0"
    assert rows["renderer"].isna().tolist() == [False, True]
    assert rows["denoise"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("width", "wide", "tasks: column 'width' must hold numbers"),
        ("width", -1.0, r"tasks: width -1 in row 0 is outside 0 … 1e\+06"),
        ("spp", np.inf, "spp inf in row 0"),
        ("denoise", 2.0, "denoise 2 in row 0 is outside 0 … 1"),
        ("scene_family", ["a"], r"tasks: column 'scene_family' must hold names, got \['a'\] in row 0"),
    ],
)
def test_what_cannot_be_is_refused_by_column_and_row(name: str, cell: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        given(pd.DataFrame({name: [cell]}), "tasks")
