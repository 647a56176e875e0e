"""The first journal: entries, head, leader, states, anchors and names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; the head row is written by who opens the journal."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "events",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.String(500)),
        sa.Column("term", number),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    keyed = sa.text("key IS NOT NULL")
    op.create_index("events_key", "events", ["key"], unique=True, sqlite_where=keyed, postgresql_where=keyed)
    op.create_table(
        "head",
        sa.Column("seq", number, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
    )
    op.create_table(
        "leader",
        sa.Column("term", number, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    for name, more in (("states", sa.Column("blob", sa.LargeBinary)), ("anchors", sa.Column("at", sa.Double))):
        more.nullable = False
        op.create_table(
            name,
            sa.Column("seq", number, primary_key=True, autoincrement=False),
            sa.Column("digest", sa.LargeBinary, nullable=False),
            more,
        )
    op.create_table(
        "names",
        sa.Column("pseudonym", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(500), nullable=False, unique=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
    )
    op.execute("INSERT INTO leader (term, holder, until) VALUES (0, '', 0)")
