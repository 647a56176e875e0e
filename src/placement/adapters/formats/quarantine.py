"""Where refused rows go: JSON lines with file, row number, reasons and original values, written as they are found."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pandas as pd
import pyarrow as pa

from placement.adapters.formats.pieces import BrokenRow
from placement.adapters.formats.sources import QUARANTINE_SUFFIX
from placement.adapters.formats.text import UNDECODED, shown
from placement.telemetry.canonical import TEXT, to_text
from placement.units import Ints

__all__ = ["Quarantine", "quarantine_beside"]


def quarantine_beside(path: Path) -> Path:
    """Return the default quarantine file of telemetry at `path`: its name and ``.quarantine.jsonl``, in its folder."""
    path = path.resolve()
    return path.with_name(path.name + QUARANTINE_SUFFIX)


class Quarantine:
    """Refused rows of one run; the file is made with the first of them and flushed after every write.

    Parameters
    ----------
    path
        File to write, an earlier one is replaced.
    spare
        Write to the folder for temporary files where `path` cannot be written.
    """

    def __init__(self, path: Path, *, spare: bool) -> None:
        self.path = path
        self._spare = spare
        self._file: IO[str] | None = None
        self.used = False

    def __enter__(self) -> Self:
        self.used = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def refuse(self, source: str, frame: pd.DataFrame, numbers: Ints, reasons: Sequence[tuple[str, ...]]) -> None:
        """Write the rows of `frame`, foreign columns as read, with what is wrong with each."""
        if not len(frame):
            return
        values = pd.DataFrame({str(name): _as_text(frame[name]) for name in frame})
        lines = values.to_json(orient="records", lines=True).rstrip("\n").split("\n")
        head = json.dumps(source)
        told = {reason: json.dumps(reason) for reason in set(reasons)}
        self._write(
            f'{{"source":{head},"row":{number},"reasons":{told[reason]},"values":{line}}}\n'
            for number, reason, line in zip(numbers.tolist(), reasons, lines, strict=True)
        )

    def refuse_broken(self, source: str, rows: Sequence[BrokenRow]) -> None:
        """Write rows that could not be taken apart, as text."""
        self._write(
            json.dumps({"source": source, "row": row.number, "reasons": [row.reason], "text": shown(row.text)}) + "\n"
            for row in rows
        )

    def _write(self, lines: Iterable[str]) -> None:
        written = list(lines)
        if not written:
            return
        if self._file is None:
            self._file = self._open()
            self.used = True
        self._file.writelines(written)
        self._file.flush()

    def _open(self) -> IO[str]:
        try:
            return self.path.open("w", encoding="utf-8")
        except OSError:
            if not self._spare:
                raise
            self.path = Path(tempfile.mkdtemp(prefix="telemetry-")) / self.path.name
            return self.path.open("w", encoding="utf-8")


def _as_text(values: pd.Series) -> pd.Series:
    """Every value as text, numbers in their shortest exact form, missing as null."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        text = pa.array(values, from_pandas=True).cast(pa.large_string())
        return pd.Series(pd.array(text, dtype=TEXT), index=values.index)
    text = to_text(values, nested=True)[0]
    return text.map(shown, na_action="ignore") if text.str.contains(UNDECODED).any() else text
