"""Whole farms: placement against round robin and random, paired by seed, beside bounds that nobody can beat."""

from __future__ import annotations

import pandas as pd

from benchmarks.result import Result, Row
from placement.evaluation.experiment import compare
from placement.evaluation.summary import ratio_between, to_bounds
from placement.evaluation.workloads.catalog import workload
from placement.evaluation.workloads.mixed_renders import MixedRenders
from training.forecaster import train_run_time

__all__ = ["beats_round_robin", "blender_fleet"]

_LEAST_GAIN = 35.0
_WORST_TO_BOUND = 1.10
_JUDGED = ("makespan", "node_seconds")


def beats_round_robin(seeds: int = 8) -> Result:
    """Measure the gain on real renders, on the mixed farm and on the two classes that were measured themselves."""
    mixed = _runs("mixed-renders", seeds)
    measured = _runs("measured-renders", max(seeds // 2, 2))
    rows = [*_gains(mixed), *_distances(mixed, "mixed farm"), *_distances(measured, "measured classes alone")]
    return Result("beats-round-robin", tuple(rows))


def blender_fleet(seeds: int = 6) -> Result:
    """Measure the gain on the device table, a third of its cells hidden from the forecaster."""
    return Result("blender-fleet", tuple(_gains(_runs("blender-devices", seeds))))


def _runs(name: str, seeds: int) -> pd.DataFrame:
    chosen = workload(name, train_run_time)
    if isinstance(chosen, MixedRenders):
        # Trained here, once, so that the processes that run the seeds get the forecasts and not the training.
        _ = chosen.forecast
    return compare(chosen, ("round-robin", "random", "earliest-finish", "placement", "clairvoyant"), seeds, jobs=-1)


def _gains(runs: pd.DataFrame) -> list[Row]:
    """Return how much less placement takes, in per cent; the baseline is what earliest finish saves in the same run."""
    return [
        Row(
            f"{metric}: saved against {baseline}",
            _saved(runs, metric, "placement", baseline),
            _LEAST_GAIN,
            ">=",
            "%",
            _saved(runs, metric, "earliest-finish", baseline),
        )
        for metric in _JUDGED
        for baseline in ("round-robin", "random")
    ]


def _distances(runs: pd.DataFrame, farm: str) -> list[Row]:
    """Return placement over the lower bound; the baseline is the clairvoyant run."""
    ours, best = to_bounds(runs, "placement"), to_bounds(runs, "clairvoyant")
    return [
        Row(f"{metric} over its lower bound, {farm}", ours[metric].mean, _WORST_TO_BOUND, "<=", "", best[metric].mean)
        for metric in _JUDGED
    ]


def _saved(runs: pd.DataFrame, metric: str, policy: str, baseline: str) -> float:
    return 100 * (1 - ratio_between(runs, metric, policy, baseline).mean)
