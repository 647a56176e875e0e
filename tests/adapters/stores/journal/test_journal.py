from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from placement.adapters.stores.journal import open_journal
from placement.adapters.stores.journal.sql import SqlJournal
from placement.errors import Fenced, IncompatibleJournal, InvalidInput, JournalError, Moved, Tampered
from placement.farm.facts import FACTS, Decided, Fact, JobPaused
from placement.runtime.ports import Entry, Journal, Kept
from placement.testing.postgres import PostgresServer
from tests.adapters.stores.journal.some_facts import facts_of, paused, some_day


def facts_in(journal: Journal) -> list[Fact]:
    return [entry.fact for entry in journal.read()]


def test_what_was_appended_is_read_by_another_process_s_journal(journal: SqlJournal, address: str) -> None:
    day = some_day()

    last = journal.append(day[:4], after=0)
    last = journal.append(day[4:], after=last)

    other = SqlJournal(address)
    assert last == other.last() == len(day)
    assert facts_in(other) == day
    assert [entry.seq for entry in other.read(3, 7)] == [4, 5, 6, 7]
    assert list(other.read(len(day))) == []
    assert other.verify() == len(day)
    other.close()


def test_an_empty_journal(journal: SqlJournal) -> None:
    assert journal.last() == 0
    assert facts_in(journal) == []
    assert journal.find("no such key") is None
    assert journal.kept() is None
    assert journal.verify() == 0
    assert journal.anchor().seq == 0
    assert journal.append([], after=0) == 0


def test_who_has_not_seen_everything_must_look_again(journal: SqlJournal) -> None:
    journal.append([paused(1)], after=0)

    for seen in (0, 2):
        with pytest.raises(Moved, match=f"at entry 1, the writer has seen {seen}"):
            journal.append([paused(2)], after=seen)

    assert facts_in(journal) == [paused(1)]


def test_facts_are_added_whole_or_not_at_all(journal: SqlJournal) -> None:
    refused = JobPaused(at=1.0, by="never seen", job="\ud800")

    with pytest.raises(InvalidInput, match="cannot be written down"):
        journal.append([paused(1), refused], after=0)
    with pytest.raises(InvalidInput, match="expected a finite time"):
        journal.append([paused(1), JobPaused(at=float("inf"), job="a")], after=0)

    assert journal.last() == 0
    journal.append([paused(1)], after=0)
    assert journal.verify() == 1


def test_a_key_stands_for_one_fact(journal: SqlJournal) -> None:
    journal.append([paused(1), paused(2), paused(3)], after=0, keys=["", "two", ""])

    found = journal.find("two")

    assert found == Entry(seq=2, fact=paused(2), key="two", digest=list(journal.read())[1].digest)
    with pytest.raises(InvalidInput, match="key 'two' stands for entry 2 already"):
        journal.append([paused(4)], after=3, keys=["two"])
    with pytest.raises(InvalidInput, match="got one twice"):
        journal.append([paused(4), paused(5)], after=3, keys=["new", "new"])
    with pytest.raises(InvalidInput, match="got 1 keys for 2 facts"):
        journal.append([paused(4), paused(5)], after=3, keys=["new"])
    for odd in ("a\0b", "\ud800", "x" * 501):
        with pytest.raises(InvalidInput, match="must have at most 500 characters"):
            journal.append([paused(4)], after=3, keys=[odd])
        with pytest.raises(InvalidInput, match="must have at most 500 characters"):
            journal.find(odd)
        with pytest.raises(InvalidInput, match="must have at most 500 characters"):
            journal.redact(odd, at=0.0)
        with pytest.raises(InvalidInput, match="must have at most 500 characters"):
            journal.lead(odd, 0.0, 1.0)
    with pytest.raises(InvalidInput, match="key 5 must be a string"):
        journal.append([paused(4)], after=3, keys=[5])  # type: ignore[list-item]
    assert journal.last() == 3


def test_one_leads_and_a_term_grows_at_each_change(journal: SqlJournal) -> None:
    assert journal.lead("a", 0.0, 10.0) == 1
    assert journal.lead("b", 9.0, 10.0) is None
    assert journal.lead("a", 9.0, 10.0) == 1
    assert journal.lead("b", 18.0, 10.0) is None
    assert journal.lead("b", 19.0, 10.0) == 2
    journal.resign("a")
    assert journal.lead("a", 20.0, 10.0) is None
    journal.resign("b")
    assert journal.lead("a", 20.0, 10.0) == 3
    journal.resign("a")
    assert journal.lead("a", 20.0, 10.0) == 4
    for leader, seconds in (("", 1.0), ("a", 0.0), ("a", float("nan"))):
        with pytest.raises(InvalidInput, match="expected a name and a time above 0 s"):
            journal.lead(leader, 0.0, seconds)


def test_a_leader_of_an_earlier_term_is_fenced(journal: SqlJournal, address: str) -> None:
    other = SqlJournal(address)
    old = journal.lead("a", 0.0, 10.0)
    assert journal.append([paused(1)], after=0, term=old) == 1
    new = other.lead("b", 11.0, 10.0)

    with pytest.raises(Fenced, match="leads in term 1, the last leader's term is 2"):
        journal.append([paused(2)], after=1, term=old)
    assert other.append([paused(3)], after=1, term=new) == 2
    assert journal.append([paused(4)], after=2) == 3, "who need not lead may write"
    with pytest.raises(Fenced, match="term 7"):
        other.append([paused(5)], after=3, term=7)
    assert facts_in(other) == [paused(1), paused(3), paused(4)]
    assert other.verify() == 3
    other.close()


