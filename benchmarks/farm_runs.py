"""Runs of whole farms for the benchmarks, and who of the peers did best in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from placement.evaluation.farms.contestants import PEERS, live
from placement.evaluation.farms.experiment import compare_farms
from placement.evaluation.farms.metrics import MORE_IS_BETTER
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory

__all__ = ["JOBS", "OURS", "best_peer", "farm_runs", "lived", "means", "setting"]

OURS = "placement"
#: Processes, as joblib has them.
JOBS = -1


def farm_runs(
    workload: str, policies: Sequence[str], seeds: int, rules: Rules | None = None, **settings: Any
) -> pd.DataFrame:
    """Return the metrics of policies in the same worlds, one process a core."""
    return compare_farms(workload, policies, seeds, jobs=JOBS, rules=rules, **settings)


def lived(workload: str, policy: str, seeds: int, **settings: Any) -> list[tuple[FarmWorld, FarmHistory]]:
    """Return the worlds of some seeds, and what happened in each under a policy."""
    return list(Parallel(n_jobs=JOBS)(delayed(_lived)(workload, policy, seed, settings) for seed in range(seeds)))


def _lived(workload: str, policy: str, seed: int, settings: dict[str, Any]) -> tuple[FarmWorld, FarmHistory]:
    world = farm_world(workload, seed, **settings)
    return world, live(world, policy)


def means(runs: pd.DataFrame, metric: str) -> dict[str, float]:
    """Return the mean over seeds of a metric for each policy.

    Examples
    --------
    >>> runs = pd.DataFrame({"policy": ["fifo", "random"] * 2, "makespan": [1.0, 2.0, 3.0, 4.0]})
    >>> means(runs, "makespan")
    {'fifo': 2.0, 'random': 3.0}
    """
    return {str(policy): float(mean) for policy, mean in runs.groupby("policy", sort=False)[metric].mean().items()}


def best_peer(runs: pd.DataFrame, metric: str) -> str:
    """Return the peer whose mean is best, of those that left no more jobs undone than `placement` did.

    Work that is not done takes no node-seconds: without that condition giving up would win. If all left more undone,
    the best of all.

    Examples
    --------
    >>> runs = pd.DataFrame({"policy": ["placement", "fifo", "random"], "node_seconds": [5.0, 7.0, 2.0],
    ...                      "jobs_unfinished": [0.0, 0.0, 3.0], "jobs_failed": 0.0})
    >>> best_peer(runs, "node_seconds")
    'fifo'
    """
    undone = means(runs.assign(undone=runs["jobs_unfinished"] + runs["jobs_failed"]), "undone")
    there = [name for name in undone if name in PEERS]
    diligent = [name for name in there if undone[name] <= undone.get(OURS, float("inf"))]
    mean = means(runs, metric)
    choose = max if metric in MORE_IS_BETTER else min
    return choose(diligent or there, key=mean.__getitem__)


def setting(seeds: int, scale: float, **settings: Any) -> str:
    """Return a sentence on what was run."""
    more = "".join(f", {name} {value}" for name, value in settings.items())
    return f"{seeds} seeds, scale {scale:g}{more}"
