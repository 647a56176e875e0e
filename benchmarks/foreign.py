"""Logs of other people's renders: scenes the model never saw, beside plain regressors on the published columns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.result import Result, Row
from placement.adapters.formats import read_telemetry
from placement.errors import InvalidInput
from placement.telemetry.table import Telemetry
from placement.units import Floats, Ints
from training.backtest import Backtest, Plan, coverage, grouped_backtest
from training.baselines import REGRESSORS, left_out, raw_matrix
from training.splits import groups_of
from training.target import Effort
from training.train import features_of

__all__ = ["Foreign", "foreign_logs", "judge", "published", "read_foreign"]

_SEEN, _DRAWS, _SEED = 5, 4, 0
_EFFORT = Effort(draws=3, folds=10, jobs=1, backoff=False)
#: What a render is called by, and what is forecast: not columns to learn from.
_NAMES = ("File", "Render time")


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """The foreign logs as telemetry and as published.

    Parameters
    ----------
    telemetry
        Read through the shipped mapping, clean.
    table
        The published columns, row for row the same renders.
    """

    telemetry: Telemetry
    table: pd.DataFrame


def foreign_logs() -> Result:
    """Measure forecasts of the foreign logs, one scene left out at a time.

    Raises
    ------
    InvalidInput
        The logs, which may not be passed on, are not where they are looked for.
    """
    return judge(_foreign())


def judge(foreign: Foreign) -> Result:
    """Leave out one scene at a time: error, intervals, error after 5 frames, beside plain regressors."""
    found = _left_out(foreign)
    ours = float(np.median(_log_error(found.cold)))
    plain = _plain(foreign, found.cold)
    best = min(plain, key=plain.__getitem__)
    inside = _inside(found.cold)
    warm = found.seen[found.seen["draw"] > 0]
    factors = np.exp([float(np.median(_log_error(part))) for _, part in warm.groupby("draw")])
    rows = (
        Row(f"median log error over that of {best}", ours / plain[best], 0.85, "<="),
        Row("80 % interval, unseen scenes, from 80 %", 100 * abs(inside - 0.8), 8.0, "<=", "points"),
        Row(
            f"median error factor after {_SEEN} frames",
            float(factors.mean()),
            1.30,
            "<=",
            baseline=float(np.exp(np.median(_log_error(_before(found, warm))))),
        ),
    )
    return Result("foreign-logs", rows, (*_notes(foreign, found, ours, plain), _after(warm, factors)))


def _notes(foreign: Foreign, found: Backtest, ours: float, plain: dict[str, float]) -> tuple[str, ...]:
    scenes = foreign.telemetry.rows["shot"]
    errors = found.cold.assign(error=_log_error(found.cold)).groupby("shot")["error"].median()
    told = ", ".join(f"{name} {np.exp(one):.2f}" for name, one in errors.items())
    others = ", ".join(f"{name} {np.exp(one):.2f}" for name, one in plain.items())
    classes = ", ".join(f"{name} {one:.0%}" for name, one in coverage(found.cold, "p10", "p90").items())
    return (
        f"{len(scenes)} rows, {scenes.nunique()} scenes; seed {_SEED}; the mapping's features and some priors of the "
        "learner were chosen by looking at these logs",
        f"median error factor {np.exp(ours):.2f} (log error {ours:.3f}); with default settings on all published "
        f"columns: {others}",
        f"by scene: {told}",
        f"80 % intervals hold {_inside(found.cold):.1%}; by server: {classes}",
    )


def _after(warm: pd.DataFrame, factors: Floats) -> str:
    draws = ", ".join(f"{one:.3f}" for one in factors)
    return (
        f"{_SEEN} random frames of each scene × engine × server seen, draws: {draws}; "
        f"80 % intervals then hold {_inside(warm):.1%}"
    )


def _left_out(foreign: Foreign) -> Backtest:
    rows = foreign.telemetry.rows
    scenes = len(np.unique(groups_of(rows)))
    plan = Plan(folds=scenes, seed=_SEED, seen=_SEEN, draws=_DRAWS, effort=_EFFORT)
    return grouped_backtest(rows, "run_time", features_of(foreign.telemetry), plan)


def _plain(foreign: Foreign, judged: pd.DataFrame) -> dict[str, float]:
    """Return the median absolute log error of every plain regressor on the same rows and folds."""
    matrix = raw_matrix(foreign.table.drop(columns=list(_NAMES)))
    log = np.log(foreign.telemetry.rows["run_time"].to_numpy(float))
    fold = _fold_of_rows(judged)
    return {
        name: float(np.median(np.abs(left_out(matrix, log, fold, regressor) - log)))
        for name, regressor in REGRESSORS.items()
    }


def _fold_of_rows(judged: pd.DataFrame) -> Ints:
    return np.asarray(judged.sort_values("row")["fold"].to_numpy(), dtype=np.int64)


def _before(found: Backtest, warm: pd.DataFrame) -> pd.DataFrame:
    return found.cold[found.cold["row"].isin(warm["row"])]


def _log_error(table: pd.DataFrame) -> Floats:
    return np.asarray(np.abs(np.log(table["p50"].to_numpy(float) / table["truth"].to_numpy(float))))


def _inside(table: pd.DataFrame) -> float:
    return float(((table["truth"] >= table["p10"]) & (table["truth"] <= table["p90"])).mean())


@cache
def _foreign() -> Foreign:
    return read_foreign(_shared_data() / "blender-render-time")


def _shared_data() -> Path:
    told = os.environ.get("PLACEMENT_SHARED_DATA")
    return Path(told) if told else Path(__file__).resolve().parents[2] / "shared" / "data"


def read_foreign(folder: Path) -> Foreign:
    """Read every file of the foreign logs, as telemetry and as published.

    Raises
    ------
    InvalidInput
        The folder has no CSV file, or the two readings are not the same renders.
    """
    if not sorted(folder.glob("*.csv")):
        raise InvalidInput(
            f"the foreign render logs are not in {folder}: they carry no licence to pass them on; "
            "set PLACEMENT_SHARED_DATA to the folder that holds blender-render-time"
        )
    telemetry = read_telemetry(folder, mapping="blender_render_time").cleaned()
    table = published(folder)
    times = telemetry.rows["run_time"].to_numpy(float)
    if len(table) != len(times) or not np.allclose(table["Render time"], times):
        raise InvalidInput(f"{len(times)} rows of telemetry are not the {len(table)} published renders in {folder}")
    return Foreign(telemetry, table)


def published(folder: Path) -> pd.DataFrame:
    """Return all files' rows as published, in the order of the files' names."""
    return pd.concat([pd.read_csv(path) for path in sorted(folder.glob("*.csv"))], ignore_index=True)
