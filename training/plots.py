"""Plots of a backtest: forecasts against truth, and how often intervals hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training.backtest import QUANTILES, Backtest

__all__ = ["draw_backtest"]


def draw_backtest(found: Backtest, split: str, out: Path) -> Path:
    """Draw forecasts with their 80 % intervals against truth, and the share of truths below each quantile.

    Returns
    -------
    Path
        The PNG, named after target and split, in `out`.
    """
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    cold = found.cold[found.cold["quiet"]]
    for name, rows in cold.groupby("node_class"):
        reach = np.abs(rows[["p10", "p90"]].to_numpy(float) - rows[["p50"]].to_numpy(float)).T
        left.errorbar(rows["truth"], rows["p50"], reach, fmt=".", alpha=0.4, elinewidth=0.4, label=str(name))
        below = [float((rows["truth"] <= rows[column]).mean()) for column in QUANTILES]
        right.plot(list(QUANTILES.values()), below, marker="o", label=str(name))
    ends = [float(cold["truth"].min()), float(cold["truth"].max())]
    left.plot(ends, ends, color="black", linewidth=0.8)
    left.set(xscale="log", yscale="log", xlabel=f"measured {found.target}", ylabel="forecast, no frame of the job seen")
    right.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    right.set(xlabel="promised probability", ylabel="share of measured values below")
    left.legend()
    right.legend()
    figure.suptitle(f"{found.target}, held out by {split}")
    path = out / f"backtest-{found.target}-{split.replace(' ', '-')}.png"
    figure.savefig(path, dpi=110)
    return path
