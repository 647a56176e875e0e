"""Several processes on one farm: one leads, another takes over, all may submit; nothing is doubled."""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from placement.adapters.stores.journal import open_journal
from placement.control.settings import Settings
from placement.farm.facts import AttemptStarted, Elected, JobSubmitted, NodeSpec
from placement.farm.jobs import Frames, Job, Step
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Run
from placement.testing.crash_audit import Audit
from placement.testing.crash_farm import Plot
from placement.testing.crashes import Child
from tests.crash.processes import ended_well, forked, killed

NODE = NodeSpec(name="node", node_class="small", cores=8, memory=16384)
PATIENCE = 20.0


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "farm.db")
    return str(request.getfixturevalue("database"))


def elections(address: str) -> list[Elected]:
    journal = open_journal(address)
    found = [entry.fact for entry in journal.read() if isinstance(entry.fact, Elected)]
    journal.close()
    return found


@pytest.mark.slow
def test_when_the_leader_is_killed_the_other_process_goes_on(address: str, tmp_path: Path) -> None:
    plot = Plot(journal=address, folder=tmp_path, engine="local", jobs=3, frames=6)
    audit = Audit(plot)
    both = {name: Child(plot, name) for name in ("one", "other")}
    until = time.monotonic() + PATIENCE
    while not audit.durable and time.monotonic() < until:
        for child in both.values():
            child.listen(0.05, audit.told)
    leader = elections(address)[-1].leader
    both.pop(leader).end(audit.told)
    audit.look()
    ((_, other),) = both.items()
    assert other.listen(PATIENCE, audit.told)
    other.end(audit.told)
    audit.end()
    assert audit.findings == []
    terms = [each.term for each in elections(address)]
    assert terms == sorted(set(terms))
    assert len(terms) > 1


def heard_of(pipe: int) -> bytes:
    """Return what a process says, if it does in time."""
    ready, _, _ = select.select([pipe], [], [], PATIENCE)
    return os.read(pipe, 10) if ready else b"nothing"


def leading(address: str, name: str, said: int, go: int | None = None) -> None:
    """Run a farm; say when this process leads; resign once told to go on."""
    clock = time.time
    engine = SimulatedEngine(SimulatedClock(clock()), lambda order, at: Run(seconds=1.0), [NODE])
    with Farm.open(address, engine=engine, name=name, settings=Settings(lead=1000.0)) as farm:
        while not farm.step(0.0).leads:
            time.sleep(0.01)
        os.write(said, name.encode())
        if go is not None:
            os.read(go, 1)


@pytest.mark.slow
def test_who_resigns_is_followed_at_once(address: str) -> None:
    heard, said = os.pipe()
    waits, go = os.pipe()
    one = forked(partial(leading, address, "one", said, waits))
    assert heard_of(heard) == b"one"
    other = forked(partial(leading, address, "other", said))
    time.sleep(0.3)
    assert [each.leader for each in elections(address)] == ["one"]
    os.write(go, b"!")
    assert heard_of(heard) == b"other"
    assert ended_well(one)
    assert ended_well(other)
    assert [(each.term, each.leader) for each in elections(address)] == [(1, "one"), (2, "other")]


def submitting(address: str, names: list[str]) -> None:
    with Farm.open(address) as farm:
        for name in [*names, *reversed(names)]:
            job = Job(name=name, client="film", steps=(Step(name="render", frames=Frames(last=3), seconds=5.0),))
            assert farm.submit(job, key=f"submit {name}").tasks == 3


@pytest.mark.slow
def test_processes_submit_while_one_runs(address: str) -> None:
    clock = SimulatedClock(time.time() + 60.0)
    engine = SimulatedEngine(clock, lambda order, at: Run(seconds=5.0), [NODE])
    names = [f"job-{number}" for number in range(12)]
    with Farm.open(address) as farm:
        farm.set_client("film")
        farm.register_node(NODE)
    submitters = [forked(partial(submitting, address, part)) for part in (names[:8], names[4:], names[::-1])]
    try:
        with Farm.open(address, engine=engine, clock=clock, timer=lambda: 0.0) as farm:
            until = time.monotonic() + PATIENCE
            while len(farm.state.past) < len(names) and time.monotonic() < until:
                farm.step(clock() + 1.0)
            assert farm.verify() == farm.state.seq
            facts = [entry.fact for entry in farm.subscribe(0, until=lambda: True)]
    finally:
        well = [ended_well(process) for process in submitters]
    assert all(well)
    submitted = Counter(fact.job.name for fact in facts if isinstance(fact, JobSubmitted))
    assert submitted == Counter(names)
    attempts = Counter((fact.job, fact.task) for fact in facts if isinstance(fact, AttemptStarted))
    assert set(attempts.values()) == {1}
    assert len(attempts) == 3 * len(names)


@pytest.mark.slow
def test_a_submitter_that_is_killed_leaves_whole_jobs(address: str) -> None:
    names = [f"job-{number}" for number in range(300)]
    with Farm.open(address) as farm:
        farm.set_client("film")
    process = forked(partial(submitting, address, names))
    until = time.monotonic() + PATIENCE
    with Farm.open(address) as farm:
        while not farm.jobs() and time.monotonic() < until:
            time.sleep(0.01)
        killed(process)
        left = {job.name for job in farm.jobs()}
        assert 0 < len(left) < len(names)
        submitting(address, names[: len(left) + 5])
        assert {job.name for job in farm.jobs()} == set(names[: len(left) + 5])
        assert farm.verify() == farm.status().seq
