"""The report: one table as text, JSON and Parquet, what a reader must know, and plots where matplotlib is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from placement.evaluation.case import Workload
from placement.evaluation.experiment import play
from placement.evaluation.summary import summarise

__all__ = ["table_text", "write_report"]


def write_report(
    out: Path, name: str, workload: Workload, runs: pd.DataFrame, baseline: str = "round-robin"
) -> tuple[Path, ...]:
    """Write runs, summary and plots of one workload into `out`; return the files.

    Parameters
    ----------
    name
        Name of the workload, for file names and titles.
    runs
        What `placement.evaluation.experiment.compare` returned.
    """
    out.mkdir(parents=True, exist_ok=True)
    stem = Path(name).name
    summary, notes = summarise(runs, baseline), workload(0).notes
    files = {kind: out / f"{stem}.{kind}" for kind in ("txt", "json", "parquet")}
    text = "\n".join([f"{name}: {runs['seed'].nunique()} seeds", table_text(summary), *notes, ""])
    files["txt"].write_text(text, encoding="utf-8")
    content = {"workload": name, "notes": list(notes), "policies": summary.to_dict(orient="records")}
    files["json"].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    runs.to_parquet(files["parquet"], index=False)
    return (*files.values(), *_plots(out, stem, workload, list(summary["policy"])))


def _plots(out: Path, stem: str, workload: Workload, policies: Sequence[str]) -> list[Path]:
    """Draw the first seed, if matplotlib is installed."""
    if find_spec("matplotlib") is None:
        return []
    from placement.evaluation.plots import draw

    case = workload(0)
    return draw(out, stem, case.world, {policy: play(case, policy) for policy in policies})


def table_text(summary: pd.DataFrame) -> str:
    """Return the summary as a text table: means, ratios with their 95 % intervals, distances to the bounds."""
    against = summary["baseline"].iloc[0]
    shown = pd.DataFrame({"policy": summary["policy"], "makespan s": summary["makespan"].map("{:.1f}".format)})
    for metric, title in (
        ("makespan_ratio", f"/ {against}"),
        ("makespan_to_bound", "/ bound"),
        ("node_seconds", "node-s"),
        ("node_seconds_ratio", f"/ {against} "),
        ("node_seconds_to_bound", "/ bound at makespan"),
        ("mean_completion_ratio", "completion ratio"),
        ("core_seconds_ratio", "core-s ratio"),
        ("utilisation", "busy"),
    ):
        shown[title] = _cells(summary, metric)
    return shown.to_string(index=False)


def _cells(summary: pd.DataFrame, metric: str) -> list[str]:
    if f"{metric}_low" not in summary:
        return [f"{value:.1f}" if value > 1 else f"{value:.2f}" for value in summary[metric]]
    columns = (summary[metric], summary[f"{metric}_low"], summary[f"{metric}_high"])
    return [f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in zip(*columns, strict=True)]
