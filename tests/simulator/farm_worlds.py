"""Worlds in which much goes wrong, a policy that does all a plan can do, and slow oracles of histories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.farm.machines import NodeState, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Power, Reason, Starts, Stops
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld, Fault, Faults
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.testing.random_farms import random_farm_world
from placement.units import Floats, Ints


def faults(*rows: tuple[Fault, float, int, float, float]) -> Faults:
    """Return faults from rows of kind, time, target, seconds, factor."""
    kind, time, target, seconds, factor = (
        np.array([row[at] for row in sorted(rows, key=lambda row: row[1])]) for at in range(5)
    )
    return Faults(
        time=time.astype(float), kind=kind.astype(np.int64), target=target.astype(np.int64),
        seconds=seconds.astype(float), factor=factor.astype(float),
    )  # fmt: skip


def troubled_world(seed: int) -> FarmWorld:
    """Return a random world with faults, nodes that come and go, and frames that outgrow what was forecast."""
    world, chance = random_farm_world(seed), np.random.default_rng(seed)
    nodes, steps = len(world.fleet.node_class), len(world.steps.job)
    rows = []
    for _ in range(int(chance.integers(0, 6))):
        kind = Fault(int(chance.integers(len(Fault))))
        among = {Fault.CORRUPT_SCENE: steps, Fault.LICENCE_LOSS: len(world.licences)}.get(kind, nodes)
        target = world.fleet.rack[0] if kind == Fault.RACK_LOSS else chance.integers(among)
        lasts = np.inf if kind == Fault.CORRUPT_SCENE else chance.uniform(50, 900)
        factor = chance.uniform(0.2, 1) if kind == Fault.BAD_NODE else chance.uniform(1, 4)
        rows.append((kind, float(chance.uniform(0, 900)), int(target), float(lasts), float(factor)))
    fleet = replace(
        world.fleet,
        joins=np.where((chance.random(nodes) < 0.3) & (np.arange(nodes) > 0), chance.uniform(0, 500, nodes), 0.0),
        leaves=np.where((chance.random(nodes) < 0.3) & (np.arange(nodes) > 0), chance.uniform(500, 900, nodes), np.inf),
    )
    factor = np.repeat(chance.choice([1.0, 0.05], steps), world.steps.frames) * world.frames.factor
    memory = world.frames.memory * chance.choice([0.8, 1.0, 1.3], len(world.frames.memory))
    return replace(
        world, faults=faults(*rows) if rows else Faults.none(), fleet=fleet,
        frames=replace(world.frames, memory=memory, factor=factor),
    )  # fmt: skip


def first_fit(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Start what fits, steps and nodes in their order."""
    return Plan(starts=_fit(farm, cost, farm.nodes.free.copy(), farm.licences.copy(), None))


def _fit(farm: FarmSnapshot, cost: Cost, free: Floats, licences: Ints, mode: Ints | None) -> Starts:
    step, node = [], []
    for row in range(farm.steps.count):
        request, licence = farm.steps.request[row], farm.steps.licence[row]
        for each in np.flatnonzero(farm.nodes.state == NodeState.UP).tolist():
            for _ in range(int(farm.steps.waiting[row]) - step.count(row)):
                able = np.isfinite(cost.seconds[row, farm.nodes.node_class[each]])
                if able and (free[each] >= request).all() and (licence < 0 or licences[licence] > 0):
                    free[each] -= request
                    if licence >= 0:
                        licences[licence] -= 1
                    step.append(row)
                    node.append(each)
    rows = np.array(step, np.int64)
    return Starts.of(rows, np.array(node, np.int64), int(Reason.IDLE), 0 if mode is None else mode[rows])


