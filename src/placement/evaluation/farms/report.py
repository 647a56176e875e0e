"""The report on a whole farm: one table as text, JSON and Parquet, what a reader must know, plots where possible."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from placement.evaluation.farms.contestants import live
from placement.evaluation.farms.summary import summarise_farms
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.scheduling.rules import Rules

__all__ = ["Experiment", "farms_text", "write_farms_report"]

#: Metric -> (title, factor to the unit in the title, format) of the table in text.
_SHOWN = {
    "on_time": ("on time %", 100.0, "{:.2f}"),
    "value_of_bound": ("value % of bound", 100.0, "{:.1f}"),
    "weighted_tardiness": ("weighted tardiness h", 1 / 3600, "{:.2f}"),
    "mean_completion": ("mean completion h", 1 / 3600, "{:.2f}"),
    "makespan": ("makespan h", 1 / 3600, "{:.2f}"),
    "node_seconds": ("node-h", 1 / 3600, "{:.1f}"),
    "worth_seconds": ("worth-h", 1 / 3600, "{:.0f}"),
    "useful": ("useful %", 100.0, "{:.1f}"),
    "reserved": ("reserved %", 100.0, "{:.1f}"),
    "shortfall_overdue_share": ("guarantee overdue %", 100.0, "{:.3f}"),
    "fairness": ("fairness", 1.0, "{:.3f}"),
    "lost_share": ("lost %", 100.0, "{:.2f}"),
    "first_wait_p99": ("first wait p99 h", 1 / 3600, "{:.2f}"),
    "preview_mean": ("preview %", 100.0, "{:.1f}"),
    "energy_run": ("energy kWh", 1 / 3.6e6, "{:.1f}"),
    "money_run": ("money EUR", 1.0, "{:.2f}"),
    "carbon_run": ("CO2 kg", 1e-3, "{:.2f}"),
    "decision_p99": ("decision p99 ms", 1000.0, "{:.1f}"),
}
_BESIDE = ("weighted_tardiness", "mean_completion", "node_seconds", "energy_run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What was run: a workload with its settings under some rules."""

    workload: str
    rules: Rules = field(default_factory=Rules)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """What files of it are called."""
        return Path(self.workload).name

    def notes(self, seed: int) -> tuple[str, ...]:
        """Return what a reader must know of the world of a seed."""
        return farm_world(self.workload, seed, **self.settings).notes


def farms_text(runs: pd.DataFrame, baseline: str | None = None) -> str:
    """Return the runs as tables in text: means, then ratios and differences to a baseline with 95 % intervals.

    Parameters
    ----------
    runs
        What `placement.evaluation.farms.experiment.compare_farms` returned.
    baseline
        As in `placement.evaluation.farms.summary.summarise_farms`.
    """
    runs = runs.assign(value_of_bound=runs["value"] / runs["most_value"])
    means = runs.groupby("policy", sort=False).mean(numeric_only=True)
    shown = pd.DataFrame({"policy": means.index})
    for metric, (title, factor, form) in _SHOWN.items():
        if metric in means and means[metric].notna().any():
            shown[title] = [form.format(value * factor) for value in means[metric]]
    return "\n\n".join([shown.set_index("policy").T.to_string(), _beside(runs, baseline)])


def _beside(runs: pd.DataFrame, baseline: str | None) -> str:
    summary = summarise_farms(runs, baseline, [metric for metric in _BESIDE if metric in runs])
    against = summary["baseline"].iloc[0]
    lines = [f"against {against}, 95 % intervals over {runs['seed'].nunique()} seeds, one-sided p that it is better:"]
    for row in summary[summary["policy"] != against].itertuples():
        title, factor, form = _SHOWN[str(row.metric)]
        low, mean, high = (form.format(v * factor) for v in (row.difference_low, row.difference, row.difference_high))
        ratio = "" if math.isnan(row.ratio) else f", ratio {row.ratio:.3f} [{row.ratio_low:.3f}, {row.ratio_high:.3f}]"
        ranks = "" if math.isnan(row.p_wilcoxon) else f", {row.p_wilcoxon:.2g} by ranks"
        lines.append(f"  {row.policy}: {title} {mean} [{low}, {high}]{ratio}, p {row.p_student:.2g}{ranks}")
    return "\n".join(lines)


def write_farms_report(
    out: Path,
    experiment: Experiment,
    runs: pd.DataFrame,
    *,
    baseline: str | None = None,
    plots: bool = True,
    jobs: int = 1,
) -> tuple[Path, ...]:
    """Write runs, summary, notes and plots of one experiment into `out`; return the files.

    `NAME.parquet` has the runs, a row per seed and policy; `NAME.json` the summary and all that is needed to run it
    again; `NAME.txt` the tables for people.

    Parameters
    ----------
    plots
        Draw the first seed, which runs it once more; nothing is drawn where matplotlib is not installed.
    jobs
        Processes for that.
    """
    out.mkdir(parents=True, exist_ok=True)
    seed = int(runs["seed"].iloc[0])
    notes, files = (
        experiment.notes(seed),
        {kind: out / f"{experiment.stem}.{kind}" for kind in ("txt", "json", "parquet")},
    )
    head = f"{experiment.workload}: {runs['seed'].nunique()} seeds, aim {experiment.rules.aim}"
    files["txt"].write_text("\n\n".join([head, farms_text(runs, baseline), "\n".join(notes)]) + "\n", encoding="utf-8")
    files["json"].write_text(json.dumps(_content(experiment, runs, notes, baseline), indent=1) + "\n", encoding="utf-8")
    runs.to_parquet(files["parquet"], index=False)
    if not plots or find_spec("matplotlib") is None:
        return tuple(files.values())
    return (*files.values(), *_drawn(out, experiment, seed, list(dict.fromkeys(runs["policy"])), jobs))


def _content(
    experiment: Experiment, runs: pd.DataFrame, notes: Sequence[str], baseline: str | None
) -> dict[str, object]:
    rules = {name: getattr(experiment.rules, name) for name in experiment.rules.__slots__}
    return {
        "workload": experiment.workload,
        "settings": {name: str(value) for name, value in experiment.settings.items()},
        "rules": rules,
        "seeds": [int(seed) for seed in dict.fromkeys(runs["seed"])],
        "notes": list(notes),
        "summary": _records(summarise_farms(runs, baseline)),
        "runs": _records(runs),
    }


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return rows in which what is no number JSON knows is None."""
    rows = table.to_dict(orient="records")
    return [
        {str(name): None if isinstance(v, float) and not math.isfinite(v) else v for name, v in row.items()}
        for row in rows
    ]


def _drawn(out: Path, experiment: Experiment, seed: int, policies: Sequence[str], jobs: int) -> list[Path]:
    from placement.evaluation.farms.plots import draw_farm

    world = farm_world(experiment.workload, seed, **experiment.settings)
    lived = Parallel(n_jobs=jobs)(delayed(live)(world, policy, experiment.rules) for policy in policies)
    return draw_farm(out, experiment.stem, world, dict(zip(policies, lived, strict=True)))
