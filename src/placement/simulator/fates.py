"""What is true of attempts and nodes of a simulated engine, and what befalls them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from placement.errors import InvalidInput
from placement.runtime.ports import Start
from placement.units import MiB, Seconds

__all__ = ["CAUSES", "Fate", "Run", "Trouble", "TroubleKind", "Truth"]


class Fate(StrEnum):
    """How an attempt ends if nobody stops it; out of memory is not among them, it follows from `Run.memory`."""

    DONE = "done"
    ERROR = "error"  #: the renderer fails with exit code 1
    SCENE = "scene"  #: the renderer says that the scene is corrupt
    NODE = "node"  #: the node fails it
    LICENCE = "licence"  #: no licence is to be had
    NO_OUTPUT = "no output"  #: exit code 0, but a file is missing
    HANGS = "hangs"  #: it makes no progress any more and never ends
    VANISHES = "vanishes"  #: it is gone without a word


#: Fate -> what the report of its end gives as cause.
CAUSES: dict[Fate, str] = {
    Fate.DONE: "", Fate.ERROR: "", Fate.SCENE: "scene", Fate.NODE: "node", Fate.LICENCE: "licence",
    Fate.NO_OUTPUT: "no output",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What an attempt is in truth.

    Parameters
    ----------
    seconds
        That the whole task takes on this node in this mode, from nothing.
    memory
        MiB at its peak; more than the order allows ends it.
    fate
        How it ends.
    at
        Share of the attempt's own work after which it fails, hangs, vanishes or reaches its peak of memory.
    checkpoint
        Seconds of work between checkpoints, for attempts that resume; infinite: none.

    Examples
    --------
    >>> Run(seconds=0.0)
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: a run of 0 s whose fate comes at 0.5 of it: expected seconds above 0, 0 <= at <= 1
    """

    seconds: Seconds
    memory: MiB = 0.0
    fate: Fate = Fate.DONE
    at: float = 0.5
    checkpoint: Seconds = float("inf")

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf") or not 0 <= self.at <= 1:
            raise InvalidInput(
                f"a run of {self.seconds:g} s whose fate comes at {self.at:g} of it: expected seconds above 0, "
                "0 <= at <= 1"
            )


class Truth(Protocol):
    """Says what an attempt is in truth; the same for the same order at the same time."""

    def __call__(self, order: Start, at: Seconds) -> Run:
        """Return the run of an order that its node takes at virtual time `at`."""
        ...


class TroubleKind(StrEnum):
    """What befalls a node."""

    DIES = "dies"  #: without a word; what ran there is gone
    LEAVES = "leaves"  #: the same, but it says so
    SLOW = "slow"  #: work there takes `factor` times as long
    JOINS = "joins"  #: it was not there before


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that befalls a node at virtual time `at`, and for how many seconds; infinite: for good."""

    at: Seconds
    node: str
    kind: TroubleKind
    seconds: Seconds = float("inf")
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not self.seconds > 0 or not self.factor > 0:
            raise InvalidInput(
                f"node {self.node!r} {self.kind} for {self.seconds:g} s by a factor of {self.factor:g}: expected both "
                "above 0"
            )
