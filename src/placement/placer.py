"""The library call: load a model, score tasks on node classes in energy modes, pick, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from placement.adapters.stores.models import StoredModel, read_model
from placement.adapters.stores.shipped import shipped
from placement.errors import CorruptModel, InvalidInput
from placement.farm import MODES, EnergyMode, NodeClass, NodeTable, node_classes
from placement.farm.columns import Table, as_frame
from placement.forecast.distribution import Forecast
from placement.forecast.influence import influence
from placement.forecast.progress import remaining_quantile, with_progress
from placement.forecast.target import TargetModel
from placement.matching import (
    Costs,
    PowerModel,
    Rules,
    TaskTable,
    Weights,
    best,
    costs,
    feasibility,
    score_frame,
    task_table,
    weights_of,
)
from placement.telemetry.given import given

__all__ = ["Explanation", "Placer"]

_REMAINING = {"remaining_p10": 0.1, "remaining_p50": 0.5, "remaining_p90": 0.9}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one pair is forecast as it is, and what ruled other classes out.

    Parameters
    ----------
    influences
        One row per feature: ``feature``, ``value``, ``factor`` (what it multiplies the run time by, against an average
        task), strongest first.
    ruled_out
        Node class -> what the task needs and what is there.
    evidence
        The back-off level of the run time forecast.
    """

    influences: pd.DataFrame
    ruled_out: dict[str, str]
    evidence: str


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    tasks: TaskTable
    nodes: NodeTable
    found: Costs
    run_time: Forecast
    memory: Forecast | None

    def frame(self) -> pd.DataFrame:
        return score_frame(self.tasks, self.nodes, self.found, self.run_time, self.memory)


#: Energy modes, weights and rules: what is policy rather than forecast.
_Policy: TypeAlias = tuple[Sequence[EnergyMode], Weights | str | None, Rules | None]


