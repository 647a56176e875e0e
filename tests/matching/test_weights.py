"""Weights are finite and never negative."""

import pytest

from placement.errors import InvalidInput
from placement.matching.weights import PRESETS, Weights


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused_by_name(value: float) -> None:
    with pytest.raises(InvalidInput, match="weight money"):
        Weights(money=value)


def test_presets_differ_where_their_names_say() -> None:
    assert PRESETS["performance"].energy == 0 < PRESETS["balanced"].energy
    assert PRESETS["cost"].money > PRESETS["balanced"].money
