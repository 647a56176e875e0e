"""The farm at one instant, as read-only columns: all that a planner may look at besides what things cost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement.errors import InvalidInput
from placement.farm.clients import Clients
from placement.farm.machines import Classes, Nodes, NodeState
from placement.farm.tariff import Outlook
from placement.farm.work import Attempts, Jobs, Steps
from placement.units import Floats, Ints, Seconds, Watts

__all__ = ["FarmSnapshot"]

#: 1 in states in which a node takes work or can be woken.
_THERE = np.array([float(state not in (NodeState.DOWN, NodeState.DRAINING)) for state in sorted(NodeState)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FarmSnapshot:
    """The farm as it stands; nothing in here was measured later than `now`.

    Parameters
    ----------
    now
        Seconds since the start of the world.
    licences
        How many of each licence are free, shape ``(licences,)``.
    outlook
        Prices and carbon intensity now and as published for the hours ahead.
    power_cap
        Watts that all nodes together may draw; infinite: no cap.
    """

    now: Seconds
    classes: Classes
    nodes: Nodes
    clients: Clients
    jobs: Jobs
    steps: Steps
    attempts: Attempts
    licences: Ints
    outlook: Outlook
    power_cap: Watts = float("inf")
    _capacity: Floats = field(init=False, repr=False)
    _share: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, rows, limit in (
            ("nodes.node_class", self.nodes.node_class, len(self.classes.names)),
            ("jobs.client", self.jobs.client, self.clients.count),
            ("steps.job", self.steps.job, self.jobs.count),
            ("attempts.step", self.attempts.step, self.steps.count),
            ("attempts.node", self.attempts.node, self.nodes.count),
        ):
            if len(rows) and not (rows.min() >= 0 and rows.max() < limit):
                raise InvalidInput(f"{name} must be rows 0 to {limit - 1}, got {rows.min()} to {rows.max()}")
        # Worked out once: a decision asks for them two dozen times, which took a tenth of it.
        for name, column in (("_capacity", self._count_nodes()), ("_share", self._dominant_share())):
            column.setflags(write=False)
            object.__setattr__(self, name, column)

    @property
    def up(self) -> Ints:
        """Rows of the nodes that take work."""
        return np.flatnonzero(self.nodes.state == NodeState.UP)

    def capacity(self) -> Floats:
        """Return how many nodes of each class take work or can be woken, shape ``(classes,)``."""
        return self._capacity

    def _count_nodes(self) -> Floats:
        return np.bincount(self.nodes.node_class, _THERE[self.nodes.state], len(self.classes.names)).astype(float)

    def worth(self) -> float:
        """Return the normalised capacity of all nodes that are not down."""
        return float(self.capacity() @ self.classes.worth)

    def share_of_node(self) -> Floats:
        """Return the largest share of a whole node that one frame takes, shape ``(steps, classes)``.

        Its dominant resource there (Ghodsi et al., "Dominant resource fairness", NSDI 2011); above 1 it does not fit.
        """
        return self._share

    def _dominant_share(self) -> Floats:
        request, offer = self.steps.request, self.classes.offer
        share = np.zeros((len(request), len(offer)))
        with np.errstate(divide="ignore", invalid="ignore"):
            for each in np.flatnonzero((request > 0).any(axis=0)):
                np.fmax(share, request[:, each, None] / offer[None, :, each], out=share)
        return share
