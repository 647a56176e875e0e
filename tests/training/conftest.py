"""Quick settings and small farms for the tests of training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from placement.telemetry.table import Telemetry
from training.cold import ColdSettings
from training.target import Effort
from training.trees import TreeSettings


@pytest.fixture(scope="session")
def quick() -> ColdSettings:
    """Settings that train in a second."""
    return ColdSettings(trees=TreeSettings(rounds=20, rate=0.2, ensemble=1), support=12, most_rows=80, steps=10)


@pytest.fixture(scope="session")
def little() -> Effort:
    """No search, no leave-out refits."""
    return Effort(draws=1, folds=3, jobs=1, backoff=False)


@pytest.fixture(scope="session")
def some(renders: Telemetry) -> Telemetry:
    """Every fifth of the shipped renders: all job types, most of them rare."""
    return replace(renders, rows=renders.rows[::5].reset_index(drop=True))
