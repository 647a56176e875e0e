"""Telemetry from files: every row checked, refused ones counted and kept aside, the rest as batches or one table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from placement.adapters.formats.account import Account
from placement.adapters.formats.mapping_files import fitting_mapping, load_mapping
from placement.adapters.formats.pieces import Piece, Unreadable
from placement.adapters.formats.quarantine import Quarantine, quarantine_beside
from placement.adapters.formats.sources import read_pieces, telemetry_files
from placement.errors import InvalidInput
from placement.telemetry.admit import Admitted, admit, lacking, unused_columns
from placement.telemetry.canonical import extra_columns
from placement.telemetry.features import Feature
from placement.telemetry.mapping import Mapping
from placement.telemetry.schema import COLUMNS
from placement.telemetry.suspicion import Suspicion
from placement.telemetry.table import ReadReport, Telemetry, fingerprint

__all__ = ["BATCH_ROWS", "TelemetryStream", "iter_telemetry", "read_telemetry"]

BATCH_ROWS = 250_000


def read_telemetry(
    path: str | Path,
    *,
    mapping: str | Path | Mapping | None = None,
    quarantine: str | Path | None = None,
    progress: bool = False,
) -> Telemetry:
    """Read, map, convert and check all telemetry at `path`.

    Parameters
    ----------
    path
        A file, or a folder searched to its depths, of ``.parquet``, ``.csv``, ``.jsonl``, ``.ndjson``; the text kinds
        also as ``.gz``; kinds may mix.
    mapping
        A mapping file, or the name of a shipped mapping, for foreign columns. Without one a file that lacks required
        columns is read through the shipped mapping that fits, if just one does.
    quarantine
        Where refused rows are written (JSON lines, replaced). Default: beside `path`, with ``.quarantine.jsonl`` added
        to its name, or in the folder for temporary files where that cannot be written; ``report.quarantine`` says.
    progress
        Show a bar.

    Raises
    ------
    InvalidInput
        Nothing to read, a wrong mapping, or not one usable row; the message says what was wrong.

    Examples
    --------
    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> table = Path(folder.name) / "farm.csv"
    >>> rows = ["job_id,job_type,node_class,run_time", "a,cycles,fast,12.5", "b,cycles,fast,-1"]
    >>> _ = table.write_text(os.linesep.join(rows))
    >>> telemetry = read_telemetry(table)
    >>> telemetry.rows["run_time"].tolist(), telemetry.report.quarantined
    ([12.5], {'run_time: below 0 s': 1})
    >>> folder.cleanup()
    """
    stream = iter_telemetry(path, mapping=mapping, quarantine=quarantine, progress=progress)
    batches = list(stream)
    names = [each.name for each in (*COLUMNS, *extra_columns(stream.features))]
    rows = pd.concat(batches, ignore_index=True).reindex(columns=names)
    return Telemetry(rows=rows, features=stream.features, report=stream.report, fingerprint=fingerprint(rows))


def iter_telemetry(
    path: str | Path,
    *,
    mapping: str | Path | Mapping | None = None,
    quarantine: str | Path | None = None,
    batch_rows: int = BATCH_ROWS,
    progress: bool = False,
) -> TelemetryStream:
    """Read as `read_telemetry` does, in checked batches of `batch_rows` rows, for telemetry larger than memory.

    Raises
    ------
    InvalidInput
        As `read_telemetry`; that not one row is usable shows at the end of the iteration.
    """
    if batch_rows < 1:
        raise InvalidInput(f"batch_rows is {batch_rows}; expected at least 1")
    path = Path(path)
    files = telemetry_files(path)
    target = quarantine_beside(path) if quarantine is None else Path(quarantine)
    if target.resolve() in {each.resolve() for each in files}:
        raise InvalidInput(f"quarantine file {target} is one of the telemetry files; it would be overwritten")
    rules = mapping if isinstance(mapping, Mapping) or mapping is None else load_mapping(mapping)
    return TelemetryStream(path, files, rules, Quarantine(target, spare=quarantine is None), batch_rows, progress)


class TelemetryStream:
    """Checked batches of telemetry; `report` and `features` are complete when the iteration has ended.

    Made by `iter_telemetry`.
    """

    def __init__(
        self,
        path: Path,
        files: list[Path],
        mapping: Mapping | None,
        quarantine: Quarantine,
        batch_rows: int,
        progress: bool,
    ) -> None:
        self._path = path
        self._files = files
        self._mapping = mapping
        self._quarantine = quarantine
        self._batch_rows = batch_rows
        self._progress = progress
        self._account = Account()
        self.features: tuple[Feature, ...] = mapping.features if mapping else ()

    @property
    def report(self) -> ReadReport:
        """The account of what was read so far."""
        return self._account.report(str(self._quarantine.path) if self._quarantine.used else None)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        self._account = Account()
        with self._quarantine, tqdm(disable=not self._progress, unit=" rows", desc="telemetry") as bar:
            yield from _rebatched(self._checked(bar), self._batch_rows)
        self._account.insist_on_rows(str(self._path), self.report)

    def _checked(self, bar: tqdm) -> Iterator[pd.DataFrame]:
        for file in self._files:
            self._account.files += 1
            try:
                for kept in self._file(file):
                    bar.update(len(kept))
                    yield kept
            except Unreadable as why:
                self._account.unreadable[str(file)] = str(why)

    def _file(self, file: Path) -> Iterator[pd.DataFrame]:
        mapping: Mapping | None = None
        suspected: list[Suspicion] | None = None
        for number, piece in enumerate(read_pieces(file)):
            if number == 0:
                mapping = self._mapping_for(file, piece)
            admitted = admit(piece.frame, mapping, suspected)
            suspected = admitted.suspected
            self._refuse(file, piece, admitted, mapping)
            self._account.keep(admitted)
            yield admitted.rows[~admitted.refused]

    def _mapping_for(self, file: Path, piece: Piece) -> Mapping | None:
        """Choose how to read a file by its columns; say what it lacks if it cannot be read."""
        names = [str(name) for name in piece.frame]
        mapping = self._mapping
        if mapping is None and lacking(names):
            mapping = fitting_mapping(names)
            if mapping is not None:
                self._account.note(f"read through the shipped mapping {mapping.name}", file)
                self.features = tuple(dict.fromkeys((*self.features, *mapping.features)))
        there = [*names, *mapping.makes(names)] if mapping else names
        absent = (mapping.lacks(names) if mapping else []) or lacking(there)
        if absent:
            raise Unreadable(_lacks(absent, names, mapping))
        if not len(piece.frame) and not piece.broken:
            raise Unreadable(f"no rows, only the columns {names}")
        if unused := unused_columns(names, mapping):
            self._account.note(f"columns not used: {', '.join(unused)}", file)
        if piece.encoding != "utf-8":
            self._account.note(f"read as {piece.encoding}", file)
        return mapping

    def _refuse(self, file: Path, piece: Piece, admitted: Admitted, mapping: Mapping | None) -> None:
        self._account.refuse(str(file), piece, admitted, mapping)
        self._quarantine.refuse_broken(str(file), piece.broken)
        refused = admitted.refused
        self._quarantine.refuse(str(file), piece.frame[refused], piece.numbers[refused], admitted.reasons())


def _lacks(absent: list[str], names: list[str], mapping: Mapping | None) -> str:
    by = f"mapping {mapping.name}" if mapping else "the schema"
    return (
        f"columns {absent} that {by} requires are not there; there are {names}; "
        "a mapping file (option mapping) can rename or make columns"
    )


def _rebatched(parts: Iterator[pd.DataFrame], rows: int) -> Iterator[pd.DataFrame]:
    """Yield the same rows in batches of exactly `rows`, the last one shorter."""
    waiting: list[pd.DataFrame] = []
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part)
        while count >= rows:
            whole = pd.concat(waiting, ignore_index=True)
            yield whole.iloc[:rows]
            waiting = [whole.iloc[rows:]]
            count -= rows
    if count:
        yield pd.concat(waiting, ignore_index=True)
