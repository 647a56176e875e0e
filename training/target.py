"""Train one target: search, fit, learn the correction, calibrate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from placement.errors import InvalidInput
from placement.forecast.calibration import Calibration
from placement.forecast.correction import Frames
from placement.forecast.evidence import quiet_rows
from placement.forecast.model import ColdModel
from placement.forecast.progress import ProgressCurve, fit_progress
from placement.forecast.target import TargetModel, positions
from placement.telemetry.features import Encoder, Feature
from placement.units import Floats
from training.calibrate import PROBABILITIES, quantile_tables, scores
from training.cold import ColdSettings, TrainingData, fit_cold
from training.correction import fit_correction, varying_features
from training.heldout import HeldOut, candidates, search
from training.splits import groups_of
from training.spread import UNTOLD, busy_offsets, declared_error, inflation, job_variances

__all__ = [
    "CENSORED_WEIGHT",
    "FEWEST_ROWS",
    "Disturbed",
    "Effort",
    "FittedTarget",
    "Grow",
    "beyond_bounds",
    "fit_target",
    "offsets",
    "progress_curves",
    "training_data",
    "weights",
]

#: Weight of a row of which only a bound is known.
CENSORED_WEIGHT = 0.3
#: Finished rows that a target needs at least.
FEWEST_ROWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much work training may do.

    Parameters
    ----------
    draws
        Settings tried by the search.
    folds
        Folds of held-out shots.
    jobs
        Threads of joblib.
    seed
        Of everything that is drawn.
    progress
        Show progress bars.
    backoff
        Leave classes, job types and families out to learn how much wider back-off must be.
    cluster
        Address of the Dask scheduler whose workers grow the trees, or ``local`` for a cluster on this machine; "":
        none.
    scratch
        Folder for the working copy of large telemetry, which the workers of a cluster must see under the same path; "":
        that of temporary files.

    Raises
    ------
    InvalidInput
        A number is too small to mean anything.
    """

    draws: int = 4
    folds: int = 8
    jobs: int = 2
    seed: int = 0
    progress: bool = False
    backoff: bool = True
    cluster: str = ""
    scratch: str = ""

    def __post_init__(self) -> None:
        for name, least in (("draws", 1), ("folds", 2), ("jobs", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name} {getattr(self, name)}: expected at least {least}")


@dataclass(frozen=True, slots=True, eq=False)
class Disturbed:
    """What rows tell that are no plain measurements.

    Parameters
    ----------
    busy
        Node class -> how much the log rises when a measurement is disturbed.
    variance
        Of the log of a job, for rows of which only a bound is known.
    """

    busy: Mapping[str, float]
    variance: float


#: From the model of the sample, its held-out forecasts and its data to the model of everything.
Grow = Callable[[ColdModel, HeldOut, TrainingData, Disturbed], tuple[ColdModel, HeldOut]]


@dataclass(frozen=True, slots=True, eq=False)
class FittedTarget:
    """A trained target and what is worth telling about it.

    Parameters
    ----------
    model
        Ready to forecast.
    held_out
        The search and the held-out forecasts it was judged by.
    data
        What it was trained on.
    """

    model: TargetModel
    held_out: HeldOut
    data: TrainingData


def training_data(rows: pd.DataFrame, target: str) -> tuple[TrainingData, pd.DataFrame, dict[str, float]]:
    """Return the rows that measure `target`, the censored ones apart, and the offsets of disturbed measurements.

    Raises
    ------
    InvalidInput
        Fewer than 4 rows measure it.
    """
    censored = rows["censored"].to_numpy(bool)
    value = rows[target].to_numpy(dtype=float, na_value=np.nan)
    ok = np.isfinite(value) & (value > 0)
    use = rows[ok & ~censored].reset_index(drop=True)
    if len(use) < FEWEST_ROWS:
        raise InvalidInput(f"{len(use)} rows measure {target}; training needs at least {FEWEST_ROWS} finished ones")
    log, quiet = np.log(use[target].to_numpy(float)), quiet_rows(use)
    busy = busy_offsets(use, log, quiet) if target == "run_time" else {}
    data = TrainingData(use, target, log - offsets(use, busy), weights(use, target), groups_of(use))
    return data, rows[ok & censored].reset_index(drop=True), busy


def offsets(rows: pd.DataFrame, busy: Mapping[str, float]) -> Floats:
    """Return how much disturbances raised the log of each row, shape ``(rows,)``."""
    raised = rows["node_class"].astype(str).map(dict(busy)).fillna(0.0).to_numpy(float)
    return np.where(quiet_rows(rows), 0.0, raised)


def weights(rows: pd.DataFrame, target: str) -> Floats:
    """Return what each row counts: disturbances blur run times, not memory."""
    return rows["weight"].to_numpy(float) if target == "run_time" else np.ones(len(rows))


def fit_target(
    rows: pd.DataFrame,
    target: str,
    features: tuple[Feature, ...],
    settings: ColdSettings,
    effort: Effort,
    grow: Grow | None = None,
) -> FittedTarget:
    """Train the model of one target on clean telemetry.

    Parameters
    ----------
    rows
        What `placement.telemetry.clean` returns: canonical columns, ``censored`` and ``weight``.
    target
        ``run_time`` or ``peak_memory``.
    grow
        Replaces the trees by ones grown on further shots than those of `rows`, which then judge them.
    """
    data, censored, busy = training_data(rows, target)
    data = _with_groups(data)
    encoder = Encoder.fit(data.rows, features)
    tried = candidates(settings, effort.draws, effort.seed, adds_up=target != "run_time")
    found = search(
        data, encoder, tried, folds=effort.folds, seed=effort.seed, jobs=effort.jobs, progress=effort.progress
    )
    cold = fit_cold(data, encoder, found.settings, effort.seed)
    variance = job_variances(data.rows, data.value - found.location)[1][""]
    if len(censored):
        expected = beyond_bounds(cold, censored, target, variance)
        cold = fit_cold(_with_bounds(data, censored, expected), encoder, found.settings, effort.seed)
    if grow is not None:
        cold, found = grow(cold, found, data, Disturbed(busy, variance))
    return FittedTarget(_calibrated(cold, found, data, encoder, (busy, effort)), found, data)


def _calibrated(
    cold: ColdModel, found: HeldOut, data: TrainingData, encoder: Encoder, under: tuple[dict[str, float], Effort]
) -> TargetModel:
    """Learn back-off, correction and quantile tables from the held-out forecasts."""
    busy, effort = under
    residual = data.value - found.location
    variance_type, variance_family = job_variances(data.rows, residual)
    calibration = Calibration(
        PROBABILITIES,
        np.zeros((0, len(PROBABILITIES))),
        variance_type,
        variance_family,
        inflation(data, encoder, found.settings, residual, effort.seed, effort.jobs)
        if effort.backoff
        else dict(UNTOLD),
        frozenset(zip(data.rows["job_type"].astype(str), data.rows["node_class"].astype(str), strict=True)),
        (float(data.value.mean()), float(max(data.value.std(), 0.1))),
        declared_error(data.rows, data.value, data.target),
        busy,
        _families(data.rows),
    )
    x = cold.basis.arrays(data.rows)[0]
    varying = varying_features(x, data.job)
    variance = calibration.job_variance(list(data.rows["job_type"].astype(str)), _family(data.rows))
    frames = Frames(data.job, positions(data.rows), cold.nodes(data.rows)[1], x[:, varying], variance)
    quiet = data.weight >= 1.0
    kernel = fit_correction(frames, residual, quiet, effort.seed)
    judged = quiet if quiet.any() else np.ones_like(quiet)
    tables = quantile_tables(scores(frames, residual, judged, effort.seed), len(cold.classes))
    progress = progress_curves(data.rows) if data.target == "run_time" else {}
    return TargetModel(data.target, cold, kernel, varying, replace(calibration, z=tables), progress)


def _with_groups(data: TrainingData) -> TrainingData:
    """Let rows be groups of their own when there is only one shot: nothing then tells how shots differ."""
    if len(np.unique(data.group)) > 1:
        return data
    return replace(data, group=np.arange(len(data.value), dtype=np.int64))


def beyond_bounds(cold: ColdModel, censored: pd.DataFrame, target: str, variance: float) -> Floats:
    """Return the log to be expected of rows that were cut short, given that it is beyond their bound.

    One step of Buckley and James (1979), shape ``(rows,)``.
    """
    location = cold.location_at(cold.cold(censored), *cold.nodes(censored))
    spread = float(np.sqrt(variance))
    bound = np.log(censored[target].to_numpy(float))
    start = (bound - location) / spread
    expected = location + spread * np.exp(norm.logpdf(start) - norm.logsf(start))
    return np.asarray(np.maximum(expected, bound))


def _with_bounds(data: TrainingData, censored: pd.DataFrame, expected: Floats) -> TrainingData:
    rows = pd.concat([data.rows, censored], ignore_index=True)
    weight = np.concatenate([data.weight, np.full(len(censored), CENSORED_WEIGHT)])
    return TrainingData(rows, data.target, np.concatenate([data.value, expected]), weight, groups_of(rows))


def _families(rows: pd.DataFrame) -> dict[str, str]:
    told = rows[rows["renderer"].notna()]
    return {str(kind): str(part.iloc[0]) for kind, part in told.groupby("job_type")["renderer"]}


def _family(rows: pd.DataFrame) -> list[str]:
    return ["" if pd.isna(one) else str(one) for one in rows["renderer"]]


def progress_curves(rows: pd.DataFrame) -> dict[str, ProgressCurve]:
    """Learn, for every job type that reports enough and for all together (""), how progress projects to the end."""
    reports: list[tuple[str, float, float, float]] = []
    told = rows[rows["progress"].notna() & (rows["status"] == "ok")]
    for kind, text, total in zip(told["job_type"], told["progress"], told["run_time"], strict=True):
        reports += [(str(kind), float(at), float(share), float(total)) for at, share in _points(text)]
    if not reports:
        return {}
    frame = pd.DataFrame(reports, columns=["kind", "elapsed", "fraction", "total"])
    parts = {"": frame, **{str(kind): part for kind, part in frame.groupby("kind")}}
    curves = {
        kind: fit_progress(*(part[name].to_numpy() for name in ("elapsed", "fraction", "total")))
        for kind, part in parts.items()
    }
    return {kind: curve for kind, curve in curves.items() if curve is not None}


def _points(text: Any) -> list[tuple[float, float]]:
    try:
        points = json.loads(text)
        return [(at, share) for at, share in points or []]
    except (TypeError, ValueError):
        return []
