"""Train one target: search, fit, learn the correction, calibrate."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from placement.errors import InvalidInput
from placement.forecast.calibration import Calibration
from placement.forecast.correction import Frames
from placement.forecast.progress import ProgressCurve, fit_progress
from placement.forecast.target import TargetModel, positions
from placement.telemetry.features import Encoder, Feature
from placement.units import Bools, Floats
from training.calibrate import PROBABILITIES, quantile_tables, scores
from training.cold import ColdSettings, TrainingData, fit_cold
from training.correction import fit_correction, varying_features
from training.heldout import HeldOut, candidates, search
from training.splits import groups_of
from training.spread import busy_offsets, declared_error, inflation, job_variances

__all__ = ["Effort", "FittedTarget", "fit_target", "training_data"]

_CENSORED_WEIGHT = 0.3
_FEWEST_ROWS = 4


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
    """

    draws: int = 4
    folds: int = 8
    jobs: int = 2
    seed: int = 0
    progress: bool = False
    backoff: bool = True


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
    if len(use) < _FEWEST_ROWS:
        raise InvalidInput(f"{len(use)} rows measure {target}; training needs at least {_FEWEST_ROWS} finished ones")
    log = np.log(use[target].to_numpy(float))
    quiet = _quiet(use)
    busy = busy_offsets(use, log, quiet) if target == "run_time" else {}
    offset = np.where(quiet, 0.0, use["node_class"].astype(str).map(busy).fillna(0.0).to_numpy(float)) if busy else 0.0
    weight = use["weight"].to_numpy(float) if target == "run_time" else np.ones(len(use))
    data = TrainingData(use, target, log - offset, weight, groups_of(use))
    return data, rows[ok & censored].reset_index(drop=True), busy


def fit_target(
    rows: pd.DataFrame, target: str, features: tuple[Feature, ...], settings: ColdSettings, effort: Effort
) -> FittedTarget:
    """Train the model of one target on clean telemetry.

    Parameters
    ----------
    rows
        What `placement.telemetry.clean` returns: canonical columns, ``censored`` and ``weight``.
    target
        ``run_time`` or ``peak_memory``.
    """
    data, censored, busy = training_data(rows, target)
    data = _with_groups(data)
    encoder = Encoder.fit(data.rows, features)
    tried = candidates(settings, effort.draws, effort.seed)
    found = search(
        data, encoder, tried, folds=effort.folds, seed=effort.seed, jobs=effort.jobs, progress=effort.progress
    )
    cold = fit_cold(data, encoder, found.settings, effort.seed)
    residual = data.value - found.location
    variance_type, variance_family = job_variances(data.rows, residual)
    if len(censored):
        whole = _with_bounds(data, censored, cold.location_at(cold.cold(censored), *cold.nodes(censored)), variance_family[""])
        cold = fit_cold(whole, encoder, found.settings, effort.seed)
    levels = inflation(data, encoder, found.settings, residual, effort.seed, effort.jobs) if effort.backoff else {2: 1.3, 3: 1.8, 5: 2.5}
    calibration = Calibration(
        PROBABILITIES,
        np.zeros((0, len(PROBABILITIES))),
        variance_type,
        variance_family,
        levels,
        frozenset(zip(data.rows["job_type"].astype(str), data.rows["node_class"].astype(str), strict=True)),
        (float(data.value.mean()), float(max(data.value.std(), 0.1))),
        declared_error(data.rows, data.value, target),
        busy,
        _families(data.rows),
    )
    x = cold.basis.arrays(data.rows)[0]
    varying = varying_features(x, data.job)
    variance = calibration.job_variance(list(data.rows["job_type"].astype(str)), _family(data.rows))
    known = cold.nodes(data.rows)[1]
    frames = Frames(data.job, positions(data.rows), known, x[:, varying], variance)
    quiet = data.weight >= 1.0
    kernel = fit_correction(frames, residual, quiet, effort.seed)
    judged = quiet if quiet.any() else np.ones_like(quiet)
    tables = quantile_tables(scores(frames, residual, judged, effort.seed), len(cold.classes))
    progress = progress_curves(data.rows) if target == "run_time" else {}
    model = TargetModel(target, cold, kernel, varying, replace(calibration, z=tables), progress)
    return FittedTarget(model, found, data)


def _with_groups(data: TrainingData) -> TrainingData:
    """Let rows be groups of their own when there is only one shot: nothing then tells how shots differ."""
    if len(np.unique(data.group)) > 1:
        return data
    return replace(data, group=np.arange(len(data.value), dtype=np.int64))


def _with_bounds(data: TrainingData, censored: pd.DataFrame, location: Floats, variance: float) -> TrainingData:
    """Add censored rows at what is to be expected beyond their bound (one step of Buckley and James 1979)."""
    spread = float(np.sqrt(variance))
    bound = np.log(censored[data.target].to_numpy(float))
    start = (bound - location) / spread
    expected = location + spread * np.exp(norm.logpdf(start) - norm.logsf(start))
    rows = pd.concat([data.rows, censored], ignore_index=True)
    weight = np.concatenate([data.weight, np.full(len(censored), _CENSORED_WEIGHT)])
    return TrainingData(rows, data.target, np.concatenate([data.value, np.maximum(expected, bound)]), weight, groups_of(rows))


def _quiet(rows: pd.DataFrame) -> Bools:
    return np.asarray(rows["quiet"].fillna(1.0).to_numpy(float) > 0.5)


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
    curves = {kind: fit_progress(*(part[name].to_numpy() for name in ("elapsed", "fraction", "total"))) for kind, part in parts.items()}
    return {kind: curve for kind, curve in curves.items() if curve is not None}


def _points(text: Any) -> list[tuple[float, float]]:
    try:
        points = json.loads(text)
        return [(at, share) for at, share in points or []]
    except (TypeError, ValueError):
        return []
