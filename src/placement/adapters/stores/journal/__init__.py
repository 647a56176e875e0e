"""The journal in a database: append-only, hash-chained facts in a SQLite file or in PostgreSQL."""

from placement.adapters.stores.journal.opening import open_journal

__all__ = ["open_journal"]
