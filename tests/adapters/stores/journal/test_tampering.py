from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placement.adapters.stores.journal.chain import Row
from placement.adapters.stores.journal.sql import SqlJournal
from placement.errors import InvalidInput, Tampered
from placement.runtime.ports import Anchor, Kept
from placement.testing.tampering import BESIDE, NEEDS_ANCHOR, TAMPERINGS, Change
from tests.adapters.stores.journal.some_facts import paused, some_day

LENGTH = 14
#: Entry without a body, and the entry that tells of it.
DROPPED, DROPS = 7, 13


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Anchor]:
    """A journal with everything in it, and its last anchor; not to be changed."""
    path = tmp_path_factory.mktemp("journal") / "farm.db"
    journal = SqlJournal(f"sqlite:///{path}", anchor_every=4)
    term = journal.lead("a", 0.0, 10.0)
    journal.append(some_day(), after=0, term=term, keys=[f"key-{number}" if number % 2 else "" for number in range(10)])
    journal.append([paused(20, "gone")], after=10)
    journal.redact("gone", at=40.0)
    journal.keep(Kept(0, b"nothing"))
    journal.keep(Kept(12, b"state"))
    assert journal.drop_bodies(12, at=50.0) == 1
    journal.keep(Kept(8, b"older"))
    journal.append([paused(21)], after=13)
    anchor = journal.anchor()
    assert journal.verify(anchors=[anchor, *journal.anchors()]) == anchor.seq == LENGTH
    journal.close()
    return path, anchor


def tampered(sound: Path, fresh: Path, change: Callable[[sqlite3.Connection], bool]) -> SqlJournal | None:
    """Return the journal after a change; None: it changed nothing."""
    shutil.copy(sound, fresh)
    with closing(sqlite3.connect(fresh)) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")  # it is thrown away
        if not change(connection):
            return None
    return SqlJournal(f"sqlite:///{fresh}")


def found(journal: SqlJournal, *anchors: Anchor) -> str:
    """Return what `verify` says."""
    try:
        with pytest.raises(Tampered) as told:
            journal.verify(anchors=anchors)
    finally:
        journal.close()
    return str(told.value)


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_entries_is_found_wherever_it_is(name: str, sound: tuple[Path, Anchor], tmp_path: Path) -> None:
    path, anchor = sound
    tried = 0
    for seq in range(1, LENGTH + 1):
        journal = tampered(path, tmp_path / f"{seq}.db", lambda connection, seq=seq: TAMPERINGS[name](connection, seq))
        if journal is None:
            continue
        tried += 1

        told = found(journal, *([anchor] if name in NEEDS_ANCHOR else []))

        named = re.search(r"entry -?(\d+)", told)
        assert named, told
        if DROPPED < seq <= DROPS and told.startswith(f"entry {DROPPED}:"):
            continue  # what told of the dropped body is gone, so that the body is missing
        assert int(named[1]) in {seq, seq + 1, *([anchor.seq] if name in NEEDS_ANCHOR else [])}, told
        if name.startswith("edit"):
            assert int(named[1]) == seq, told
    assert tried


@pytest.mark.parametrize("name", BESIDE)
def test_tampering_with_what_is_beside_is_found(name: str, sound: tuple[Path, Anchor], tmp_path: Path) -> None:
    tried = 0
    for seq in range(LENGTH + 1):
        journal = tampered(sound[0], tmp_path / f"{seq}.db", lambda connection, seq=seq: BESIDE[name](connection, seq))
        if journal is not None:
            tried += 1
            found(journal)
    assert tried


VALUES = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(), st.binary(max_size=40), st.none())


@given(seq=st.integers(1, LENGTH), column=st.sampled_from(Row._fields), value=VALUES)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_can_be_put_in_place_of_another(
    seq: int, column: str, value: object, sound: tuple[Path, Anchor], tmp_path: Path
) -> None:
    def change(connection: sqlite3.Connection) -> bool:
        row = f"SELECT {column}, typeof({column}) FROM events WHERE seq = ?"
        before = connection.execute(row, (seq,)).fetchone()
        try:
            connection.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (value, seq))
        except (sqlite3.IntegrityError, UnicodeEncodeError):
            return False  # the database refuses it
        return bool(connection.execute(row, (seq,)).fetchone() != before)

    journal = tampered(sound[0], tmp_path / "farm.db", change)
    if journal is not None:
        found(journal)


