"""The whole orchestrator in one simulated world: processes, disk, clocks, network, engine, users, and what strikes."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from placement.control.invariants import broken
from placement.control.state import FarmState
from placement.farm.facts import Fact
from placement.orchestrator.farm import Farm
from placement.runtime.ports import Report, Start, Stop
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.network import FaultyEngine, Network
from placement.testing.faults import drawn
from placement.testing.faults.disk import Disk, MemoryDisk
from placement.testing.faults.kinds import Case, Fault, Luck, chance
from placement.testing.faults.process import Crash, DiskTrouble, Process, Result
from placement.testing.faults.users import Users
from placement.testing.faults.witness import Broken, Witness
from placement.units import Seconds

__all__ = ["CALM", "Played", "World", "play"]

#: Simulated seconds after the last fault within which all jobs are over and nothing runs.
CALM = 3_600.0
_START = 1_000_000.0
_ROUNDING = 1e-6
_SQLITE_EVERY = 40
_FOLD_EVERY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a case went.

    Parameters
    ----------
    broken
        What did not hold; empty: all is well.
    digest
        Of the journal's last entry: two runs with the same one did the same.
    entries, seconds
        Facts in the journal, and simulated seconds.
    calm
        Simulated seconds that it took to come to rest after the last fault.
    struck
        How often each kind of fault did.
    """

    case: Case
    broken: str
    digest: str
    entries: int
    seconds: Seconds
    calm: Seconds
    struck: Counter[Fault]


class _Engine(SimulatedEngine):
    """An engine that tells a witness everything it says, before the network has it."""

    witness: Witness

    def wait(self, limit: Seconds, until: Seconds = float("inf")) -> list[Report]:
        """Wait as any engine, in front of a witness."""
        said = super().wait(limit, until)
        self.witness.heard(said)
        return said


