"""One learned quantity: from task and node columns to a calibrated forecast, corrected by finished frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.forecast.calibration import SEEN_STATES, Calibration, state_of
from placement.forecast.correction import CorrectionKernel, Frames, correct
from placement.forecast.distribution import Forecast
from placement.forecast.evidence import evidence_of, quiet_rows
from placement.forecast.model import Booster, Cold, ColdModel
from placement.forecast.progress import ProgressCurve
from placement.telemetry.features import Columns, columns_of
from placement.units import Floats, Ints

__all__ = ["TargetModel", "positions"]

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

    Raises
    ------
    InvalidInput
        There is not one quantile table for every state and class, and one more a state for other classes.
    """

    target: str
    cold: ColdModel
    kernel: CorrectionKernel
    varying: Ints
    calibration: Calibration
    progress: Mapping[str, ProgressCurve]

    def __post_init__(self) -> None:
        expected = len(SEEN_STATES) * self._per_state
        if len(self.calibration.z) != expected:
            raise InvalidInput(f"{self.target}: {len(self.calibration.z)} quantile tables, expected {expected}")

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
            Telemetry rows of finished frames, oldest first, with the same columns known before; only jobs among
            `tasks` matter, and rows that measured the target (see `placement.forecast.evidence`).

        Raises
        ------
        InvalidInput
            Finished frames lack ``job_id`` or ``node_class``, or one measured what is not positive and finite.
        """
        columns, classes = self._with_families(columns_of(tasks)), columns_of(nodes)
        cold = self.cold.cold(columns)
        places, known = self.cold.nodes(classes)
        level = self._levels(columns, cold, classes["node_class"].tolist())
        frames = self._frames(columns, cold, np.zeros(len(tasks), dtype=np.int64), _numbered(columns))
        scale = np.sqrt(self.kernel.prior(frames))[:, None] * self._inflation(level)
        location = self.cold.location(cold, places, known)
        self._declared(columns, level, location, scale)
        z, probabilities = self.calibration.z, self.calibration.probabilities
        table = np.broadcast_to(self._tables(known), level.shape)
        forecast = Forecast(location, scale, probabilities, z, level, table)
        if finished is None or finished.empty:
            return forecast
        use = evidence_of(finished, self.target, tasks, nodes)
        return self._corrected(forecast, tasks, frames, nodes, use) if len(use) else forecast

    def _corrected(
        self, forecast: Forecast, tasks: pd.DataFrame, frames: Frames, nodes: pd.DataFrame, use: pd.DataFrame
    ) -> Forecast:
        column = pd.Index(nodes["node_class"].astype(object)).get_indexer(pd.Index(use["node_class"].astype(object)))
        jobs = pd.Index(tasks["job_id"].dropna().unique())
        seen, residual = self._seen(use, np.asarray(column, dtype=np.int64), jobs.get_indexer(pd.Index(use["job_id"])))
        moved = correct(forecast, frames, seen, residual, quiet_rows(use), self.kernel)
        counts = np.bincount(seen.job, minlength=len(jobs))[frames.job] * (frames.job >= 0)
        state = state_of(counts)[:, None] * self._per_state
        _, known = self.cold.nodes(nodes)
        scale = np.hypot(moved.scale, self._of_new_classes(forecast, frames, seen))
        return moved.with_evidence(moved.location, scale, moved.level, state + self._tables(known))

    def _seen(self, use: pd.DataFrame, column: Ints, job: Ints) -> tuple[Frames, Floats]:
        """Return finished frames and by how much the log of each missed what was forecast where it ran."""
        columns = self._with_families(columns_of(use))
        cold = self.cold.cold(columns)
        location = self.cold.location_at(cold, *self.cold.nodes(columns))[:, None]
        level = self._levels(columns, cold, [""])
        self._declared(columns, level, location, np.empty(location.shape))
        busy = np.where(quiet_rows(use), 0.0, self._busy(use))
        residual = np.log(use[self.target].to_numpy(float)) - location[:, 0] - busy
        return self._frames(columns, cold, column, np.asarray(job, dtype=np.int64)), residual

    def _of_new_classes(self, forecast: Forecast, frames: Frames, seen: Frames) -> Floats:
        """Return the spread that frames finished elsewhere leave to a class the job type was never seen on."""
        jobs = max(frames.job.max(initial=-1), seen.job.max(initial=-1)) + 2
        ran = np.zeros((jobs, forecast.classes + 1), dtype=bool)
        ran[seen.job, seen.node_class] = True
        told = np.isin(frames.job, seen.job[seen.job >= 0])[:, None]
        unseen = told & ~ran[frames.job, :-1] & (forecast.level >= _TYPE)
        excess = (self.calibration.inflation.get(_TYPE, 1.0) ** 2 - 1.0) * self.kernel.prior(frames)
        return np.where(unseen, np.sqrt(np.maximum(excess, 0.0))[:, None], 0.0)

    def _with_families(self, columns: Columns) -> Columns:
        """Fill a family that is missing from the job type, where that was trained on."""
        families = self.calibration.families
        if not families or "job_type" not in columns:
            return columns
        kinds = columns["job_type"].tolist()
        told = columns["renderer"].tolist() if "renderer" in columns else [None] * len(kinds)
        pairs = zip(kinds, told, strict=True)
        filled = [name if isinstance(name, str) else families.get(kind) for kind, name in pairs]
        return {**columns, "renderer": np.array(filled, dtype=object)}

    @property
    def _per_state(self) -> int:
        return len(self.cold.classes) + 1

    def _tables(self, known: Ints) -> Ints:
        return np.where(known >= 0, known, len(self.cold.classes))

    def _busy(self, rows: pd.DataFrame) -> Floats:
        return np.asarray(rows["node_class"].map(dict(self.calibration.busy)).fillna(0.0).to_numpy(float))

    def _frames(self, columns: Columns, cold: Cold, node_class: Ints, job: Ints) -> Frames:
        return Frames(job, positions(columns), node_class, cold.x[:, self.varying], self._job_variance(cold))

    def _job_variance(self, cold: Cold) -> Floats:
        """Look the variances up by category code, the last entry of each table being the unknown."""
        kinds, families = self.cold.vocabulary("job_type"), self.cold.vocabulary("renderer")
        kind, family = self.cold.codes_of(cold, "job_type"), self.cold.codes_of(cold, "renderer")
        pairs, which = np.unique(np.stack([kind, family]), axis=1, return_inverse=True)
        names = [((*kinds, "")[k], (*families, "")[f]) for k, f in pairs.T]
        return self.calibration.job_variance(*zip(*names, strict=True))[which.ravel()] if names else np.zeros(0)

    def _levels(self, columns: Columns, cold: Cold, nodes: list[str]) -> Ints:
        kind = self.cold.codes_of(cold, "job_type")
        seen = [[(name, node) in self.calibration.known for node in nodes] for name in self.cold.vocabulary("job_type")]
        level = np.where(np.array([*seen, [False] * len(nodes)])[kind], _EVERYTHING, _TYPE)
        new_type = kind < 0
        level[new_type] = _PRIOR
        level[new_type & np.isfinite(self._declared_log(columns))] = _DECLARED
        level[new_type & self.cold.known_category(cold, "renderer")] = _FAMILY
        return level.astype(np.int64)

    def _inflation(self, level: Ints) -> Floats:
        by_level = np.array([self.calibration.inflation.get(each, 1.0) for each in range(_PRIOR + 1)])
        return by_level[level]

    def _declared_log(self, columns: Columns) -> Floats:
        name = _DECLARED_COLUMN.get(self.target, "")
        if name not in columns:
            return np.full(_length(columns), np.nan)
        value = columns[name].astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(value > 0, np.log(value), np.nan)

    def _declared(self, columns: Columns, level: Ints, location: Floats, scale: Floats) -> None:
        """Put the submitter's own estimate where nothing better is known."""
        bias, spread = self.calibration.declared
        rows = level[:, 0] == _DECLARED
        location[rows] = (self._declared_log(columns) + bias)[rows, None]
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


def positions(rows: pd.DataFrame | Columns) -> Floats:
    """Return each frame's place in its job's range, 0 first to 1 last, NaN where unknown, shape ``(rows,)``."""
    columns = columns_of(rows)
    if not {"frame", "first_frame", "frames_in_job"} <= set(columns):
        return np.full(_length(columns), np.nan)
    frame, first, count = (columns[name].astype(float) for name in ("frame", "first_frame", "frames_in_job"))
    return np.asarray((frame - first) / np.maximum(count, 1.0))


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _numbered(columns: Columns) -> Ints:
    if "job_id" not in columns:
        return np.full(_length(columns), -1, dtype=np.int64)
    return np.asarray(pd.factorize(columns["job_id"])[0], dtype=np.int64)