def test_what_was_found_is_told(sound: tuple[Path, Anchor], tmp_path: Path) -> None:
    path, anchor = sound

    def told(change: Change, seq: int, *anchors: Anchor) -> str:
        journal = tampered(path, tmp_path / "farm.db", lambda connection: change(connection, seq))
        assert journal is not None
        return found(journal, *anchors)

    assert told(TAMPERINGS["edit body"], 5) == "entry 5: its body or the hash of it was edited"
    assert told(TAMPERINGS["edit time"], 5) == "entry 5 does not follow from the one before: edited, moved or added"
    assert told(TAMPERINGS["delete"], 5) == "entry 5 is missing: the next one is 6"
    assert told(TAMPERINGS["truncate"], 14) == f"entry 14 is missing: the head tells of {LENGTH} entries"
    assert told(TAMPERINGS["edit body removed"], 3) == "entry 3: its body was removed, and no BodiesDropped covers it"
    assert told(BESIDE["anchor removed"], 8) == "entry 8: its anchor is missing or was edited"
    assert told(BESIDE["state edited"], 12) == "entry 12: the state kept there was edited"
    assert "the name behind ~" in told(BESIDE["names edited"], 0)
    whole = SqlJournal(f"sqlite:///{path}")
    early = Anchor(3, next(whole.read(2, 3)).digest, 0.0)
    whole.close()
    assert "rewritten from an entry between 4 and 14" in told(TAMPERINGS["rewrite from here"], 6, early, anchor)
    assert told(TAMPERINGS["truncate with all beside"], 6, anchor) == (
        f"entry 6 is missing: there is an anchor of entry {LENGTH} elsewhere"
    )


def test_a_rewrite_is_sound_to_who_kept_no_anchor(sound: tuple[Path, Anchor], tmp_path: Path) -> None:
    for name in NEEDS_ANCHOR:
        change = TAMPERINGS[name]
        journal = tampered(sound[0], tmp_path / "farm.db", lambda connection, change=change: change(connection, 14))
        assert journal is not None
        assert journal.verify() in {LENGTH, LENGTH - 1}
        journal.close()


def test_a_name_that_was_erased_cannot_be_put_back(tmp_path: Path) -> None:
    path = tmp_path / "farm.db"
    journal = SqlJournal(f"sqlite:///{path}", salt=lambda: b"0123456789abcdef")
    journal.append([paused(1, by="mia")], after=0)
    hidden = journal.redact("mia", at=5.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO names VALUES (?, 'mia', ?)", (hidden, b"0123456789abcdef"))

    assert "was put back after it was erased" in found(journal)


def test_copies_of_entries_show_a_rewrite(sound: tuple[Path, Anchor], tmp_path: Path) -> None:
    whole = SqlJournal(f"sqlite:///{sound[0]}")
    copies = list(whole.read(3, 9))
    assert whole.verify(copies) == LENGTH
    whole.close()

    rewritten = tampered(sound[0], tmp_path / "a.db", lambda connection: TAMPERINGS["rewrite from here"](connection, 5))
    assert rewritten is not None
    with pytest.raises(Tampered, match="entry 5 is not the one that its copy elsewhere tells of"):
        rewritten.verify(copies)
    rewritten.close()
    cut = tampered(sound[0], tmp_path / "b.db", lambda one: TAMPERINGS["truncate with all beside"](one, 6))
    assert cut is not None
    with pytest.raises(Tampered, match="entry 6 is missing: a copy of it is elsewhere"):
        cut.verify(copies)
    cut.close()


def test_anchors_that_contradict_one_another_are_told(sound: tuple[Path, Anchor]) -> None:
    journal = SqlJournal(f"sqlite:///{sound[0]}")
    with pytest.raises(Tampered, match="two anchors of entry 14 differ"):
        journal.verify(anchors=[sound[1], Anchor(14, "0" * 64)])
    with pytest.raises(InvalidInput, match="entries are counted from 1"):
        Anchor(-1, "0" * 64)
    journal.close()