class World:
    """Everything in a case.

    Parameters
    ----------
    case
        What is drawn.
    """

    def __init__(self, case: Case) -> None:
        self.case, self.luck = case, Luck(case)
        shape = chance(case, "shape")
        self.clock = SimulatedClock(_START, drawn.jumps_of(self.luck, _START))
        nodes = drawn.nodes_of(shape)
        names = [node.name for node in nodes]
        truth = drawn.Truth(case.seed, self.luck, lambda: self.luck.calm)
        self.machines = _Engine(
            self.clock, truth, nodes, troubles=drawn.troubles_of(self.luck, names, _START),
            intervals=Intervals(alive=12.0, progress=15.0),
        )  # fmt: skip
        self.engine = FaultyEngine(self.machines, drawn.network_of(self.luck, names, _START), case.seed)
        self.disk = self._disk()
        self.witness = Witness(self.disk.open())
        self.machines.witness = self.witness
        self._planner = drawn.planner_of(shape)
        self._keep_every = shape.choice((15, 60, 100_000))
        self._turns = chance(case, "turns")
        self._full = self._gone = float("-inf")
        self._unheard: list[Report] = []
        self._born = 0
        self.rested = 0.0
        self.leaders: list[Process | None] = [None] * shape.choice((1, 2, 2))
        self._desk: Process | None = None
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
            forecaster=drawn.ShakyForecaster(lambda: self.clock.true < self._gone), settings=drawn.SETTINGS,
            timer=lambda: 0.0, keep_every=self._keep_every,
        )  # fmt: skip

    def _client(self, process: Process) -> Farm:
        return Farm(process, clock=process.clock, name=process.name, settings=drawn.SETTINGS)

    @property
    def desk(self) -> Process:
        """A process at which users ask."""
        if self._desk is None or not self._desk.alive:
            self._desk = self._process("desk", runs=False)
        return self._desk

    @property
    def living(self) -> list[Process]:
        """Processes that may lead, are alive and do not stand still."""
        return [each for each in self.leaders if each is not None and each.alive and not each.frozen]

    def _revive(self) -> None:
        for slot, process in enumerate(self.leaders):
            if process is None or (not process.alive and self.clock.true >= process.back):
                self.leaders[slot] = self._process(f"leader{slot}", runs=True)
                self._fold_anew()

    def _kill(self, process: Process) -> None:
        process.die()
        process.back = self.clock.true + self.luck.within(Fault.CRASH, 0.0, 60.0)
        self._unheard.clear()

    def _kill_all(self) -> None:
        for process in [*self.leaders, self._desk]:
            if process is not None and process.alive:
                self._kill(process)
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
        if self.clock.true < self._full:
            luck.struck[Fault.FULL] += 1
            raise DiskTrouble("the disk is full")
        if luck.strikes(Fault.SLOW, 0.05):
            self.wait(luck.within(Fault.SLOW, 0.5, 30.0))
        self._freeze(process, 0.04)
        if process is not self._desk and luck.strikes(Fault.RACE, 0.15):
            self._ask()
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
            self._kill(process)
            raise Crash(process.name)

    def _freeze(self, process: Process, often: float) -> None:
        """Let a process stand still while others go on."""
        if process is self._desk or process.frozen or not self.luck.strikes(Fault.FREEZE, often):
            return
        process.frozen = True
        until = self.clock.true + self.luck.within(Fault.FREEZE, 5.0, 4 * drawn.SETTINGS.lead)
        while until - self.clock.true > _ROUNDING:
            self._go_on(min(until - self.clock.true, 10.0))
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

    # What happens.

    def _go_on(self, seconds: Seconds) -> None:
        """Let one of the processes that are well take a turn, or time pass."""
        self._revive()
        well = self.living
        before = self.clock.true
        if well:
            self._turn(self._turns.choice(well), seconds)
        if self.clock.true == before:
            self.wait(min(seconds, 1.0 + self._turns.random()))

    def _turn(self, process: Process, seconds: Seconds) -> None:
        with suppress(Crash, DiskTrouble):
            process.farm.step(process.clock() + seconds)
        self._check(process)

    def _check(self, process: Process) -> None:
        """Check what must hold of a process that is alive, and of the journal."""
        self.witness.catch_up()
        state = process.farm.state
        if process.alive and state.seq != process.checked:
            process.checked = state.seq
            if wrong := broken(state):
                raise Broken(f"at entry {state.seq}: {'; '.join(wrong[:3])}")

    def _ask(self) -> None:
        desk = self.desk
        with suppress(Crash, DiskTrouble):
            self.users.act(desk.farm, desk.clock())
        self._check(desk)

    def _fold_anew(self) -> None:
        """Check that folding the journal from scratch gives what each process knows."""
        known = [each for each in (*self.leaders, self._desk) if each is not None and each.alive and not each.frozen]
        state, entries = FarmState(), self.witness.journal.read()
        for process in sorted(known, key=lambda each: each.farm.state.seq):
            while state.seq < process.farm.state.seq:
                state.apply(next(entries).fact)
            if state.dump() != process.farm.state.dump():
                raise Broken(f"at entry {state.seq}: {process.name} does not know what the journal says")

    def _strike(self) -> None:
        """Let what comes from outside strike."""
        if self.luck.strikes(Fault.FULL, 0.03):
            self._full = self.clock.true + self.luck.within(Fault.FULL, 1.0, 60.0)
        if self.luck.strikes(Fault.MODEL, 0.05):
            self._gone = self.clock.true + self.luck.within(Fault.MODEL, 1.0, 100.0)
        if self.luck.strikes(Fault.CRASH, 0.02) and self.living:
            self._kill(self.luck.of[Fault.CRASH].choice(self.living))

    def run(self) -> None:
        """Play the case.

        Raises
        ------
        Broken
            Something that must always hold does not.
        """
        for _ in range(len(self.users.begin())):
            self._ask()
        for step in range(self.case.steps):
            self._strike()
            if self._turns.random() < 0.4:
                self._ask()
            else:
                self._go_on(self._turns.uniform(0.2, 12.0))
            if step % _FOLD_EVERY == _FOLD_EVERY - 1:
                self._fold_anew()
        self.calm()

    def calm(self) -> None:
        """Stop all faults and wait until all jobs are over and nothing runs.

        Raises
        ------
        Broken
            That takes too long, or something was lost on the way.
        """
        self.luck.calm = True
        self.engine.network = Network()
        self._full = self._gone = float("-inf")
        begun, mend = self.clock.true, self.clock.true
        while not self._at_rest():
            if self.clock.true > begun + CALM:
                raise Broken(self._unrest())
            if self.clock.true >= mend:
                mend = self.clock.true + 60.0
                self.users.mend(self.desk.farm)
            self._go_on(30.0)
        self._fold_anew()
        self.witness.verify()
        self.rested = self.clock.true - begun

    def _at_rest(self) -> bool:
        self.desk.farm.jobs()
        state = self.desk.farm.state
        runs = any(node.attempts for node in self.machines.nodes.values())
        return not (state.jobs or state.attempts or self.witness.live or runs)

    def _unrest(self) -> str:
        state = self.desk.farm.state
        jobs = [f"{name} ({entry.life.value})" for name, entry in state.jobs.items()]
        runs = [number for node in self.machines.nodes.values() for number in node.attempts]
        return f"{CALM:g} s after the last fault: jobs {jobs} are not over, attempts {list(state.attempts)}, run {runs}"

    def close(self) -> None:
        """Remove what is on disk."""
        for process in (*self.leaders, self._desk):
            if process is not None and process.alive:
                process.die()
        self.witness.journal.close()
        self.disk.close()


def play(case: Case) -> Played:
    """Play a case, and say what did not hold."""
    world = World(case)
    wrong = ""
    try:
        world.run()
    except Broken as found:
        wrong = str(found)
    except Exception as found:  # nothing else may come out of the orchestrator
        place = traceback.extract_tb(found.__traceback__)[-1]
        wrong = f"{type(found).__name__} in {place.name} ({Path(place.filename).name}:{place.lineno}): {found}"
    finally:
        world.close()
    witness, struck = world.witness, world.luck.struck
    for fault, name in drawn.MESSAGES.items():
        struck[fault] += world.engine.happened[name]
    return Played(
        case=case, broken=wrong, digest=witness.digest, entries=witness.seq, seconds=world.clock.true - _START,
        calm=world.rested, struck=+struck,
    )  # fmt: skip