class Placer:
    """Scores placements with a trained model.

    Parameters
    ----------
    targets
        Learned quantities by telemetry column; ``run_time`` must be among them.
    power
        Watts and the effect of energy modes.
    digest, card
        Name and card of the stored model they came from.

    Examples
    --------
    >>> placer = Placer.load()
    >>> tasks = [{"task": "a", "job_type": "cycles/path", "width": 320, "height": 180, "spp": 16}]
    >>> table = placer.score(tasks, [{"node_class": "cpu-1t", "cores": 1}, {"node_class": "cpu-2t", "cores": 2}])
    >>> table[["task", "node_class", "mode"]].head(1).values.tolist()
    [['a', 'cpu-1t', 'performance']]
    """

    def __init__(self, targets: dict[str, TargetModel], power: PowerModel, *, digest: str = "", card: str = "") -> None:
        if "run_time" not in targets:
            raise InvalidInput(f"a placer needs a model of run_time, got {sorted(targets)}")
        self.targets = targets
        self.power = power
        self.digest = digest
        self.card = card

    @classmethod
    def load(cls, path: str | Path | None = None) -> Placer:
        """Load a model folder; without a path, the one that comes with the package.

        Raises
        ------
        ModelError
            The folder is no model, is damaged, was edited, or is of another version.
        """
        stored = read_model(Path(path) if path is not None else shipped("models/live"))
        try:
            return _placer(stored)
        except (KeyError, TypeError, IndexError, ValueError, AttributeError) as wrong:
            if isinstance(wrong, CorruptModel):
                raise
            which = path or "the shipped model"
            raise CorruptModel(f"{which}: model.json is not that of a placer: {wrong!r}") from wrong

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the task columns that any of its models looks at."""
        used = {
            name: None
            for model in self.targets.values()
            for feature in model.cold.basis.encoder.features
            for name in feature.columns
        }
        return tuple(used)

    def score(
        self,
        tasks: Table,
        nodes: Table | Sequence[NodeClass],
        *,
        finished: Table | None = None,
        modes: Sequence[EnergyMode] = MODES,
        weights: Weights | str | None = None,
        rules: Rules | None = None,
    ) -> pd.DataFrame:
        """Score every task on every node class in every mode.

        Parameters
        ----------
        tasks
            DataFrame or list of records: columns of `placement.matching.TASK_COLUMNS`, ``job_type`` at least.
        nodes
            DataFrame, list of records or `NodeClass` objects: columns of `placement.farm.NODE_COLUMNS`.
        finished
            Telemetry rows of finished frames of the same jobs, oldest first, as a DataFrame or records; they correct
            the forecast of the others. Rows that did not end ``ok``, or did not measure a quantity, are passed over.
        weights
            What costs are worth: `Weights`, the name of a preset, or None for ``balanced``.

        Returns
        -------
        pandas.DataFrame
            One row per (task, node class, mode), as ``docs/scoring.md`` describes it; seconds, MiB, watts, joules.

        Raises
        ------
        InvalidInput
            A column is unknown, a value impossible, or a preset unknown.
        """
        return self._scored(tasks, nodes, finished, (modes, weights, rules)).frame()

    def best(
        self,
        tasks: Table,
        nodes: Table | Sequence[NodeClass],
        *,
        finished: Table | None = None,
        modes: Sequence[EnergyMode] = MODES,
        weights: Weights | str | None = None,
        rules: Rules | None = None,
    ) -> pd.DataFrame:
        """Return the row of the lowest score of each task, in the order of the tasks.

        Raises
        ------
        Infeasible
            No node class can run a task; the message says what ruled each class out.
        """
        scored = self._scored(tasks, nodes, finished, (modes, weights, rules))
        column, mode = best(scored.found, scored.tasks, scored.nodes)
        rows = (np.arange(len(scored.tasks)) * len(scored.nodes) + column) * len(modes) + mode
        return scored.frame().iloc[rows].reset_index(drop=True)

    def forecast(
        self, tasks: Table, nodes: Table | Sequence[NodeClass], *, finished: Table | None = None
    ) -> dict[str, Forecast]:
        """Return the distributions over (tasks, node classes) of every learned quantity, by telemetry column."""
        table, classes = task_table(tasks, self.features), node_classes(nodes)
        features, seen = given(table.features, "tasks"), _evidence(finished)
        return {name: model.forecast(features, classes.features, seen) for name, model in self.targets.items()}

    def remaining(
        self, running: Table, nodes: Table | Sequence[NodeClass], *, finished: Table | None = None
    ) -> pd.DataFrame:
        """Forecast the rest of running frames from their own progress.

        Parameters
        ----------
        running
            Tasks with three more columns: ``node_class`` they run on, ``elapsed`` seconds, and ``fraction`` done
            (0 … 1; missing where the renderer has not said).

        Returns
        -------
        pandas.DataFrame
            One row per frame: ``remaining_p10``, ``remaining_p50``, ``remaining_p90`` in seconds.

        Raises
        ------
        InvalidInput
            A column is missing or a frame runs on a class that `nodes` does not have.
        """
        frame = as_frame(running, "running frames")
        if lacking := sorted({"node_class", "elapsed"} - set(frame.columns)):
            raise InvalidInput(f"running frames lack columns {lacking}")
        classes = node_classes(nodes)
        column = pd.Index(classes.names).get_indexer(pd.Index(frame["node_class"].astype(object)))
        if (column < 0).any():
            unknown = frame["node_class"].iloc[int((column < 0).argmax())]
            raise InvalidInput(f"node class {unknown!r} is not among {list(classes.names)}")
        table = task_table(frame.drop(columns=["node_class", "elapsed", "fraction"], errors="ignore"), self.features)
        elapsed = frame["elapsed"].to_numpy(float)
        fraction = frame["fraction"].to_numpy(float) if "fraction" in frame else np.full(len(frame), np.nan)
        model = self.targets["run_time"]
        whole = model.forecast(given(table.features, "running frames"), classes.features, _evidence(finished))
        out = pd.DataFrame(index=table.ids, columns=list(_REMAINING), dtype=float)
        for row, kind in enumerate(table.job_types[code] for code in table.job_type):
            own = whole.pick(row, int(column[row]))
            if (curve := model.curve(kind)) is not None:
                own = with_progress(own, elapsed[row : row + 1], fraction[row : row + 1], curve)
            out.iloc[row] = [remaining_quantile(own, elapsed[row : row + 1], p)[0, 0] for p in _REMAINING.values()]
        return out

    def explain(
        self, task: Table, nodes: Table | Sequence[NodeClass], node_class: str, *, rules: Rules | None = None
    ) -> Explanation:
        """Say for one task and one class what moved the run time forecast and what ruled other classes out.

        Parameters
        ----------
        task
            A table of one task.

        Raises
        ------
        InvalidInput
            There is not exactly one task, or the class is not among the nodes.
        """
        table, classes = task_table(task, self.features), node_classes(nodes)
        if len(table) != 1 or node_class not in classes.names:
            asked = f"{len(table)} tasks and {node_class!r}"
            raise InvalidInput(f"explain takes one task and one of {list(classes.names)}, got {asked}")
        run_time, memory = self._forecasts(table, classes, None)
        ruled_out = feasibility(table, classes, memory, rules or Rules()).why_not(table, classes, 0)
        column = list(classes.names).index(node_class)
        features = given(table.features, "tasks")
        moved = influence(self.targets["run_time"].cold, features, classes.features.iloc[[column]])
        return Explanation(moved, ruled_out, run_time.level_name(0, column))

    def _scored(
        self, tasks: Table, nodes: Table | Sequence[NodeClass], finished: Table | None, policy: _Policy
    ) -> _Scored:
        modes, weights, rules = policy
        table, classes = task_table(tasks, self.features), node_classes(nodes)
        run_time, memory = self._forecasts(table, classes, finished)
        policy_weights = weights_of(weights)
        found = costs(table, classes, run_time, memory, self.power, modes=modes, weights=policy_weights, rules=rules)
        return _Scored(table, classes, found, run_time, memory)

    def _forecasts(
        self, table: TaskTable, classes: NodeTable, finished: Table | None
    ) -> tuple[Forecast, Forecast | None]:
        features, seen = given(table.features, "tasks"), _evidence(finished)
        run_time = self.targets["run_time"].forecast(features, classes.features, seen)
        memory = self.targets.get("peak_memory")
        return run_time, None if memory is None else memory.forecast(features, classes.features, seen)


def _placer(stored: StoredModel) -> Placer:
    targets = {}
    for name, data in stored.numbers["targets"].items():
        boosters = [stored.boosters[f"{name}.{number}"] for number in range(data["boosters"])]
        targets[name] = TargetModel.from_json(data, boosters)
    of_gpus = {name: booster for name, booster in stored.boosters.items() if name.startswith("gpu_")}
    power = PowerModel.from_data(stored.numbers["power"], of_gpus)
    return Placer(targets, power, digest=stored.digest, card=stored.card)


def _evidence(finished: Table | None) -> pd.DataFrame | None:
    return None if finished is None else as_frame(finished, "finished frames")
