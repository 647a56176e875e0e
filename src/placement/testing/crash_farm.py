"""A farm that is there to be killed: what it has to do, and the process that does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from placement.adapters.engines.folders import Settings as Running
from placement.adapters.engines.local import LocalEngine
from placement.adapters.stores.journal import open_journal
from placement.control.settings import Settings
from placement.errors import JournalError
from placement.farm.facts import NodeSpec
from placement.farm.jobs import After, Frames, Job, Requirements, Step
from placement.orchestrator import Farm
from placement.runtime.ports import Clock, Engine, Start
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Run
from placement.units import Seconds

__all__ = ["CLIENT", "Engines", "Plot", "key_of", "open_farm", "work"]

Engines = Literal["simulated", "local"]

CLIENT = "film"
_Result = TypeVar("_Result")
_LEAD = 0.1
_KEEP_EVERY = 60
_JOB_EVERY = 3
_PAUSE = 0.02
_NODES = tuple(NodeSpec(name=f"node-{row}", node_class="small", cores=4, memory=8192) for row in range(3))
#: Writes a file as a renderer does: whole, or not at all.
_COMMAND = ("/bin/sh", "-c", 'echo "$1" > "$0.part" && mv "$0.part" "$0"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A farm and its work.

    Parameters
    ----------
    journal
        What `placement.orchestrator.Farm.open` opens.
    folder
        Where the local engine works and outputs lie.
    engine
        ``"local"``: each task is a process that writes a file; ``"simulated"``: tasks take virtual time, so that most
        of the real time goes into writing the journal.
    jobs, frames
        How many jobs; how many frames each has behind a step of two that they wait for.
    """

    journal: str
    folder: Path
    engine: Engines = "simulated"
    jobs: int = 8
    frames: int = 12

    @property
    def tasks(self) -> int:
        """Number of tasks of all jobs."""
        return self.jobs * (self.frames + 2)

    def work(self) -> Iterator[Job]:
        """Yield the jobs, always the same."""
        for number in range(self.jobs):
            yield Job(name=f"job-{number}", client=CLIENT, steps=(
                self._step(number, "prepare", 2),
                self._step(number, "render", self.frames, After(step="prepare")),
            ))  # fmt: skip

    def _step(self, number: int, name: str, frames: int, *after: After) -> Step:
        output = f"job-{number}.{name}.{{frame}}.{{attempt}}" if self.engine == "local" else ""
        return Step(
            name=name, frames=Frames(last=frames), after=after, seconds=1.0, requirements=Requirements(memory=64.0),
            command=(*_COMMAND, output, "{attempt}") if output else (), outputs=(output,) if output else (), budget=9,
        )  # fmt: skip


def key_of(job: str) -> str:
    """Return the key that a job is submitted with."""
    return f"submit {job}"


def open_farm(plot: Plot, name: str) -> tuple[Farm, Clock]:
    """Open the farm as a new process does that knows nothing of those before it; return it with its clock."""
    settings = Settings(lead=_LEAD, gap=0.0, backoff=0.05, lease=2.0, grace=1.0)
    if plot.engine == "local":
        running = Running(cwd=plot.folder, poll=0.002, alive=0.5, progress=0.5)
        engine: Engine = LocalEngine(plot.folder, [node.name for node in _NODES], settings=running)
        farm = Farm.open(plot.journal, engine=engine, settings=settings, name=name, keep_every=_KEEP_EVERY)
        return farm, time.time
    clock = SimulatedClock(_last_instant(plot.journal) + _LEAD)
    simulated = SimulatedEngine(clock, _truth, _NODES)
    farm = Farm.open(
        plot.journal, engine=simulated, clock=clock, settings=settings, name=name, keep_every=_KEEP_EVERY,
        timer=lambda: 0.0,
    )  # fmt: skip
    return farm, clock


def _truth(order: Start, at: Seconds) -> Run:
    return Run(seconds=0.5 + order.task[2] % 5 / 10)


def _last_instant(journal: str) -> Seconds:
    """Return until when virtual time has come; nothing else remembers it."""
    opened = open_journal(journal)
    try:
        return max((entry.fact.at for entry in opened.read(after=max(opened.last() - 1, 0))), default=0.0)
    finally:
        opened.close()


def work(plot: Plot, name: str, tell: Callable[[str], None]) -> None:
    """Open the farm, hand its jobs in again whatever was handed in before, and run it until all are done.

    A journal that is not there is waited for: its server may be down.

    Parameters
    ----------
    name
        Of this process.
    tell
        Told what is durable: ``"job NAME"``, ``"entry NUMBER"``.
    """
    farm, clock = _trying(partial(open_farm, plot, name))
    _trying(partial(farm.set_client, CLIENT, key="client"))
    for node in _NODES:
        _trying(partial(farm.register_node, node, key=node.name))
    jobs, turns = list(plot.work()), 0
    while jobs or farm.state.jobs:
        if jobs and turns % _JOB_EVERY == 0:
            job = jobs.pop(0)
            _trying(partial(farm.submit, job, key=key_of(job.name)))
            tell(f"job {job.name}")
        turns += 1
        if _trying(lambda: farm.step(clock() + _PAUSE)).leads:
            tell(f"entry {farm.state.seq}")
        elif isinstance(clock, SimulatedClock):
            clock.move(clock.true + _PAUSE)  # nobody else lets virtual time pass until the lead of the dead runs out
        else:
            time.sleep(_PAUSE)
    _trying(farm.close)


def _trying(act: Callable[[], _Result]) -> _Result:
    while True:
        try:
            return act()
        except JournalError as wrong:
            if type(wrong) is not JournalError:
                raise
            time.sleep(_PAUSE)