def test_the_youngest_of_a_few_states_is_given_back(journal: SqlJournal) -> None:
    journal.append(some_day(), after=0)

    for seq in (2, 0, 5, 9, 7, 9):
        journal.keep(Kept(seq, b"state of %d" % seq))

    assert journal.kept() == Kept(9, b"state of 9")
    with pytest.raises(InvalidInput, match="the journal ends at entry 10"):
        journal.keep(Kept(11, b"too early"))
    assert journal.verify() == 10
    assert journal.compact() == 2
    assert journal.kept() == Kept(9, b"state of 9")
    assert journal.compact() == 0


def test_a_state_that_was_changed_is_not_used(journal: SqlJournal, address: str) -> None:
    journal.append(some_day(), after=0)
    journal.keep(Kept(3, b"state"))
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE states SET seq = 4"))
    engine.dispose()

    with pytest.raises(Tampered, match="the state of entry 4 was changed"):
        journal.kept()


def test_names_are_kept_apart_from_bodies(journal: SqlJournal, address: str) -> None:
    journal.append(some_day(), after=0)
    engine = create_engine(address)
    with engine.begin() as connection:
        bodies = " ".join(connection.execute(text("SELECT body FROM events")).scalars())
        names = set(connection.execute(text("SELECT name FROM names")).scalars())
    engine.dispose()

    assert names == {"mia", "noor", "studio", "film"}
    assert [name for name in names if f'"{name}"' in bodies] == []
    assert "planner" in bodies


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "x" * 501])
def test_a_name_that_no_database_takes_is_refused(journal: SqlJournal, odd: str) -> None:
    with pytest.raises(InvalidInput, match=r"name .* must have at most 500 characters"):
        journal.append([paused(1, by=odd)], after=0)


def test_a_name_may_look_like_a_pseudonym(journal: SqlJournal) -> None:
    fact = paused(1, by="~974a3ad346a6433eec8f460ec3f92cfb")

    journal.append([fact], after=0)

    assert facts_in(journal) == [fact]
    assert journal.verify() == 1


@pytest.fixture(scope="module")
def in_memory() -> Iterator[SqlJournal]:
    journal = SqlJournal("sqlite://", anchor_every=7)
    yield journal
    journal.close()


@given(facts=st.lists(st.one_of([facts_of(kind) for kind in FACTS.values()]), max_size=8))
@settings(max_examples=100)
def test_any_facts_come_back_under_their_names(in_memory: SqlJournal, facts: list[Fact]) -> None:
    before = in_memory.last()

    in_memory.append(facts, after=before)

    assert [entry.fact for entry in in_memory.read(before)] == facts
    assert in_memory.verify() == before + len(facts)


def test_a_decision_s_clients_are_names(journal: SqlJournal) -> None:
    fact = some_day()[3]
    assert isinstance(fact, Decided)
    assert fact.history

    journal.append([fact], after=0)

    assert facts_in(journal) == [fact]


def test_a_journal_of_a_later_release_is_left_alone(journal: SqlJournal, address: str) -> None:
    journal.append([paused(1)], after=0)
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE journal_revision SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(IncompatibleJournal, match="revision '9999', this release knows up to"):
        SqlJournal(address)
    assert journal.last() == 1


def test_a_file_is_opened_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "farm.db"
    for where in (path, str(path), f"sqlite:///{path}"):
        journal = open_journal(where)
        journal.append([paused(1)], after=journal.last())
        journal.close()

    journal = open_journal(path)
    assert journal.last() == 3
    assert "farm.db" in repr(journal)
    journal.close()


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected a file"):
        open_journal("mysql://db/farm")
    with pytest.raises(InvalidInput, match="expected a file"):
        open_journal("")
    with pytest.raises(InvalidInput, match="names no database"):
        SqlJournal("nonsense")
    with pytest.raises(InvalidInput, match="at least 1"):
        SqlJournal("sqlite://", anchor_every=0)
    with pytest.raises(JournalError, match="unable to open"):
        open_journal(tmp_path / "no" / "such" / "folder.db")
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 40)
    with pytest.raises(JournalError, match="not a database"):
        open_journal(tmp_path / "text.db")


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(JournalError, match="needs the package psycopg"):
        open_journal("postgresql://nobody@127.0.0.1:1/farm")


def test_importing_the_package_needs_no_database_package() -> None:
    code = "import sys, placement, placement.adapters.stores.journal; print('sqlalchemy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_commit_on_sqlite_is_flushed(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "farm.db")

    with journal._store.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    journal.close()


def test_a_commit_on_postgresql_is_flushed_though_the_server_would_not(postgres: PostgresServer) -> None:
    database = postgres.database()
    name = database.rpartition("/")[2]
    first = open_journal(database)
    with first._store.writing() as (connection, _):
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = 'off'"))
    first.close()

    journal = open_journal(database)
    with journal._store.reading() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    journal.close()