def restless(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Do all that a plan can do, at random, but always the same on the same farm: interrupt, follow, sleep and wake."""
    chance = np.random.default_rng([int(farm.now * 1000) % 2**32, farm.attempts.count])
    tired = farm.attempts.interrupted < 2
    stopped = np.flatnonzero(tired & ~farm.attempts.stopping & (chance.random(farm.attempts.count) < 0.1))
    now = chance.random(len(stopped)) < 0.5
    stops = Stops(
        attempt=stopped, now=now, reason=np.full(len(stopped), int(Reason.RESCUE)), loss=np.zeros(len(stopped))
    )
    mode = chance.integers(farm.classes.modes, size=farm.steps.count)
    starts = _fit(farm, cost, farm.nodes.free.copy(), farm.licences.copy(), mode)
    used = np.zeros(farm.nodes.count, bool)
    used[farm.attempts.node] = used[starts.node] = True
    asleep = np.flatnonzero((farm.nodes.state == NodeState.UP) & ~used & (chance.random(farm.nodes.count) < 0.3))
    dozing = np.isin(farm.nodes.state, [NodeState.ASLEEP, NodeState.FALLING_ASLEEP])
    awake = np.flatnonzero(dozing & (chance.random(farm.nodes.count) < 0.5))
    nodes = np.concatenate([asleep, awake])
    power = Power(node=nodes, up=np.arange(len(nodes)) >= len(asleep), reason=np.full(len(nodes), 40))
    follow = np.where(chance.random(farm.attempts.count) < 0.8, farm.attempts.step, -1)
    for row in range(farm.attempts.count):
        other = int(chance.integers(farm.steps.count))
        own, klass = farm.attempts.step[row], farm.nodes.node_class[farm.attempts.node[row]]
        fits = (farm.steps.request[other] <= farm.steps.request[own]).all()
        licence = farm.steps.licence[other] in (-1, farm.steps.licence[own])
        if fits and licence and np.isfinite(cost.seconds[other, klass]) and other != own:
            follow[row] = other
    return Plan(starts=starts, stops=stops, power=power, successors=follow)


def check_history(world: FarmWorld, history: FarmHistory) -> None:
    """Assert what holds of every history."""
    attempts = history.attempts
    done = attempts.frame[attempts.outcome == Outcome.DONE]
    assert len(np.unique(done)) == len(done)
    job = np.repeat(world.steps.job, world.steps.frames)
    finished = np.isfinite(history.job_end)
    assert set(np.flatnonzero(finished[job])) <= set(done.tolist())
    assert not (finished & history.job_failed).any()
    for frame in np.unique(attempts.frame).tolist():
        rows = np.flatnonzero(attempts.frame == frame)
        rows = rows[np.argsort(attempts.index[rows])]
        assert (attempts.start[rows][1:] >= attempts.end[rows][:-1]).all()
        assert (np.diff(attempts.saved[rows]) >= 0).all()
    assert (attempts.end >= attempts.start).all()
    assert ((attempts.lost >= 0) & (attempts.lost <= attempts.end - attempts.start + 1e-9)).all()
    assert (attempts.start >= history.step_ready[attempts.step]).all()
    after = world.steps.after[attempts.step]
    waited = after >= 0
    assert (attempts.start[waited] >= history.step_end[after[waited]]).all()
    check_capacity(world, history)
    check_states(world, history)


def check_capacity(world: FarmWorld, history: FarmHistory) -> None:
    """Assert that no node and no licence is over its capacity right after any attempt starts."""
    attempts = history.attempts
    request = world.steps.request[attempts.step]
    request[:, Resource.MEMORY] = attempts.memory
    offer, licence = world.classes.offer[world.fleet.node_class], world.steps.licence[attempts.step]
    for row in range(attempts.count):
        at = attempts.start[row]
        runs = (attempts.start <= at) & (at < attempts.end)
        here = runs & (attempts.node == attempts.node[row])
        assert (request[here].sum(axis=0) <= offer[attempts.node[row]] + 1e-6).all()
        for each in range(len(world.licences)):
            assert (runs & (licence == each)).sum() <= world.licences[each]
        if attempts.continued[row]:
            before = (attempts.node == attempts.node[row]) & (attempts.end == at)
            assert (before & (attempts.outcome == Outcome.DONE)).any()


def check_states(world: FarmWorld, history: FarmHistory) -> None:
    """Assert that spans cover the history, and that attempts start on nodes that are up and run while these are."""
    spans, attempts = history.spans, history.attempts
    for node in range(len(world.fleet.node_class)):
        rows = np.flatnonzero(spans.node == node)
        if history.end > 0:
            assert spans.start[rows[0]] == 0
            assert spans.end[rows[-1]] == history.end
        assert (spans.start[rows][1:] == spans.end[rows][:-1]).all()
        for row in np.flatnonzero(attempts.node == node).tolist():
            meets = (spans.start[rows] < attempts.end[row]) & (attempts.start[row] < spans.end[rows])
            assert np.isin(spans.state[rows][meets], [NodeState.UP, NodeState.DRAINING]).all()
            if meets.any():
                assert spans.state[rows][meets][0] == NodeState.UP


def slow_joules(world: FarmWorld, history: FarmHistory) -> float:
    """Return a history's energy, instant by instant."""
    spans, attempts, classes = history.spans, history.attempts, world.classes
    times = np.unique(np.concatenate([spans.start, spans.end, attempts.start, attempts.end]))
    total = 0.0
    for start, end in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        watts = 0.0
        for row in np.flatnonzero((spans.start <= start) & (start < spans.end)).tolist():
            klass = world.fleet.node_class[spans.node[row]]
            if spans.state[row] == NodeState.ASLEEP:
                watts += classes.asleep_watts[klass]
            elif spans.state[row] != NodeState.DOWN:
                watts += classes.idle_watts[klass]
        for row in np.flatnonzero((attempts.start <= start) & (start < attempts.end)).tolist():
            klass = world.fleet.node_class[attempts.node[row]]
            cores, gpus = (
                world.steps.request[attempts.step[row], each] / max(classes.offer[klass, each], 1e-9) for each in (0, 2)
            )
            busy, of_gpus = classes.busy_watts[klass] - classes.idle_watts[klass], classes.gpu_watts[klass]
            full = cores * (busy - of_gpus) + gpus * of_gpus if of_gpus else busy * max(cores, gpus)
            watts += full * classes.draw[klass, attempts.mode[row]]
        total += watts * (end - start)
    woken = spans.node[spans.state == NodeState.WAKING]
    return total + float(classes.wake_joules[world.fleet.node_class[woken]].sum())
