"""What a planner answers: what starts, stops, sleeps and wakes now, each with its reason; why the rest waits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Protocol

import numpy as np

from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.rules import Rules
from placement.units import Floats, Ints

__all__ = ["Outlooks", "Plan", "Planner", "Power", "Reason", "Starts", "Stops", "Waits"]


class Reason(IntEnum):
    """The rule that decided. In tables as a number, in words through `placement.scheduling.explain`."""

    URGENT = 0  #: starts: its job is late, or in danger of its deadline
    GUARANTEED = 1  #: starts: within its client's guarantee
    SHARE = 2  #: starts: its client's turn
    PREVIEW = 3  #: starts: somebody waits to see something
    BACKFILL = 4  #: starts: ends before a reservation needs the room
    RESERVED = 5  #: starts on the node that was reserved for it
    IDLE = 6  #: starts: nobody else wants the room
    FINISHED = 10  #: waits: nothing left to start
    DEPENDS = 11  #: waits: another step is not finished
    HELD = 12  #: waits: its owner paused it
    NO_NODE = 13  #: waits: no node of the farm can ever run it
    NODES_DOWN = 14  #: waits: the nodes that can run it are down or draining
    LICENCE = 15  #: waits: all licences are taken
    LIMIT = 16  #: waits: its client is at its limit
    PARTITION = 17  #: waits: its client's static partition is full, or room is kept for guarantees
    OTHERS_FIRST = 18  #: waits: the farm is full with work that goes first
    WAKING = 19  #: waits: a node is being woken for it
    RESERVATION = 20  #: waits: room is being cleared for it
    CHEAPER_LATER = 21  #: waits: a cheaper or cleaner hour comes in time
    POWER_CAP = 22  #: waits: the farm's power cap is reached
    TOO_WIDE = 23  #: waits: one frame is more than its client may ever hold
    BETTER_NODE = 24  #: waits: for a node that suits it better than those with room; it has time
    RECLAIM = 30  #: stopped: a lender wants its guarantee back
    RESCUE = 31  #: stopped: a job in danger gains more than this loses
    EMERGENCY = 32  #: stopped: an emergency
    MAKE_ROOM = 33  #: stopped after its frame: a wide frame's reservation
    REBALANCE = 34  #: stopped after its frame: its client or job has more than its share
    IDLE_NODE = 40  #: sleeps: no work is expected in time
    WORK_COMING = 41  #: wakes: work is expected


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Starts:
    """Frames to start now, one row each.

    Parameters
    ----------
    step, node
        Rows in the snapshot, shape ``(starts,)``.
    mode
        Energy mode.
    reason
        A `Reason`.
    score
        What the node was chosen by (lower is better), and that of the best node class not taken; NaN: no other.
    """

    step: Ints
    node: Ints
    mode: Ints
    reason: Ints
    score: Floats
    alternative: Floats

    def __post_init__(self) -> None:
        seal(self)

    @classmethod
    def of(cls, step: Ints, node: Ints, reason: Ints | int, mode: Ints | int = 0) -> Starts:
        """Return starts without scores."""
        rows, nothing = len(step), np.full(len(step), np.nan)
        full = [np.broadcast_to(np.asarray(one, np.int64), (rows,)).copy() for one in (mode, reason)]
        return cls(step=np.asarray(step, np.int64), node=np.asarray(node, np.int64), mode=full[0], reason=full[1],
                   score=nothing, alternative=nothing.copy())  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stops:
    """Attempts to stop.

    Parameters
    ----------
    attempt
        Row in the snapshot's attempts, shape ``(stops,)``.
    now
        Interrupt at once (after a checkpoint where the renderer can); otherwise the node only does not go on with the
        next frame of the step.
    reason
        A `Reason`.
    loss
        Node-seconds of work expected to be lost.
    """

    attempt: Ints
    now: np.ndarray
    reason: Ints
    loss: Floats

    def __post_init__(self) -> None:
        seal(self)

    @classmethod
    def none(cls) -> Stops:
        """Return no stops."""
        empty = np.zeros(0, np.int64)
        return cls(attempt=empty, now=empty.astype(bool), reason=empty.copy(), loss=np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power:
    """Nodes to put to sleep (`up` False) or to wake (`up` True), shape ``(nodes changed,)``."""

    node: Ints
    up: np.ndarray
    reason: Ints

    def __post_init__(self) -> None:
        seal(self)

    @classmethod
    def none(cls) -> Power:
        """Return no change."""
        empty = np.zeros(0, np.int64)
        return cls(node=empty, up=empty.astype(bool), reason=empty.copy())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waits:
    """Why frames of each step wait.

    Parameters
    ----------
    reason
        A `Reason`, shape ``(steps,)``.
    until
        When that is expected to change, seconds; infinite: nobody knows.
    """

    reason: Ints
    until: Floats

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlooks:
    """What is expected of each job, shape ``(jobs,)``.

    Parameters
    ----------
    finish
        Median of the end, seconds.
    on_time
        Probability to end by the deadline; 1 without one.
    slack
        Seconds between the deadline and the `Rules.confidence` quantile of the end; negative: in danger.
    earliest
        The end if nothing else ran.
    given_up
        The deadline cannot be met beside what goes first, and the job no longer takes room from those that can.
    """

    finish: Floats
    on_time: Floats
    slack: Floats
    earliest: Floats
    given_up: np.ndarray

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A decision.

    Parameters
    ----------
    starts, stops, power
        What to do now.
    waits
        Why the rest waits; None where a policy does not say.
    outlooks
        What is expected of jobs; None where a policy does not forecast.
    reserved
        Step row for which each node is kept, -1: none, shape ``(nodes,)``; None: no reservations.
    successors
        Step row whose next frame takes each attempt's place on its node as soon as it ends, -1: none, shape
        ``(attempts,)``; None: every node goes on with the step it works for. A successor asks for no more of any
        resource than the attempt does, and for the same licence or none.
    """

    starts: Starts
    stops: Stops = field(default_factory=Stops.none)
    power: Power = field(default_factory=Power.none)
    waits: Waits | None = None
    outlooks: Outlooks | None = None
    reserved: Ints | None = None
    successors: Ints | None = None

    def with_power(self, power: Power) -> Plan:
        """Return the plan with other power actions."""
        return replace(self, power=power)


class Planner(Protocol):
    """The signature of every policy: the same snapshot, cost and rules give the same plan."""

    def __call__(self, farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        """Decide."""
        ...
