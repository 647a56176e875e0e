"""Train on what a farm did: its journal is telemetry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from placement.adapters.formats.journal_rows import spool_journal
from placement.adapters.stores.journal import open_journal
from placement.errors import InvalidInput
from placement.runtime.ports import Entry
from placement.telemetry.table import Telemetry
from training.target import Effort
from training.train import Trained, train_path

__all__ = ["train_entries", "train_journal"]


def train_journal(
    where: str | Path, *, quarantine: Path, effort: Effort | None = None, in_batches: bool | None = None
) -> tuple[Trained, Telemetry]:
    """Train on all attempts in a journal; see `train_entries`.

    Parameters
    ----------
    where
        As `placement.adapters.stores.journal.open_journal` takes it; a file must be there.

    Raises
    ------
    InvalidInput
        There is no such file, or too few attempts ended well.
    JournalError
        The database cannot be opened.
    """
    if (isinstance(where, Path) or "://" not in where) and not Path(where).is_file():
        raise InvalidInput(f"journal {str(where)!r}: no such file")
    journal = open_journal(where)
    try:
        return train_entries(journal.read(), quarantine=quarantine, effort=effort, in_batches=in_batches)
    finally:
        journal.close()


def train_entries(
    entries: Iterable[Entry], *, quarantine: Path, effort: Effort | None = None, in_batches: bool | None = None
) -> tuple[Trained, Telemetry]:
    """Train on the attempts among entries of a journal; they go by way of the disk, however many there are.

    Parameters
    ----------
    quarantine
        Where rows go that fail their checks.
    in_batches
        As in `training.train.train_path`.

    Raises
    ------
    InvalidInput
        Fewer than 4 attempts ended well.
    """
    with tempfile.TemporaryDirectory(prefix="journal-", dir=(effort or Effort()).scratch or None) as folder:
        mapping, made = spool_journal(entries, Path(folder))
        if not any(Path(folder).iterdir()):
            raise InvalidInput("the journal holds no attempt that ended: nothing to learn from")
        trained, telemetry = train_path(
            folder, mapping=mapping, quarantine=quarantine, effort=effort, in_batches=in_batches
        )
    notes = tuple(f"{count} attempts are no rows: {why}" for why, count in sorted(made.skipped.items()))
    return trained, replace(telemetry, report=replace(telemetry.report, notes=(*telemetry.report.notes, *notes)))
