"""Features declared once: turned into the same arrays at training and at scoring, whatever is missing or unheard of."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from placement.errors import InvalidInput
from placement.telemetry.features import FEATURES, Encoder, Feature, columns_of
from placement.telemetry.schema import COLUMNS
from tests.strategies import task_rows

ROWS = pd.DataFrame(
    {
        "width": [100.0, 200.0, 0.0],
        "height": [10.0, 20.0, 5.0],
        "lights": [0.0, 3.0, np.nan],
        "denoise": [0.0, 1.0, 1.0],
        "camera_distance": [2.0, 2.0, 2.0],
        "job_type": ["b", "a", None],
        "threads": [1.0, 2.0, 2.0],
    }
)
CHOSEN = [
    each
    for each in FEATURES
    if each.name in ("pixels", "spp", "lights", "denoise", "camera_distance", "job_type", "renderer", "threads")
]
ENCODER = Encoder.fit(ROWS, CHOSEN)


def test_features_are_columns_known_before_a_render_in_their_units() -> None:
    before = {each.name: each.unit for each in COLUMNS if each.role == "before"}

    for feature in FEATURES:
        assert set(feature.columns) <= set(before)
        assert feature.product or feature.unit == before[feature.name]
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)


def test_only_features_that_say_something_are_kept() -> None:
    assert [each.name for each in ENCODER.features] == ["pixels", "lights", "denoise", "threads", "job_type"]
    assert ENCODER.vocabulary == {"job_type": ("a", "b")}


def test_a_feature_that_is_only_sometimes_there_says_something() -> None:
    rows = pd.DataFrame({"spp": [4.0, np.nan], "job_type": ["a", "a"]})

    assert [each.name for each in Encoder.fit(rows, CHOSEN).features] == ["spp", "job_type"]


def test_scales_are_those_declared() -> None:
    numbers = ENCODER.numbers(ROWS)

    assert numbers[:2, 0] == pytest.approx(np.log([1000.0, 4000.0]))
    assert numbers[:2, 1] == pytest.approx(np.log1p([0.0, 3.0]))
    assert numbers[:, 2].tolist() == [0.0, 1.0, 1.0]
    assert np.isnan(numbers[2, :2]).all()


def test_features_of_tasks_and_of_nodes_are_told_apart() -> None:
    both = ENCODER.numbers(ROWS)

    assert np.array_equal(ENCODER.numbers(ROWS, per_node=False), both[:, :3], equal_nan=True)
    assert np.array_equal(ENCODER.numbers(ROWS, per_node=True), both[:, 3:])


@given(task_rows())
def test_any_row_becomes_numbers_or_nan_and_codes_in_the_vocabulary(rows: pd.DataFrame) -> None:
    numbers, codes = ENCODER.numbers(rows), ENCODER.categories(rows)

    assert numbers.shape == (len(rows), 4)
    assert not np.isinf(numbers).any()
    assert ((codes >= -1) & (codes < 2)).all()
    for name, code in zip(rows["job_type"], codes[:, 0], strict=True):
        assert (code >= 0) == (name in ("a", "b"))


def test_plain_arrays_say_what_their_frame_says() -> None:
    columns = columns_of(ROWS)

    assert columns_of(columns) is columns
    assert np.array_equal(ENCODER.numbers(columns), ENCODER.numbers(ROWS), equal_nan=True)
    assert ENCODER.categories(columns).tolist() == ENCODER.categories(ROWS).tolist()


def test_pandas_own_missing_values_are_missing() -> None:
    rows = pd.DataFrame(
        {"lights": pd.array([1, None], dtype="Int64"), "job_type": pd.array(["a", None], dtype="string")}
    )

    assert np.isnan(ENCODER.numbers(rows)[1, 1])
    assert ENCODER.categories(rows).tolist() == [[0], [-1]]


def test_json_gives_the_same_encoder() -> None:
    back = Encoder.from_json(json.loads(json.dumps(ENCODER.to_json())))

    assert back.features == ENCODER.features
    assert back.vocabulary == ENCODER.vocabulary


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": "cubic"}, "scale 'cubic' is not one of"),
        ({"scale": "flag", "product": ("a", "b")}, "a product cannot have scale 'flag'"),
        ({"scale": "linear", "work": True}, "work must be on the log scale, not 'linear'"),
    ],
)
def test_a_feature_that_cannot_be_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"feature 'x': {message}"):
        Feature(name="x", **wrong)


def test_a_denoiser_works_on_every_pixel_however_many_samples_made_it() -> None:
    denoised = next(each for each in FEATURES if each.name == "denoised_film")
    rows = ROWS.assign(spp=[1.0, 64.0, 64.0])

    assert Encoder.fit(rows, [denoised]).numbers(rows)[:, 0].tolist() == [0.0, 4000.0, 0.0]
