"""Paired experiments: every policy on the same cases, seed by seed, in parallel."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from placement.errors import InvalidInput
from placement.evaluation.bounds import makespan_bound, node_seconds_bound
from placement.evaluation.case import Case, Workload
from placement.evaluation.contestants import contestant
from placement.evaluation.metrics import METRICS
from placement.simulator.farm import History, simulate

__all__ = ["compare", "play"]


def play(case: Case, name: str) -> History:
    """Run one contestant on one case.

    Raises
    ------
    InvalidInput
        No such contestant.
    """
    one = contestant(name)
    return simulate(case.world, one.policy, one.knows(case))


def compare(workload: Workload, policies: Sequence[str], seeds: int, *, jobs: int = 1) -> pd.DataFrame:
    """Run `policies` on the cases of seeds 0 to `seeds` - 1.

    Parameters
    ----------
    jobs
        Processes to use, as joblib's ``n_jobs``; the result does not depend on it.

    Returns
    -------
    runs
        One row per (seed, policy): `seed`, `policy`, the metrics, `makespan_bound`, `node_seconds_bound` (of any
        schedule) and `node_seconds_bound_at_makespan` (of any schedule that ends no later than this run).

    Raises
    ------
    InvalidInput
        A policy is unknown, or there are no seeds.
    """
    for name in policies:
        contestant(name)
    if seeds < 1:
        raise InvalidInput(f"{seeds} seeds, expected 1 or more")
    work = (delayed(_seed)(workload, policies, seed) for seed in range(seeds))
    done = Parallel(n_jobs=jobs, return_as="generator")(work)
    return pd.DataFrame([row for rows in tqdm(done, total=seeds, desc="seeds", disable=None) for row in rows])


def _seed(workload: Workload, policies: Sequence[str], seed: int) -> list[dict[str, object]]:
    case = workload(seed)
    least, fewest = makespan_bound(case.world), node_seconds_bound(case.world)
    rows = []
    for name in policies:
        history = play(case, name)
        measured = {metric: of(case.world, history) for metric, of in METRICS.items()}
        bounds = {
            "makespan_bound": least,
            "node_seconds_bound": fewest,
            "node_seconds_bound_at_makespan": node_seconds_bound(case.world, measured["makespan"]),
        }
        rows.append({"seed": seed, "policy": name, **measured, **bounds})
    return rows
