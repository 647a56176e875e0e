from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from placement.adapters.stores.journal.sql import SqlJournal
from placement.errors import InvalidInput, Moved, NotFound, Refused
from placement.farm.facts import AttemptProgressed, BodiesDropped, ClientSet, Decided, JobSubmitted, NameRedacted
from placement.runtime.ports import Kept
from tests.adapters.stores.journal.some_facts import paused, some_day


def everything_in(address: str) -> str:
    """All text of a database."""
    engine = create_engine(address)
    with engine.connect() as connection:
        found = [
            str(tuple(row))
            for table in ("events", "names", "states")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    engine.dispose()
    return " ".join(found)


def test_bodies_that_a_state_covers_can_go(journal: SqlJournal) -> None:
    day = some_day()
    journal.append(day, after=0)
    journal.keep(Kept(3, b"early"))
    journal.keep(Kept(8, b"state"))

    assert journal.drop_bodies(8, at=100.0, by="admin") == 2

    assert journal.verify() == 11
    assert journal.kept() == Kept(8, b"state")
    read = list(journal.read())
    assert [entry.seq for entry in read] == [1, 2, 3, 4, 5, 8, 9, 10, 11]
    assert read[-1].fact == BodiesDropped(at=100.0, by="admin", first=6, last=7, kinds=("AttemptProgressed",))
    assert [entry.seq for entry in journal.read(8)] == [9, 10, 11], "a fold from the kept state misses nothing"
    assert journal.compact() == 0, "an older state went with the bodies"
    assert journal.drop_bodies(8, at=101.0) == 0, "there is nothing more to drop"
    assert journal.last() == 11


def test_bodies_that_are_needed_stay(journal: SqlJournal) -> None:
    journal.append(some_day(), after=0, keys=["", "", "", "", "", "six", "", "", "", ""])
    with pytest.raises(Refused, match="the youngest kept state is of entry 0"):
        journal.drop_bodies(7, at=100.0)
    journal.keep(Kept(7, b"state"))
    with pytest.raises(Refused, match="up to entry 8 cannot go: the youngest kept state is of entry 7"):
        journal.drop_bodies(8, at=100.0)
    for kind in ("BodiesDropped", "NameRedacted", "NoSuchKind"):
        with pytest.raises(InvalidInput, match=f"bodies of {kind} are never dropped"):
            journal.drop_bodies(7, [kind], at=100.0)

    assert journal.drop_bodies(7, ["AttemptProgressed", "Decided"], at=100.0) == 2

    found = journal.find("six")
    assert found is not None
    assert isinstance(found.fact, AttemptProgressed)
    assert journal.verify() == 11


def test_bodies_go_a_second_time(journal: SqlJournal) -> None:
    journal.append(some_day(), after=0)
    journal.keep(Kept(6, b"state"))
    assert journal.drop_bodies(6, at=100.0) == 1
    journal.keep(Kept(9, b"state"))
    assert journal.drop_bodies(9, at=101.0) == 1

    assert journal.verify() == 12


def test_who_appends_sees_that_bodies_went(journal: SqlJournal) -> None:
    journal.append(some_day(), after=0)
    journal.keep(Kept(8, b"state"))
    journal.drop_bodies(8, at=100.0)

    with pytest.raises(Moved):
        journal.append([paused(9)], after=10)


def test_an_erased_name_is_nowhere_and_the_chain_is_whole(journal: SqlJournal, address: str) -> None:
    journal.append(some_day(), after=0)
    journal.keep(Kept(8, b"film's state"))
    before = list(journal.read())

    hidden = journal.redact("film", at=100.0, by="mia")

    assert journal.verify(before) == 11, "the digests are what they were"
    facts = [entry.fact for entry in journal.read()]
    assert isinstance(facts[1], ClientSet)
    assert (facts[1].name, facts[1].parent, facts[1].by) == (hidden, "studio", "mia")
    assert isinstance(facts[2], JobSubmitted)
    assert facts[2].job.client == hidden
    assert isinstance(facts[3], Decided)
    assert facts[3].history == {hidden: 3.5}
    assert facts[10] == NameRedacted(at=100.0, by="mia", pseudonym=hidden)
    assert journal.kept() is None, "a state holds names"
    assert "film" not in everything_in(address)
    with pytest.raises(NotFound, match="no client or user 'film'"):
        journal.redact("film", at=101.0)


def test_who_erases_the_own_name_leaves_no_other(journal: SqlJournal, address: str) -> None:
    journal.append([paused(1, "mia")], after=0)

    journal.redact("mia", at=100.0, by="mia")

    assert "mia" not in everything_in(address)


def test_an_erased_name_that_comes_again_is_another(journal: SqlJournal) -> None:
    journal.append([paused(1, "mia")], after=0)
    hidden = journal.redact("mia", at=100.0)

    journal.append([paused(2, "mia"), paused(3, hidden)], after=2)

    assert [entry.fact.by for entry in journal.read()] == [hidden, "", "mia", hidden]
    assert journal.verify() == 4


def test_states_are_rewritten_where_they_cannot_go(journal: SqlJournal) -> None:
    journal.append(some_day(), after=0)
    journal.keep(Kept(8, b"what film has"))
    journal.drop_bodies(8, at=100.0)
    with pytest.raises(Refused, match="give a function that rewrites them"):
        journal.redact("film", at=101.0)

    hidden = journal.redact(
        "film", at=101.0, rewrite=lambda state, name, other: state.replace(name.encode(), other.encode())
    )

    assert journal.kept() == Kept(8, f"what {hidden} has".encode())
    assert journal.verify() == 12


def test_a_sqlite_file_holds_no_trace_of_an_erased_name(tmp_path: Path) -> None:
    name = "a-name-that-is-found-by-its-bytes"
    journal = SqlJournal(f"sqlite:///{tmp_path / 'farm.db'}")
    journal.append([paused(1, name)], after=0)
    journal.keep(Kept(1, name.encode()))
    files = list(tmp_path.iterdir())
    assert any(name.encode() in path.read_bytes() for path in files)

    journal.redact(name, at=5.0)

    assert [path.name for path in tmp_path.iterdir() if name.encode() in path.read_bytes()] == []
    journal.close()


def test_a_file_shrinks_when_states_go(tmp_path: Path) -> None:
    path = tmp_path / "farm.db"
    journal = SqlJournal(f"sqlite:///{path}")
    journal.append(some_day(), after=0)
    for seq in (1, 2, 3):
        journal.keep(Kept(seq, bytes(500_000)))

    assert journal.compact() == 2
    assert path.stat().st_size < 1_000_000
    journal.close()
