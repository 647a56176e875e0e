"""Finished frames as evidence: which rows of telemetry say something about a quantity of some jobs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.units import Bools

__all__ = ["evidence_of", "quiet_rows"]

_TIES = ("job_id", "node_class")


def evidence_of(finished: pd.DataFrame, target: str, tasks: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    """Return the finished frames of the tasks' jobs that measured `target`, node features filled in.

    Attempts whose ``status`` is not ``ok`` did not finish, and rows without the measurement say nothing: both are
    left out.

    Parameters
    ----------
    finished
        Telemetry rows with ``job_id`` and ``node_class``.
    tasks
        Only frames of their ``job_id`` matter.
    nodes
        Node features by ``node_class``, for columns that the finished rows do not have.

    Raises
    ------
    InvalidInput
        A column is missing, or a measurement is not positive and finite.

    Examples
    --------
    >>> done = pd.DataFrame({"job_id": ["j", "k"], "node_class": "big", "run_time": [9.0, 8.0]})
    >>> tasks, nodes = pd.DataFrame({"job_id": ["j"]}), pd.DataFrame({"node_class": ["big"], "cores": [4.0]})
    >>> evidence_of(done, "run_time", tasks, nodes)["cores"].tolist()
    [4.0]
    """
    if lacking := [name for name in _TIES if name not in finished]:
        raise InvalidInput(f"finished frames lack columns {lacking}")
    if "job_id" not in tasks or target not in finished:
        return finished[:0]
    use = finished[finished["job_id"].isin(tasks["job_id"].dropna().unique()) & finished[target].notna()]
    if "status" in use:
        use = use[use["status"].isna() | (use["status"] == "ok")]
    measured = use[target].to_numpy(float)
    wrong = ~(np.isfinite(measured) & (measured > 0))
    if wrong.any():
        raise InvalidInput(f"finished frame with {target} {measured[wrong][0]}: expected a positive, finite number")
    return _with_node_columns(use, nodes)


def quiet_rows(rows: pd.DataFrame) -> Bools:
    """Return whether each row was measured undisturbed, as far as is known, shape ``(rows,)``."""
    if "quiet" not in rows:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(rows["quiet"].fillna(1.0).to_numpy(float) > 0.5)


def _with_node_columns(rows: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    extra = [name for name in nodes.columns if name != "node_class" and name not in rows.columns]
    return rows.merge(nodes[["node_class", *extra]], on="node_class", how="left", sort=False) if extra else rows
