"""How long a farm takes to open that has done much: ``python -m benchmarks.reopening FILE`` opens one and says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmarks.alone import cores, run
from benchmarks.result import Result, Row
from placement.adapters.stores.journal import open_journal
from placement.control.state import FarmState
from placement.farm.facts import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    ClientSet,
    Elected,
    Fact,
    JobSubmitted,
    NodeRegistered,
    NodeSpec,
    Outcome,
)
from placement.farm.jobs import After, Frames, Job, Step
from placement.orchestrator import Farm
from placement.runtime.ledger import Ledger
from placement.units import Seconds

__all__ = ["main", "reopen", "write_farm"]

_EVENTS, _LIVE = 1_000_000, 100_000
_KEEP_EVERY = 20_000  # as `Farm.open` does
_RENDERS, _COMPS = 160, 40
_TOGETHER = 5
_NODES, _CLIENTS = 1_000, 8
_RUNNING = 5
_TERM = 1
_OPENINGS = 3


def reopen(events: int = _EVENTS, live: int = _LIVE) -> Result:
    """Write a farm as its ledger does, and open it in processes of their own, on one core."""
    with TemporaryDirectory() as folder, cores(1):
        path = Path(folder) / "farm.db"
        begun = perf_counter()
        count = write_farm(path, events, live)
        wrote = perf_counter() - begun
        size = path.stat().st_size
        told = [json.loads(run("-m", "benchmarks.reopening", str(path))) for _ in range(_OPENINGS)]
    slowest = max(told, key=lambda each: each["processor"])
    quickest = min(each["seconds"] for each in told)
    row = Row("Farm.open until status() answers, best of 3 processes, by the clock", quickest, 3.0, "<=", "s")
    work = Row("the same in seconds of the processor, worst of 3", slowest["processor"], 3.0, "<=", "s")
    enough = Row("frames that are not over", slowest["live"], live, ">=")
    notes = (
        f"{count:,} entries, {slowest['tail']:,} of them after the youngest stored state (the most there are is "
        f"{_KEEP_EVERY:,}); {slowest['jobs']:,} jobs open, {slowest['running']:,} frames running",
        f"by the clock {', '.join(format(each['seconds'], '.2f') for each in told)} s; "
        f"written in {wrote:.0f} s, {size / 2**20:,.0f} MiB",
    )
    return Result("reopen", (row, work, enough), notes)


def write_farm(path: Path, events: int, live: int) -> int:
    """Write the journal of a farm that did what makes so many entries, and has so many frames open.

    The last stored state is as old as it ever is.
    """
    journal = open_journal(path)
    assert journal.lead("writer", 0.0, 1e9) == _TERM
    ledger = Ledger(journal, keep_every=_KEEP_EVERY)
    for facts in _history(events, live):
        ledger.round([partial(_same, facts)], term=_TERM)
    while journal.last() % _KEEP_EVERY < _KEEP_EVERY - 1_000:
        at = 1e6 + journal.last()
        numbers = list(ledger.state.attempts)
        facts = [AttemptProgressed(at=at, attempt=each, lease=at + 60.0, progress=0.5) for each in numbers[:500]]
        ledger.round([partial(_same, facts)], term=_TERM)
    count = journal.last()
    journal.close()
    return count


def _same(facts: list[Fact], state: FarmState) -> list[Fact]:
    """Return facts whatever the state is."""
    return facts


def _history(events: int, live: int) -> Iterator[list[Fact]]:
    first: list[Fact] = [Elected(at=0.0, term=_TERM, leader="writer")]
    first += [ClientSet(at=0.0, name=f"client-{number}") for number in range(_CLIENTS)]
    first += [
        NodeRegistered(at=0.0, node=NodeSpec(name=f"node-{row}", node_class=f"c{row % 10}", cores=64, memory=262144))
        for row in range(_NODES)
    ]
    yield first
    per_job = _RENDERS + _COMPS
    done, open_ = events // (4 * per_job), -(-live // per_job)
    attempt = 1
    for begin in range(0, done, _TOGETHER):
        jobs = range(begin, begin + _TOGETHER)
        at = float(begin)
        yield [_submitted(number, at) for number in jobs]
        for step, tasks in (("render", _RENDERS), ("comp", _COMPS)):
            which = [(number, step, task) for number in jobs for task in range(tasks)]
            yield _started(attempt, which, at)
            numbers = range(attempt, attempt + len(which))
            for share in (0.3, 0.6):
                yield [AttemptProgressed(at=at, attempt=each, lease=at + 60, progress=share) for each in numbers]
            yield [
                AttemptEnded(at=at + 1, attempt=each, outcome=Outcome.DONE, seconds=90.0, memory=900.0, exit_code=0)
                for each in numbers
            ]
            attempt += len(which)
    for number in range(done + _TOGETHER, done + _TOGETHER + open_ + _RUNNING):
        yield [_submitted(number, 1e5)]
        if number < done + _TOGETHER + _RUNNING:
            which = [(number, "render", task) for task in range(_RENDERS)]
            yield _started(attempt, which, 1e5)
            attempt += len(which)


def _submitted(number: int, at: Seconds) -> JobSubmitted:
    steps = (
        Step(name="render", frames=Frames(last=_RENDERS), seconds=90.0, command=("render", "{frame}")),
        Step(name="comp", frames=Frames(last=_COMPS), seconds=5.0, after=(After(step="render"),)),
    )
    client = f"client-{number % _CLIENTS}"
    return JobSubmitted(
        at=at, by="td", job=Job(name=f"job-{number:06}", client=client, steps=steps, group=f"show/{number % 40}",
                                release=at, deadline=at + 1e6),
    )  # fmt: skip


def _started(first: int, tasks: list[tuple[int, str, int]], at: Seconds) -> list[Fact]:
    return [
        AttemptStarted(
            at=at, attempt=first + place, job=f"job-{number:06}", step=step, task=task,
            node=f"node-{(first + place) % _NODES}", lease=at + 60, memory=1024.0, forecast=(90.0, 120.0),
            reason="FASTEST", score=1.0,
        )
        for place, (number, step, task) in enumerate(tasks)
    ]  # fmt: skip


def main(arguments: list[str]) -> None:
    """Open the farm and print how long that took, as JSON."""
    (path,) = arguments
    begun, worked = perf_counter(), process_time()
    with Farm.open(path) as farm:
        status = farm.status()
        seconds, processor = perf_counter() - begun, process_time() - worked
        told = {
            "seconds": seconds,
            "processor": processor,
            "live": sum(entry.open for entry in farm.state.jobs.values()),
            "jobs": status.jobs,
            "running": status.running,
            "tail": status.seq % _KEEP_EVERY,
        }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
