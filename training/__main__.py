"""``python -m training``: train from render logs, write a model folder, record the run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from placement.adapters.stores.shipped import shipped
from placement.errors import PlacementError
from placement.telemetry.table import Telemetry
from training.card import held_out_metrics
from training.journal import train_journal
from training.record import record_run
from training.target import Effort
from training.train import Trained, train_path

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--telemetry", type=Path, help="file or folder of Parquet, CSV or JSON lines (default: the shipped renders)"
    )
    source.add_argument(
        "--journal", metavar="URL", help="journal of a farm: a SQLite file or postgresql://…; what it did is learned"
    )
    parser.add_argument("--mapping", help="mapping file (TOML) or the name of a shipped one, for foreign columns")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--quarantine", type=Path, help="where rows that fail their checks go")
    parser.add_argument("--draws", type=int, default=Effort().draws, help="settings the search tries")
    parser.add_argument("--folds", type=int, default=Effort().folds, help="folds of held-out shots")
    parser.add_argument("--jobs", type=int, default=Effort().jobs, help="threads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--in-batches", action="store_true", help="never hold all rows in memory (default: when many)")
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="Dask scheduler whose workers grow the trees, or 'local'"
    )
    parser.add_argument(
        "--scratch", default="", help="folder for the working copy of large telemetry; a cluster must see it"
    )
    parser.add_argument("--tracking", help="MLflow store, e.g. sqlite:///mlflow.db; 'none' records nothing")
    parser.add_argument("--register", metavar="ALIAS", default="candidate", help="alias the model gets in the registry")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


def _effort(asked: argparse.Namespace) -> Effort:
    return Effort(
        draws=asked.draws,
        folds=asked.folds,
        jobs=asked.jobs,
        seed=asked.seed,
        progress=not asked.quiet,
        cluster=asked.cluster,
        scratch=asked.scratch,
    )


def _trained(asked: argparse.Namespace, effort: Effort) -> tuple[Trained, Telemetry]:
    batches = asked.in_batches or None
    if asked.journal:
        beside = asked.quarantine or asked.out.with_name(f"{asked.out.name}.quarantine.jsonl")
        return train_journal(asked.journal, quarantine=beside, effort=effort, in_batches=batches)
    path = asked.telemetry or shipped("data/renders/renders.parquet")
    return train_path(path, mapping=asked.mapping, quarantine=asked.quarantine, effort=effort, in_batches=batches)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 after saying what was wrong with the input."""
    asked = _parser().parse_args(arguments)
    try:
        effort = _effort(asked)
        trained, telemetry = _trained(asked, effort)
        sys.stdout.write(f"{telemetry.report}\n")
        digest = trained.save(asked.out)
        recorded = record_run(trained, telemetry, effort, asked.out, store=asked.tracking, alias=asked.register)
    except (PlacementError, OSError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    for name, fitted in trained.targets.items():
        found = held_out_metrics(fitted)
        sys.stdout.write(
            f"{name}: median error on held-out shots {found['median_error']:.1%} ({found['jobs']:.0f} jobs)\n"
        )
    sys.stdout.write(f"model {digest[:12]} in {asked.out}\n{recorded}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
