"""A farm on the table: a state, the facts that made it, and an engine that does as the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from placement.control import commands
from placement.control.deciding import decided
from placement.control.forecasting import Finished, Forecasts, StepAsked
from placement.control.invariants import broken
from placement.control.messages import Report, Said, Start, Stop
from placement.control.orders import orders, strays
from placement.control.reactions import react
from placement.control.seeing import Seen, see
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.control.timers import next_due, overdue
from placement.farm.facts import ClientSet, Fact, NodeSpec
from placement.farm.jobs import Frames, Job, Step
from placement.scheduling.plan import Planner
from placement.scheduling.planning import plan


class Declared:
    """A forecaster that believes what submitters wrote: `Step.seconds`, a minute where they wrote nothing."""

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        each = np.array([60.0 if step.declared is None else step.declared for step in steps], float)
        return Forecasts(
            seconds=np.broadcast_to(each[:, None], (len(steps), len(classes))).copy(),
            spread=np.full(len(steps), 0.1),
            common=np.full(len(steps), 0.2),
            memory=np.array([max(step.requirements.memory, 1.0) for step in steps], float),
            model="declared",
        )

    def learn(self, finished: Sequence[Finished]) -> None:
        """Learn nothing."""


@dataclass
class Bench:
    """A farm whose every fact is folded, written down, and checked."""

    settings: Settings = field(default_factory=Settings)
    planner: Planner = plan
    now: float = 1000.0
    state: FarmState = field(default_factory=FarmState)
    facts: list[Fact] = field(default_factory=list)
    starts: dict[int, Start] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)
    power: list[tuple[str, bool]] = field(default_factory=list)

    def fold(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        for fact in facts:
            self.state.apply(fact)
        self.facts += facts
        given = orders(self.state, facts)
        self.starts |= {start.attempt: start for start in given.starts}
        self.stops += given.stops
        self.power += given.power
        if facts:
            wrong = broken(self.state)
            assert not wrong, wrong
        return facts

    def client(self, name: str = "film", **terms: Any) -> None:
        self.fold(commands.set_client(self.state, ClientSet(at=self.now, by="admin", name=name, **terms)))

    def node(self, name: str = "a", **spec: Any) -> None:
        made = {"node_class": "big", "cores": 8.0, "memory": 32768.0, **spec}
        self.fold(commands.register_node(self.state, NodeSpec(name=name, **made), self.now, "admin"))

    def submit(self, job: Job) -> None:
        self.fold(commands.submit(self.state, job, self.now, "td"))

    def command(self, make: Callable[..., Sequence[Fact]], *args: Any, **options: Any) -> Sequence[Fact]:
        return self.fold(make(self.state, *args, at=self.now, by="td", **options))

    def report(self, said: Said, node: str = "a", **what: Any) -> Sequence[Fact]:
        report = Report(said=said, node=node, **what)
        self.stops += strays(self.state, report)
        return self.fold(react(self.state, report, self.now, self.settings))

    def ended(self, attempt: int, **what: Any) -> Sequence[Fact]:
        where = self.starts[attempt].node
        return self.report(Said.ENDED, where, attempt=attempt, **{"exit_code": 0, "seconds": 10.0, **what})

    def alive(self) -> None:
        for node in list(self.state.nodes.values()):
            self.report(Said.ALIVE, node.name, running=tuple(node.attempts))

    def tick(self, seconds: float, *, alive: bool = True) -> Sequence[Fact]:
        """Let time go by in steps of 5 s, with all nodes saying that they are there."""
        facts: list[Fact] = []
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + 5.0, until)
            if alive:
                self.alive()
            facts += self.fold(overdue(self.state, self.now, self.settings))
            assert next_due(self.state, self.now, self.settings) > self.now
        return facts

    def see(self) -> Seen:
        return see(self.state, self.now, Declared(), self.settings)

    def decide(self) -> list[int]:
        """Plan once and return the numbers of the attempts that start."""
        seen = self.see()
        before = set(self.starts)
        made = self.planner(seen.snapshot, seen.cost, seen.rules)
        self.fold(decided(self.state, seen, made, self.now, 0.01, self.settings))
        return sorted(set(self.starts) - before)

    def run_dry(self, rounds: int = 1000) -> int:
        """Decide and let everything end well until no task is left that may start; return how many were done."""
        done = 0
        for _ in range(rounds):
            started = self.decide()
            if not started and not self.state.attempts:
                break
            for attempt in list(self.state.attempts):
                self.now += 1.0
                self.ended(attempt)
                done += 1
        return done


def bench(nodes: int = 2, **options: Any) -> Bench:
    """Return a farm with a client and some nodes of 8 cores."""
    made = Bench(**options)
    made.client()
    for number in range(nodes):
        made.node("abcdefghijklmnopqrstuvwxyz"[number])
    return made


def job_of(name: str = "sh010", *, frames: int = 4, **step: Any) -> Job:
    """Return a job of one step."""
    whole = {"name": "beauty", "frames": Frames(last=frames), "command": ("render", "{frame}"), "seconds": 60.0, **step}
    return Job(name=name, client="film", steps=(Step(**whole),))
