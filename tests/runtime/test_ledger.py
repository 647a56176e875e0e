"""The ledger: the state beside the journal, whatever fails and whoever appends in between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from placement.control.state import FarmState
from placement.errors import Fenced, InvalidInput, JournalError, Refused
from placement.farm.facts import ClientSet, Fact, JobCancelled, JobPaused, LicencesSet
from placement.runtime.ledger import Ledger, Wanted
from placement.runtime.ports import Entry, Kept
from placement.testing.faults.disk import MemoryDisk, MemoryJournal


class Shaky(MemoryJournal):
    """A journal in which somebody else comes first, or which fails, once; and that tells how far it was read."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.disk = disk
        self.full = False
        self.first: Callable[[], object] | None = None
        self.fails = ""
        self.read_after: list[int] = []

    def append(self, facts: Sequence[Fact], **how: Any) -> int:
        if (first := self.first) is not None:
            self.first = None
            first()
        fails, self.fails = self.fails, ""
        if fails == "before":
            raise JournalError("no room")
        last = super().append(facts, **how)
        if fails == "after":
            raise JournalError("the connection broke")
        return last

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        if self.fails == "read":
            self.fails = ""
            raise JournalError("cannot be read")
        self.read_after.append(after)
        return super().read(after, until)

    def keep(self, kept: Kept) -> None:
        if self.full:
            raise JournalError("no room for the state")
        super().keep(kept)


def licence(count: int, name: str = "houdini") -> Fact:
    return LicencesSet(at=float(count), by="td", name=name, count=count)


def opened(**options: Any) -> tuple[Ledger, Shaky, Ledger]:
    """Return a ledger with its journal, and another process's ledger."""
    disk = MemoryDisk()
    journal = Shaky(disk)
    return Ledger(journal, **options), journal, Ledger(MemoryJournal(disk))


def is_fold(ledger: Ledger) -> bool:
    """Tell whether a ledger's state is what a new process would make of the journal."""
    folded = FarmState()
    for entry in ledger.journal.read():
        folded.apply(entry.fact)
        folded.seq = entry.seq
    return folded.dump() == ledger.state.dump()


def one_more(state: FarmState) -> Sequence[Fact]:
    return [licence(state.licences.get("houdini", 0) + 1)]


@pytest.mark.parametrize("way", ["command", "round"])
def test_who_was_not_first_looks_again(way: str) -> None:
    ledger, journal, other = opened()
    term = journal.lead("first", 0.0, 15.0)
    assert term is not None
    journal.first = lambda: other.command(one_more)

    made = ledger.command(one_more) if way == "command" else ledger.round([one_more, one_more], term=term)

    assert [fact.count for fact in made if isinstance(fact, LicencesSet)] == ([2] if way == "command" else [2, 3])
    assert ledger.state.seq == journal.last() == 1 + len(made)
    assert is_fold(ledger)


