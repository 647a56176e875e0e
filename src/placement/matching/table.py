"""The result of a score as a DataFrame: one row per task, node class and energy mode."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placement.farm.nodes import NodeTable
from placement.forecast.distribution import LEVELS, Forecast
from placement.matching.cost import Costs, slowed
from placement.matching.feasible import REASON_TEXTS
from placement.matching.tasks import TaskTable
from placement.units import Floats, Ints

__all__ = ["SCORE_COLUMNS", "score_frame"]

#: Columns of the result, in order.
SCORE_COLUMNS = (
    "task", "node_class", "mode", "feasible", "ruled_out_by", "run_time_mean", "run_time_p10", "run_time_p50",
    "run_time_p90", "memory_p50", "memory_p99", "power", "power_limit", "energy", "money", "p_deadline", "affinity",
    "evidence", "score",
)  # fmt: skip

_QUANTILES = {"run_time_p10": 0.1, "run_time_p50": 0.5, "run_time_p90": 0.9}
_REASONS = pd.CategoricalDtype(list(REASON_TEXTS))
_EVIDENCE = pd.CategoricalDtype(list(LEVELS), ordered=True)


def score_frame(
    tasks: TaskTable, nodes: NodeTable, found: Costs, run_time: Forecast, memory: Forecast | None
) -> pd.DataFrame:
    """Return the table that ``docs/scoring.md`` describes, rows ordered by task, then class, then mode.

    Memory columns are the declared memory where there is no memory forecast.
    """
    modes = len(found.modes)
    places = np.arange(len(tasks) * len(nodes) * modes)
    pair = places // modes
    columns: dict[str, object] = {
        "task": _categories(pair // len(nodes), tasks.ids),
        "node_class": _categories(pair % len(nodes), pd.Index(nodes.names)),
        "mode": _categories(places % modes, pd.Index(found.modes)),
        "feasible": np.repeat(found.feasibility.mask.ravel(), modes),
        "ruled_out_by": pd.Categorical.from_codes(_small(found.feasibility.reasons, modes), dtype=_REASONS),
        "run_time_mean": found.run_time.ravel(),
        **_run_times(found, run_time),
        **_memory(tasks, nodes, memory, modes),
        "power": found.power.ravel(),
        "power_limit": found.watts.limits[found.watts.profile].ravel(),
        "energy": found.energy.ravel(),
        "money": found.money.ravel(),
        "p_deadline": found.p_deadline.ravel(),
        "affinity": np.repeat(found.affinity.ravel(), modes),
        "evidence": pd.Categorical.from_codes(_small(run_time.level, modes), dtype=_EVIDENCE),
        "score": found.score.ravel(),
    }
    return pd.DataFrame({name: columns[name] for name in SCORE_COLUMNS}, copy=False)


def _categories(codes: Ints, names: pd.Index) -> object:
    return pd.Categorical.from_codes(codes.astype(np.int32), dtype=pd.CategoricalDtype(names))


def _small(codes: Ints, modes: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.repeat(codes.astype(np.int16).ravel(), modes)


def _run_times(found: Costs, run_time: Forecast) -> dict[str, Floats]:
    """Return the quantiles of the run time in every mode, flat."""
    slow = [slowed(run_time, found.watts, mode) for mode in range(len(found.modes))]
    return {
        name: np.stack([each.quantile(level) for each in slow], axis=-1).ravel() for name, level in _QUANTILES.items()
    }


def _memory(tasks: TaskTable, nodes: NodeTable, memory: Forecast | None, modes: int) -> dict[str, Floats]:
    if memory is None:
        declared = np.repeat(tasks.declared_memory, len(nodes) * modes)
        return {"memory_p50": declared, "memory_p99": declared}
    return {
        name: np.repeat(memory.quantile(level).ravel(), modes)
        for name, level in {"memory_p50": 0.5, "memory_p99": 0.99}.items()
    }
