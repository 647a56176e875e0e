"""What comes out of whole farms: jobs on time, value, distance to peers, to knowing the future and to the bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.farm_runs import OURS, best_peer, farm_runs, means, setting
from benchmarks.result import Result, Row
from placement.evaluation.farms.contestants import KEEPING, PEERS
from placement.evaluation.farms.flow import least_mean_completion
from placement.evaluation.farms.summary import difference_between
from placement.evaluation.workloads.farm_catalog import FARMS, farm_world
from placement.units import Floats

__all__ = ["beats_peers", "beats_round_robin_farm", "crunch_value", "on_time", "regret"]

_NO_FORESIGHT = ("round-robin", "random")
_PEERS_METRICS = ("weighted_tardiness", "worth_seconds")
_REGRETTED = ("worth_seconds", "mean_completion", "weighted_tardiness")


def on_time(scale: float = 1.0, seeds: int = 1, **settings: Any) -> Result:
    """Measure which jobs end by deadlines that they could meet if each had the farm to itself."""
    rows, notes = [], [setting(seeds, scale, **settings)]
    for workload in ("studio-day", "maestro-farm"):
        runs = farm_runs(workload, (OURS, *PEERS), seeds, scale=scale, **settings)
        mean, peer = means(runs, "on_time_possible"), best_peer(runs, "on_time_possible")
        rows.append(Row(f"{workload}: jobs on time", 100 * mean[OURS], 99.5, ">=", "%", 100 * mean[peer]))
        counted, every = means(runs, "jobs_counted")[OURS], means(runs, "on_time")[OURS]
        notes.append(f"{workload}: best peer {peer}; {counted:.0f} jobs a world, {every:.2%} of all deadlines kept")
    return Result("on-time", tuple(rows), tuple(notes))


def crunch_value(scale: float = 1.0, seeds: int = 3, **settings: Any) -> Result:
    """Measure the value delivered in a crunch beside what no schedule can exceed, and beside the best peer.

    Peers ignore what clients are guaranteed, which is worth most when nobody has enough: two that are made to keep it
    stand beside them.
    """
    runs = farm_runs("crunch", (OURS, *PEERS, *KEEPING), seeds, scale=scale, **settings)
    runs = runs.assign(share=runs["value"] / runs["most_value"], deadlines=_on_deadlines(runs))
    peer = best_peer(runs, "value")
    share, deadlines = means(runs, "share"), means(runs, "deadlines")
    ahead, kept = (_of(runs, OURS, "value") / _most_value(runs, names) for names in (PEERS, KEEPING))
    late, owed = means(runs, "weighted_tardiness"), means(runs, "shortfall_overdue_share")
    rows = (
        Row("value delivered, of the upper bound", 100 * share[OURS], 90.0, ">=", "%", 100 * share[peer]),
        Row("value over that of each seed's best peer", float(ahead.mean()), 1.0, ">=", "", 1.0),
        Row("value over that of each seed's best peer within guarantees", float(kept.mean()), 1.0, ">=", "", 1.0),
    )
    notes = (
        setting(seeds, scale, **settings),
        f"best peer {peer}; by seed {_listed(ahead)} of the best there",
        f"of jobs with a deadline alone {deadlines[OURS]:.1%} of the bound, {peer} {deadlines[peer]:.1%}",
        "share of the bound, weighted tardiness, overdue share of guarantees: "
        + "; ".join(f"{name} {share[name]:.1%}, {late[name]:.4g}, {owed[name]:.2%}" for name in (OURS, peer, *KEEPING)),
    )
    return Result("crunch-value", rows, notes)


def _most_value(runs: pd.DataFrame, policies: Sequence[str]) -> Floats:
    """Return the most value that any of the policies delivers, by seed."""
    return runs[runs["policy"].isin(policies)].groupby("seed")["value"].max().to_numpy(float)


def _on_deadlines(runs: pd.DataFrame) -> pd.Series:
    return runs["value_on_deadline"] / runs["most_value_on_deadline"]


def beats_round_robin_farm(scale: float = 1.0, seeds: int = 2, **settings: Any) -> Result:
    """Measure node-seconds and mean completion on mixed hardware beside round robin and random."""
    rows, notes = [], [f"{setting(seeds, scale, **settings)}; baseline: what the peer epvm saves in the same worlds"]
    for workload in ("studio-day", "blender-fleet"):
        runs = farm_runs(workload, (OURS, "epvm", *_NO_FORESIGHT), seeds, scale=scale, **settings)
        for metric in ("node_seconds", "mean_completion"):
            mean = means(runs, metric)
            rows += [
                Row(f"{workload}, {metric}: saved against {other}", _saved(mean, OURS, other), 35.0, ">=", "%",
                    _saved(mean, "epvm", other))
                for other in _NO_FORESIGHT
            ]  # fmt: skip
        worth = means(runs, "worth_seconds")
        told = ", ".join(f"{_saved(worth, OURS, other):.1f} % against {other}" for other in _NO_FORESIGHT)
        notes.append(f"{workload}: worth-seconds saved {told}; {_possible(runs)}")
        worlds = [farm_world(workload, seed, scale=scale, **settings) for seed in range(seeds)]
        soonest = np.mean([least_mean_completion(world) for world in worlds])
        saves = 100 * (1 - float(soonest) / means(runs, "mean_completion")["round-robin"])
        notes.append(f"{workload}: no order of work saves more than {saves:.1f} % of round robin's mean completion")
    return Result("beats-round-robin-farm", tuple(rows), tuple(notes))


def _possible(runs: pd.DataFrame) -> str:
    """Return a sentence on what node-seconds any schedule could save at all, and one that is as short."""
    taken = means(runs, "node_seconds")["round-robin"]
    ever, as_short = (
        100 * (1 - means(runs, name)[policy] / taken)
        for name, policy in (("least_node_seconds", OURS), ("least_node_seconds_at_makespan", "round-robin"))
    )
    return (
        f"no schedule, however long, saves more than {ever:.1f} % of round robin's node-seconds, none that ends as "
        f"soon more than {as_short:.1f} %"
    )


def _saved(mean: dict[str, float], policy: str, other: str) -> float:
    return 100 * (1 - mean[policy] / mean[other])


def beats_peers(scale: float = 1.0, seeds: int = 6, workloads: Sequence[str] = tuple(FARMS), **settings: Any) -> Result:
    """Measure how sure it is, paired by seed, that tardiness and worth-seconds are below the best peer's."""
    rows: list[Row] = []
    notes = [setting(seeds, scale, **settings)]
    for workload in workloads:
        runs = farm_runs(workload, (OURS, *PEERS), seeds, scale=scale, **settings)
        for metric in _PEERS_METRICS:
            peer, mean = best_peer(runs, metric), means(runs, metric)
            if mean[OURS] == mean[peer] == 0:
                notes.append(f"{workload}, {metric}: a tie, 0 for {OURS} and for {peer}; no win, not judged")
                continue
            rows.append(_against(runs, workload, metric, peer))
        peer, raw = best_peer(runs, "node_seconds"), means(runs, "node_seconds")
        notes.append(f"{workload}: raw node-seconds {raw[OURS] / raw[peer]:.3f} of {peer}'s")
    return Result("beats-peers", tuple(rows), tuple(notes))


