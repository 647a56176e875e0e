"""Open a journal by what a user calls it: a file, or the address of a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from placement.errors import InvalidInput

if TYPE_CHECKING:
    from placement.adapters.stores.journal.sql import SqlJournal

__all__ = ["open_journal", "url_of"]

_POSTGRESQL = ("postgresql://", "postgres://", "postgresql+psycopg://")


def url_of(where: str | Path) -> str:
    """Return SQLAlchemy's address of a journal.

    Raises
    ------
    InvalidInput
        It is neither a file, nor SQLite, nor PostgreSQL.

    Examples
    --------
    >>> url_of("farm.db")
    'sqlite:///farm.db'
    >>> url_of("postgresql://farm@db/studio")
    'postgresql+psycopg://farm@db/studio'
    """
    if isinstance(where, Path) or "://" not in where:
        if not str(where):
            raise InvalidInput("journal '': expected a file, sqlite:///path or postgresql://user@host/database")
        return f"sqlite:///{where}"
    for start in _POSTGRESQL:
        if where.startswith(start):
            return "postgresql+psycopg://" + where.removeprefix(start)
    if where.startswith("sqlite://"):
        return where
    scheme = where.partition("://")[0]
    raise InvalidInput(f"journal {scheme}://…: expected a file, sqlite:///path or postgresql://user@host/database")


def open_journal(where: str | Path) -> SqlJournal:
    """Open the journal in a SQLite file or a PostgreSQL database; it is made where there is none.

    Parameters
    ----------
    where
        ``"farm.db"``, ``"sqlite:///farm.db"``, or ``"postgresql://user@host/database"``.

    Raises
    ------
    InvalidInput
        `where` names no database.
    JournalError
        The database cannot be opened, or a package that it needs is not installed.
    IncompatibleJournal
        A later release made the journal.

    Examples
    --------
    >>> journal = open_journal("sqlite://")
    >>> journal.last()
    0
    >>> journal.close()
    """
    from placement.adapters.stores.journal.sql import SqlJournal  # SQLAlchemy is optional, and slow to import

    return SqlJournal(url_of(where))
