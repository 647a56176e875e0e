"""Node classes: machines that behave alike, one by one and as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.farm.columns import Table, as_frame, check_names, names
from placement.units import Floats, MiB, Watts

__all__ = ["NODE_COLUMNS", "NodeClass", "NodeTable", "node_classes"]

_SETS = ("software", "licences", "tags", "job_types", "warm_job_types", "assets")
_TEXTS = ("name", "gpu_model")
_SHARES = ("load",)
_MAY_BE_UNKNOWN = ("threads", "idle_power", "peak_power", "gpu_power_limit")
_UNIT = {
    "memory": "MiB",
    "gpu_memory": "MiB",
    "idle_power": "W",
    "peak_power": "W",
    "gpu_power_limit": "W",
    "price": "EUR/h",
    "electricity": "EUR/kWh",
}
_UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """Machines that behave alike.

    Parameters
    ----------
    cores, threads
        CPU cores of a node; threads a renderer starts there (as many as cores unless given).
    memory
        MiB; infinite when not known, which rules nothing out.
    gpus, gpu_memory, gpu_model, gpu_power_limit
        GPUs of a node; MiB each; the model's name ("" unknown); highest power limit in W each.
    software, licences, tags
        What tasks may ask for.
    job_types
        The job types it may run; empty: all.
    idle_power, peak_power
        Watts of a node without its GPUs, doing nothing and at full load; unknown: estimated from the cores.
    assets, warm_job_types
        What is already cached on its nodes: asset names; job types with compiled kernels and loaded software.
    count, load
        How many nodes there are; share of them at work, 0 to 1.
    price, electricity
        EUR per node-hour without electricity; EUR per kWh.

    Raises
    ------
    InvalidInput
        A value that no node can have.

    Examples
    --------
    >>> NodeClass(name="big", cores=64, memory=262144, idle_power=120, peak_power=600).threads
    64.0
    >>> NodeClass(name="big", memory=-1)
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: node class 'big': memory -1 MiB is negative
    """

    name: str
    cores: float = 1.0
    threads: float = _UNKNOWN
    memory: MiB = float("inf")
    gpus: float = 0.0
    gpu_memory: MiB = 0.0
    gpu_model: str = ""
    gpu_power_limit: Watts = _UNKNOWN
    software: frozenset[str] = frozenset()
    licences: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    job_types: frozenset[str] = frozenset()
    idle_power: Watts = _UNKNOWN
    peak_power: Watts = _UNKNOWN
    assets: frozenset[str] = frozenset()
    warm_job_types: frozenset[str] = frozenset()
    count: float = 1.0
    load: float = 0.0
    price: float = 0.0
    electricity: float = 0.20

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InvalidInput(f"a node class needs a name, got {self.name!r}")
        for each in _NUMBERS:
            _check_number(self.name, each, getattr(self, each))
        if self.cores == 0:
            raise InvalidInput(f"node class {self.name!r}: cores 0 cannot run anything, expected more")
        if self.idle_power > self.peak_power:
            raise InvalidInput(
                f"node class {self.name!r}: idle_power {self.idle_power:g} W is above peak_power {self.peak_power:g} W"
            )
        if np.isnan(self.threads):
            object.__setattr__(self, "threads", float(self.cores))


def _check_number(owner: str, name: str, value: object) -> None:
    """Refuse what is not a finite number of the right sign."""
    where, unit = f"node class {owner!r}: {name}", f" {_UNIT[name]}" if name in _UNIT else ""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidInput(f"{where} must be a number, got {value!r}")
    if np.isnan(value) and name not in _MAY_BE_UNKNOWN:
        raise InvalidInput(f"{where} is not a number")
    if value < 0:
        raise InvalidInput(f"{where} {value:g}{unit} is negative")
    if np.isinf(value) and name != "memory":
        raise InvalidInput(f"{where} is infinite")
    if name in _SHARES and value > 1:
        raise InvalidInput(f"{where} {value:g} is above 1; it is a share")


_NUMBERS = tuple(each.name for each in fields(NodeClass) if each.name not in (*_SETS, *_TEXTS))

#: Columns of a node table; all but ``node_class`` may be missing and then have `NodeClass`'s default.
NODE_COLUMNS = tuple("node_class" if each.name == "name" else each.name for each in fields(NodeClass))


@dataclass(frozen=True, slots=True, eq=False)
class NodeTable:
    """Node classes as columns, each of shape ``(classes,)`` and read-only; fields as in `NodeClass`."""

    names: tuple[str, ...]
    cores: Floats
    threads: Floats
    memory: Floats
    gpus: Floats
    gpu_memory: Floats
    gpu_model: tuple[str, ...]
    gpu_power_limit: Floats
    software: tuple[frozenset[str], ...]
    licences: tuple[frozenset[str], ...]
    tags: tuple[frozenset[str], ...]
    job_types: tuple[frozenset[str], ...]
    idle_power: Floats
    peak_power: Floats
    assets: tuple[frozenset[str], ...]
    warm_job_types: tuple[frozenset[str], ...]
    count: Floats
    load: Floats
    price: Floats
    electricity: Floats

    def __post_init__(self) -> None:
        if not self.names:
            raise InvalidInput("no node class given, expected at least one")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise InvalidInput(f"node classes {twice} are given more than once")
        for each in _NUMBERS:
            getattr(self, each).setflags(write=False)

    @classmethod
    def of(cls, classes: Sequence[NodeClass]) -> NodeTable:
        """Return the columns of some node classes."""
        columns: dict[str, object] = {"names": tuple(each.name for each in classes)}
        for field in fields(NodeClass):
            values = [getattr(each, field.name) for each in classes]
            if field.name in _NUMBERS:
                columns[field.name] = np.array(values, dtype=float)
            elif field.name != "name":
                columns[field.name] = tuple(values)
        return cls(**columns)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def features(self) -> pd.DataFrame:
        """What a forecast may know of a class, under telemetry's names: one row per class."""
        return pd.DataFrame(
            {"node_class": self.names, "threads": self.threads, "cores": self.cores, "node_memory": self.memory}
        )