def _against(runs: pd.DataFrame, workload: str, metric: str, peer: str) -> Row:
    mean, found = means(runs, metric), difference_between(runs, metric, OURS, peer)
    ratio = f"{mean[OURS] / mean[peer]:.3f} of {peer}'s" if mean[peer] > 0 else f"{mean[OURS]:.4g}, {peer} has 0"
    ranks = "" if np.isnan(found.p_wilcoxon) else f", by ranks {found.p_wilcoxon:.2g}"
    return Row(f"{workload}, {metric} {ratio}{ranks}: p", found.p_student, 0.01, "<=")


def regret(
    scale: float = 1.0, seeds: int = 2, workloads: Sequence[str] = ("studio-day", "crunch"), **settings: Any
) -> Result:
    """Measure the gap to the same planner with true run times, and to what no schedule as short can take less of."""
    rows, notes = [], [f"{setting(seeds, scale, **settings)}; baseline: the peer least-slack"]
    for workload in workloads:
        runs = farm_runs(workload, (OURS, "clairvoyant", "least-slack"), seeds, scale=scale, **settings)
        for metric in _REGRETTED:
            mean = means(runs, metric)
            rows.append(
                Row(f"{workload}, {metric} over the clairvoyant's", _gap(mean, OURS), 3.0, "<=", "%",
                    _gap(mean, "least-slack"))
            )  # fmt: skip
        ours, told, peer = (_over_bound(runs, policy) for policy in (OURS, "clairvoyant", "least-slack"))
        rows.append(Row(f"{workload}, worth_seconds over the lower bound at its makespan", ours, 10.0, "<=", "%", peer))
        notes.append(f"{workload}: the clairvoyant is {told:.1f} % over the lower bound at its makespan")
    return Result("regret", tuple(rows), tuple(notes))


def _gap(mean: dict[str, float], policy: str) -> float:
    """Return how many per cent a mean is above the clairvoyant's; 0 where both are 0."""
    ours, best = mean[policy], mean["clairvoyant"]
    if best > 0:
        return 100 * (ours / best - 1)
    return float("inf") if ours > 0 else 0.0


def _over_bound(runs: pd.DataFrame, policy: str) -> float:
    """Return how many per cent above the bound; NaN where a run left jobs undone, which the bound counts."""
    undone, spent, least = (
        _of(runs, policy, name) for name in ("jobs_unfinished", "worth_seconds", "least_worth_seconds_at_makespan")
    )
    return float("nan") if undone.any() else 100 * float(spent.sum() / least.sum() - 1)


def _of(runs: pd.DataFrame, policy: str, metric: str) -> Floats:
    return runs[runs["policy"] == policy].sort_values("seed")[metric].to_numpy(float)


def _listed(values: Floats) -> str:
    return ", ".join(f"{value:.3f}" for value in values)
