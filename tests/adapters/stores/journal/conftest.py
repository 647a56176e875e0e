"""Journals to test: in a SQLite file and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from placement.adapters.stores.journal.opening import url_of

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from placement.adapters.stores.journal.sql import SqlJournal


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh journal can be made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'farm.db'}"
    return url_of(request.getfixturevalue("database"))


@pytest.fixture
def journal(address: str) -> Iterator[SqlJournal]:
    """A fresh journal with an anchor every 4 entries."""
    journal = SqlJournal(address, anchor_every=4)
    yield journal
    journal.close()
