"""How many facts a journal makes durable in a second, and whether tampering with one is found.

Facts are those of attempts as a farm has them: a start, two reports of progress, an end. SQLite writes a file in the
folder for temporary files, PostgreSQL is a server of its own on loopback; both flush at every commit.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmarks.alone import cores
from benchmarks.result import Result, Row
from placement.adapters.stores.journal import open_journal
from placement.adapters.stores.journal.sql import SqlJournal
from placement.errors import Tampered
from placement.farm.facts import AttemptEnded, AttemptProgressed, AttemptStarted, Fact, JobPaused, Outcome
from placement.runtime.ports import Anchor, Kept
from placement.testing.postgres import throwaway_postgres
from placement.testing.tampering import BESIDE, TAMPERINGS, Change

__all__ = ["durable_events", "facts_of_attempts", "tamper"]

_FACTS = 200_000
_GROUP = 500
_SMALL_GROUPS = (1, 20)
_OF_SMALL = 300


def durable_events(facts: int = _FACTS) -> Result:
    """Measure appends, each a group that is durable on return, on one core; and reading and verifying them."""
    day = facts_of_attempts(facts)
    with cores(1), TemporaryDirectory() as folder, throwaway_postgres() as server:
        sqlite, of_sqlite = _measured("SQLite", str(Path(folder) / "farm.db"), day, 20_000.0)
        postgresql, of_postgresql = _measured("PostgreSQL on loopback", server.database(), day, 10_000.0)
    return Result("durable-events", (sqlite, postgresql), (*of_sqlite, *of_postgresql))


def _measured(what: str, where: str, day: Sequence[Fact], bar: float) -> tuple[Row, list[str]]:
    journal = open_journal(where)
    start, worked = perf_counter(), process_time()
    _append(journal, day, _GROUP)
    seconds, worked = perf_counter() - start, process_time() - worked
    notes = [f"{what}: {worked / len(day) * 1e6:.1f} µs of processor time of this process for a fact"]
    for group in _SMALL_GROUPS:
        few = day[: group * _OF_SMALL]
        rate = len(few) / _seconds(partial(_append, journal, few, group))
        notes.append(f"{what}, groups of {group}: {rate:,.0f} facts/s, {group / rate * 1e3:.2f} ms for a group")
    count = journal.last()
    notes.append(f"{what}: {count / _seconds(lambda: sum(1 for _ in journal.read())):,.0f} facts/s read")
    notes.append(f"{what}: {count / _seconds(journal.verify):,.0f} facts/s verified")
    journal.close()
    row = Row(f"facts made durable, {what}, groups of {_GROUP}", len(day) / seconds, bar, ">=", "facts/s")
    return row, notes


def _append(journal: SqlJournal, facts: Sequence[Fact], group: int) -> None:
    seq = journal.last()
    for begin in range(0, len(facts), group):
        seq = journal.append(facts[begin : begin + group], after=seq)


def _seconds(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def facts_of_attempts(count: int) -> list[Fact]:
    """Return so many facts of attempts that start, progress and end."""
    facts: list[Fact] = []
    for number in range(-(-count // 4)):
        at = 1.7e9 + number / 10
        facts.append(
            AttemptStarted(
                at=at, by="planner", attempt=number, job=f"job-{number % 50}", step="render", task=number,
                node=f"node-{number % 1500}", lease=at + 60.0, memory=4096.0, round=number // 100, reason="fastest",
                forecast=(310.5, 420.25), score=310.5, alternative=371.0,
            )
        )  # fmt: skip
        for share in (0.3, 0.7):
            later = at + 300 * share
            facts.append(AttemptProgressed(at=later, by="engine", attempt=number, lease=later + 60.0, progress=share))
        facts.append(
            AttemptEnded(
                at=at + 300.0, by="engine", attempt=number, outcome=Outcome.DONE, seconds=300.0, memory=3100.0,
                exit_code=0, outputs=(f"show/sh0040/beauty.{number:06}.exr",),
            )
        )  # fmt: skip
    return facts[:count]


def tamper(length: int = 40) -> Result:
    """Measure how many of all changes at all entries of a journal `verify` finds, with its last anchor at hand."""
    tried, missed = 0, []
    with TemporaryDirectory() as name:
        sound = Path(name) / "sound.db"
        anchor = _written(sound, length)
        for what, seq, journal in _changed(sound, Path(name) / "changed.db", length):
            tried += 1
            try:
                journal.verify(anchors=[anchor])
            except Tampered:
                pass
            else:
                missed.append(f"{what} at {seq}")
            journal.close()
    share = 100.0 * (tried - len(missed)) / tried
    notes = [f"{tried} changes, {len(TAMPERINGS)} kinds of them of entries, {len(BESIDE)} of what is kept beside"]
    notes += [f"not found: {each}" for each in missed[:20]]
    return Result("tamper", (Row("tampering that was found", share, 100.0, ">=", "%"),), tuple(notes))


def _written(path: Path, length: int) -> Anchor:
    """Write a journal of `length` entries with everything in it that can be tampered with; return its last anchor."""
    journal = SqlJournal(f"sqlite:///{path}", anchor_every=8)
    term = journal.lead("benchmark", 0.0, 60.0)
    journal.append([JobPaused(at=1.0, by="mia", job="job-1")], after=0, term=term, keys=["pause"])
    last = journal.append(facts_of_attempts(length - 3), after=1, term=term)
    journal.keep(Kept(last, b"state"))
    journal.drop_bodies(last // 2, at=2e9, by="noor")
    journal.append([JobPaused(at=2e9, by="noor", job="job-2")], after=journal.last())
    anchor = journal.anchor()
    journal.verify(anchors=[anchor])
    journal.close()
    return anchor


def _changed(sound: Path, changed: Path, length: int) -> Iterator[tuple[str, int, SqlJournal]]:
    """Yield every change at every entry where it changes something: its name, the entry, the journal after it."""
    changes: dict[str, Change] = {**TAMPERINGS, **BESIDE}
    for name, change in changes.items():
        for seq in range(1, length + 1):
            shutil.copy(sound, changed)
            with closing(sqlite3.connect(changed)) as connection, connection:
                connection.execute("PRAGMA synchronous=OFF")  # it is thrown away
                if not change(connection, seq):
                    continue
            yield name, seq, SqlJournal(f"sqlite:///{changed}")
