"""One simulated world: processes, disk, clocks, network, engine, users, and what strikes where they touch it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from placement.farm.facts import Fact
from placement.orchestrator.farm import Farm
from placement.runtime.ports import Report, Start, Stop
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.network import FaultyEngine
from placement.testing.faults import drawn
from placement.testing.faults.disk import Disk, MemoryDisk
from placement.testing.faults.kinds import Case, Fault, Luck, chance
from placement.testing.faults.process import Crash, DiskTrouble, Process, Result
from placement.testing.faults.users import Users
from placement.testing.faults.witness import Witness
from placement.units import Seconds

__all__ = ["START", "Hazards"]

#: When cases begin, seconds since 1970.
START = 1_000_000.0
_ROUNDING = 1e-6
_SQLITE_EVERY = 40


class _Engine(SimulatedEngine):
    """An engine that tells a witness everything it says, before the network has it."""

    witness: Witness

    def wait(self, limit: Seconds, until: Seconds = float("inf")) -> list[Report]:
        """Wait as any engine, in front of a witness."""
        said = super().wait(limit, until)
        self.witness.heard(said)
        return said


class Hazards(ABC):
    """Everything in a case, and what befalls it; what happens next is told by `go_on` and `ask`.

    Parameters
    ----------
    case
        What is drawn.
    """

    @abstractmethod
    def go_on(self, seconds: Seconds) -> None:
        """Let one of the processes that are well take a turn, or time pass."""

    @abstractmethod
    def ask(self) -> None:
        """Let a user ask for something."""

    def __init__(self, case: Case) -> None:
        self.case, self.luck = case, Luck(case)
        shape = chance(case, "shape")
        self.clock = SimulatedClock(START, drawn.jumps_of(self.luck, START))
        nodes = drawn.nodes_of(shape)
        names = [node.name for node in nodes]
        truth = drawn.Truth(case.seed, self.luck, lambda: self.luck.calm)
        self.machines = _Engine(
            self.clock, truth, nodes, troubles=drawn.troubles_of(self.luck, names, START),
            intervals=Intervals(alive=12.0, progress=15.0),
        )  # fmt: skip
        self.engine = FaultyEngine(self.machines, drawn.network_of(self.luck, names, START), case.seed)
        self.disk = self._disk()
        self.witness = Witness(self.disk.open())
        self.machines.witness = self.witness
        self._planner = drawn.planner_of(shape)
        self._keep_every = shape.choice((15, 60, 100_000))
        self.turns = chance(case, "turns")
        self.full = self.gone = float("-inf")
        self._unheard: list[Report] = []
        self._born = 0
        self.leaders: list[Process | None] = [None] * shape.choice((1, 2, 2))
        self.counter: Process | None = None
        self.users = Users(case, self.luck, nodes, self.witness)

    def _disk(self) -> Disk:
        if self.case.seed % _SQLITE_EVERY == _SQLITE_EVERY - 1:
            from placement.testing.faults.sqlite_disk import SqliteDisk  # needs packages that are optional

            return SqliteDisk(chance(self.case, "salt"))
        return MemoryDisk()

    # Processes.

    def _process(self, name: str, *, runs: bool) -> Process:
        self._born += 1
        clock = self.luck.within(Fault.CLOCK, -3.0, 3.0) if self.luck.active(Fault.CLOCK) else 0.0
        return Process(f"{name}-{self._born}", self, self.disk.open(), clock, self._leader if runs else self._client)

    def _leader(self, process: Process) -> Farm:
        return Farm(
            process, engine=process, clock=process.clock, name=process.name, planner=self._planner,
            forecaster=drawn.ShakyForecaster(lambda: self.clock.true < self.gone), settings=drawn.SETTINGS,
            timer=lambda: 0.0, keep_every=self._keep_every,
        )  # fmt: skip

    def _client(self, process: Process) -> Farm:
        return Farm(process, clock=process.clock, name=process.name, settings=drawn.SETTINGS)

    @property
    def desk(self) -> Process:
        """A process at which users ask."""
        if self.counter is None or not self.counter.alive:
            self.counter = self._process("desk", runs=False)
        return self.counter

    @property
    def living(self) -> list[Process]:
        """Processes that may lead, are alive and do not stand still."""
        return [each for each in self.leaders if each is not None and each.alive and not each.frozen]

    def revive(self) -> bool:
        """Start processes anew that were dead for long enough; return whether there are any."""
        born = self._born
        for slot, process in enumerate(self.leaders):
            if process is None or (not process.alive and self.clock.true >= process.back):
                self.leaders[slot] = self._process(f"leader{slot}", runs=True)
        return self._born > born

    def kill(self, process: Process) -> None:
        """Let a process die, for a while."""
        process.die()
        process.back = self.clock.true + self.luck.within(Fault.CRASH, 0.0, 60.0)
        self._unheard.clear()

    def _kill_all(self) -> None:
        for process in [*self.leaders, self.counter]:
            if process is not None and process.alive:
                self.kill(process)
        self.witness.journal.close()
        self.witness.journal = self.disk.open()

    # What processes touch.

    def now(self) -> Seconds:
        """Return what a clock without an error of its own reads."""
        return self.clock()

    def wrote(self, facts: Sequence[Fact], term: int | None) -> None:
        """Hear what became durable."""
        self.witness.wrote(facts, term)

    def write(self, process: Process, act: Callable[[], Result]) -> Result:
        """Do a write, with all that may befall it."""
        luck = self.luck
        process.check()
        if self.clock.true < self.full:
            luck.struck[Fault.FULL] += 1
            raise DiskTrouble("the disk is full")
        if luck.strikes(Fault.SLOW, 0.05):
            self.wait(luck.within(Fault.SLOW, 0.5, 30.0))
        self._freeze(process, 0.04)
        if process is not self.counter and luck.strikes(Fault.RACE, 0.15):
            self.ask()
        self._crash(process, 0.015)
        if luck.strikes(Fault.TORN, 0.015):
            mark = self.disk.mark()
            act()
            self.disk.tear(mark, luck.of[Fault.TORN].choice((0.0, luck.within(Fault.TORN, 0, 1), 1.0)))
            self._kill_all()
            raise Crash(process.name)
        done = act()
        self._crash(process, 0.015)
        if luck.strikes(Fault.UNKNOWN, 0.03):
            raise DiskTrouble("the connection broke, nobody knows what was written")
        return done

    def _crash(self, process: Process, often: float) -> None:
        process.check()
        if self.luck.strikes(Fault.CRASH, often):
            self.kill(process)
            raise Crash(process.name)

    def _freeze(self, process: Process, often: float) -> None:
        """Let a process stand still while others go on."""
        if process is self.counter or process.frozen or not self.luck.strikes(Fault.FREEZE, often):
            return
        process.frozen = True
        until = self.clock.true + self.luck.within(Fault.FREEZE, 5.0, 4 * drawn.SETTINGS.lead)
        while until - self.clock.true > _ROUNDING:
            self.go_on(min(until - self.clock.true, 10.0))
        process.frozen = False
        process.check()

    def order(self, process: Process, orders: Sequence[Start | Stop]) -> None:
        """Give orders to the engine."""
        self._freeze(process, 0.04)
        self._crash(process, 0.015)
        self.witness.order(orders)
        for order in orders:
            if isinstance(order, Start):
                self.engine.start([order])
            else:
                self.engine.stop([order])

    def power(self, process: Process, node: str, up: bool) -> None:
        """Tell a node to wake, or to sleep."""
        self._crash(process, 0.015)
        self.witness.switch(node, up)
        self.engine.power(node, up=up)

    def hear(self, process: Process, until: Seconds) -> Sequence[Report]:
        """Wait for reports until a true clock reads `until`."""
        process.check()
        reports = self._unheard or self.engine.hear(until)
        self._unheard = []
        self._freeze(process, 0.02)
        self._crash(process, 0.005)
        return reports

    def wait(self, seconds: Seconds) -> None:
        """Let time pass while nobody listens; what is said then waits."""
        end = self.clock.true + seconds
        while end - self.clock.true > _ROUNDING:
            self._unheard += self.engine.hear(self.clock() + end - self.clock.true)
