"""Cases are checked at birth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement.errors import InvalidInput
from tests.evaluation.cases import case_of


def test_a_forecast_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"forecast has shape \(1, 1\), expected \(tasks, classes\) = \(1, 2\)"):
        case_of([[1.0, 2.0]], [[1.0]], [0])


def test_what_is_runnable_must_be_what_has_a_true_time() -> None:
    case = case_of([[1.0, np.inf]], [[1.0, 1.0]], [0])

    with pytest.raises(InvalidInput, match="runnable disagrees"):
        replace(case, runnable=np.array([[True, True]]))
