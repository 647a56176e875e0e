"""A world: nodes, tasks and their true run times as plain tables; all chance in it was drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from placement.errors import Infeasible, InvalidInput
from placement.units import Floats, Ints

__all__ = ["World"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """What a farm is made of and what will happen on it, whatever is decided.

    Parameters
    ----------
    classes
        Names of the node classes.
    class_cores
        Cores a task holds on each class, for core-seconds, shape ``(classes,)``.
    node_class, node_slots
        Index into `classes`, and tasks run at once, shape ``(nodes,)``.
    task_group
        Tasks that cost nearly the same (a job, a scene), shape ``(tasks,)``.
    task_release, task_deadline
        Seconds, shape ``(tasks,)``; in order of arrival. No deadline is infinity.
    task_chance
        Uniform in [0, 1), for policies that toss coins, shape ``(tasks,)``.
    true_time
        Seconds each task takes on each class, infinite where it cannot run, shape ``(tasks, classes)``. Policies never
        see it.
    """

    classes: tuple[str, ...]
    class_cores: Floats
    node_class: Ints
    node_slots: Ints
    task_group: Ints
    task_release: Floats
    task_deadline: Floats
    task_chance: Floats
    true_time: Floats

    def __post_init__(self) -> None:
        expected = {
            "class": (len(self.classes),), "node": (len(self.node_class),),
            "task": (len(self.task_group),), "true": (len(self.task_group), len(self.classes)),
        }  # fmt: skip
        for each in fields(self):
            column = getattr(self, each.name)
            if not isinstance(column, np.ndarray):
                continue
            if column.shape != (shape := expected[each.name.split("_")[0]]):
                raise InvalidInput(f"world column {each.name} has shape {column.shape}, expected {shape}")
            column.setflags(write=False)
        self._check_values()

    def _check_values(self) -> None:
        if len(self.node_class) and not ((self.node_class >= 0) & (self.node_class < len(self.classes))).all():
            raise InvalidInput(f"node classes must be 0 to {len(self.classes) - 1}, got {np.unique(self.node_class)}")
        if not (self.node_slots >= 1).all():
            raise InvalidInput(f"node {int(self.node_slots.argmin())} has {self.node_slots.min()} slots, expected >= 1")
        if not (self.true_time > 0).all():
            task = int((~(self.true_time > 0)).any(axis=1).argmax())
            raise InvalidInput(f"task {task} has run times {self.true_time[task]} s, expected all above 0")
        if (np.diff(self.task_release) < 0).any() or (self.task_release < 0).any():
            raise InvalidInput("task releases must be 0 s or later and in order of arrival")
        present = np.zeros(len(self.classes), bool)
        present[self.node_class] = True
        if not (able := (np.isfinite(self.true_time) & present).any(axis=1)).all():
            raise Infeasible(f"task {int(able.argmin())} can run on no node of the farm")

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_class)

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return len(self.task_group)

    def slots_of_class(self) -> Floats:
        """Return how many slots each class has, shape ``(classes,)``."""
        return np.asarray(np.bincount(self.node_class, self.node_slots, minlength=len(self.classes)), float)
