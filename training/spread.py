"""How far off a forecast may be: job variances by type, back-off by leaving things out, declared estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from placement.telemetry.features import Encoder
from placement.units import Bools, Floats
from training.cold import ColdSettings, TrainingData, fit_cold

__all__ = ["UNTOLD", "busy_offsets", "declared_error", "inflation", "job_variances"]

_PSEUDO_JOBS = 10.0
_CAP = 1.5
_BUSY_PRIOR_ROWS = 3.0
#: Back-off level -> how much wider a forecast is when telemetry cannot tell: a class, a job type, a family is new.
UNTOLD: Mapping[int, float] = {2: 1.3, 3: 1.8, 5: 2.5}
_LEFT_OUT = {2: "node_class", 3: "job_type", 5: "renderer"}
_FEWEST_ROWS = 10
_MOST_ROWS = 4_000
#: Steps of the search for variances when a value is left out; twice as many moved no inflation of the shipped renders
#: by more than 0.02.
_STEPS = 20
#: log(measured / declared) when no declared estimate was ever checked: no bias, wrong by a factor of two.
_DECLARED_UNTOLD = (0.0, float(np.log(2.0)))


def busy_offsets(rows: pd.DataFrame, value: Floats, quiet: Bools) -> dict[str, float]:
    """Return how much the log rises when a measurement is disturbed, by node class, from jobs measured both ways."""
    frame = pd.DataFrame(
        {"cell": rows["job_id"].astype(str) + "|" + rows["node_class"].astype(str), "y": value, "busy": ~quiet}
    ).astype({"busy": float})
    within = frame[["y", "busy"]] - frame.groupby("cell")[["y", "busy"]].transform("mean")
    found = {}
    for name in sorted(rows["node_class"].astype(str).unique()):
        own = (rows["node_class"].astype(str) == name).to_numpy()
        b, y = within["busy"].to_numpy()[own], within["y"].to_numpy()[own]
        found[name] = float(np.clip(b @ y / (b @ b + _BUSY_PRIOR_ROWS), 0.0, 0.5))
    return found


def job_variances(rows: pd.DataFrame, residual: Floats) -> tuple[dict[str, float], dict[str, float]]:
    """Return the variance of jobs by type and by family, "" being all; shrunk to the parent by ten jobs' worth."""
    kind = rows["job_type"].astype(object)
    family = rows.get("renderer", kind).astype(object)
    frame = pd.DataFrame(
        {
            "job": rows["job_id"],
            "kind": kind,
            "family": family.where(family.notna(), ""),
            "square": np.minimum(np.abs(residual), _CAP) ** 2,
        }
    )
    jobs = frame.groupby("job").agg({"kind": "first", "family": "first", "square": "mean"})
    whole = float(jobs["square"].mean())
    families = {str(name): _shrunk(part["square"], whole) for name, part in jobs.groupby("family")}
    kinds = {
        str(name): _shrunk(part["square"], families[str(part["family"].iloc[0])]) for name, part in jobs.groupby("kind")
    }
    return kinds, {**families, "": whole}


def _shrunk(squares: pd.Series, parent: float) -> float:
    return float((squares.sum() + _PSEUDO_JOBS * parent) / (len(squares) + _PSEUDO_JOBS))


def inflation(
    data: TrainingData, encoder: Encoder, settings: ColdSettings, residual: Floats, seed: int, jobs: int = 1
) -> dict[int, float]:
    """Return how much wider forecasts must be at each back-off level, by leaving whole classes, types, families out.

    The ratio of the 80 % quantiles of absolute misses, left out against held out, at least 1.

    Parameters
    ----------
    residual
        log(measured) - held-out location, shape ``(rows,)``.
    jobs
        Threads; each fits on what one value leaves.
    """
    known = float(np.quantile(np.abs(residual), 0.8))
    data = _some_groups(data, seed)
    outs = [(level, out) for level, column in _LEFT_OUT.items() for out in _values(data, column)]
    run = Parallel(n_jobs=jobs, prefer="threads")
    missed = run(delayed(_left_out)(data, encoder, settings, out, seed) for _, out in outs)
    found = dict(UNTOLD)
    for level in _LEFT_OUT:
        misses = np.concatenate([np.zeros(0), *(one for (at, _), one in zip(outs, missed, strict=True) if at == level)])
        if len(misses) >= _FEWEST_ROWS and known > 0:
            found[level] = float(np.clip(np.quantile(np.abs(misses), 0.8) / known, 1.0, 10.0))
    found[3], found[5] = max(found[2], found[3]), max(found[2], found[3], found[5])
    return found


def _some_groups(data: TrainingData, seed: int) -> TrainingData:
    """Return whole groups, about `_MOST_ROWS` rows of them: a ratio of spreads needs no more."""
    share = _MOST_ROWS / len(data.value)
    if share >= 1:
        return data
    groups = np.unique(data.group)
    kept = np.random.default_rng(seed).permutation(groups)[: max(2, int(share * len(groups)))]
    return data.take(np.isin(data.group, kept))


def _values(data: TrainingData, column: str) -> list[Bools]:
    """Return where each value of a column stands, of those that leave enough rows to learn from."""
    if column not in data.rows or data.rows[column].nunique() < 2:
        return []
    codes = pd.factorize(data.rows[column])[0]
    masks = [codes == code for code in range(codes.max() + 1)]
    return [out for out in masks if (~out).sum() >= _FEWEST_ROWS]


def _left_out(data: TrainingData, encoder: Encoder, settings: ColdSettings, out: Bools, seed: int) -> Floats:
    train, held = data.take(~out), data.take(out)
    own = Encoder.fit(train.rows, encoder.features)
    brief = replace(settings, steps=min(settings.steps, _STEPS), trees=replace(settings.trees, ensemble=1))
    model = fit_cold(train, own, brief, seed)
    return held.value - model.location_at(model.cold(held.rows), *model.nodes(held.rows))


def declared_error(rows: pd.DataFrame, value: Floats, target: str) -> tuple[float, float]:
    """Return median and spread of log(measured / declared), shrunk to a factor of two while few were checked."""
    name = {"run_time": "declared_run_time", "peak_memory": "declared_memory"}.get(target, "")
    if name not in rows:
        return _DECLARED_UNTOLD
    declared = rows[name].to_numpy(dtype=float, na_value=np.nan)
    use = np.isfinite(declared) & (declared > 0)
    if use.sum() < _FEWEST_ROWS:
        return _DECLARED_UNTOLD
    error = value[use] - np.log(declared[use])
    low, middle, high = np.quantile(error, [0.1, 0.5, 0.9])
    return float(middle), float(max((high - low) / 2.56, 0.05))
