"""Kinds of faults, and the luck that a seed brings: which faults strike, and when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from placement.errors import InvalidInput

__all__ = ["Case", "Fault", "Luck", "chance"]


class Fault(StrEnum):
    """What may go wrong."""

    CRASH = "crash"  #: a process dies before or after a write, before it gives orders, or in between
    TORN = "torn"  #: all processes die in the middle of a write, which is durable in part, whole, or not at all
    UNKNOWN = "unknown"  #: a write fails after it became durable
    FULL = "full"  #: no write succeeds for a while
    SLOW = "slow"  #: a write takes long
    RACE = "race"  #: somebody else writes between a look at the journal and the write
    FREEZE = "freeze"  #: a process stands still for longer than it may lead, and wakes up
    CLOCK = "clock"  #: clocks jump, and those of processes differ
    LOST = "lost"  #: messages between loop and engine are lost
    DOUBLED = "doubled"  #: messages come twice
    SHUFFLED = "shuffled"  #: messages come in another order
    LATE = "late"  #: messages come late
    PARTITION = "partition"  #: nodes cannot be reached for a while
    NODE = "node"  #: nodes die, leave, come back, become slow
    MEMORY = "memory"  #: tasks need more memory than they ask for
    RENDERER = "renderer"  #: renderers fail, hang, vanish, forget files; scenes are corrupt
    LICENCE = "licence"  #: licences are not to be had, or become fewer
    MODEL = "model"  #: the forecaster fails for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One simulation; the same case gives the same journal, byte for byte.

    Parameters
    ----------
    seed
        Of everything that is drawn.
    steps
        Turns, commands and events before faults stop.
    jobs
        How many jobs users hand in at most.
    without
        Faults that do not strike.

    Examples
    --------
    >>> Case(seed=7, without=frozenset({Fault.TORN})).command
    'python -m placement.testing.faults --seeds 1 --first 7 --steps 60 --work 4 --without torn'
    """

    seed: int
    steps: int = 60
    jobs: int = 4
    without: frozenset[Fault] = frozenset()

    def __post_init__(self) -> None:
        if self.seed < 0 or self.steps < 1 or self.jobs < 1:
            raise InvalidInput(
                f"seed {self.seed}, {self.steps} steps, {self.jobs} jobs: expected a seed of 0 or more, both others "
                "above 0"
            )

    @property
    def command(self) -> str:
        """The command line that plays it again."""
        left = ",".join(sorted(self.without))
        told = f"python -m placement.testing.faults --seeds 1 --first {self.seed} --steps {self.steps}"
        return f"{told} --work {self.jobs}" + (f" --without {left}" if left else "")


def chance(case: Case, name: str) -> Random:
    """Return the luck of one cause; it does not depend on what else is drawn, so that cases can be made smaller."""
    return Random(f"{case.seed}/{name}")


class Luck:
    """Which faults strike in a case: about half of the kinds, each as often as the seed says.

    Attributes
    ----------
    struck
        How often each kind did.
    calm
        Set when faults stop.

    Examples
    --------
    >>> luck = Luck(Case(seed=3, without=frozenset(Fault)))
    >>> any(luck.strikes(fault, 1.0) for fault in Fault)
    False
    """

    def __init__(self, case: Case) -> None:
        self.struck: Counter[Fault] = Counter()
        self.calm = False
        self.of = {fault: chance(case, fault.value) for fault in Fault}
        self._strength = {
            fault: luck.choice((0.0, 0.0, 0.3, 1.0)) if fault not in case.without else 0.0
            for fault, luck in self.of.items()
        }

    def active(self, fault: Fault) -> bool:
        """Return whether a kind of fault belongs to the case."""
        return self._strength[fault] > 0

    def strikes(self, fault: Fault, often: float) -> bool:
        """Return whether a fault strikes now; `often` is its chance where it strikes most."""
        strength = self._strength[fault]
        if self.calm or not strength or self.of[fault].random() >= often * strength:
            return False
        self.struck[fault] += 1
        return True

    def within(self, fault: Fault, low: float, high: float) -> float:
        """Return a number for a fault, such as for how many seconds it lasts."""
        return self.of[fault].uniform(low, high)
