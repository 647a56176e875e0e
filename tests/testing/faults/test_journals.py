"""Every journal keeps the same laws: the simulated one, the one in a SQLite file, the one in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from placement.errors import Fenced, InvalidInput, JournalError, Moved, Tampered
from placement.farm.facts import AttemptProgressed, Fact, JobPaused, JobResumed, PolicySet
from placement.runtime.ports import Journal, Kept
from placement.testing.faults.disk import Disk, MemoryDisk

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from placement.adapters.stores.journal.opening import url_of
from placement.adapters.stores.journal.sql import SqlJournal
from placement.testing.faults.sqlite_disk import SqliteDisk


def fact(number: int) -> Fact:
    """One of some facts."""
    return (
        JobPaused(at=float(number), by="mia", job=f"j{number}"),
        JobResumed(at=number + 0.5, by="noor", job="ünï"),
        AttemptProgressed(at=-float(number), attempt=number, lease=float("inf"), frames=(1, number)),
        PolicySet(at=1e9 + number, rules={"aim": "cost", "preempt_most": number}),
    )[number % 4]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
    """Open one journal, as often as it is called."""
    here: list[Journal] = []
    if request.param == "memory":
        disk = MemoryDisk()
        make: Callable[[], Journal] = disk.open
    else:
        sqlite = request.param == "sqlite"
        url = f"sqlite:///{tmp_path / 'farm.db'}" if sqlite else url_of(request.getfixturevalue("database"))
        make = lambda: SqlJournal(url)  # noqa: E731

    def opened() -> Journal:
        here.append(make())
        return here[-1]

    yield opened
    for journal in here:
        journal.close()


def said(act: Callable[[], object]) -> object:
    """What comes of it: an answer, or the kind of an error."""
    try:
        return act()
    except (InvalidInput, JournalError) as wrong:
        return type(wrong).__name__


class Story:
    """What two processes hear that write, lead and read by turns as the luck has it."""

    def __init__(self, luck: Random, one: Journal, other: Journal) -> None:
        self.luck, self.journals, self.now = luck, (one, other), 0.0
        self.seen = [0, 0]
        self.terms: list[int | None] = [None, None]

    def __iter__(self) -> Iterator[object]:
        acts = (self.append, self.append, self.append, self.lead, self.resign, self.find, self.keep, self.read)
        while True:
            who = self.luck.randrange(2)
            self.now += self.luck.choice((0.0, 1.0, 6.0))
            yield self.luck.choice(acts)(who, self.journals[who])

    def append(self, who: int, journal: Journal) -> object:
        luck = self.luck
        facts = [fact(luck.randrange(99)) for _ in range(luck.randrange(4))]
        keys = [luck.choice(("", "", f"k{luck.randrange(12)}")) for _ in facts]
        term, after = luck.choice((None, self.terms[who])), luck.choice((self.seen[who], journal.last()))
        answer = said(lambda: journal.append(facts, after=after, term=term, keys=keys))
        self.seen[who] = journal.last()
        return answer

    def lead(self, who: int, journal: Journal) -> object:
        seconds = self.luck.choice((5.0, 10.0, 0.0))
        answer = said(lambda: journal.lead("ab"[who], self.now, seconds))
        if isinstance(answer, int):
            self.terms[who] = answer
        return answer

    def resign(self, who: int, journal: Journal) -> object:
        return said(lambda: journal.resign("ab"[who]))

    def find(self, who: int, journal: Journal) -> object:
        found = journal.find(f"k{self.luck.randrange(12)}")
        return found and (found.seq, found.fact, found.key)

    def keep(self, who: int, journal: Journal) -> object:
        kept = Kept(self.luck.choice((journal.last(), self.luck.randrange(30))), self.luck.randbytes(9))
        return said(lambda: journal.keep(kept)), journal.kept()

    def read(self, who: int, journal: Journal) -> object:
        first, until = self.luck.randrange(20), self.luck.choice((None, self.luck.randrange(30)))
        return [(each.seq, each.fact, each.key) for each in journal.read(first, until)], journal.last()


@pytest.mark.parametrize("seed", range(3))
def test_a_journal_says_what_the_simulated_one_says(opened: Callable[[], Journal], seed: int) -> None:
    disk = MemoryDisk()
    model = Story(Random(seed), disk.open(), disk.open())
    journals = opened(), opened()

    for expected, heard in zip(islice(model, 200), Story(Random(seed), *journals), strict=False):
        assert heard == expected

    assert journals[0].last() == disk.open().last() > 20
    assert journals[1].verify() == disk.open().verify()


def test_what_is_durable_is_found_by_who_opens_it_later(opened: Callable[[], Journal]) -> None:
    first = opened()
    first.append([fact(1), fact(2), fact(3)], after=0, keys=["", "two", ""])
    first.keep(Kept(2, b"state"))
    assert first.lead("a", 0.0, 10.0) == 1
    first.close()

    later = opened()

    assert [each.fact for each in later.read()] == [fact(1), fact(2), fact(3)]
    assert (later.find("two") or pytest.fail("lost")).seq == 2
    assert later.kept() == Kept(2, b"state")
    assert later.lead("b", 9.0, 10.0) is None
    assert later.lead("b", 10.0, 10.0) == 2
    with pytest.raises(Fenced):
        later.append([fact(4)], after=3, term=1)
    with pytest.raises(Moved):
        later.append([fact(4)], after=2, term=2)


def test_copies_of_entries_are_compared(opened: Callable[[], Journal]) -> None:
    journal = opened()
    journal.append([fact(1), fact(2)], after=0)
    copies = list(journal.read())
    journal.append([fact(3)], after=2)

    assert journal.verify(copies) == 3
    other = MemoryDisk().open()
    other.append([fact(5)], after=0)
    with pytest.raises(Tampered, match="entry 1 "):
        journal.verify(other.read())
    with pytest.raises(Tampered, match="entry 2 is missing"):
        other.verify(copies[1:])


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_a_write_that_is_torn_is_there_whole_or_not_at_all(kind: str, share: float) -> None:
    disk: Disk = MemoryDisk() if kind == "memory" else SqliteDisk(Random(1))
    before = disk.open()
    before.append([fact(1)], after=0, keys=["one"])
    mark = disk.mark()
    before.append([fact(2), fact(3)], after=1, keys=["two", ""])

    disk.tear(mark, share)

    before.close()
    after = disk.open()
    assert after.last() == after.verify() == (3 if share == 1.0 else 1)
    assert (after.find("two") is not None) == (share == 1.0)
    assert after.append([fact(4)], after=after.last(), keys=["four"]) == after.last()
    assert after.verify() == after.last()
    after.close()
    disk.close()


def test_a_byte_that_was_changed_ends_the_log() -> None:
    disk = MemoryDisk()
    journal = disk.open()
    journal.append([fact(1)], after=0)
    middle = disk.mark() + 20
    journal.append([fact(2)], after=1)
    disk.log[middle] ^= 1

    disk.tear(disk.mark(), 1.0)

    assert disk.open().last() == 1


def test_an_entry_or_a_state_that_was_changed_in_memory_is_found() -> None:
    disk = MemoryDisk()
    journal = disk.open()
    journal.append([fact(1), fact(2)], after=0)
    journal.keep(Kept(2, b"state"))
    disk.states[2] = (b"other", disk.states[2][1])
    disk.rows[1] = disk.rows[1]._replace(at=7.0)

    with pytest.raises(Tampered, match="state of entry 2"):
        journal.kept()
    with pytest.raises(Tampered, match="entry 2 does not follow"):
        journal.verify()


@pytest.mark.parametrize("key", ["a\0b", "x" * 501])
def test_a_key_that_no_database_takes_is_refused(opened: Callable[[], Journal], key: str) -> None:
    journal = opened()

    for keys in ([key], ["a", "b"], []):
        with pytest.raises(InvalidInput):
            journal.append([fact(1)], after=0, keys=keys)
    with pytest.raises(InvalidInput):
        journal.append([fact(1), fact(2)], after=0, keys=["same", "same"])
    with pytest.raises(InvalidInput):
        journal.append([JobPaused(at=float("nan"), job="a")], after=0)
    assert journal.last() == 0
