"""A PostgreSQL server for the tests: one for all of them, a fresh database for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from placement.testing.postgres import PostgresServer, postgres_programs, throwaway_postgres

#: Set where a missing server must not pass for a skipped test.
NEEDED = ("PLACEMENT_NEEDS_POSTGRES", "CI")


def need_postgres() -> None:
    """Skip the test where there is no server, or fail it where there has to be one."""
    pytest.importorskip("psycopg")
    if postgres_programs() is None:
        missing = "needs a PostgreSQL server (Debian: postgresql): no initdb on PATH or in /usr/lib/postgresql"
        if any(os.environ.get(name) for name in NEEDED):
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run one server; who kills it starts it again."""
    need_postgres()
    with throwaway_postgres(flush=False) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """Address of a fresh, empty schema, ``postgresql://…``: a database of one's own, for all that can be seen."""
    return postgres.schema()
