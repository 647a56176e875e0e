"""One learned quantity: from task and node columns to a calibrated forecast, corrected by finished frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.forecast.calibration import Calibration, state_of
from placement.forecast.correction import CorrectionKernel, Frames, correct
from placement.forecast.distribution import Forecast
from placement.forecast.model import Booster, Cold, ColdModel
from placement.forecast.progress import ProgressCurve
from placement.units import Bools, Floats, Ints

__all__ = ["TargetModel"]

_EVERYTHING, _TYPE, _FAMILY, _DECLARED, _PRIOR = 1, 2, 3, 4, 5
_DECLARED_COLUMN = {"run_time": "declared_run_time", "peak_memory": "declared_memory"}


@dataclass(frozen=True, slots=True, eq=False)
class TargetModel:
    """A calibrated model of one target.

    Parameters
    ----------
    target
        Telemetry column: ``run_time`` (seconds), ``peak_memory`` (MiB) or ``mean_power`` (W).
    varying
        Positions of the standardised features along which frames of a job differ.
    progress
        Job type -> how a running frame's progress projects to its end; "" is every job type.
    """

    target: str
    cold: ColdModel
    kernel: CorrectionKernel
    varying: Ints
    calibration: Calibration
    progress: Mapping[str, ProgressCurve]

    def forecast(self, tasks: pd.DataFrame, nodes: pd.DataFrame, finished: pd.DataFrame | None = None) -> Forecast:
        """Forecast every task on every node class.

        Parameters
        ----------
        tasks
            One row per task with the telemetry columns known before a render, ``job_id`` and ``frame`` included where
            known; columns that are absent count as missing.
        nodes
            One row per node class: ``node_class`` and, where known, ``threads`` and ``cores``.
        finished
            Telemetry rows of finished frames, the target measured; only jobs among `tasks` matter.

        Raises
        ------
        InvalidInput
            A finished frame's measured value is not a positive, finite number.
        """
        cold = self.cold.cold(tasks)
        places, known = self.cold.nodes(nodes)
        level = self._levels(tasks, cold, nodes)
        frames = self._frames(tasks, cold, np.zeros(len(tasks), dtype=np.int64), _numbered(tasks))
        scale = np.sqrt(self.kernel.prior(frames))[:, None] * self._inflation(level)
        location = self.cold.location(cold, places, known)
        self._declared(tasks, level, location, scale)
        z, probabilities = self.calibration.z, self.calibration.probabilities
        table = np.broadcast_to(self._tables(known), level.shape)
        forecast = Forecast(location, scale, probabilities, z, level, table)
        if finished is None or finished.empty:
            return forecast
        return self._corrected(forecast, tasks, frames, nodes, finished)

    def _corrected(
        self, forecast: Forecast, tasks: pd.DataFrame, frames: Frames, nodes: pd.DataFrame, finished: pd.DataFrame
    ) -> Forecast:
        use = finished[finished["job_id"].isin(tasks["job_id"].dropna().unique())] if "job_id" in tasks else finished[:0]
        if use.empty:
            return forecast
        measured = use[self.target].to_numpy(float)
        if not (np.isfinite(measured) & (measured > 0)).all():
            worst = measured[~(np.isfinite(measured) & (measured > 0))][0]
            raise InvalidInput(f"finished frame with {self.target} {worst}: expected a positive, finite number")
        use = _with_node_columns(use, nodes)
        cold = self.cold.cold(use)
        location = self.cold.location_at(cold, *self.cold.nodes(use))
        quiet = _quiet(use)
        residual = np.log(measured) - location - np.where(quiet, 0.0, self._busy(use))
        column = pd.Index(nodes["node_class"].astype(object)).get_indexer(use["node_class"].astype(object))
        jobs = pd.Index(tasks["job_id"].dropna().unique())
        seen = self._frames(use, cold, np.asarray(column, dtype=np.int64), np.asarray(jobs.get_indexer(use["job_id"])))
        moved = correct(forecast, frames, seen, residual, quiet, self.kernel)
        counts = np.bincount(seen.job, minlength=len(jobs))[frames.job] * (frames.job >= 0)
        state = state_of(counts)[:, None] * self._per_state
        _, known = self.cold.nodes(nodes)
        return moved.with_evidence(moved.location, moved.scale, moved.level, state + self._tables(known))

    @property
    def _per_state(self) -> int:
        return len(self.cold.classes) + 1

    def _tables(self, known: Ints) -> Ints:
        return np.where(known >= 0, known, len(self.cold.classes))

    def _busy(self, rows: pd.DataFrame) -> Floats:
        return rows["node_class"].map(dict(self.calibration.busy)).fillna(0.0).to_numpy(float)

    def _frames(self, rows: pd.DataFrame, cold: Cold, node_class: Ints, job: Ints) -> Frames:
        variance = self.calibration.job_variance(_text(rows, "job_type"), _text(rows, "renderer"))
        return Frames(job, positions(rows), node_class, cold.x[:, self.varying], variance)

    def _levels(self, tasks: pd.DataFrame, cold: Cold, nodes: pd.DataFrame) -> Ints:
        kinds, code = np.unique(_text(tasks, "job_type"), return_inverse=True)
        seen = np.array([[(kind, node) in self.calibration.known for node in nodes["node_class"]] for kind in kinds])
        level = np.where(seen.reshape(len(kinds), len(nodes))[code], _EVERYTHING, _TYPE)
        new_type = ~self.cold.known_type(cold)
        level[new_type] = _PRIOR
        level[new_type & np.isfinite(self._declared_log(tasks))] = _DECLARED
        level[new_type & self.cold.known_category(cold, "renderer")] = _FAMILY
        return level.astype(np.int64)

    def _inflation(self, level: Ints) -> Floats:
        by_level = np.array([self.calibration.inflation.get(each, 1.0) for each in range(_PRIOR + 1)])
        return by_level[level]

    def _declared_log(self, tasks: pd.DataFrame) -> Floats:
        name = _DECLARED_COLUMN.get(self.target, "")
        if name not in tasks:
            return np.full(len(tasks), np.nan)
        value = tasks[name].to_numpy(dtype=float, na_value=np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(value > 0, np.log(value), np.nan)

    def _declared(self, tasks: pd.DataFrame, level: Ints, location: Floats, scale: Floats) -> None:
        """Put the submitter's own estimate where nothing better is known."""
        bias, spread = self.calibration.declared
        rows = level[:, 0] == _DECLARED
        location[rows] = (self._declared_log(tasks) + bias)[rows, None]
        scale[rows] = spread

    @property
    def families(self) -> dict[str, str]:
        """Job type -> its renderer, for the types that were trained on."""
        return dict(self.calibration.families)

    def curve(self, job_type: str) -> ProgressCurve | None:
        """Return how progress projects for a job type, or for all when it has told too little, None when none has."""
        return self.progress.get(job_type, self.progress.get(""))

    def to_json(self) -> dict[str, Any]:
        """Return everything but the boosters as plain values."""
        return {
            "target": self.target,
            "cold": self.cold.to_json(),
            "boosters": len(self.cold.boosters),
            "kernel": self.kernel.to_json(),
            "varying": self.varying.tolist(),
            "calibration": self.calibration.to_json(),
            "progress": {kind: curve.to_json() for kind, curve in self.progress.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], boosters: Sequence[Booster]) -> TargetModel:
        """Read what `to_json` wrote."""
        return cls(
            str(data["target"]),
            ColdModel.from_json(data["cold"], boosters),
            CorrectionKernel.from_json(data["kernel"]),
            np.asarray(data["varying"], dtype=np.int64),
            Calibration.from_json(data["calibration"]),
            {kind: ProgressCurve.from_json(curve) for kind, curve in data["progress"].items()},
        )


