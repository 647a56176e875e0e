"""Run policies on a workload, print how they compare, write the report.

Exit code 0: done; 2: a name or table is not as expected.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from placement.errors import PlacementError
from placement.evaluation.contestants import CONTESTANTS
from placement.evaluation.experiment import compare
from placement.evaluation.report import table_text, write_report
from placement.evaluation.summary import summarise
from placement.evaluation.workloads.catalog import WORKLOADS, trainer, workload

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        chosen = workload(asked.workload, trainer(asked.trainer))
        runs = compare(chosen, asked.policies.split(","), asked.seeds, jobs=asked.jobs)
        files = write_report(Path(asked.out), asked.workload, chosen, runs) if asked.out else ()
    except PlacementError as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    print(table_text(summarise(runs)))
    print(*chosen(0).notes, *(f"wrote {path}" for path in files), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m placement.evaluation", description=__doc__)
    parser.add_argument("--workload", default="mixed-renders", help=f"a folder of tables, or {', '.join(WORKLOADS)}")
    parser.add_argument(
        "--policies", default=",".join(CONTESTANTS), help="names with commas between; default: %(default)s"
    )
    parser.add_argument("--seeds", type=int, default=10, help="how many worlds; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; default: one per core")
    parser.add_argument("--trainer", default="log-linear", help="who makes the forecasts; default: %(default)s")
    parser.add_argument("--out", help="folder of the report; without it nothing is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
