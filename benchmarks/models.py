"""How well models forecast shots they never saw: the shipped renders, and logs of others.

Folds are of shots; every fold searches, trains and calibrates on the other shots alone. Three seeds deal the folds
differently and are pooled, so that no number hangs on one deal. What is measured is shared between the benchmarks of
one command.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from benchmarks.foreign import foreign_logs
from benchmarks.result import Result, Row
from placement.adapters.formats import read_telemetry
from placement.adapters.stores.shipped import shipped
from placement.telemetry.table import Telemetry
from training.backtest import (
    Backtest,
    Plan,
    grouped_backtest,
    learning_curve,
    percentage_error,
)
from training.backtest import (
    coverage as covered,
)
from training.baselines import out_of_fold
from training.noise import noise_floor
from training.train import features_of

__all__ = ["after_three_frames", "cold_start", "coverage", "foreign_logs", "memory_exceedance"]

FOLDS, SEEDS = 15, (0, 1, 2)
_CURVE_FOLDS = 8


def cold_start() -> Result:
    """Measure the error of the run time before any frame of a job is seen, on quiet held-out rows."""
    table = _quiet(_pooled("run_time").cold)
    error = float(np.median(percentage_error(table)))
    line = percentage_error(table.assign(p50=table["line"]))
    plain = float(np.median(line))
    rows = (
        Row("median error, no frame seen", 100 * error, 25.0, "<=", "%", 100 * plain),
        Row("ratio to the log-linear fit", error / plain, 0.6, "<="),
    )
    types = table.assign(error=percentage_error(table), line=line).groupby("job_type")[["error", "line"]].median()
    told = ", ".join(f"{kind} {one.error:.0%} ({one.line:.0%})" for kind, one in types.iterrows())
    notes = (_judged(table), f"by job type, the log-linear fit in brackets: {told}")
    missed = not all(row.passed for row in rows)
    return Result("cold-start", rows, (*notes, *(_shortfall("cold", error, min(0.25, 0.6 * plain)) if missed else ())))


def after_three_frames() -> Result:
    """Measure the same after the first three frames of a job have finished, on its other frames."""
    table = _quiet(_pooled("run_time").seen)
    first, drawn = table[table["draw"] == 0], table[table["draw"] > 0]
    error, other = (float(np.median(percentage_error(part))) for part in (first, drawn))
    before = _quiet(_pooled("run_time").cold).merge(first[["row", "seed"]], on=["row", "seed"])
    cold = float(np.median(percentage_error(before)))
    row = Row("median error after the first 3 frames", 100 * error, 6.0, "<=", "%", 100 * cold)
    notes = (_judged(first), f"three frames drawn at random instead of the first to finish: {other:.2%}")
    return Result("after-three-frames", (row,), (*notes, *(() if row.passed else _shortfall("seen", error, 0.06))))


def coverage() -> Result:
    """Measure how often quiet truths fall into central intervals, on the node class where it is furthest off."""
    found = _pooled("run_time")
    states = {"no frame seen": _quiet(found.cold), "3 frames seen": _quiet(found.seen)}
    rows, notes = [], []
    for state, table in states.items():
        for level, low, high in ((0.80, "p10", "p90"), (0.95, "p2.5", "p97.5")):
            share = covered(table, low, high)
            worst = 100 * float((share - level).abs().max())
            rows.append(Row(f"{level:.0%} interval, {state}", worst, 3.0, "<=", "points"))
            told = ", ".join(f"{name} {one:.1%}" for name, one in share.items())
            notes.append(f"{level:.0%} interval, {state}: {told}")
    return Result("coverage", tuple(rows), (_judged(states["no frame seen"]), *notes))


def memory_exceedance() -> Result:
    """Measure how often the peak memory of a held-out frame is above its 99 % forecast, and how wide that is."""
    table = _pooled("peak_memory").cold
    above = float((table["truth"] > table["p99"]).mean())
    room = float(table["p99"].mean() / table["truth"].mean())
    rows = (
        Row("frames above the P99 memory forecast", 100 * above, 2.0, "<=", "%"),
        Row("mean P99 forecast over the mean true peak", room, 1.5, "<="),
    )
    worst = table.assign(above=table["truth"] > table["p99"]).groupby("job_type")["above"].mean()
    error = float(np.median(percentage_error(table)))
    told = f"median error of the forecast {error:.1%}; most often above: {worst.idxmax()} {worst.max():.1%}"
    notes = (_judged(table), told)
    return Result("memory-exceedance", rows, notes)


@cache
def _renders() -> Telemetry:
    return read_telemetry(shipped("data/renders/renders.parquet"), mapping="renders").cleaned()


@cache
def _pooled(target: str) -> Backtest:
    """Backtest the shipped renders under every seed; tables get ``seed``, the cold one the log-linear ``line``."""
    telemetry = _renders()
    cold, seen = [], []
    for seed in SEEDS:
        found = grouped_backtest(telemetry.rows, target, features_of(telemetry), Plan(folds=FOLDS, seed=seed))
        judged = telemetry.rows.iloc[found.cold["row"]]
        line = out_of_fold(judged, found.cold["fold"].to_numpy(), target)
        cold.append(found.cold.assign(seed=seed, line=line))
        seen.append(found.seen.assign(seed=seed))
    return Backtest(target, pd.concat(cold, ignore_index=True), pd.concat(seen, ignore_index=True))


@cache
def _curve() -> pd.DataFrame:
    telemetry = _renders()
    return learning_curve(telemetry.rows, "run_time", features_of(telemetry), Plan(folds=_CURVE_FOLDS, draws=1))


def _shortfall(column: str, error: float, bar: float) -> tuple[str, ...]:
    """Say how far off a missed bar is, what noise allows, and how much data would do it."""
    noise = noise_floor(_renders().rows, "run_time")
    curve = _curve()
    points = ", ".join(f"{one.shots:.0f} shots {getattr(one, column):.1%}" for one in curve.itertuples())
    slope, level = np.polyfit(np.log(curve["shots"]), np.log(curve[column]), 1)
    needed = f"{np.exp((np.log(bar) - level) / slope):.0f} shots" if slope < -0.05 else "more than the curve can tell"
    return (
        f"an error of {error:.1%} is {100 * (error - bar):.1f} points above the {bar:.1%} that the bars allow",
        f"noise floor: {noise.pairs} quiet repeats of a frame differ by {noise.difference:.1%} at the median, so that "
        f"even a forecast that knew every frame would miss by {noise.bound:.1%}",
        f"learning curve, trained on: {points}; along its power law (exponent {slope:.2f}) that takes "
        f"{needed}",
    )


def _judged(table: pd.DataFrame) -> str:
    each = table[table["seed"] == SEEDS[0]]
    return (
        f"{len(each)} rows of {each['job_id'].nunique()} held-out jobs, {FOLDS} folds of shots, seeds {SEEDS} pooled"
    )


def _quiet(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["quiet"]]
