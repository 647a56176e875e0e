"""Which node classes can run which tasks, and what rules the others out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from placement.errors import Infeasible, InvalidInput
from placement.farm.columns import Sets
from placement.farm.nodes import NodeTable
from placement.forecast.distribution import LEVELS, Forecast
from placement.matching.tasks import TaskTable
from placement.matching.weights import Rules
from placement.units import Bools, Floats, Ints

__all__ = ["REASON_TEXTS", "Feasibility", "Reason", "feasibility", "needed_memory"]


class Reason(IntFlag):
    """What rules a node class out for a task; several may hold."""

    MEMORY = 1
    CORES = 2
    GPUS = 4
    GPU_MEMORY = 8
    SOFTWARE = 16
    LICENCES = 32
    TAGS = 64
    JOB_TYPE = 128


_NAMES = {
    Reason.MEMORY: "memory",
    Reason.CORES: "cores",
    Reason.GPUS: "GPUs",
    Reason.GPU_MEMORY: "GPU memory",
    Reason.SOFTWARE: "software",
    Reason.LICENCES: "licences",
    Reason.TAGS: "tags",
    Reason.JOB_TYPE: "job type",
}

#: Text for every combination of reasons, indexed by its number; "" is feasible.
REASON_TEXTS = tuple(
    ", ".join(text for reason, text in _NAMES.items() if number & reason) for number in range(2 * Reason.JOB_TYPE)
)


@dataclass(frozen=True, slots=True, eq=False)
class Feasibility:
    """What rules each pair out.

    Parameters
    ----------
    reasons
        Sum of the `Reason` that hold, 0 for none, shape ``(tasks, classes)``, small integers.
    needed_memory
        MiB that must fit, same shape; NaN where neither forecast nor declaration says.
    """

    reasons: Ints
    needed_memory: Floats

    @property
    def mask(self) -> Bools:
        """Whether the class can run the task, shape ``(tasks, classes)``."""
        feasible: Bools = self.reasons == 0
        return feasible

    def why_not(self, tasks: TaskTable, nodes: NodeTable, row: int) -> dict[str, str]:
        """Say for one task what rules out each class that cannot run it: class name -> text with both numbers."""
        return {
            nodes.names[column]: "; ".join(_describe(self, tasks, nodes, row, int(column)))
            for column in np.flatnonzero(self.reasons[row])
        }

    def require(self, tasks: TaskTable, nodes: NodeTable) -> None:
        """Refuse tasks that no class can run.

        Raises
        ------
        Infeasible
            A task has no feasible class; the message says what ruled each out for the first such task.
        """
        stuck = np.flatnonzero((self.reasons != 0).all(axis=1))
        if len(stuck):
            row = int(stuck[0])
            why = "; ".join(f"{name}: {text}" for name, text in self.why_not(tasks, nodes, row).items())
            more = f" (and {len(stuck) - 1} more tasks)" if len(stuck) > 1 else ""
            raise Infeasible(f"no node class can run task {tasks.ids[row]!r}{more}: {why}")


def needed_memory(tasks: TaskTable, memory: Forecast | None, quantile: float, classes: int) -> Floats:
    """Return the MiB that must fit, shape ``(tasks, classes)``.

    It is the forecast's quantile; where the forecast is no more than a declared estimate or a prior, or there is none,
    it is what the submitter declared, and NaN where nobody says.
    """
    declared = np.repeat(tasks.declared_memory[:, None], classes, axis=1)
    if memory is None:
        return declared
    learned = memory.level < LEVELS.index("declared estimate")
    return np.where(learned | np.isnan(declared), memory.quantile(quantile), declared)


def feasibility(tasks: TaskTable, nodes: NodeTable, memory: Forecast | None, rules: Rules) -> Feasibility:
    """Compare every task's requirements with every class.

    Raises
    ------
    InvalidInput
        The memory forecast has another shape than (tasks, classes).

    Examples
    --------
    >>> from placement.farm.nodes import node_classes
    >>> from placement.matching.tasks import task_table
    >>> tasks = task_table([{"job_type": "arnold", "declared_memory": 8192}])
    >>> nodes = node_classes([{"node_class": "small", "memory": 4096}, {"node_class": "big", "memory": 65536}])
    >>> REASON_TEXTS[feasibility(tasks, nodes, None, Rules()).reasons[0, 0]]
    'memory'
    """
    shape = (len(tasks), len(nodes))
    if memory is not None and memory.location.shape != shape:
        raise InvalidInput(f"the memory forecast has shape {memory.location.shape}, expected {shape} (tasks, classes)")
    needed = needed_memory(tasks, memory, rules.memory_quantile, len(nodes))
    broken = {
        Reason.MEMORY: needed > nodes.memory,
        Reason.CORES: tasks.cores[:, None] > nodes.cores,
        Reason.GPUS: tasks.gpus[:, None] > nodes.gpus,
        Reason.GPU_MEMORY: tasks.gpu_memory[:, None] > nodes.gpu_memory,
        Reason.SOFTWARE: _lacking(tasks.software, nodes.software),
        Reason.LICENCES: _lacking(tasks.licences, nodes.licences),
        Reason.TAGS: _lacking(tasks.tags, nodes.tags),
        Reason.JOB_TYPE: _not_run(tasks, nodes),
    }
    reasons = np.zeros(shape, dtype=np.int64)
    for reason, holds in broken.items():
        reasons += np.int64(reason) * holds
    reasons.setflags(write=False)
    return Feasibility(reasons, needed)


def _lacking(wanted: Sets, offered: tuple[frozenset[str], ...]) -> Bools:
    lacking: Bools = wanted.covered(offered) < wanted.sizes[:, None]
    return lacking[wanted.codes]


def _not_run(tasks: TaskTable, nodes: NodeTable) -> Bools:
    table = [[bool(runs) and name not in runs for runs in nodes.job_types] for name in tasks.job_types]
    return np.array(table, dtype=bool).reshape(len(tasks.job_types), len(nodes))[tasks.job_type]


def _describe(found: Feasibility, tasks: TaskTable, nodes: NodeTable, row: int, column: int) -> list[str]:
    """Say each broken requirement of one pair, with what is needed and what is there."""
    job_type = tasks.job_types[tasks.job_type[row]]
    texts = {
        Reason.MEMORY: f"memory: needs {found.needed_memory[row, column]:.0f} MiB, has {nodes.memory[column]:.0f} MiB",
        Reason.CORES: f"cores: needs {tasks.cores[row]:g}, has {nodes.cores[column]:g}",
        Reason.GPUS: f"GPUs: needs {tasks.gpus[row]:g}, has {nodes.gpus[column]:g}",
        Reason.GPU_MEMORY: f"GPU memory: needs {tasks.gpu_memory[row]:.0f} MiB, has {nodes.gpu_memory[column]:.0f} MiB",
        Reason.JOB_TYPE: f"job type: {job_type!r} is not run there",
    }
    for reason in (Reason.SOFTWARE, Reason.LICENCES, Reason.TAGS):
        wanted: Sets = getattr(tasks, _NAMES[reason])
        missing = sorted(wanted.members[wanted.codes[row]] - getattr(nodes, _NAMES[reason])[column])
        texts[reason] = f"{_NAMES[reason]}: lacks {', '.join(missing)}"
    return [texts[reason] for reason in _NAMES if found.reasons[row, column] & reason]
