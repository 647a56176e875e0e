"""The running account of a read: rows by fate, one example for each reason, notes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from placement.adapters.formats.pieces import Piece
from placement.errors import InvalidInput
from placement.telemetry.admit import Admitted
from placement.telemetry.mapping import Mapping
from placement.telemetry.table import ReadReport

__all__ = ["Account"]

_TOLD_PROBLEMS = 5


class Account:
    """Counts that only grow while files are read."""

    def __init__(self) -> None:
        self.files = 0
        self.unreadable: dict[str, str] = {}
        self._kept = 0
        self._refused = 0
        self._reasons: Counter[str] = Counter()
        self._filled: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._notes: dict[str, list[str]] = {}

    def note(self, what: str, file: Path) -> None:
        """Remember something about a file; files of which the same is true share a note."""
        self._notes.setdefault(what, []).append(file.name)

    def keep(self, admitted: Admitted) -> None:
        """Count the rows of a piece that are kept."""
        self._kept += int((~admitted.refused).sum())
        self._filled.update(admitted.filled)

    def refuse(self, source: str, piece: Piece, admitted: Admitted, mapping: Mapping | None) -> None:
        """Count the rows of a piece that are refused, by reason."""
        self._refused += int(admitted.refused.sum()) + len(piece.broken)
        for row in piece.broken:
            self._reasons[row.reason] += 1
            self._examples.setdefault(row.reason, f"{row.text[:60]!r} in row {row.number} of {source}")
        for reason, where in admitted.findings:
            self._reasons[reason] += int(where.sum())
            if reason not in self._examples:
                self._examples[reason] = _example(source, piece, reason, int(np.argmax(where)), mapping)

    def report(self, quarantine: str | None) -> ReadReport:
        """Return the account so far."""
        notes = [f"{what} ({_names(files)})" for what, files in self._notes.items()]
        notes += [f"{what} in {count} rows" for what, count in self._filled.items()]
        return ReadReport(
            files=self.files,
            rows_read=self._kept + self._refused,
            rows_kept=self._kept,
            rows_quarantined=self._refused,
            quarantined=dict(self._reasons.most_common()),
            unreadable=dict(self.unreadable),
            quarantine=quarantine,
            notes=tuple(notes),
        )

    def insist_on_rows(self, path: str, report: ReadReport) -> None:
        """Raise `InvalidInput` that says what was wrong if not one row was usable."""
        if report.rows_kept:
            return
        problems = [f"{name}: {why}" for name, why in report.unreadable.items()]
        problems += [
            f"{reason} ({count} rows, e.g. {self._examples[reason]})" for reason, count in report.quarantined.items()
        ]
        told = "; ".join(problems[:_TOLD_PROBLEMS]) + (" …" if len(problems) > _TOLD_PROBLEMS else "")
        where = f"; all {report.rows_quarantined} rows are in {report.quarantine}" if report.quarantine else ""
        raise InvalidInput(f"no usable telemetry in {path}: {told}{where}")


def _example(source: str, piece: Piece, reason: str, row: int, mapping: Mapping | None) -> str:
    column = reason.partition(":")[0]
    names = [*(mapping.sources_of(column) if mapping else ()), column]
    name = next((each for each in names if each in piece.frame), None)
    value = "" if name is None else f"{name} = {_plain(piece.frame[name].iloc[row])!r} "
    return f"{value}in row {piece.numbers[row]} of {source}"


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _names(files: list[str]) -> str:
    return ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