def positions(rows: pd.DataFrame) -> Floats:
    """Return each frame's place in its job's range, 0 first to 1 last, NaN where unknown, shape ``(rows,)``."""
    if not {"frame", "first_frame", "frames_in_job"} <= set(rows.columns):
        return np.full(len(rows), np.nan)
    frame, first, count = (rows[name].to_numpy(dtype=float, na_value=np.nan) for name in ("frame", "first_frame", "frames_in_job"))
    return np.asarray((frame - first) / np.maximum(count, 1.0))


def _numbered(tasks: pd.DataFrame) -> Ints:
    if "job_id" not in tasks:
        return np.full(len(tasks), -1, dtype=np.int64)
    return np.asarray(pd.factorize(tasks["job_id"])[0], dtype=np.int64)


def _text(rows: pd.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    if name not in rows:
        return np.full(len(rows), "", dtype=object)
    return rows[name].astype(object).where(rows[name].notna(), "").to_numpy(dtype=object)


def _quiet(rows: pd.DataFrame) -> Bools:
    if "quiet" not in rows:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(rows["quiet"].fillna(1.0).to_numpy(float) > 0.5)


def _with_node_columns(rows: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    """Fill the node features that finished rows lack from the table of node classes."""
    extra = [name for name in nodes.columns if name != "node_class" and name not in rows.columns]
    return rows.merge(nodes[["node_class", *extra]], on="node_class", how="left", sort=False) if extra else rows
