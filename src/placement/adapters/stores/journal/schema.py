"""Tables of a journal, as the latest revision has them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, String, Table, Text

__all__ = ["REVISION", "VERSION_TABLE", "anchors", "events", "head", "leader", "names", "states"]

#: The latest revision in ``revisions/versions``.
REVISION = "0001"
VERSION_TABLE = "journal_revision"

_tables = MetaData()
_number = BigInteger().with_variant(Integer, "sqlite")

#: One row per entry, in the order of `placement.adapters.stores.journal.chain.Row`.
events = Table(
    "events",
    _tables,
    Column("seq", _number, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text),
    Column("body_hash", LargeBinary, nullable=False),
    Column("key", String(500)),
    Column("term", _number),
    Column("digest", LargeBinary, nullable=False),
)

#: One row: the last entry, and every how many entries there is an anchor. Locked by whoever appends.
head = Table(
    "head",
    _tables,
    Column("seq", _number, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("every", Integer, nullable=False),
)

#: One row: who leads, until when.
leader = Table(
    "leader",
    _tables,
    Column("term", _number, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", Double, nullable=False),
)

states = Table(
    "states",
    _tables,
    Column("seq", _number, primary_key=True, autoincrement=False),
    Column("blob", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

anchors = Table(
    "anchors",
    _tables,
    Column("seq", _number, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("at", Double, nullable=False),
)

#: Who is behind a pseudonym; `salt` goes with the name.
names = Table(
    "names",
    _tables,
    Column("pseudonym", String(40), primary_key=True),
    Column("name", String(500), nullable=False, unique=True),
    Column("salt", LargeBinary, nullable=False),
)
