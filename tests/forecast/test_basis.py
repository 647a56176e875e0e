"""The linear part's basis: blocks whose primal and dual sides agree, and rows in which anything may be missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.forecast.basis import SMOOTH, Basis, Block
from placement.telemetry.features import FEATURES, Encoder
from tests.strategies import task_rows

ROWS = pd.DataFrame(
    {
        "width": [320.0, 640.0, 320.0, 1280.0, np.nan, 640.0],
        "height": [180.0, 360.0, 180.0, 720.0, 90.0, 360.0],
        "spp": [16.0, 64.0, np.nan, 16.0, 4.0, 256.0],
        "triangles": [1e3, 1e5, 1e6, 1e4, 1e3, 1e5],
        "denoise": [0.0, 1.0, 0.0, 0.0, 1.0, np.nan],
        "job_type": ["cycles/path", "radiosity", "cycles/path", "radiosity", "cycles/path", "cycles/path"],
        "renderer": ["cycles", "povray", "cycles", "povray", "cycles", "cycles"],
        "scene_family": ["glass", "forest", "glass", None, "forest", "glass"],
        "threads": [1.0, 2.0, 1.0, 2.0, 2.0, 1.0],
    }
)
BASIS = Basis.fit(Encoder.fit(ROWS, FEATURES), ROWS, support=4, seed=0)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Block, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns, categories = draw(st.integers(1, 6)), draw(st.integers(0, 3)), draw(st.integers(1, 3))
    codes = rng.integers(-1, categories, rows) if draw(st.booleans()) else None
    return Block("drawn", rng.normal(size=(rows, columns)), codes, categories if codes is not None else 1), rng


@given(blocks())
def test_coefficients_give_what_the_kernel_gives(drawn: tuple[Block, np.random.Generator]) -> None:
    block, rng = drawn
    dual, variance = rng.normal(size=len(block.matrix)), float(rng.uniform(0.1, 2.0))

    value = block.value(block.coefficients(dual, variance))

    assert value == pytest.approx(variance * block.gram() @ dual)


@given(blocks())
def test_a_gram_is_a_covariance(drawn: tuple[Block, np.random.Generator]) -> None:
    gram = drawn[0].gram()

    assert gram == pytest.approx(gram.T)
    assert np.linalg.eigvalsh(gram).min() > -1e-9


@given(blocks())
def test_some_rows_of_a_block_are_a_block_of_some_rows(drawn: tuple[Block, np.random.Generator]) -> None:
    block, rng = drawn
    some = rng.random(len(block.matrix)) < 0.5
    coefficients = rng.normal(size=(block.categories, block.matrix.shape[1]))

    part = block.take(some)

    assert part.gram() == pytest.approx(block.gram()[np.ix_(some, some)])
    assert part.value(coefficients) == pytest.approx(block.value(coefficients)[some])


def test_an_unknown_category_contributes_nothing() -> None:
    block = Block("kind", np.ones((2, 1)), np.array([-1, 0]), 1)

    assert block.value(np.array([[3.0]])).tolist() == [0.0, 3.0]
    assert block.gram().tolist() == [[0.0, 0.0], [0.0, 1.0]]


@given(task_rows())
def test_any_row_has_finite_blocks(rows: pd.DataFrame) -> None:
    x, raw, codes = BASIS.arrays(rows)

    made = [*BASIS.task_blocks(x, raw, codes), *BASIS.effect_blocks(x, codes)]

    assert np.isfinite(BASIS.work(raw)).all()
    for block in made:
        assert block.matrix.shape[0] == len(rows)
        assert np.isfinite(block.matrix).all()
        assert block.codes is None or (block.codes < block.categories).all()


def test_a_missing_value_counts_as_the_median_of_training() -> None:
    gap, filled = pd.DataFrame({"spp": [np.nan]}), pd.DataFrame({"spp": [16.0]})

    assert BASIS.arrays(gap)[0] == pytest.approx(BASIS.arrays(filled)[0])


def test_work_is_the_log_of_the_product_of_its_factors() -> None:
    _, raw, _ = BASIS.arrays(pd.DataFrame({"width": [100.0], "height": [10.0], "spp": [4.0]}))

    assert BASIS.work(raw) == pytest.approx(np.log([4000.0]))


def test_the_smooth_columns_are_orthonormal_under_their_kernel() -> None:
    x, raw, codes = BASIS.arrays(ROWS)
    smooth = next(block for block in BASIS.task_blocks(x, raw, codes) if block.name == "smooth")

    assert smooth.matrix.shape[1] == len(BASIS.support) <= 4
    assert (np.diag(smooth.gram()) <= 1.0 + 1e-9).all()


def test_json_gives_the_same_basis_to_the_last_bit() -> None:
    back = Basis.from_json(json.loads(json.dumps(BASIS.to_json())))

    for one, other in zip(BASIS.arrays(ROWS), back.arrays(ROWS), strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    assert np.array_equal(BASIS.nodes(ROWS), back.nodes(ROWS))
    assert np.array_equal(BASIS.whiten, back.whiten)


def test_a_farm_without_any_number_has_a_basis_that_survives_json() -> None:
    rows = pd.DataFrame({"job_type": ["a", "b"]})
    basis = Basis.fit(Encoder.fit(rows, FEATURES), rows, support=4, seed=0)

    back = Basis.from_json(json.loads(json.dumps(basis.to_json())))

    x, raw, codes = back.arrays(rows)
    assert x.shape == (2, 0)
    assert [block.name for block in back.task_blocks(x, raw, codes)] == ["one", "job_type", "missing"]
    assert back.work(raw).tolist() == [0.0, 0.0]


def test_the_smooth_part_changes_only_along_features_that_matter() -> None:
    first = np.eye(len(BASIS.median))[0]
    follows = BASIS.with_relevance(first)
    x, raw, codes = BASIS.arrays(ROWS)
    other = x + (1 - first)

    one, same = (next(b for b in follows.task_blocks(each, raw, codes) if b.name == SMOOTH) for each in (x, other))

    assert same.matrix == pytest.approx(one.matrix)
    assert (np.diag(one.gram()) <= 1.0 + 1e-9).all()


def test_every_feature_has_a_block_of_its_own_and_one_by_family() -> None:
    x, raw, codes = BASIS.arrays(ROWS)
    names = [block.name for block in BASIS.task_blocks(x, raw, codes)]

    for feature in BASIS.numeric:
        assert names.count(feature.name) == names.count(f"renderer × {feature.name}") == 1