def node_classes(nodes: Table | Sequence[NodeClass]) -> NodeTable:
    """Read a node table: a DataFrame, a list of records, or `NodeClass` objects.

    Columns are `NODE_COLUMNS`; a missing column or empty cell has `NodeClass`'s default. Sets are lists or
    texts separated by ``;``.

    Raises
    ------
    InvalidInput
        An unknown column, an impossible value, no class at all, or a class given twice.

    Examples
    --------
    >>> node_classes([{"node_class": "small", "cores": 8}, {"node_class": "big", "cores": 64}]).cores.tolist()
    [8.0, 64.0]
    """
    if isinstance(nodes, Sequence) and len(nodes) and all(isinstance(each, NodeClass) for each in nodes):
        return NodeTable.of([each for each in nodes if isinstance(each, NodeClass)])
    frame = as_frame(nodes, "nodes")  # type: ignore[arg-type]
    check_names(frame.columns, NODE_COLUMNS, "nodes")
    if len(frame) and "node_class" not in frame.columns:
        raise InvalidInput(f"nodes need the column 'node_class', got {[str(name) for name in frame.columns]}")
    records = zip(*(frame[name].tolist() for name in frame.columns), strict=True)
    columns = ["name" if name == "node_class" else str(name) for name in frame.columns]
    return NodeTable.of([_node_class(dict(zip(columns, cells, strict=True))) for cells in records])


def _node_class(cells: dict[str, object]) -> NodeClass:
    """Make one class of a row, leaving empty cells to the defaults."""
    given: dict[str, object] = {}
    for name, cell in cells.items():
        if name in _SETS:
            given[name] = names(cell)
        elif name == "name" or not _empty(cell):
            given[name] = cell
    return NodeClass(**given)  # type: ignore[arg-type]


def _empty(cell: object) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell))
