"""Run policies on a workload, print how they compare, write the report.

Exit code 0: done; 2: a name or table is not as expected.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from placement.errors import InvalidInput, PlacementError
from placement.evaluation.contestants import CONTESTANTS
from placement.evaluation.experiment import compare
from placement.evaluation.farms import contestants as farm_contestants
from placement.evaluation.farms.experiment import compare_farms
from placement.evaluation.farms.report import Experiment, farms_text, write_farms_report
from placement.evaluation.report import table_text, write_report
from placement.evaluation.summary import summarise
from placement.evaluation.workloads.catalog import WORKLOADS, trainer, workload
from placement.evaluation.workloads.farm_catalog import FARMS, TRACES
from placement.scheduling.rules import Aim, Rules

__all__ = ["main"]

_FARM_SETTINGS = ("scale", "load", "hours", "market")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        text, files = (_tasks if _is_of_tasks(asked.workload) else _farm)(asked)
    except PlacementError as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    print(text, *(f"wrote {path}" for path in files), sep="\n")
    return 0


def _is_of_tasks(name: str) -> bool:
    """Tell workloads of one-slot nodes and single tasks from whole farms.

    Raises
    ------
    InvalidInput
        It is neither; the message lists all names.
    """
    path = Path(name)
    if name in WORKLOADS or (path / "tasks.csv").is_file():
        return True
    if name in FARMS or name in TRACES or path.is_dir() or path.name.endswith((".swf", ".swf.gz")):
        return False
    known = sorted([*WORKLOADS, *FARMS, *TRACES])
    raise InvalidInput(f"no workload {name!r}: not a folder, not a .swf file, and not one of {known}")


def _farm(asked: argparse.Namespace) -> tuple[str, tuple[Path, ...]]:
    if asked.trainer is not None:
        raise InvalidInput(f"--trainer {asked.trainer}: forecasts of whole farms belong to their worlds")
    settings = {name: getattr(asked, name) for name in _FARM_SETTINGS if getattr(asked, name) is not None}
    experiment = Experiment(workload=asked.workload, rules=Rules(aim=Aim(asked.aim or Rules().aim)), settings=settings)
    policies = (asked.policies or ",".join(farm_contestants.CONTESTANTS)).split(",")
    runs = compare_farms(asked.workload, policies, asked.seeds, jobs=asked.jobs, rules=experiment.rules, **settings)
    text = "\n".join([farms_text(runs, asked.baseline), *experiment.notes(0)])
    if not asked.out:
        return text, ()
    options = {"baseline": asked.baseline, "plots": asked.plots, "jobs": asked.jobs}
    return text, write_farms_report(Path(asked.out), experiment, runs, **options)


def _tasks(asked: argparse.Namespace) -> tuple[str, tuple[Path, ...]]:
    if given := [f"--{name}" for name in (*_FARM_SETTINGS, "aim") if getattr(asked, name) is not None]:
        raise InvalidInput(f"{', '.join(given)}: only whole farms know that, {asked.workload!r} is none")
    chosen = workload(asked.workload, trainer(asked.trainer or "log-linear"))
    runs = compare(chosen, (asked.policies or ",".join(CONTESTANTS)).split(","), asked.seeds, jobs=asked.jobs)
    baseline = asked.baseline or "round-robin"
    files = write_report(Path(asked.out), asked.workload, chosen, runs, baseline) if asked.out else ()
    return "\n".join([table_text(summarise(runs, baseline)), *chosen(0).notes]), files


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m placement.evaluation", description=__doc__)
    add, farms = parser.add_argument, "whole farms: "
    names = ", ".join([*FARMS, *TRACES, *WORKLOADS])
    add("--workload", default="mixed-renders", help=f"a folder of tables, a .swf file, or {names}")
    add("--policies", help=f"names, or module:function, with commas between; default: all. {farms}"
        f"{', '.join(farm_contestants.CONTESTANTS)}; others: {', '.join(CONTESTANTS)}")  # fmt: skip
    add("--baseline", help="policy that the others are compared with; default: round-robin, or the first")
    add("--seeds", type=int, default=10, help="how many worlds; default: %(default)s")
    add("--jobs", type=int, default=-1, help="processes; default: one per core")
    add("--out", help="folder of the report; without it nothing is written")
    add("--plots", action=argparse.BooleanOptionalAction, default=True, help=f"{farms}draw the first seed")
    add("--aim", choices=[aim.value for aim in Aim], help=f"{farms}what decides between placements on time")
    add("--scale", type=float, help=f"{farms}share of the nodes, and of the work with them")
    add("--load", type=float, help=f"{farms}work released over what the farm could do")
    add("--hours", type=float, help=f"{farms}for how long work is released")
    add("--market", help=f"{farms}real prices of BE, DE, FR or NP")
    add("--trainer", help="workloads of single tasks: who makes the forecasts; default: log-linear")
    return parser


if __name__ == "__main__":
    sys.exit(main())
