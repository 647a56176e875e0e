"""The last frames of many, against the distribution that they are solved from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from placement.scheduling.last_wave import last_wave


@given(st.floats(0.01, 1.0), st.floats(1, 1000), st.floats(1, 1000))
def test_the_last_wave_grows_with_the_frames_in_it(variation: float, one: float, other: float) -> None:
    few, many = last_wave(np.full(2, variation), np.sort([one, other]), (0.5,))[0]

    assert few <= many * (1 + 1e-6)


@pytest.mark.parametrize("level", [0.01, 0.5, 0.8413, 0.999])
@given(st.floats(0.01, 3.0), st.floats(1, 50_000))
def test_the_longest_of_many_is_below_with_the_probability_asked_for(
    level: float, variation: float, parallel: float
) -> None:
    found = last_wave(np.full(1, variation), np.full(1, parallel), (level,))[0, 0]

    spread = np.sqrt(np.log1p(variation**2))
    z = (np.log(found) + spread**2 / 2) / spread
    rest = 1 - (ndtr(spread - z) - found * ndtr(-z))
    assert ndtr(z) * rest ** (parallel - 1) == pytest.approx(level, abs=1e-5)
