"""Small farms and worlds by hand, for examples and tests: the columns that matter, the rest made plain."""

from __future__ import annotations

from typing import Any

import numpy as np

from placement.scheduling.snapshot import WAIT, Snapshot
from placement.simulator.world import World

__all__ = ["farm_of", "world_of"]


def farm_of(*, node_class: Any, tasks: int | None = None, now: float = 0.0, **columns: Any) -> Snapshot:
    """Return a snapshot of one-slot idle nodes and waiting tasks; `columns` replace any of its columns.

    Parameters
    ----------
    tasks
        Number of tasks; by default as many as the longest given task column has, or one.

    Examples
    --------
    >>> farm_of(node_class=[0, 1], tasks=2, task_node=[1, -1], task_since=[0.0, np.nan]).free_slots().tolist()
    [1, 0]
    """
    lengths = [len(column) for name, column in columns.items() if name.startswith("task_")]
    nodes, count = len(node_class), tasks if tasks is not None else max(lengths, default=1)
    plain = {
        "node_slots": np.ones(nodes, np.int64),
        "node_started": np.zeros(nodes, np.int64),
        "node_idle_since": np.zeros(nodes),
        "task_index": np.arange(count),
        "task_group": np.zeros(count, np.int64),
        "task_siblings": np.zeros(count, np.int64),
        "task_release": np.zeros(count),
        "task_deadline": np.full(count, np.inf),
        "task_chance": (np.arange(count) + 0.5) / max(count, 1),
        "task_node": np.full(count, WAIT, np.int64),
        "task_since": np.full(count, np.nan),
    }
    given = {name: np.asarray(column, plain[name].dtype) for name, column in columns.items()}
    return Snapshot(now=now, node_class=np.asarray(node_class, np.int64), **{**plain, **given})


def world_of(*, true_time: Any, node_class: Any, **columns: Any) -> World:
    """Return a world of one-slot nodes where all is released at once; `columns` replace any of its columns.

    Examples
    --------
    >>> world_of(true_time=[[1.0, 2.0]], node_class=[0, 1, 1]).slots_of_class().tolist()
    [1.0, 2.0]
    """
    seconds = np.asarray(true_time, float)
    tasks, classes = seconds.shape
    plain = {
        "class_cores": np.ones(classes),
        "node_slots": np.ones(len(node_class), np.int64),
        "task_group": np.zeros(tasks, np.int64),
        "task_release": np.zeros(tasks),
        "task_deadline": np.full(tasks, np.inf),
        "task_chance": (np.arange(tasks) + 0.5) / max(tasks, 1),
    }
    given = {name: np.asarray(column, plain[name].dtype) for name, column in columns.items()}
    names = tuple(f"class {c}" for c in range(classes))
    nodes = np.asarray(node_class, np.int64)
    return World(classes=names, node_class=nodes, true_time=seconds, **{**plain, **given})
