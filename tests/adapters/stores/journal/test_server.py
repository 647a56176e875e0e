from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from placement.errors import JournalError
from placement.testing import postgres as module
from placement.testing.postgres import PostgresServer, postgres_programs, throwaway_postgres
from tests import postgres as fixtures

psycopg = pytest.importorskip("psycopg")


def test_databases_and_schemas_are_fresh(postgres: PostgresServer) -> None:
    for address in (postgres.database(), postgres.schema(), postgres.schema()):
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE events (seq int)")


def test_nobody_gets_in_without_the_password(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://farm@127.0.0.1:{postgres.port}/postgres", password="guessed")


def test_where_no_server_is_installed_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "postgres_programs", lambda: None)

    with pytest.raises(JournalError, match="no PostgreSQL server is installed"), throwaway_postgres():
        pytest.fail("there is one")


def test_programs_are_found_off_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    found = postgres_programs()

    assert found is None or (found / "initdb").is_file()


def test_a_folder_in_the_way_is_told(postgres: PostgresServer) -> None:
    with TemporaryDirectory() as name:
        (Path(name) / "data" / "in the way").mkdir(parents=True)

        with pytest.raises(JournalError, match=r"(?s)initdb ended with 1: .*exists but is not empty"):
            PostgresServer(Path(name))


def test_a_port_that_is_taken_is_told(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 1.0)
    monkeypatch.setattr(module, "_free_port", lambda: postgres.port)

    told = pytest.raises(JournalError, match=r"(?s)PostgreSQL does not start: .*Address already in use")
    with told, throwaway_postgres():
        pytest.fail("two listen on one port")


@pytest.mark.parametrize("needed", ["PLACEMENT_NEEDS_POSTGRES", "CI"])
def test_a_missing_server_fails_tests_where_it_has_to_be_there(needed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in fixtures.NEEDED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fixtures, "postgres_programs", lambda: None)
    with pytest.raises(pytest.skip.Exception, match="needs a PostgreSQL server"):
        fixtures.need_postgres()

    monkeypatch.setenv(needed, "1")
    with pytest.raises(pytest.fail.Exception, match="needs a PostgreSQL server"):
        fixtures.need_postgres()
