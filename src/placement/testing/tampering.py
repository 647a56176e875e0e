"""Ways to tamper with a journal in a SQLite file, for checking that `verify` finds every one of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from placement.adapters.stores.journal.chain import GENESIS, Row, chained, hashed, hashed_state

__all__ = ["BESIDE", "NEEDS_ANCHOR", "TAMPERINGS", "Change"]

#: Changes the journal at an entry and returns whether that changed anything.
Change: TypeAlias = Callable[[sqlite3.Connection, int], bool]

_COLUMNS = ", ".join(Row._fields)
_FAR = 1_000_000


def _ran(connection: sqlite3.Connection, statement: str, *values: object) -> bool:
    return connection.execute(statement, values).rowcount > 0


def _edit(change: str, connection: sqlite3.Connection, seq: int) -> bool:
    column, _, condition = change.partition(" WHERE ")
    where = f"seq = ? AND {condition}" if condition else "seq = ?"
    return _ran(connection, f"UPDATE events SET {column} WHERE {where}", seq)


def _edit_hashed(connection: sqlite3.Connection, seq: int) -> bool:
    """Edit a body together with its hash."""
    (body,) = connection.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()
    other = (body or "{}").replace("{", '{"more":1,', 1)
    return _ran(connection, "UPDATE events SET body = ?, body_hash = ? WHERE seq = ?", other, hashed(other), seq)


def _delete(connection: sqlite3.Connection, seq: int) -> bool:
    return _ran(connection, "DELETE FROM events WHERE seq = ?", seq)


def _shift(connection: sqlite3.Connection, above: int, by: int) -> None:
    """Renumber entries above one."""
    connection.execute("UPDATE events SET seq = seq + ? WHERE seq > ?", (_FAR, above))
    connection.execute("UPDATE events SET seq = seq - ? WHERE seq > ?", (_FAR - by, _FAR))


def _delete_and_close(connection: sqlite3.Connection, seq: int) -> bool:
    _delete(connection, seq)
    _shift(connection, seq, -1)
    return _end(connection)


def _insert(connection: sqlite3.Connection, seq: int) -> bool:
    """Put a copy of an entry behind it."""
    _shift(connection, seq, 1)
    others = ", ".join(name for name in Row._fields if name not in {"seq", "key"})
    copied = f"INSERT INTO events (seq, {others}) SELECT seq + 1, {others} FROM events WHERE seq = ?"
    return _ran(connection, copied, seq) and _end(connection)


def _add_unnumbered(connection: sqlite3.Connection, seq: int) -> bool:
    """Put a copy of an entry where no entry is."""
    others = ", ".join(name for name in Row._fields if name not in {"seq", "key"})
    return _ran(connection, f"INSERT INTO events (seq, {others}) SELECT -seq, {others} FROM events WHERE seq = ?", seq)


def _swap(connection: sqlite3.Connection, seq: int) -> bool:
    for old, new in ((seq, -1), (seq + 1, seq), (-1, seq + 1)):
        connection.execute("UPDATE events SET seq = ? WHERE seq = ?", (new, old))
    return _last(connection) > seq


def _truncate(connection: sqlite3.Connection, seq: int) -> bool:
    return _ran(connection, "DELETE FROM events WHERE seq >= ?", seq)


def _truncate_with_head(connection: sqlite3.Connection, seq: int) -> bool:
    return _truncate(connection, seq) and _end(connection)


def _truncate_all(connection: sqlite3.Connection, seq: int) -> bool:
    _truncate_with_head(connection, seq)
    for table in ("anchors", "states"):
        connection.execute(f"DELETE FROM {table} WHERE seq >= ?", (seq,))
    return True


def _rewrite(connection: sqlite3.Connection, seq: int) -> bool:
    """Change an entry and compute everything afresh from there on, as one does who knows this package."""
    connection.execute("UPDATE events SET at = at + 1 WHERE seq = ?", (seq,))
    before = connection.execute("SELECT digest FROM events WHERE seq = ?", (seq - 1,)).fetchone()
    digest = before[0] if before else GENESIS
    for found in connection.execute(f"SELECT {_COLUMNS} FROM events WHERE seq >= ? ORDER BY seq", (seq,)).fetchall():
        row = Row._make(found)
        digest = chained(digest, row)
        connection.execute("UPDATE events SET digest = ? WHERE seq = ?", (digest, row.seq))
        connection.execute("UPDATE anchors SET digest = ?, at = ? WHERE seq = ?", (digest, row.at, row.seq))
        for (state,) in connection.execute("SELECT blob FROM states WHERE seq = ?", (row.seq,)).fetchall():
            fresh = hashed_state(digest, state)
            connection.execute("UPDATE states SET digest = ? WHERE seq = ?", (fresh, row.seq))
    return _end(connection)


def _last(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


def _end(connection: sqlite3.Connection) -> bool:
    """Let the head tell of the last entry that is there."""
    found = connection.execute("SELECT seq, digest FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    connection.execute("UPDATE head SET seq = ?, digest = ?", found or (0, GENESIS))
    return True


def _beside(statement: str, connection: sqlite3.Connection, seq: int) -> bool:
    return _ran(connection, statement, *([seq] if "?" in statement else []))


_EDITS = {
    "time": "at = at + 0.001",
    "kind": "kind = kind || 'x'",
    "version": "version = version + 1",
    "body": "body = body || ' ' WHERE body IS NOT NULL",
    "body to bytes": "body = CAST(body AS BLOB) WHERE body IS NOT NULL",
    "body removed": "body = NULL WHERE body IS NOT NULL",
    "body put back": "body = '{}' WHERE body IS NULL",
    "hash of the body": "body_hash = zeroblob(32)",
    "key": "key = coalesce(key, '') || 'x'",
    "key removed": "key = NULL WHERE key IS NOT NULL",
    "term": "term = coalesce(term, 0) + 1",
    "term removed": "term = NULL WHERE term IS NOT NULL",
    "term below 0": "term = -1",
    "digest": "digest = zeroblob(32)",
    "digest of another type": "digest = 'none'",
    "time of another type": "at = 'noon'",
}

#: Name -> change of entries. All are found by `verify`, those of `NEEDS_ANCHOR` with an anchor that was kept elsewhere.
TAMPERINGS: Mapping[str, Change] = MappingProxyType(
    {
        **{f"edit {name}": partial(_edit, change) for name, change in _EDITS.items()},
        "edit body and its hash": _edit_hashed,
        "delete": _delete,
        "delete and close the gap": _delete_and_close,
        "insert": _insert,
        "add without a number": _add_unnumbered,
        "swap with the next": _swap,
        "truncate": _truncate,
        "truncate with the head": _truncate_with_head,
        "truncate with all beside": _truncate_all,
        "rewrite from here": _rewrite,
    }
)

#: Whoever does these leaves nothing behind that contradicts itself, the last one at the last entry only.
NEEDS_ANCHOR = frozenset(
    {"truncate with the head", "truncate with all beside", "rewrite from here", "delete and close the gap"}
)

#: Name -> change of what is kept beside the entries, all found by `verify`.
BESIDE: Mapping[str, Change] = MappingProxyType(
    {
        name: partial(_beside, statement)
        for name, statement in {
            "head's number": "UPDATE head SET seq = seq + 1",
            "head's number back": "UPDATE head SET seq = seq - 1 WHERE seq > 0",
            "head's digest": "UPDATE head SET digest = zeroblob(32)",
            "head's anchors": "UPDATE head SET every = 0",
            "head removed": "DELETE FROM head",
            "head twice": "INSERT INTO head SELECT * FROM head",
            "anchor removed": "DELETE FROM anchors WHERE seq = ?",
            "anchor's digest": "UPDATE anchors SET digest = zeroblob(32) WHERE seq = ?",
            "anchor's time": "UPDATE anchors SET at = at + 1 WHERE seq = ?",
            "anchor added": "INSERT OR IGNORE INTO anchors SELECT seq, digest, at FROM events WHERE seq = ?",
            "anchor beyond": "INSERT INTO anchors SELECT seq + 1000000, digest, at FROM events WHERE seq = ?",
            "state edited": "UPDATE states SET blob = x'00' WHERE seq = ?",
            "state's digest": "UPDATE states SET digest = zeroblob(32) WHERE seq = ?",
            "state moved": "UPDATE OR IGNORE states SET seq = seq - 1 WHERE seq = ?",
            "state beyond": "INSERT INTO states SELECT seq + 1000000, blob, digest FROM states WHERE seq = ?",
            "names edited": "UPDATE names SET name = name || 'x'",
            "salts edited": "UPDATE names SET salt = zeroblob(16)",
            "names removed": "DELETE FROM names",
        }.items()
    }
)
