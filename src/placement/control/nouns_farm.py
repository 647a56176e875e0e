"""What a farm's state holds of itself: clients, nodes, and what is summed up of all that it rendered."""

from __future__ import annotations

from dataclasses import dataclass, field

from placement.control.transitions import NodeLife, Power
from placement.farm.facts import NodeSpec
from placement.units import Seconds

__all__ = ["Client", "Mishap", "Node", "Totals"]


@dataclass(slots=True, kw_only=True)
class Client:
    """A client, what it is promised, and what it used.

    Parameters
    ----------
    history, short_since
        As in `placement.farm.clients.Clients`, as of the last decision; None: not short.
    held
        Worth that its attempts hold now.
    running
        How many those are.
    area, since
        Worth-seconds held since the last decision, up to `since`.
    """

    name: str
    parent: str = ""
    guarantee: float = 0.0
    limit: float = 1.0
    weight: float = 1.0
    lending: str = "frame"
    reclaim: Seconds = 300.0
    history: float = 0.0
    short_since: Seconds | None = None
    held: float = 0.0
    running: int = 0
    area: float = 0.0
    since: Seconds = 0.0


@dataclass(slots=True)
class Mishap:
    """An attempt that ended on a node: when, of which job, step and task; whether it failed there, and by whose fault.

    `fault` is 0: it was done; 1: it failed; 2: the node failed it.
    """

    at: Seconds
    job: str
    step: int
    task: int
    fault: int


@dataclass(slots=True, kw_only=True)
class Node:
    """A node.

    Parameters
    ----------
    row
        Counted over all nodes ever registered.
    before
        What a lost node was before, and is when it returns.
    since
        When its life changed last.
    trusted
        Takes no work before, seconds.
    power, ready
        When waking or falling asleep is over.
    idle_since
        When its last attempt ended.
    warm_job
        Index of the job that it worked for last, -1: none.
    losses
        When it was lost, youngest last.
    recent
        Ends of attempts there, youngest last.
    attempts
        Numbers of live attempts, ascending.
    """

    spec: NodeSpec
    row: int
    life: NodeLife = NodeLife.IN
    before: NodeLife = NodeLife.IN
    why: str = ""
    since: Seconds = 0.0
    trusted: Seconds = 0.0
    power: Power = Power.UP
    ready: Seconds = 0.0
    idle_since: Seconds = 0.0
    warm_job: int = -1
    losses: list[Seconds] = field(default_factory=list)
    recent: list[Mishap] = field(default_factory=list)
    attempts: dict[int, None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The node's name."""
        return self.spec.name


@dataclass(slots=True, kw_only=True)
class Totals:
    """What the farm rendered, and how much of it for nothing.

    Parameters
    ----------
    useful
        Seconds of attempts that counted.
    lost
        Outcome -> seconds of work that has to be done again, or was for nothing.
    done, failed, cancelled
        Tasks.
    attempts
        That ended.
    refused
        Reports that changed nothing.
    unneeded
        Attempts that rendered to the end although theirs was no longer the task's turn.
    """

    useful: Seconds = 0.0
    lost: dict[str, Seconds] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    attempts: int = 0
    refused: int = 0
    unneeded: int = 0

    @property
    def repeated(self) -> float:
        """Share of all rendering that is repeated because of interruptions and losses, not of failures."""
        again = self.lost.get("interrupted", 0.0) + self.lost.get("lost", 0.0)
        everything = self.useful + sum(self.lost.values())
        return again / everything if everything > 0 else 0.0
