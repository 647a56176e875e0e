"""The database below a journal: connections, transactions that append one after the other, bulk inserts.

SQLite runs with a write-ahead log that is flushed at every commit; a transaction that writes locks the file when it
begins. PostgreSQL locks the head row. Either way no two writers see the same head.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from tqdm import tqdm

from placement.adapters.stores.journal.chain import GENESIS, Row
from placement.adapters.stores.journal.migrating import migrate, revision_of
from placement.adapters.stores.journal.schema import REVISION, events, head
from placement.errors import InvalidInput, JournalError, Tampered

__all__ = ["PATIENCE", "Head", "Store", "digest_at", "head_of", "in_parts", "page_of", "rows_of", "watched"]

_Each = TypeVar("_Each")
#: Seconds that a writer waits for another one.
PATIENCE = 30
_LOCK = 0x6A6F75726E616C  # "journal": of two that open a fresh database, one makes the tables
_PAGE = 2_000
_WRITES = "journal_writes"

_ON_SQLITE = ("synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON", "secure_delete=ON", "journal_mode=WAL")
_ON_POSTGRESQL = (
    # A server may be set up to lose the last commits in a crash; a journal must not.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    f"SET lock_timeout = '{PATIENCE}s'",
    # A writer that hangs must not hold up the farm.
    f"SET idle_in_transaction_session_timeout = '{2 * PATIENCE}s'",
)
#: A server that is gone without a word is noticed within the same time.
_ON_NETWORK = {
    "connect_timeout": PATIENCE,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": PATIENCE * 1000,
}
_TYPES = ("int8", "float8", "varchar", "int4", "text", "bytea", "varchar", "int8", "bytea")
_INSERT = f"INSERT INTO events ({', '.join(Row._fields)}) VALUES ({', '.join('?' * len(Row._fields))})"
_COPY = f"COPY events ({', '.join(Row._fields)}) FROM STDIN (FORMAT BINARY)"
_HEAD = select(head.c.seq, head.c.digest, head.c.every)
_LOCKED_HEAD = _HEAD.with_for_update()


class Head(NamedTuple):
    """Number and digest of the last entry, and every how many entries there is an anchor."""

    seq: int
    digest: bytes
    every: int


class Store:
    """A database with the tables of a journal.

    Parameters
    ----------
    url
        ``sqlite:///path`` or ``postgresql+psycopg://…``.
    every
        Every how many entries there is an anchor; what the first one to open the journal says holds for good.

    Raises
    ------
    JournalError
        The database cannot be opened.
    IncompatibleJournal
        A later release made the journal.
    """

    def __init__(self, url: str, every: int) -> None:
        self.engine = _engine(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.where = self.engine.url.render_as_string(hide_password=True)
        try:
            self._open(every)
        except BaseException:
            self.close()
            raise

    def _open(self, every: int) -> None:
        with self.reading() as connection:
            ready = revision_of(connection) == REVISION
        if ready:
            return
        with self._transaction({_WRITES: True}) as connection:
            if not self.sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            migrate(connection)
            if connection.execute(select(head.c.seq)).first() is None:
                connection.execute(insert(head).values(seq=0, digest=GENESIS, every=every))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads: all its queries see the same journal."""
        with self._transaction({}) as connection:
            if not self.sqlite:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield connection

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, Head]]:
        """Open a transaction that is alone in writing; it is durable when the block ends, and undone by an error."""
        with self._transaction({_WRITES: True}) as connection:
            yield connection, head_of(connection, lock=True)

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        with self._ours(), self.engine.connect().execution_options(**options) as connection:
            try:
                with connection.begin():
                    yield connection
            except self.engine.dialect.loaded_dbapi.Error:
                # The driver was used directly: SQLAlchemy does not know that the connection may be dead.
                connection.invalidate()
                raise

    def add(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert entries and move the head to the last of them."""
        if self.sqlite:
            connection.exec_driver_sql(_INSERT, [tuple(row) for row in rows])
        else:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row(row)
        connection.execute(update(head).values(seq=rows[-1].seq, digest=rows[-1].digest))

    def wipe(self) -> None:
        """Wipe what was deleted from the files of the database; SQLite wipes its log once nobody reads."""
        self._maintain("PRAGMA wal_checkpoint(TRUNCATE)" if self.sqlite else "VACUUM FULL names, states")

    def reclaim(self) -> None:
        """Give the room of what was deleted back."""
        self._maintain("VACUUM" if self.sqlite else "VACUUM events")
        self.wipe()

    def _maintain(self, statement: str) -> None:
        """Run a statement outside of any transaction."""
        with self._ours():
            if self.sqlite:
                with closing(self.engine.raw_connection()) as borrowed:
                    driver: Any = borrowed.driver_connection
                    driver.execute(statement).fetchall()
                return
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(statement)

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Raise our error instead of the database's."""
        try:
            yield
        except (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as wrong:
            raise JournalError(f"journal {self.where}: {getattr(wrong, 'orig', None) or wrong}") from wrong


def head_of(connection: Connection, *, lock: bool = False) -> Head:
    """Return the head.

    Raises
    ------
    Tampered
        There is none, or more than one.
    """
    found = connection.execute(_LOCKED_HEAD if lock else _HEAD).all()
    if len(found) != 1:
        raise Tampered(f"the journal has {len(found)} heads, expected the one row that tells its last entry")
    return Head(*found[0])


def digest_at(connection: Connection, seq: int) -> bytes | None:
    """Return the digest of an entry, or before the first; None: there is no such entry."""
    if seq == 0:
        return GENESIS
    found: bytes | None = connection.execute(select(events.c.digest).where(events.c.seq == seq)).scalar()
    return found


def rows_of(connection: Connection, after: int = 0, until: int | None = None) -> Iterator[Row]:
    """Yield stored entries above `after` up to `until`, in order, a page at a time."""
    while page := page_of(connection, after, until):
        yield from page
        after = page[-1].seq


def page_of(connection: Connection, after: int, until: int | None = None, most: int = _PAGE) -> list[Row]:
    """Return the first stored entries above `after` up to `until`."""
    query = select(*events.c).where(events.c.seq > after).order_by(events.c.seq).limit(most)
    if until is not None:
        query = query.where(events.c.seq <= until)
    return [Row._make(found) for found in connection.execute(query)]


def in_parts(values: Iterable[Any], size: int = 500) -> Iterator[list[Any]]:
    """Yield values in lists that fit a query."""
    listed = list(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def _engine(url: str) -> Engine:
    try:
        made = make_url(url)
        if made.get_backend_name() == "sqlite":
            memory = made.database in {None, "", ":memory:"}
            options: dict[str, Any] = {"connect_args": {"timeout": PATIENCE, "check_same_thread": False}}
            engine = create_engine(made, **options, **({"poolclass": StaticPool} if memory else {}))
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(made, pool_pre_ping=True, connect_args=_ON_NETWORK)
            event.listen(engine, "connect", _set_up_postgresql)
    except (ArgumentError, NoSuchModuleError, ValueError) as wrong:
        raise InvalidInput(f"{url!r} names no database: {wrong}") from wrong
    except ModuleNotFoundError as missing:
        raise JournalError(f"a journal in {url!r} needs the package {missing.name}; install it") from missing
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin transactions at its own time
    until = time.monotonic() + PATIENCE
    for pragma in _ON_SQLITE:
        while True:
            try:
                connection.execute(f"PRAGMA {pragma}").fetchall()
            except Exception as wrong:
                # Who turns the log on does not wait for others by itself.
                if "locked" not in str(wrong) or time.monotonic() > until:
                    raise
                time.sleep(0.01)
            else:
                break


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up_postgresql(connection: Any, _: object) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in _ON_POSTGRESQL:
            cursor.execute(statement)
    connection.autocommit = False


def watched(rows: Iterable[_Each], what: str) -> Iterable[_Each]:
    """Return the same rows; a terminal is shown how far they are after two seconds."""
    shown: Iterable[_Each] = tqdm(rows, what, unit=" entries", delay=2.0, disable=None)
    return shown
