"""A workload as a folder of plain tables, so that anybody can bring their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.evaluation.case import Case, Shares
from placement.evaluation.gaussian import gaussian_forecast
from placement.simulator.streams import stream
from placement.simulator.world import World
from placement.units import Floats, Ints

__all__ = ["TableFolder", "write_folder"]

_SHARES = Shares(group=0.8, node_class=0.02, cell=0.08, attempt=0.1)


@dataclass(frozen=True)
class TableFolder:
    """Read a world from tables; a seed draws the coins, and the order of tasks released at the same time.

    ======================= ========================================================================================
    `nodes.csv`             a row per node: `node_class`; if wanted `slots` (1) and `cores` a task holds there (1)
    `tasks.csv`             a row per task: `group`, `job_type`; if wanted `release` (0 s) and `deadline` (none)
    `times.csv`             rows as in tasks; a column per node class: true run time in seconds, empty: cannot run
    `forecast.csv`          as `times.csv`, median run time as forecast; and `spread`, the standard deviation of its log
    ======================= ========================================================================================
    """

    folder: Path

    def __call__(self, seed: int) -> Case:
        """Read the tables and draw the case of one seed.

        Raises
        ------
        InvalidInput
            A table or column is missing, or tables disagree.
        """
        nodes, tasks = self._table("nodes", ["node_class"]), self._table("tasks", ["group", "job_type"])
        classes = tuple(dict.fromkeys(nodes["node_class"].astype(str)))
        release = _column(tasks, "release", 0.0)
        order = np.lexsort((stream(seed, "order").random(len(tasks)), release))
        true_time = self._seconds("times", classes, len(tasks))[order]
        location = np.log(self._seconds("forecast", classes, len(tasks)))[order]
        spread = _column(self._table("forecast", ["spread"]), "spread", 0.0)[order]
        of_node = np.array([classes.index(name) for name in nodes["node_class"].astype(str)], np.int64)
        cores = [float(_column(nodes, "cores", 1.0)[of_node == c][0]) for c in range(len(classes))]
        world = World(
            classes=classes,
            class_cores=np.array(cores),
            node_class=of_node,
            node_slots=_column(nodes, "slots", 1.0).astype(np.int64),
            task_group=_codes(tasks["group"])[order],
            task_release=release[order],
            task_deadline=_column(tasks, "deadline", np.inf)[order],
            task_chance=stream(seed, "coins").random(len(tasks)),
            true_time=true_time,
        )
        location = np.where(np.isfinite(location), location, 0.0)
        scale = np.broadcast_to(np.maximum(spread, 1e-6)[:, None], location.shape).copy()
        runnable, types = np.isfinite(true_time), _codes(tasks["job_type"])[order]
        forecast = gaussian_forecast(location, scale)
        return Case(world=world, forecast=forecast, runnable=runnable, task_type=types, shares=_SHARES)

    def _table(self, name: str, needed: list[str]) -> pd.DataFrame:
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            raise InvalidInput(f"workload folder {self.folder} has no {path.name}")
        table = pd.read_csv(path)
        if missing := [column for column in needed if column not in table]:
            raise InvalidInput(f"{path} lacks the columns {missing}; has {list(table.columns)}")
        return table

    def _seconds(self, name: str, classes: tuple[str, ...], tasks: int) -> Floats:
        table = self._table(name, list(classes))
        if len(table) != tasks:
            raise InvalidInput(f"{self.folder / name}.csv has {len(table)} rows, expected one per task, {tasks}")
        return table[list(classes)].astype(float).fillna(np.inf).to_numpy()


def write_folder(case: Case, folder: Path) -> None:
    """Write a case as the tables of `TableFolder`."""
    folder.mkdir(parents=True, exist_ok=True)
    world, names = case.world, list(case.world.classes)
    nodes = pd.DataFrame({"node_class": np.array(names)[world.node_class], "slots": world.node_slots})
    nodes["cores"] = world.class_cores[world.node_class]
    tasks = pd.DataFrame({"group": world.task_group, "job_type": case.task_type, "release": world.task_release})
    tasks["deadline"] = world.task_deadline
    median = np.where(case.runnable, case.forecast.quantile(0.5), np.inf)
    forecast = pd.DataFrame(median, columns=names).assign(spread=case.forecast.scale.mean(axis=1))
    tables = {"nodes": nodes, "tasks": tasks, "times": pd.DataFrame(world.true_time, columns=names)}
    for name, table in {**tables, "forecast": forecast}.items():
        table.replace(np.inf, np.nan).to_csv(folder / f"{name}.csv", index=False)


def _column(table: pd.DataFrame, name: str, otherwise: float) -> Floats:
    """Return a column that may be left out, missing values filled."""
    if name not in table:
        return np.full(len(table), otherwise)
    return np.asarray(table[name].astype(float).fillna(otherwise))


def _codes(names: pd.Series) -> Ints:
    return pd.factorize(names)[0].astype(np.int64)
