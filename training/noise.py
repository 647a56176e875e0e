"""The noise that no forecast can foresee, from repeated renders of the same frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.forecast.evidence import quiet_rows

__all__ = ["NoiseFloor", "measured_rows", "noise_floor"]


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """How far repeats of one frame on one node class are apart.

    Parameters
    ----------
    pairs
        Repeats compared, all of them quiet.
    difference
        Median |log ratio| of two repeats.
    bound
        Median absolute percentage error of a forecast that knows the expected log of every frame, as a share.
    """

    pairs: int
    difference: float
    bound: float


def noise_floor(rows: pd.DataFrame, target: str) -> NoiseFloor:
    """Measure the noise that no forecast can foresee, from quiet renders of the same frame on the same class.

    The difference of two repeats has √2 times the spread of one, so the bound is the median difference / √2.

    Raises
    ------
    InvalidInput
        No frame was rendered twice without disturbance.
    """
    use = measured_rows(rows, target)
    use = use[quiet_rows(use) & use["frame"].notna()]
    log = np.log(use[target].to_numpy(float))
    cells = pd.Series(log).groupby([use[name].to_numpy() for name in ("job_id", "frame", "node_class")])
    apart = np.concatenate([np.abs(np.diff(part.to_numpy())) for _, part in cells] or [np.zeros(0)])
    if not len(apart):
        raise InvalidInput(f"no frame has two quiet measurements of {target} on one node class: noise cannot be told")
    middle = float(np.median(apart))
    return NoiseFloor(len(apart), middle, float(np.expm1(middle / np.sqrt(2))))


def measured_rows(rows: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows whose target is known, not a bound."""
    value = rows[target].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(value) & (value > 0) & ~rows["censored"].to_numpy(bool)
    kept: pd.DataFrame = rows.loc[known].reset_index(drop=True)
    return kept
