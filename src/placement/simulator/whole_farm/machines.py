"""Where each node stands: joining and leaving, sleeping and waking, going down and coming back."""

from __future__ import annotations

import numpy as np

from placement.errors import InvalidInput
from placement.farm.machines import NodeState
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import Recorder
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Machines"]


class Machines:
    """Nodes of a world as they go; every change of state is recorded with its exact time.

    Attributes
    ----------
    state
        A `NodeState`, shape ``(nodes,)``. Nodes that have not joined, or have left, are DOWN.
    ready
        When a node that is waking is up, or one that is falling asleep is asleep, seconds; infinite when it is down.
    idle_since
        When the last attempt on it ended, or it came up.
    warm_job
        Job that was started last, -1: none.
    """

    def __init__(self, world: FarmWorld, recorder: Recorder) -> None:
        nodes = len(world.fleet.node_class)
        self._world, self._recorder = world, recorder
        here = world.fleet.joins <= 0
        self.state: Ints = np.where(here, int(NodeState.UP), int(NodeState.DOWN))
        self.ready: Floats = np.where(here, 0.0, np.inf)
        self.idle_since: Floats = np.zeros(nodes)
        self.warm_job: Ints = np.full(nodes, -1)
        self._here: Bools = here
        self._repaired: Floats = np.full(nodes, np.inf)
        self._wakes_next: Bools = np.zeros(nodes, bool)
        self._since: Floats = np.zeros(nodes)

    def _change(self, nodes: Ints, state: NodeState, time: Floats | Seconds, ready: Floats | Seconds = 0.0) -> None:
        time = np.broadcast_to(np.asarray(time, float), nodes.shape)
        self._recorder.spans(nodes, self.state[nodes], self._since[nodes], time)
        self.state[nodes], self.ready[nodes], self._since[nodes] = state, ready, time
        if state == NodeState.UP:
            self.idle_since[nodes] = time
        if state == NodeState.DOWN:
            self.warm_job[nodes] = -1

    def join(self, nodes: Ints, now: Seconds) -> None:
        """Let new nodes come up."""
        fresh = nodes[~self._here[nodes]]
        self._here[fresh] = True
        self._change(fresh, NodeState.UP, now)

    def leave(self, nodes: Ints, now: Seconds, busy: Bools) -> None:
        """Let nodes go: at once where nothing runs, after their last attempt elsewhere."""
        self._here[nodes] = False
        self._repaired[nodes] = np.inf
        up = self.state[nodes] == NodeState.UP
        self._change(nodes[up & busy[nodes]], NodeState.DRAINING, now)
        rest = nodes[~(up & busy[nodes])]
        self._change(rest[self.state[rest] != NodeState.DOWN], NodeState.DOWN, now, np.inf)

    def down(self, nodes: Ints, now: Seconds, until: Floats) -> None:
        """Let nodes go down until they are repaired; those that drain never come back."""
        repaired = np.where(np.isfinite(self._repaired[nodes]), np.maximum(self._repaired[nodes], until), until)
        there = self.state[nodes] != NodeState.DOWN
        known = self._here[nodes] & (there | np.isfinite(self._repaired[nodes]))
        self._repaired[nodes[known]] = repaired[known]
        self._wakes_next[nodes] = False
        self._change(nodes[there], NodeState.DOWN, now, np.inf)

    def sleep(self, nodes: Ints, now: Seconds) -> None:
        """Put idle nodes to sleep."""
        self._change(nodes, NodeState.FALLING_ASLEEP, now, now + self._seconds(nodes, NodeState.FALLING_ASLEEP))

    def wake(self, nodes: Ints, now: Seconds) -> None:
        """Wake nodes that sleep, or that fall asleep as soon as they do.

        Raises
        ------
        InvalidInput
            A node is in another state.
        """
        asleep, falling = (self.state[nodes] == each for each in (NodeState.ASLEEP, NodeState.FALLING_ASLEEP))
        if not (asleep | falling).all():
            node = int(nodes[(~(asleep | falling)).argmax()])
            raise InvalidInput(f"node {node} cannot be woken: it is {NodeState(self.state[node]).name}")
        self._wakes_next[nodes[falling]] = True
        self._rouse(nodes[asleep], np.full(int(asleep.sum()), now))

    def _rouse(self, nodes: Ints, time: Floats) -> None:
        self._wakes_next[nodes] = False
        self._change(nodes, NodeState.WAKING, time, time + self._seconds(nodes, NodeState.WAKING))

    def _seconds(self, nodes: Ints, state: NodeState) -> Floats:
        klass, classes = self._world.fleet.node_class[nodes], self._world.classes
        return np.asarray((classes.wake_seconds if state == NodeState.WAKING else classes.sleep_seconds)[klass])

    def settle(self, now: Seconds, busy: Bools | None) -> bool:
        """Bring to date what ends by itself by `now`; return whether any state changed.

        Parameters
        ----------
        busy
            On which nodes something runs; only asked for, and may be None elsewhere, where `draining`.
        """
        changed = False
        for nodes in self._due(NodeState.FALLING_ASLEEP, self.ready, now):
            changed, when = True, self.ready[nodes]
            self._change(nodes, NodeState.ASLEEP, when)
            again = self._wakes_next[nodes]
            self._rouse(nodes[again], when[again])
        for nodes in self._due(NodeState.WAKING, self.ready, now):
            changed = True
            self._change(nodes, NodeState.UP, self.ready[nodes])
        for nodes in self._due(NodeState.DOWN, self._repaired, now):
            changed, when = True, self._repaired[nodes]
            self._repaired[nodes] = np.inf
            self._change(nodes, NodeState.UP, when)
        if busy is not None:
            gone = np.flatnonzero((self.state == NodeState.DRAINING) & ~busy)
            changed |= len(gone) > 0
            self._change(gone, NodeState.DOWN, np.maximum(self.idle_since[gone], self._since[gone]), np.inf)
        return changed

    def _due(self, state: NodeState, time: Floats, now: Seconds) -> list[Ints]:
        nodes = np.flatnonzero((self.state == state) & (time <= now))
        return [nodes] if len(nodes) else []

    @property
    def draining(self) -> bool:
        """Whether a node waits for its last attempt to leave."""
        return bool((self.state == NodeState.DRAINING).any())

    def next_change(self) -> Seconds:
        """Return when a state changes by itself next, seconds; infinite: never."""
        moving = (self.state == NodeState.FALLING_ASLEEP) | (self.state == NodeState.WAKING)
        return float(min(self.ready[moving].min(initial=np.inf), self._repaired.min(initial=np.inf)))

    def close(self, now: Seconds) -> None:
        """Record the spans that are still open at the end."""
        self._recorder.spans(np.arange(len(self.state)), self.state, self._since, np.full(len(self.state), now))
