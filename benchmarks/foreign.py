"""Logs of other people's renders: scenes the model never saw, beside plain regressors on the raw columns."""

from __future__ import annotations

__all__ = ["foreign_logs"]
from benchmarks.result import Result
def foreign_logs() -> Result:
    """Later."""
    raise NotImplementedError
