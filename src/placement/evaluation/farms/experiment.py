"""Paired experiments on whole farms: every policy in the same worlds, seed by seed, in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from placement.errors import Infeasible, InvalidInput
from placement.evaluation.farms.bounds import least_makespan, least_node_seconds, least_worth_seconds, most_value
from placement.evaluation.farms.contestants import contestant, live
from placement.evaluation.farms.metrics import measure
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld

__all__ = ["BOUNDS", "BOUNDS_AT_MAKESPAN", "bounds_of", "compare_farms"]

#: Columns that say what no schedule of that world can beat.
BOUNDS = ("least_node_seconds", "least_worth_seconds", "least_makespan", "most_value", "most_value_on_deadline")

#: Columns that say what no schedule can beat that ends no later than this run did.
BOUNDS_AT_MAKESPAN = ("least_node_seconds_at_makespan", "least_worth_seconds_at_makespan")


def compare_farms(
    workload: str | Path,
    policies: Sequence[str],
    seeds: int | Sequence[int],
    *,
    jobs: int = 1,
    rules: Rules | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Run policies in the worlds of some seeds.

    Parameters
    ----------
    workload, settings
        As `placement.evaluation.workloads.farm_catalog.farm_world` takes them.
    policies
        As `placement.evaluation.farms.contestants.contestant` takes them.
    seeds
        How many, from 0 on, or which.
    jobs
        Processes, as joblib's ``n_jobs``. But for `placement.evaluation.farms.metrics.TIMED`, which a clock measures,
        the result does not depend on it.
    rules
        For all policies; None: the defaults.

    Returns
    -------
    DataFrame
        One row per (seed, policy): `seed`, `policy`, all metrics, `BOUNDS` of the seed's world and
        `BOUNDS_AT_MAKESPAN` of the run.

    Raises
    ------
    InvalidInput
        No such workload, setting or policy; no seeds; `FarmWorld.measure` is empty.

    Examples
    --------
    >>> runs = compare_farms("single-client", ["fifo", "random"], 1, scale=0.04)
    >>> runs.policy.tolist(), bool((runs.node_seconds >= runs.least_node_seconds).all())
    (['fifo', 'random'], True)
    """
    names = tuple(dict.fromkeys(policies))
    for name in names:
        contestant(name)
    chosen = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not chosen or not names:
        raise InvalidInput(f"{len(chosen)} seeds and {len(names)} policies, expected 1 or more of each")
    _check(farm_world(workload, chosen[0], **settings))  # before any process starts
    work = [(seed, name) for seed in chosen for name in (None, *names)]
    calls = (delayed(_row)(workload, seed, name, rules or Rules(), settings) for seed, name in work)
    done = Parallel(n_jobs=jobs, return_as="generator")(calls)
    found = dict(zip(work, tqdm(done, total=len(work), desc="runs", disable=None), strict=True))
    return pd.DataFrame(
        [{"seed": seed, "policy": name, **found[seed, name], **found[seed, None]} for seed in chosen for name in names]
    )


def _check(world: FarmWorld) -> None:
    start, end = world.measure
    if not start < end:
        raise InvalidInput(
            f"of world {world.name!r} nothing counts, its `measure` is from {start:g} s to {end:g} s: take more hours "
            "than the warm-up has"
        )


def _row(workload: str | Path, seed: int, name: str | None, rules: Rules, settings: dict[str, Any]) -> dict[str, float]:
    """Return what one contestant's run measured, or the bounds of the world where there is none."""
    world = farm_world(workload, seed, **settings)
    if name is None:
        return bounds_of(world)
    measured = measure(world, live(world, name, rules))
    return measured | _bounds_at(world, measured["makespan"])


def _bounds_at(world: FarmWorld, makespan: float) -> dict[str, float]:
    """Return what any schedule as short as this takes; NaN: none does all the work so soon."""
    try:
        least = least_node_seconds(world, makespan), least_worth_seconds(world, makespan)
    except Infeasible:
        least = (float("nan"), float("nan"))
    return dict(zip(BOUNDS_AT_MAKESPAN, least, strict=True))


def bounds_of(world: FarmWorld) -> dict[str, float]:
    """Return the bounds of a world, by the names of `BOUNDS`; the makespan is infinite where work can run nowhere.

    Examples
    --------
    >>> from placement.testing.planner_farms import farm_world_of
    >>> bounds_of(farm_world_of())["least_makespan"]
    60.0
    """
    free = float(world.jobs.value[~np.isfinite(world.jobs.deadline)].sum())
    value = most_value(world)
    try:
        makespan = least_makespan(world)
    except Infeasible:
        makespan = float("inf")
    return {
        "least_node_seconds": least_node_seconds(world),
        "least_worth_seconds": least_worth_seconds(world),
        "least_makespan": makespan,
        "most_value": value,
        "most_value_on_deadline": value - free,
    }
