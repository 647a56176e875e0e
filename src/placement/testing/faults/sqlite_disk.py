"""A real SQLite file as a disk: a torn write cuts its write-ahead log within the last transaction."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from placement.adapters.stores.journal.sql import SqlJournal

__all__ = ["SqliteDisk"]

#: A folder in memory, if the system has it.
_SHARED_MEMORY = Path("/dev/shm")


class SqliteDisk:
    """A folder with the file of a journal in SQLite.

    Parameters
    ----------
    luck
        Makes the salts of pseudonyms, so that the same seed gives the same bytes.
    """

    def __init__(self, luck: Random) -> None:
        self._luck = luck
        self._folder = Path(tempfile.mkdtemp(prefix="placement-", dir=_where()))
        self._number = 0
        self._file.write_bytes(_empty())

    @property
    def _file(self) -> Path:
        return self._folder / f"farm-{self._number}.db"

    @property
    def _wal(self) -> Path:
        return self._folder / f"farm-{self._number}.db-wal"

    def open(self) -> SqlJournal:
        """Return the journal as a process that starts now finds it."""
        return SqlJournal(f"sqlite:///{self._file}", salt=lambda: self._luck.randbytes(16))

    def mark(self) -> int:
        """Return how much the write-ahead log holds now, bytes."""
        return self._wal.stat().st_size if self._wal.exists() else 0

    def tear(self, mark: int, share: float) -> None:
        """Lose all but a share of the bytes logged since a mark: go on with a copy of the files that lacks them."""
        before, log = self._file, self._wal
        self._number += 1
        shutil.copyfile(before, self._file)
        if log.exists():
            held = log.read_bytes()
            self._wal.write_bytes(held[: mark + int(max(len(held) - mark, 0) * share)])

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _where() -> Path | None:
    return _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None


@cache
def _empty() -> bytes:
    """Return the file of an empty journal; to make its tables takes longer than a case."""
    with tempfile.TemporaryDirectory(dir=_where()) as folder:
        file = Path(folder) / "farm.db"
        SqlJournal(f"sqlite:///{file}").close()
        return file.read_bytes()
