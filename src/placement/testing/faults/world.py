"""The whole orchestrator plays a case: what happens, step by step, and what must hold of it."""

from __future__ import annotations

import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from placement.control.invariants import broken
from placement.control.state import FarmState
from placement.simulator.network import Network
from placement.testing.faults import drawn
from placement.testing.faults.hazards import START, Hazards
from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.process import Crash, DiskTrouble, Process
from placement.testing.faults.witness import Broken
from placement.units import Seconds

__all__ = ["CALM", "Played", "World", "play"]

#: Simulated seconds after the last fault within which all jobs are over and nothing runs; so long since what hangs is
#: found out by a multiple of its forecast, or within four times the age that it has when the leader changes last.
CALM = 2 * 3_600.0
_FOLD_EVERY = 20
_RESIGNS = 0.01


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


class World(Hazards):
    """A world that goes on, and is checked.

    Parameters
    ----------
    case
        What is drawn.

    Attributes
    ----------
    rested
        Simulated seconds that it took to come to rest after the last fault.
    """

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.rested = 0.0

    def go_on(self, seconds: Seconds) -> None:
        """Let one of the processes that are well take a turn, or time pass."""
        if self.revive():
            self.fold_anew()
        well = self.living
        before = self.clock.true
        if well:
            self._turn(self.turns.choice(well), seconds)
        if self.clock.true == before:
            self.wait(min(seconds, 1.0 + self.turns.random()))

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

    def ask(self) -> None:
        """Let a user ask for something."""
        desk = self.desk
        with suppress(Crash, DiskTrouble):
            self.users.act(desk.farm, desk.clock())
        self._check(desk)

    def fold_anew(self) -> None:
        """Check that folding the journal from scratch gives what each process knows."""
        known = [each for each in (*self.leaders, self.counter) if each is not None and each.alive and not each.frozen]
        state, entries = FarmState(), self.witness.journal.read()
        for process in sorted(known, key=lambda each: each.farm.state.seq):
            while state.seq < process.farm.state.seq:
                state.apply(next(entries).fact)
            if state.dump() != process.farm.state.dump():
                raise Broken(f"at entry {state.seq}: {process.name} does not know what the journal says")

    def _strike(self) -> None:
        """Let what comes from outside strike."""
        if self.living and not self.luck.calm and self.turns.random() < _RESIGNS:
            leaver = self.turns.choice(self.living)
            with suppress(Crash, DiskTrouble):
                leaver.farm.close()
            if leaver.alive:
                self.kill(leaver)
        if self.luck.strikes(Fault.FULL, 0.03):
            self.full = self.clock.true + self.luck.within(Fault.FULL, 1.0, 60.0)
        if self.luck.strikes(Fault.MODEL, 0.05):
            self.gone = self.clock.true + self.luck.within(Fault.MODEL, 1.0, 100.0)
        if self.luck.strikes(Fault.CRASH, 0.02) and self.living:
            self.kill(self.luck.of[Fault.CRASH].choice(self.living))

    def run(self) -> None:
        """Play the case.

        Raises
        ------
        Broken
            Something that must always hold does not.
        """
        for _ in range(len(self.users.begin())):
            self.ask()
        for step in range(self.case.steps):
            self._strike()
            if self.turns.random() < 0.4:
                self.ask()
            else:
                self.go_on(self.turns.uniform(0.2, 12.0))
            if step % _FOLD_EVERY == _FOLD_EVERY - 1:
                self.fold_anew()
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
        self.full = self.gone = float("-inf")
        begun, mend = self.clock.true, self.clock.true
        while not self._at_rest():
            if self.clock.true > begun + CALM:
                raise Broken(self._unrest())
            if self.clock.true >= mend:
                mend = self.clock.true + 60.0
                self.users.mend(self.desk.farm)
            self.go_on(30.0)
        self.fold_anew()
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
        for process in (*self.leaders, self.counter):
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
        case=case, broken=wrong, digest=witness.digest, entries=witness.seq, seconds=world.clock.true - START,
        calm=world.rested, struck=+struck,
    )  # fmt: skip
