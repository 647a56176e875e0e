"""An engine in virtual time: it takes the orders of a real one and says what a real one says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from placement.errors import InvalidInput
from placement.farm.facts import NodeSpec
from placement.runtime.ports import Report, Said, Start, Stop
from placement.simulator.agenda import Agenda
from placement.simulator.attempt import Attempt
from placement.simulator.clock import SimulatedClock
from placement.simulator.fates import Trouble, TroubleKind, Truth
from placement.simulator.memory import Memory
from placement.simulator.node import SimulatedNode
from placement.units import Seconds

__all__ = ["Intervals", "SimulatedEngine"]

_Event: TypeAlias = Callable[[], None]
_WHEN_DONE, _TICK = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often nodes say that they are there, and attempts how far they are, seconds; infinite: never."""

    alive: Seconds = 20.0
    progress: Seconds = 60.0

    def __post_init__(self) -> None:
        if not self.alive > 0 or not self.progress > 0:
            raise InvalidInput(f"intervals of {self.alive:g} s and {self.progress:g} s must be above 0 s")


class SimulatedEngine:
    """Runs attempts in virtual time; the same orders at the same times meet the same luck.

    Parameters
    ----------
    clock
        Moved by `hear`.
    truth
        What attempts are.
    nodes
        Machines that are there, all awake; those with a `TroubleKind.JOINS` come later.
    troubles
        What befalls them.

    Examples
    --------
    >>> from placement.simulator.fates import Run
    >>> engine = SimulatedEngine(
    ...     SimulatedClock(), lambda order, at: Run(seconds=10.0),
    ...     [NodeSpec(name="n1", node_class="small", cores=8, memory=1024)],
    ... )
    >>> engine.start([Start(attempt=1, task=("job", "step", 0), node="n1", command=(), frames=(1,))])
    >>> [(each.said.value, each.seconds) for each in engine.hear(until=100.0)]
    [('ended', 10.0)]
    """

    def __init__(
        self,
        clock: SimulatedClock,
        truth: Truth,
        nodes: Iterable[NodeSpec],
        *,
        troubles: Sequence[Trouble] = (),
        intervals: Intervals | None = None,
    ) -> None:
        self.clock = clock
        self._truth = truth
        self._intervals = intervals or Intervals()
        self._agenda: Agenda[_Event] = Agenda()
        self._agenda.now = clock.true
        self._out: list[Report] = []
        self._memory = Memory()
        later = {each.node for each in troubles if each.kind is TroubleKind.JOINS}
        self.nodes = {spec.name: SimulatedNode(spec, there=spec.name not in later) for spec in nodes}
        for each in sorted(troubles, key=lambda each: (each.at, each.node)):
            if each.node not in self.nodes:
                raise InvalidInput(f"trouble {each.kind} befalls node {each.node!r}, which the engine does not have")
            self._agenda.add(max(each.at, clock.true), partial(self._befall, each))
        if self._intervals.alive < float("inf"):
            self._agenda.add(clock.true + self._intervals.alive, self._alive, _TICK)
        self._ticking = False

    def start(self, orders: Sequence[Start]) -> None:
        """Take orders to start; unknown, sleeping and fenced ones end at once, those to dead nodes are lost."""
        for order in orders:
            self._start(order)

    def _start(self, order: Start) -> None:
        node = self.nodes.get(order.node)
        if node is None or node.asleep:
            why = "no such node" if node is None else "the node is not awake"
            self._refuse(order.node, order.attempt, "node", why)
        elif node.there and order.attempt not in node.attempts:
            if (ended := self._memory.ended(order.attempt)) is not None:
                self._out.append(ended)
            elif not self._memory.youngest(order.task, order.attempt):
                self._refuse(order.node, order.attempt, "unknown attempt", "a younger attempt of the task was ordered")
            else:
                self._begin(node, order)

    def _begin(self, node: SimulatedNode, order: Start) -> None:
        now = self.clock.true
        attempt = Attempt(order, self._truth(order, now), now, node.slow)
        node.put(attempt)
        self._expect(attempt)
        if not self._ticking and self._intervals.progress < float("inf"):
            self._ticking = True
            self._agenda.add(now + self._intervals.progress, self._progress, _TICK)

    def _expect(self, attempt: Attempt) -> None:
        if attempt.event < float("inf"):
            self._agenda.add(attempt.event, partial(self._happens, attempt, attempt.version), _WHEN_DONE)

    def _refuse(self, node: str, attempt: int, cause: str, why: str) -> None:
        self._out.append(Report(said=Said.ENDED, node=node, attempt=attempt, cause=cause, detail=why))

    def _happens(self, attempt: Attempt, version: int) -> None:
        if version != attempt.version:
            return
        report, node = attempt.happens(self.clock.true), self.nodes[attempt.order.node]
        if report is not None:
            self._ended(node, report)
        elif attempt.hung:
            self._expect(attempt)
        else:
            node.take(attempt.order.attempt)

    def _ended(self, node: SimulatedNode, report: Report) -> None:
        node.take(report.attempt).version += 1
        self._memory.keep(report)
        self._out.append(report)

    def stop(self, orders: Sequence[Stop]) -> None:
        """Take orders to stop; what ended already says so again, what was never there is unknown."""
        for order in orders:
            node = self.nodes.get(order.node)
            if node is None or not (node.there or node.asleep):
                continue
            if (attempt := node.attempts.get(order.attempt)) is None:
                ended = self._memory.ended(order.attempt)
                unknown = Report(said=Said.ENDED, node=order.node, attempt=order.attempt, cause="unknown attempt")
                self._out.append(ended or unknown)
                continue
            attempt.look(self.clock.true)
            if order.now:
                self._ended(node, attempt.end("interrupted"))
            else:
                attempt.after_frame()
                self._expect(attempt)

    def power(self, node: str, *, up: bool) -> None:
        """Wake a node, or put it to sleep; one at work stays awake, one that is there already says so."""
        machine = self.nodes.get(node)
        if machine is None:
            return
        seconds = machine.switch(up=up)
        if seconds is None:
            self._say_power(machine)
        else:
            self._agenda.add(self.clock.true + seconds, partial(self._settled, machine, machine.changes))

    def _say_power(self, machine: SimulatedNode) -> None:
        if (said := machine.says()) is not None:
            self._out.append(Report(said=said, node=machine.spec.name))

    def _settled(self, machine: SimulatedNode, changes: int) -> None:
        if changes != machine.changes:
            return
        machine.settle()
        self._say_power(machine)
        if machine.wish is machine.asleep:
            self.power(machine.spec.name, up=machine.wish)

    def _befall(self, trouble: Trouble) -> None:
        node, now = self.nodes[trouble.node], self.clock.true
        if trouble.kind is TroubleKind.SLOW:
            self._slow(node, trouble.factor)
            self._later(now + trouble.seconds, partial(self._slow, node, 1.0 / trouble.factor))
        elif trouble.kind is TroubleKind.JOINS:
            node.back = now
            self._up(node)
        else:
            if trouble.kind is TroubleKind.LEAVES and node.there:
                self._out.append(Report(said=Said.GONE, node=trouble.node))
            for attempt in node.die(now + trouble.seconds):
                attempt.version += 1
            self._later(node.back, partial(self._up, node))

    def _later(self, time: Seconds, event: _Event) -> None:
        if time < float("inf"):
            self._agenda.add(time, event)

    def _slow(self, node: SimulatedNode, factor: float) -> None:
        node.slow *= factor
        for attempt in node.attempts.values():
            attempt.slow_down(self.clock.true, node.slow)
            self._expect(attempt)

    def _up(self, node: SimulatedNode) -> None:
        if node.boot(self.clock.true):
            name = node.spec.name
            self._out += [Report(said=Said.UP, node=name), Report(said=Said.ALIVE, node=name)]

    def _alive(self) -> None:
        self._out += [node.alive() for node in self.nodes.values() if node.there]
        self._agenda.add(self.clock.true + self._intervals.alive, self._alive, _TICK)

    def _progress(self) -> None:
        now, self._ticking = self.clock.true, False
        for node in self.nodes.values():
            for attempt in node.attempts.values():
                attempt.look(now)
                self._out.append(attempt.progress())
                self._ticking = True
        if self._ticking:
            self._agenda.add(now + self._intervals.progress, self._progress, _TICK)

    @property
    def next_time(self) -> Seconds:
        """Virtual time at which something happens next; infinite: never."""
        return self.clock.true if self._out else min(self._agenda.next_time, self.clock.next_jump)

    def hear(self, until: Seconds) -> Sequence[Report]:
        """Let virtual time pass until there are reports, or for as long as the clock lacks of `until`."""
        return self.wait(self.clock.true_at(until), until)

    def wait(self, limit: Seconds, until: Seconds = float("inf")) -> list[Report]:
        """As `hear`, for callers who count in virtual time: not beyond `limit`, nor beyond a reading of `until`."""
        while not self._out and (time := min(self.next_time, limit)) < float("inf"):
            self.clock.move(time)
            while self._agenda.next_time <= time:
                self._agenda.take()()
            if time >= limit or self.clock() >= until:
                break
        heard, self._out = self._out, []
        return heard

    def close(self) -> None:
        """Let go; what runs goes on, for a later owner to hear of."""
