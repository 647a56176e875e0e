"""``python -m training``: train from render logs, write a model folder, record the run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from placement.adapters.formats import read_telemetry
from placement.adapters.stores.shipped import shipped
from placement.errors import PlacementError
from training.card import held_out_metrics
from training.record import record_run
from training.target import Effort
from training.train import train

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--telemetry", type=Path, help="file or folder of Parquet, CSV or JSON lines (default: the shipped renders)")
    parser.add_argument("--mapping", help="mapping file (TOML) or the name of a shipped one, for foreign columns")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--quarantine", type=Path, help="where rows that fail their checks go")
    parser.add_argument("--draws", type=int, default=Effort().draws, help="settings the search tries")
    parser.add_argument("--folds", type=int, default=Effort().folds, help="folds of held-out shots")
    parser.add_argument("--jobs", type=int, default=Effort().jobs, help="threads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tracking", help="MLflow store, e.g. sqlite:///mlflow.db; 'none' records nothing")
    parser.add_argument("--register", metavar="ALIAS", default="candidate", help="alias the model gets in the registry")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 after saying what was wrong with the input."""
    asked = _parser().parse_args(arguments)
    effort = Effort(draws=asked.draws, folds=asked.folds, jobs=asked.jobs, seed=asked.seed, progress=not asked.quiet)
    try:
        path = asked.telemetry or shipped("data/renders/renders.parquet")
        telemetry = read_telemetry(path, mapping=asked.mapping, quarantine=asked.quarantine, progress=not asked.quiet)
        sys.stdout.write(f"{telemetry.report}\n")
        trained = train(telemetry, effort=effort)
        digest = trained.save(asked.out)
        recorded = record_run(trained, telemetry, effort, asked.out, store=asked.tracking, alias=asked.register)
    except (PlacementError, OSError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    for name, fitted in trained.targets.items():
        found = held_out_metrics(fitted)
        sys.stdout.write(f"{name}: median error on held-out shots {found['median_error']:.1%} ({found['jobs']:.0f} jobs)\n")
    sys.stdout.write(f"model {digest[:12]} in {asked.out}\n{recorded}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
