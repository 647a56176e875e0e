"""Random forecasts, jobs and telemetry, small enough to look at when a law breaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from placement.forecast.correction import SHARED, CorrectionKernel, Frames
from placement.forecast.distribution import Forecast
from placement.units import Floats, Ints

__all__ = ["floats", "forecasts", "frames", "kernels", "task_rows"]


def floats(low: float, high: float, *shape: int) -> st.SearchStrategy[Floats]:
    """Arrays of numbers in a range, drawn by one seed: far quicker than number by number."""
    return st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).uniform(low, high, shape))


def _integers(low: int, high: int, *shape: int) -> st.SearchStrategy[Ints]:
    return st.integers(0, 2**32 - 1).map(
        lambda seed: np.random.default_rng(seed).integers(low, high, shape, endpoint=True)
    )


@st.composite
def forecasts(draw: st.DrawFn, tasks: int | None = None, classes: int | None = None) -> Forecast:
    """Distributions over some tasks and classes, with tables that increase strictly."""
    tasks = draw(st.integers(1, 4)) if tasks is None else tasks
    classes = draw(st.integers(1, 3)) if classes is None else classes
    levels, tables = draw(st.integers(2, 9)), draw(st.integers(1, 4))
    steps = draw(floats(0.05, 1.0, levels + 1))
    z = np.cumsum(draw(floats(0.05, 1.5, tables, levels)), axis=1) - draw(st.floats(0.0, 4.0))
    return Forecast(
        draw(floats(-3.0, 12.0, tasks, classes)),
        draw(floats(0.01, 2.0, tasks, classes)),
        (np.cumsum(steps) / steps.sum())[:-1],
        z,
        draw(_integers(0, 5, tasks, classes)),
        draw(_integers(0, tables - 1, tasks, classes)),
    )


@st.composite
def frames(draw: st.DrawFn, most: int = 6, features: int = 2) -> Frames:
    """Frames of one job, at known places of its range, all of one job variance."""
    count = draw(st.integers(1, most))
    return Frames(
        np.zeros(count, dtype=np.int64),
        draw(floats(0.0, 1.0, count)),
        draw(_integers(0, 2, count)),
        draw(floats(-2.0, 2.0, count, features)),
        np.full(count, draw(st.floats(0.01, 1.0))),
    )


@st.composite
def kernels(draw: st.DrawFn, features: int = 2) -> CorrectionKernel:
    """Variances of what frames share."""
    noise = draw(st.floats(0.001, 0.05))
    shared = draw(floats(0.0, 0.1, len(SHARED)))
    shared[0] = draw(st.floats(0.1, 2.0))
    return CorrectionKernel(shared, draw(floats(0.0, 0.05, features)), noise, noise * draw(st.floats(1.0, 5.0)))


def task_rows() -> st.SearchStrategy[pd.DataFrame]:
    """Tables of task columns in which anything may be missing, and any category unheard of."""
    number = st.one_of(st.none(), st.floats(0, 1e6))
    word = st.one_of(
        st.none(), st.sampled_from(["cycles/path", "cycles", "povray", "radiosity", "none"]), st.text(max_size=8)
    )
    row: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"width": number, "height": number, "spp": number, "triangles": number, "job_type": word, "renderer": word}
    )
    return st.lists(row, min_size=1, max_size=5).map(pd.DataFrame)
