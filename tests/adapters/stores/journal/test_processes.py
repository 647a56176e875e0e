from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from placement.adapters.stores.journal.opening import url_of
from placement.adapters.stores.journal.sql import SqlJournal
from placement.errors import Fenced, JournalError, Moved
from placement.farm.facts import JobPaused
from placement.testing.postgres import PostgresServer
from tests.adapters.stores.journal.some_facts import paused
from tests.adapters.stores.journal.writer import BATCH

pytestmark = pytest.mark.slow

ENDLESS = 1_000_000


@contextmanager
def writing(address: str, names: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Run a process per name that appends."""
    command = [sys.executable, "-m", "tests.adapters.stores.journal.writer", address]
    running = [
        subprocess.Popen([*command, name, str(count)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in names
    ]
    try:
        yield running
    finally:
        for one in running:
            one.kill()
            one.communicate()


def said(process: subprocess.Popen[str]) -> list[str]:
    """Return what a process says until its end."""
    out, wrong = process.communicate(timeout=60)
    assert not wrong
    return out.split()


def batches(journal: SqlJournal) -> list[str]:
    """Return the batches in a journal, each of which must be whole."""
    jobs = [entry.fact.job for entry in journal.read() if isinstance(entry.fact, JobPaused)]
    whole = [job.rpartition("-")[0] for job in jobs[::BATCH]]
    assert jobs == [f"{name}-{part}" for name in whole for part in range(BATCH)]
    return whole


def test_of_what_several_processes_append_nothing_is_lost(address: str) -> None:
    names, count = "abc", 15
    with writing(address, names, count) as running:
        for process in running:
            said(process)
            assert process.returncode == 0

    journal = SqlJournal(address)
    there = batches(journal)
    assert sorted(there) == sorted(f"{name}-{batch}" for name in names for batch in range(count))
    for name in names:
        own = [batch for batch in there if batch.startswith(name)]
        assert own == [f"{name}-{batch}" for batch in range(count)]
    assert journal.verify() == len(names) * count * BATCH
    journal.close()


def when_written(address: str, entries: int, act: Callable[[], None]) -> None:
    """Do something once the journal has so many entries."""
    until = time.monotonic() + 30
    seen = 0
    while seen < entries and time.monotonic() < until:
        with suppress(JournalError):
            journal = SqlJournal(address)
            seen = journal.last()
            journal.close()
        time.sleep(0.02)
    act()
    assert seen >= entries


def test_what_a_killed_process_said_was_durable_is_there(address: str) -> None:
    with writing(address, "a", ENDLESS) as (process,):
        when_written(address, 30, process.kill)
        told = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]

    journal = SqlJournal(address)
    there = batches(journal)
    assert [line.strip() for line in told] == there[: len(told)]
    assert len(there) <= len(told) + 1, "at most one batch was durable and not yet told"
    assert journal.verify() == len(there) * BATCH
    assert journal.append([paused(1)], after=journal.last()) == len(there) * BATCH + 1
    journal.close()


def test_what_was_durable_outlives_a_server_that_is_killed(postgres: PostgresServer, database: str) -> None:
    address, names, count = url_of(database), "ab", 150
    with writing(address, names, count) as running:
        for entries in (30, 200, 400):

            def crash() -> None:
                postgres.kill()
                postgres.start()

            when_written(address, entries, crash)
        told = [said(process) for process in running]

    journal = SqlJournal(address)
    there = batches(journal)
    assert sorted(there) == sorted(line for lines in told for line in lines)
    assert len(there) == len(names) * count
    assert journal.verify() == len(there) * BATCH
    journal.close()


def test_a_journal_that_is_open_goes_on_after_the_server_was_away(postgres: PostgresServer, database: str) -> None:
    journal = SqlJournal(url_of(database))
    journal.append([paused(1)], after=0)
    postgres.kill()

    with pytest.raises(JournalError, match=r"refused|closed|terminat|failed"):
        journal.append([paused(2)], after=1)

    postgres.start()
    assert journal.append([paused(2)], after=1) == 2
    assert journal.verify() == 2
    journal.close()


def test_a_server_that_dies_in_an_append_is_told(postgres: PostgresServer, database: str) -> None:
    journal = SqlJournal(url_of(database))

    def append_while_it_dies() -> None:
        with journal._store.writing() as (connection, head):
            postgres.kill()
            journal._entries.write(connection, head, [paused(1, "planner")])

    with pytest.raises(JournalError):
        append_while_it_dies()
    postgres.start()

    assert journal.append([paused(1)], after=0) == 1
    journal.close()


def test_threads_share_a_journal(address: str) -> None:
    journal = SqlJournal(address)
    failures: list[BaseException] = []

    def append(name: str) -> None:
        try:
            for number in range(10):
                while True:
                    with suppress(Moved):
                        journal.append([paused(number, name)], after=journal.last())
                        break
        except BaseException as wrong:
            failures.append(wrong)

    threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert journal.verify() == 40
    journal.close()


def test_of_two_that_want_to_lead_one_does_and_the_old_one_is_fenced(address: str) -> None:
    journals = [SqlJournal(address) for _ in range(4)]
    terms: list[int | None] = [None] * 4

    def lead(number: int) -> None:
        terms[number] = journals[number].lead(f"leader-{number}", 100.0, 10.0)

    threads = [threading.Thread(target=lead, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(terms, key=str) == [1, None, None, None]
    old = terms.index(1)
    new = (old + 1) % 4
    assert journals[new].lead("new", 110.0, 10.0) == 2
    with pytest.raises(Fenced):
        journals[old].append([paused(1)], after=0, term=1)
    assert journals[new].append([paused(1)], after=0, term=2) == 1
    for journal in journals:
        journal.close()


def test_a_full_disk_is_told_and_nothing_is_half_there(tmp_path: Path) -> None:
    journal = SqlJournal(f"sqlite:///{tmp_path / 'farm.db'}")
    journal.append([paused(1)], after=0)
    with journal._store.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(JournalError, match="full"):
        journal.append([paused(number, "x" * 400) for number in range(1000)], after=1)

    assert [entry.fact for entry in journal.read()] == [paused(1)]
    assert journal.verify() == 1
    journal.close()