@pytest.mark.parametrize("way", ["command", "round"])
def test_who_is_never_first_gives_up(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placement.runtime.ledger._TRIES", 3)
    ledger, journal, other = opened()

    def push(times: int) -> None:
        other.command(one_more)
        if times:
            journal.first = lambda: push(times - 1)

    journal.first = lambda: push(5)
    with pytest.raises(JournalError, match="gave up after 3 tries"):
        ledger.command(one_more) if way == "command" else ledger.round([one_more], term=0)


def test_who_no_longer_leads_appends_nothing_and_knows_what_the_other_did() -> None:
    ledger, journal, other = opened()
    old = journal.lead("first", 0.0, 15.0)
    new = other.journal.lead("second", 100.0, 15.0)
    assert old is not None
    assert new is not None
    other.round([one_more], term=new)

    with pytest.raises(Fenced):
        ledger.round([one_more, one_more], term=old)

    assert journal.last() == 1
    assert ledger.state.licences == {"houdini": 1}
    assert is_fold(ledger)


def test_a_round_that_fails_half_way_leaves_nothing() -> None:
    ledger, journal, _ = opened()
    ledger.round([one_more], term=0)

    def fails(state: FarmState) -> Sequence[Fact]:
        assert state.licences["houdini"] == 2  # it sees what goes before it
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.round([one_more, fails], term=0)

    assert journal.last() == 1
    assert ledger.state.licences == {"houdini": 1}
    assert ledger.round([one_more], term=0) == [licence(2)]
    assert is_fold(ledger)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("way", ["command", "round"])
def test_after_a_failed_write_the_state_is_what_the_journal_has(when: str, way: str) -> None:
    ledger, journal, _ = opened()
    ledger.command(one_more)
    journal.fails = when

    with pytest.raises(JournalError):
        ledger.command(one_more, key="k") if way == "command" else ledger.round([one_more], term=0)

    ledger.catch_up()
    assert ledger.state.licences == {"houdini": 2 if when == "after" else 1}
    assert is_fold(ledger)
    ledger.command(lambda state: [licence(2)], key="k")
    assert ledger.state.licences == {"houdini": 2}
    assert [entry.key for entry in journal.read()].count("k") == 1


def test_a_refused_change_changes_nothing() -> None:
    ledger, journal, _ = opened()
    ledger.command(one_more)
    before = ledger.state.dump()

    def refuses(state: FarmState) -> Sequence[Fact]:
        raise Refused("no")

    with pytest.raises(Refused):
        ledger.command(refuses, key="k")

    assert ledger.command(lambda state: []) == []
    assert (ledger.state.dump(), journal.last(), journal.find("k")) == (before, 1, None)


def test_a_journal_that_cannot_be_read_is_read_at_the_next_look() -> None:
    ledger, journal, other = opened()
    heard: list[int] = []
    ledger.listen(lambda entry: heard.append(entry.seq))
    other.command(one_more)
    journal.fails = "read"
    with pytest.raises(JournalError):
        ledger.reload()
    other.command(one_more)

    assert ledger.catch_up() == 2
    assert heard == [1, 2]
    assert ledger.catch_up() == 0
    assert is_fold(ledger)


def test_listeners_hear_everything_once_and_in_order_even_after_one_failed() -> None:
    ledger, _, other = opened()
    heard: list[tuple[int, str]] = []

    def listen(entry: Entry) -> None:
        heard.append((entry.seq, entry.key))
        if entry.seq == 2:
            raise RuntimeError("the listener is broken")

    ledger.listen(listen)
    ledger.command(one_more, key="first")
    with pytest.raises(RuntimeError):
        ledger.command(lambda state: [licence(2), licence(3)], key="second")
    other.command(one_more)
    ledger.round([one_more], term=0)

    assert heard == [(1, "first"), (2, "second"), (3, ""), (4, ""), (5, "")]
    assert ledger.state.licences == {"houdini": 5}
    assert is_fold(ledger)


def test_the_state_is_stored_every_so_many_facts_and_opening_reads_only_the_rest() -> None:
    ledger, journal, _ = opened(keep_every=3)
    for _ in range(7):
        ledger.command(one_more)

    kept = journal.kept()
    assert kept is not None
    assert kept.seq == 6
    again = Shaky(journal.disk)
    fresh = Ledger(again)
    assert again.read_after == [6]
    assert fresh.state.dump() == ledger.state.dump()


def test_a_state_that_cannot_be_stored_is_stored_later(caplog: pytest.LogCaptureFixture) -> None:
    ledger, journal, _ = opened(keep_every=2)
    ledger.command(one_more)
    journal.full = True
    with caplog.at_level(logging.WARNING):
        assert ledger.command(one_more) == [licence(2)]
    assert "the state at entry 2 was not stored: no room" in caplog.text
    journal.full = False
    ledger.command(one_more)
    assert journal.kept() is None

    ledger.command(one_more)

    kept = journal.kept()
    assert kept is not None
    assert kept.seq == 4


def test_a_used_key_is_for_the_same_change_alone() -> None:
    ledger, journal, _ = opened()
    wanted = Wanted(LicencesSet, {"name": "houdini", "count": 1})
    assert ledger.command(one_more, key="k", wanted=wanted) == [licence(1)]
    ledger.command(one_more)

    assert ledger.command(one_more, key="k", wanted=wanted) == [licence(1)]
    with pytest.raises(Refused, match=r"key 'k' was used for LicencesSet with count 1 \(entry 1\), not for .* count 2"):
        ledger.command(one_more, key="k", wanted=Wanted(LicencesSet, {"name": "houdini", "count": 2}))
    with pytest.raises(Refused, match=r"was used for LicencesSet \(entry 1\), not for JobPaused with job 'a'"):
        ledger.command(one_more, key="k", wanted=Wanted(JobPaused, {"job": "a"}))
    assert journal.last() == 2


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("fact", "same"),
    [
        (JobPaused(at=1.0, by="mia", job="a"), True),
        (JobPaused(at=9.0, by="tom", job="a"), True),
        (JobPaused(at=1.0, by="mia", job="b"), False),
        (JobCancelled(at=1.0, by="mia", job="a"), False),
    ],
)
def test_what_is_the_same_change(fact: Fact, same: bool) -> None:
    assert (Wanted(JobPaused, {"job": "a"}).unlike(fact) == "") is same


def test_terms_that_were_not_asked_for_do_not_count_and_odd_values_are_never_the_same() -> None:
    fact = ClientSet(at=1.0, name="film", guarantee=0.5, limit=0.9)

    assert Wanted(ClientSet, {"name": "film", "guarantee": 0.5}).unlike(fact) == ""
    assert "name 'film'" in Wanted(ClientSet, {"name": Hostile()}).unlike(fact)


def test_keys_that_no_journal_takes_are_refused() -> None:
    ledger, _, _ = opened()

    with pytest.raises(InvalidInput):
        ledger.command(one_more, key="\ud800")
