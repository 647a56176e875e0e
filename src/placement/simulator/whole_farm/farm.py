"""The farm as it stands in virtual time: all its parts, and how attempts end before their time."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import RESOURCES, NodeState, Resource
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import Beliefs
from placement.simulator.whole_farm.history import Outcome, Recorder
from placement.simulator.whole_farm.machines import Machines
from placement.simulator.whole_farm.progress import Progress
from placement.simulator.whole_farm.queues import Queues
from placement.simulator.whole_farm.running import Running
from placement.simulator.whole_farm.timing import Timing, kept_share
from placement.simulator.whole_farm.troubles import Troubles
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Farm"]

_LEAST = np.finfo(float).tiny


class Farm:
    """Mutable state of one run; the functions of this package move it forward.

    Attributes
    ----------
    floor
        Memory below which no frame of a step is asked for again after it ran out, MiB, shape ``(all steps,)``.
    asked
        What a frame of each step asks for since the last decision, whole MiB where a node has as many, shape
        ``(all steps,)``.
    most_memory
        Memory of the largest node that can run a step, MiB, shape ``(all steps,)``.
    unused
        Memory that nothing asked for on each node after the last decision, MiB, shape ``(nodes,)``.
    mishaps
        Attempts since the last decision that ran out of memory or failed, and those that finished on suspect nodes:
        columns as `Running` has them.
    history
        What each client used beyond its share, as `placement.farm.clients.Clients.history`.
    short_since
        Since when each client was short at the last decisions, as `placement.farm.clients.Clients.short_since`.
    """

    def __init__(self, world: FarmWorld, beliefs: Beliefs, warmth: float) -> None:
        self.world = world
        self.beliefs = beliefs
        self.warmth = warmth
        self.recorder = Recorder()
        self.queues = Queues(world)
        self.progress = Progress(world, self.queues)
        self.machines = Machines(world, self.recorder)
        self.timing = Timing(world, warmth)
        self.troubles = Troubles(world)
        self.running = Running()
        self.floor: Floats = np.zeros(len(world.steps.job))
        self.asked: Floats = np.zeros(len(world.steps.job))
        self.most_memory = _most_memory(world)
        self.unused: Floats = np.zeros(len(world.fleet.node_class))
        self.mishaps: list[dict[str, np.ndarray]] = []
        self.suspects: dict[int, list[tuple[int, int]]] = {}
        self.scene_failures: dict[int, set[int]] = {}
        self.history: Floats = world.clients.history.copy()
        self.short_since: Floats = np.full(world.clients.count, np.inf)
        self.attempts = 0
        self.changed = True

    def ask(self) -> None:
        """Bring to date what memory frames of the steps that live ask for."""
        steps = self.progress.steps
        memory = np.ceil(np.maximum(self.beliefs.memory(steps), self.floor[steps]))
        most = self.most_memory[steps]
        self.asked[steps] = np.where(most > 0, np.minimum(memory, most), memory)

    def free_licences(self, now: Seconds) -> Ints:
        """Return how many of each licence can be had; one that is lost has none, and those held stay held."""
        licences = self.world.licences
        if not len(licences):
            return licences
        held = self.world.steps.licence[self.running.step[: self.running.count]]
        free = licences - np.bincount(held[held >= 0], minlength=len(licences))
        return np.where(self.troubles.no_licence(now), 0, free)

    def worth(self, step: Ints, node: Ints, memory: Floats) -> Floats:
        """Return the normalised capacity that frames hold on nodes: of the resource they take the largest share of."""
        world, klass = self.world, self.world.fleet.node_class[node]
        offer, request = world.classes.offer[klass], world.steps.request[step]
        share = np.zeros(len(step))
        for resource in range(RESOURCES):
            taken = memory if resource == Resource.MEMORY else request[:, resource]
            share = np.maximum(share, np.where(taken > 0, taken / np.maximum(offer[:, resource], _LEAST), 0.0))
        return np.asarray(share * world.classes.worth[klass])

    def busy(self) -> Bools:
        """Return on which nodes something runs, shape ``(nodes,)``."""
        live = self.running.event[: self.running.count] < np.inf
        return np.bincount(self.running.node[: self.running.count][live], minlength=len(self.unused)) > 0

    def free(self) -> Floats:
        """Return what no attempt asked for, shape ``(nodes, resources)``; all rows of `running` count."""
        world, running = self.world, self.running
        step, node = running.step[: running.count], running.node[: running.count]
        free = world.classes.offer[world.fleet.node_class]
        for resource in range(RESOURCES):
            if resource == Resource.MEMORY:
                taken = running.memory[: running.count]
            else:
                taken = world.steps.request[:, resource][step]
            free[:, resource] -= np.bincount(node, taken, len(free))
        # Sums of fractions may miss by a rounding.
        return np.where(np.abs(free) < 1e-9, 0.0, free)

    def end(self, rows: Ints, outcome: Outcome, time: Floats, lost: Floats, stopped: Ints | None = None) -> None:
        """Record that attempts ended and close their rows."""
        self.record(rows, outcome, time, lost, stopped)
        np.maximum.at(self.machines.idle_since, self.running.node[rows], time)
        self.running.event[rows] = np.inf
        self.changed = True

    def record(self, rows: Ints, outcome: Outcome, time: Floats, lost: Floats, stopped: Ints | None = None) -> None:
        """Record that attempts ended."""
        names = ("index", "frame", "step", "node", "mode", "start", "saved", "memory", "continued", "reason")
        columns = {name: getattr(self.running, name)[rows] for name in names}
        loading = np.minimum(self.running.loading[rows], time - columns["start"])
        none = np.full(len(rows), -1) if stopped is None else stopped
        self.recorder.attempts(
            {
                **columns, "end": time, "outcome": np.full(len(rows), int(outcome)), "lost": lost, "stopped": none,
                "loading": loading,
            }
        )  # fmt: skip

    def interrupt(self, rows: Ints, outcome: Outcome, now: Seconds, stopped: Ints | None = None) -> None:
        """Let attempts leave their nodes; their frames wait again with what their last checkpoints hold."""
        if not len(rows):
            return
        running, frame, step = self.running, self.running.frame[rows], self.running.step[rows]
        done, before = running.done_share(rows, now), running.saved[rows]
        kept = kept_share(done, running.whole[rows], self.world.steps.checkpoint[step], before)
        spent = now - running.start[rows]
        lost = np.where(done > before, spent * (done - kept) / np.where(done > before, done - before, 1.0), 0.0)
        self.end(rows, outcome, np.full(len(rows), now), lost, stopped)
        self.queues.saved[frame] = kept
        self.queues.interrupted[frame] += 1
        self.queues.put_back(step, frame)

    def down(self, nodes: Ints, now: Seconds, until: Floats, outcome: Outcome) -> None:
        """Let nodes go down, and interrupt what runs there."""
        hit = np.zeros(len(self.unused), bool)
        hit[nodes] = True
        running = self.running
        live = running.event[: running.count] < np.inf
        self.interrupt(np.flatnonzero(hit[running.node[: running.count]] & live), outcome, now)
        self.machines.down(nodes, now, until)
        self.changed = True

    def hold_places(self) -> None:
        """Let nothing follow on nodes that are not up."""
        running = self.running
        closed = self.machines.state[running.node[: running.count]] != NodeState.UP
        running.follow[: running.count][closed] = -1


def _most_memory(world: FarmWorld) -> Floats:
    there = np.bincount(world.fleet.node_class, minlength=len(world.classes.names)) > 0
    able = np.isfinite(world.steps.seconds) & there
    for resource in range(RESOURCES):
        if resource != Resource.MEMORY:
            able &= world.steps.request[:, resource, None] <= world.classes.offer[:, resource]
    return np.asarray(np.where(able, world.classes.offer[:, Resource.MEMORY], 0.0).max(axis=1, initial=0.0))
