"""Tasks as columns: what each must have, what is known of it before it runs, and when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.farm.columns import Sets, Table, as_frame, check_names, numbers, sets
from placement.telemetry.schema import COLUMNS
from placement.units import Floats, Ints

__all__ = ["NODE_ONLY", "TASK_COLUMNS", "TaskTable", "task_table"]

#: Telemetry columns that describe the node class: they belong to the node table.
NODE_ONLY = ("node_class", "node_id", "node_memory", "threads")
_NEEDS = ("cores", "gpus", "gpu_memory", "software", "licences", "tags", "assets")
_REQUIREMENTS = ("task", *_NEEDS, "deadline", "importance")
_FEATURES = tuple(each.name for each in COLUMNS if each.role != "measured" and each.name not in (*NODE_ONLY, "cores"))

#: Columns that a task table may have; only ``job_type`` must be there.
TASK_COLUMNS = (*_REQUIREMENTS, *_FEATURES)


@dataclass(frozen=True, slots=True, eq=False)
class TaskTable:
    """Tasks as read-only columns of shape ``(tasks,)``.

    Parameters
    ----------
    ids
        Unique names of the tasks: their ``task`` column, or 0, 1, 2, ….
    job_type, job_types
        Code of each task's job type, and the names behind the codes.
    cores
        Cores it must have; NaN: it takes the whole node, whatever that is.
    gpus, gpu_memory
        GPUs it must have; MiB it needs on each.
    declared_memory
        The submitter's request in MiB; NaN when there is none.
    software, licences, tags
        What its node must offer.
    assets
        What it reads, for affinity.
    deadline
        Seconds from now; infinite when it has none.
    importance
        Weight of being late.
    features
        The telemetry columns known before a render, as they were given.
    """

    ids: pd.Index
    job_type: Ints
    job_types: tuple[str, ...]
    cores: Floats
    gpus: Floats
    gpu_memory: Floats
    declared_memory: Floats
    software: Sets
    licences: Sets
    tags: Sets
    assets: Sets
    deadline: Floats
    importance: Floats
    features: pd.DataFrame

    def __post_init__(self) -> None:
        for name in ("job_type", "cores", "gpus", "gpu_memory", "declared_memory", "deadline", "importance"):
            getattr(self, name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.job_type)


def task_table(tasks: Table, extra: Sequence[str] = ()) -> TaskTable:
    """Read a task table: a DataFrame or a list of records.

    Columns are `TASK_COLUMNS`. Missing ones, and empty cells, mean: no requirement, no deadline, importance 1,
    no assets; without ``cores`` a task takes the whole node.

    Parameters
    ----------
    extra
        Features beyond the schema's that a model was trained on; they pass through.

    Raises
    ------
    InvalidInput
        An unknown column, one that belongs to the nodes or is only known after the render, an impossible
        value, a task named twice, or a task without a job type.

    Examples
    --------
    >>> tasks = task_table([{"job_type": "arnold", "declared_memory": 4096, "software": "arnold;denoiser"}])
    >>> len(tasks), tasks.job_types, tasks.deadline.tolist()
    (1, ('arnold',), [inf])
    """
    frame = as_frame(tasks, "tasks")
    _check_columns(frame, extra)
    codes, job_types = pd.factorize(_job_types(frame))
    return TaskTable(
        ids=_ids(frame),
        job_type=np.asarray(codes, dtype=np.int64),
        job_types=tuple(str(each) for each in job_types),
        cores=numbers(frame, "cores", np.nan, what="tasks"),
        gpus=numbers(frame, "gpus", 0.0, what="tasks"),
        gpu_memory=numbers(frame, "gpu_memory", 0.0, what="tasks"),
        declared_memory=numbers(frame, "declared_memory", np.nan, what="tasks"),
        software=_sets(frame, "software"),
        licences=_sets(frame, "licences"),
        tags=_sets(frame, "tags"),
        assets=_sets(frame, "assets"),
        deadline=numbers(frame, "deadline", np.inf, what="tasks", low=-np.inf),
        importance=numbers(frame, "importance", 1.0, what="tasks"),
        features=frame[[name for name in frame.columns if name in _FEATURES or name in extra]],
    )


def _check_columns(frame: pd.DataFrame, extra: Sequence[str]) -> None:
    """Refuse columns of the nodes, columns measured only after a render, and unknown ones."""
    given = set(frame.columns)
    if of_nodes := sorted(given & set(NODE_ONLY)):
        raise InvalidInput(f"tasks have columns {of_nodes} that describe nodes; give them in the node table")
    if measured := sorted(given & {each.name for each in COLUMNS if each.role == "measured"}):
        raise InvalidInput(f"tasks have columns {measured} that are only known after a render; leave them out")
    check_names(frame.columns, (*TASK_COLUMNS, *extra), "tasks")


def _job_types(frame: pd.DataFrame) -> pd.Series:
    if "job_type" not in frame.columns:
        if len(frame):
            raise InvalidInput(f"tasks need the column 'job_type', got {[str(name) for name in frame.columns]}")
        return pd.Series([], dtype=object)
    missing = frame["job_type"].isna().to_numpy()
    if missing.any():
        raise InvalidInput(f"tasks: job_type is missing in row {int(missing.argmax())}")
    return frame["job_type"]


def _ids(frame: pd.DataFrame) -> pd.Index:
    if "task" not in frame.columns:
        return pd.RangeIndex(len(frame), name="task")
    ids: pd.Index = pd.Index(frame["task"], name="task")
    if ids.hasnans or not ids.is_unique:
        twice = [str(each) for each in ids[ids.duplicated() | ids.isna()].unique()[:5]]
        raise InvalidInput(f"tasks must have unique names in column 'task'; twice or missing: {twice}")
    return ids


def _sets(frame: pd.DataFrame, name: str) -> Sets:
    if name not in frame.columns:
        return Sets(np.zeros(len(frame), dtype=np.int64), (frozenset(),))
    return sets(frame[name].tolist())
