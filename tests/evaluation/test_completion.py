"""Filling a sparse table."""

from __future__ import annotations

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.evaluation.completion import complete
from placement.evaluation.workloads.catalog import device_table


def test_known_cells_stay_and_hidden_ones_of_an_additive_table_are_found() -> None:
    chance = np.random.default_rng(0)
    full = chance.normal(0, 1, (12, 1)) + chance.normal(3, 1, (1, 6))
    holed = np.where(chance.random(full.shape) < 0.3, np.nan, full)

    filled = complete(holed, np.zeros(12, bool), ridge=1e-3)

    known = np.isfinite(holed)
    assert (filled.log[known] == full[known]).all()
    assert abs(filled.log - full).max() < 0.05


def test_the_stated_error_is_that_of_cells_it_does_not_see() -> None:
    table = device_table()
    log, chance = np.log(table.median), np.random.default_rng(1)
    errors, stated = [], []
    for _ in range(12):
        hidden = table.measured & (chance.random(log.shape) < 0.3)
        filled = complete(np.where(hidden, np.nan, log), table.gpu)
        errors.append((filled.log - log)[hidden])
        stated.append(filled.error)

    assert np.sqrt((np.concatenate(errors) ** 2).mean()) == pytest.approx(np.mean(stated), rel=0.35)


def test_too_few_cells_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1 known cells, expected 5 or more"):
        complete(np.array([[1.0, np.nan]]), np.zeros(1, bool))
