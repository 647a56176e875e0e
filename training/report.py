"""``python -m training.report``: the main job. Train, backtest, evaluate against round robin; tables and plots.

Everything is measured by the run itself on the given telemetry, by default the shipped renders; the report and the
model lie in one folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from placement.adapters.formats import read_telemetry
from placement.adapters.stores.shipped import shipped
from placement.errors import PlacementError
from placement.evaluation.experiment import compare
from placement.evaluation.report import table_text, write_report
from placement.evaluation.summary import summarise
from placement.evaluation.workloads.catalog import workload
from placement.telemetry.table import Telemetry
from training.backtest import Backtest, Plan, coverage, grouped_backtest, percentage_error, time_backtest
from training.forecaster import train_run_time
from training.noise import noise_floor
from training.record import record_run
from training.target import Effort
from training.train import Trained, features_of, train

__all__ = ["Report", "main", "make_report"]

#: Farms the report compares policies on.
FARMS = ("mixed-renders", "measured-renders", "blender-devices")
_POLICIES = ("random", "round-robin", "fifo", "least-loaded", "earliest-finish", "placement", "clairvoyant")
_SPLITS = ("folds of shots", "time order")


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What the main job found.

    Parameters
    ----------
    trained
        The model.
    backtests
        (split, target) -> its forecasts of held-out rows.
    farms
        Farm -> one row per policy.
    text
        The tables as Markdown.
    files
        What was written.
    """

    trained: Trained
    backtests: Mapping[tuple[str, str], Backtest]
    farms: Mapping[str, pd.DataFrame]
    text: str
    files: tuple[Path, ...]


def make_report(
    telemetry: Telemetry, out: Path, *, plan: Plan, seeds: int, effort: Effort, farms: Sequence[str] = FARMS
) -> Report:
    """Train, backtest and evaluate; write the report and the model into `out`.

    Parameters
    ----------
    plan
        How to backtest.
    seeds
        Worlds per farm.

    Raises
    ------
    InvalidInput
        The telemetry cannot be trained on.
    """
    out.mkdir(parents=True, exist_ok=True)
    trained = train(telemetry, effort=effort)
    trained.save(out / "model")
    clean = telemetry.cleaned()
    backtests = _backtests(clean, trained, plan)
    tables: dict[str, pd.DataFrame] = {}
    files: list[Path] = []
    for farm in farms:
        chosen = workload(farm, train_run_time)
        runs = compare(chosen, _POLICIES, seeds, jobs=1)
        files += write_report(out / "farms", farm, chosen, runs)
        tables[farm] = summarise(runs)
    text = "\n".join(["# Report", "", _accuracy(backtests), _floor(clean), _farms(tables, seeds)])
    (out / "report.md").write_text(text, encoding="utf-8")
    files += [out / "report.md", *_plots(backtests, out)]
    return Report(trained, backtests, tables, text, tuple(files))


def _backtests(clean: Telemetry, trained: Trained, plan: Plan) -> dict[tuple[str, str], Backtest]:
    found = {}
    timed = bool(clean.rows["start_time"].notna().all())
    for name in trained.targets:
        rows, features = clean.rows, features_of(clean)
        found[_SPLITS[0], name] = grouped_backtest(rows, name, features, plan)
        if timed:
            found[_SPLITS[1], name] = time_backtest(rows, name, features, replace(plan, jobs=1))
    return found


def _accuracy(backtests: Mapping[tuple[str, str], Backtest]) -> str:
    lines = [
        "## Forecasts of shots that were not trained on",
        "",
        "Median absolute percentage error and coverage on quiet rows; three frames: the first of the job to finish.",
        "",
        "| target | split | rows | error | after three frames | 80 % holds | 95 % holds | above P99 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (split, name), found in backtests.items():
        cold = found.cold[found.cold["quiet"]]
        seen = found.seen[found.seen["quiet"] & (found.seen["draw"] == 0)]
        inside = [_by_class(coverage(cold, *edges)) for edges in (("p10", "p90"), ("p2.5", "p97.5"))]
        after = f"{np.median(percentage_error(seen)):.1%}" if len(seen) else "–"
        above = (found.cold["truth"] > found.cold["p99"]).mean()
        error = np.median(percentage_error(cold))
        cells = (name, split, str(len(cold)), f"{error:.1%}", after, *inside, f"{above:.1%}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _by_class(shares: pd.Series) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _floor(clean: Telemetry) -> str:
    try:
        floor = noise_floor(clean.rows, "run_time")
    except PlacementError as none:
        return f"Noise floor: {none}.\n"
    return (
        f"Noise floor of run time: {floor.pairs} repeated quiet renders differ by {floor.difference:.1%} at the "
        f"median; no forecast can do better than {floor.bound:.1%}.\n"
    )


def _farms(tables: Mapping[str, pd.DataFrame], seeds: int) -> str:
    parts = [f"## Policies on farms, {seeds} worlds each, paired by seed", ""]
    for name, table in tables.items():
        parts += [f"### {name}", "", "```", table_text(table), "```", ""]
    return "\n".join(parts)


def _plots(backtests: Mapping[tuple[str, str], Backtest], out: Path) -> list[Path]:
    if find_spec("matplotlib") is None:
        return []
    from training.plots import draw_backtest

    return [draw_backtest(found, split, out) for (split, _), found in backtests.items()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.report", description=__doc__)
    parser.add_argument("--telemetry", type=Path, help="render logs; by default the shipped renders")
    parser.add_argument("--mapping", help="mapping file (TOML) or the name of a shipped one")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report and the model")
    parser.add_argument("--folds", type=int, default=8, help="folds of shots in the backtest; default: %(default)s")
    parser.add_argument("--seeds", type=int, default=5, help="worlds per farm; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of training and backtest; default: %(default)s")
    parser.add_argument("--tracking", help="MLflow store; 'none' records nothing; by default sqlite:///mlflow.db")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 after saying what was wrong with the input."""
    asked = _parser().parse_args(arguments)
    effort = Effort(seed=asked.seed, progress=not asked.quiet)
    plan = Plan(folds=asked.folds, seed=asked.seed, progress=not asked.quiet)
    try:
        path = asked.telemetry or shipped("data/renders/renders.parquet")
        telemetry = read_telemetry(path, mapping=asked.mapping, progress=not asked.quiet)
        report = make_report(telemetry, asked.out, plan=plan, seeds=asked.seeds, effort=effort)
        model = asked.out / "model"
        where = record_run(report.trained, telemetry, effort, model, store=asked.tracking, alias="candidate")
    except (PlacementError, OSError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    written = (f"wrote {one}" for one in report.files)
    sys.stdout.write("\n".join([str(telemetry.report), "", report.text, *written, where, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
