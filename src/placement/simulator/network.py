"""A bad network between the loop and its engine: messages lost, doubled, late, out of order; nodes cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeVar

from placement.errors import InvalidInput
from placement.runtime.ports import Report, Said, Start, Stop
from placement.simulator.agenda import Agenda
from placement.simulator.engine import SimulatedEngine
from placement.simulator.streams import stream
from placement.units import Seconds

__all__ = ["FaultyEngine", "Network", "Partition"]

Message = TypeVar("Message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Nodes that cannot be reached from virtual time `start` on for `seconds`; they work on meanwhile.

    Orders to them are lost, and what they say; ends of attempts are said when it is over.
    """

    start: Seconds
    seconds: Seconds
    nodes: frozenset[str]

    def cuts(self, node: str, at: Seconds) -> bool:
        """Return whether a node is cut off at virtual time `at`."""
        return node in self.nodes and self.start <= at < self.start + self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How bad the network is; reports and orders alike, one by one. None of it by default.

    Parameters
    ----------
    lost, doubled, late, shuffled
        Chance of a message to be lost, to come twice, and to come late; of a batch to come in another order.
    delay
        Mean of how late, seconds (exponential).
    partitions
        Nodes cut off.
    """

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    shuffled: float = 0.0
    delay: Seconds = 30.0
    partitions: tuple[Partition, ...] = ()

    def __post_init__(self) -> None:
        for each in fields(self)[:4]:
            if not 0 <= getattr(self, each.name) <= 1:
                raise InvalidInput(f"chance of {each.name} {getattr(self, each.name):g} must lie in [0, 1]")
        if not 0 < self.delay < float("inf"):
            raise InvalidInput(f"delay {self.delay:g} s must be above 0 s and finite")


class FaultyEngine:
    """An engine behind a bad network; the same seed, orders and times meet the same faults.

    Parameters
    ----------
    engine
        What really runs.
    network
        How bad it is.
    seed
        Of everything drawn, one stream per cause and direction.

    Attributes
    ----------
    happened
        How many messages were lost, doubled, late, and batches shuffled so far.

    Examples
    --------
    >>> from placement.farm.facts import NodeSpec
    >>> from placement.simulator.clock import SimulatedClock
    >>> from placement.simulator.fates import Run
    >>> node = NodeSpec(name="n1", node_class="small", cores=8, memory=1024)
    >>> sound = SimulatedEngine(SimulatedClock(), lambda order, at: Run(seconds=10.0), [node])
    >>> engine = FaultyEngine(sound, Network(doubled=1.0), seed=1)
    >>> engine.start([Start(attempt=1, task=("job", "step", 0), node="n1", command=(), frames=(1,))])
    >>> [each.said.value for each in engine.hear(until=50.0)]
    ['ended', 'ended']
    """

    def __init__(self, engine: SimulatedEngine, network: Network, seed: int) -> None:
        self.engine = engine
        self.clock = engine.clock
        self.network = network
        self._agenda: Agenda[Callable[[], None]] = Agenda()
        self._agenda.now = self.clock.true
        self._here: list[Report] = []
        self.happened: Counter[str] = Counter()
        causes = ("lost", "doubled", "late", "delay", "shuffled")
        self._chance = {
            f"{way} {cause}": stream(seed, f"{way} {cause}") for way in ("report", "order") for cause in causes
        }

    def start(self, orders: Sequence[Start]) -> None:
        """Send orders to start."""
        for order in self._order("order", orders):
            self._send("order", order.node, partial(self.engine.start, [order]))

    def stop(self, orders: Sequence[Stop]) -> None:
        """Send orders to stop."""
        for order in self._order("order", orders):
            self._send("order", order.node, partial(self.engine.stop, [order]))

    def power(self, node: str, *, up: bool) -> None:
        """Send an order to wake, or to sleep."""
        self._send("order", node, partial(self.engine.power, node, up=up))

    def hear(self, until: Seconds) -> Sequence[Report]:
        """Let virtual time pass until reports arrive, or for as long as the clock lacks of `until`."""
        limit = self.clock.true_at(until)
        while True:
            self._arrive()
            if self._here or self.clock.true >= limit or self.clock() >= until:
                break
            time = min(self._agenda.next_time, limit)
            said = self.engine.wait(time, until)
            for report in self._order("report", said):
                self._say(report)
        heard, self._here = self._here, []
        return heard

    def close(self) -> None:
        """Let go of the engine; messages on the way still arrive."""
        self.engine.close()

    def _arrive(self) -> None:
        while self._agenda.next_time <= self.clock.true:
            self._agenda.take()()

    def _say(self, report: Report) -> None:
        healed = self._healed(report.node)
        if healed <= self.clock.true:
            self._send("report", report.node, partial(self._hear, report))
        elif report.said is Said.ENDED and healed < float("inf"):
            self._agenda.add(healed, partial(self._say, report))

    def _hear(self, report: Report) -> None:
        self._here.append(report)

    def _healed(self, node: str) -> Seconds:
        """Return when a node can be reached, virtual time."""
        now = self.clock.true
        return max((each.start + each.seconds for each in self.network.partitions if each.cuts(node, now)), default=now)

    def _send(self, way: str, node: str, message: Callable[[], None]) -> None:
        """Bring one message on its way."""
        if self._healed(node) > self.clock.true or self._happens(way, "lost", self.network.lost):
            return
        copies = 1 + self._happens(way, "doubled", self.network.doubled)
        for _ in range(copies):
            if self._happens(way, "late", self.network.late):
                delay = float(self._chance[f"{way} delay"].exponential(self.network.delay))
                self._agenda.add(self.clock.true + delay, message)
            else:
                message()

    def _happens(self, way: str, cause: str, chance: float) -> bool:
        happens = chance > 0 and bool(self._chance[f"{way} {cause}"].random() < chance)
        self.happened[cause] += happens
        return happens

    def _order(self, way: str, batch: Sequence[Message]) -> Sequence[Message]:
        if len(batch) < 2 or not self._happens(way, "shuffled", self.network.shuffled):
            return batch
        return [batch[each] for each in self._chance[f"{way} shuffled"].permutation(len(batch)).tolist()]
