"""Random farms and worlds of one seed each, small enough to look at when a law breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from placement.farm.clients import Clients, Lending
from placement.farm.machines import Classes, NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.simulator.farm_world import FarmWorld
from placement.testing.planner_farms import classes_of, clients_of, farm_world_of, snapshot_of
from placement.units import Ints

__all__ = ["random_farm_world", "random_snapshot"]


def _random_machines(chance: np.random.Generator, nodes: int) -> tuple[Classes, dict[str, Any]]:
    count = int(chance.integers(1, 5))
    cores, gpus = 2.0 ** chance.integers(2, 7, count), chance.choice([0.0, 0.0, 2.0], count)
    offer = np.stack([cores, cores * chance.choice([2048, 4096], count), gpus, gpus * 24576, cores * 8192], axis=1)
    eco = np.column_stack([np.ones(count), chance.uniform(0.5, 1, count)])
    split = np.where((gpus > 0) & (np.arange(count) % 2 == 0), 120.0, 0.0)
    classes = classes_of(offer=offer, worth=cores + 16 * gpus, speed=eco, draw=eco**1.5, gpu_watts=split)
    state = chance.choice(len(NodeState), nodes, p=[0.7, 0.1, 0.05, 0.05, 0.05, 0.05])
    return classes, {
        "node_class": chance.integers(count, size=nodes), "state": state,
        "ready": np.where(np.isin(state, [NodeState.WAKING, NodeState.FALLING_ASLEEP, NodeState.DOWN]), 1060.0, 0.0),
        "idle_since": chance.uniform(0, 1000, nodes), "warm_job": chance.integers(-1, 3, nodes),
        "rack": chance.integers(3, size=nodes),
    }  # fmt: skip


def _random_clients(chance: np.random.Generator) -> tuple[Clients, Ints]:
    """Return clients, some with projects under them, and the rows of the leaves."""
    roots, under = int(chance.integers(1, 4)), int(chance.integers(0, 3))
    parent = np.concatenate([np.full(roots, -1), np.zeros(under)]).astype(np.int64)
    guarantee = np.concatenate([chance.dirichlet(np.ones(roots + 1))[:roots], np.zeros(under)])
    guarantee[roots:] = guarantee[0] * chance.dirichlet(np.ones(under + 1))[:under]
    drawn = guarantee + (1 - guarantee) * chance.random(roots + under)
    limit = np.where(chance.random(roots + under) < 0.5, 1.0, drawn)
    clients = clients_of(
        parent=parent, guarantee=guarantee, limit=limit, weight=chance.uniform(0.5, 3, roots + under),
        lending=chance.integers(len(Lending), size=roots + under), history=chance.normal(0, 1e4, roots + under),
    )  # fmt: skip
    return clients, np.setdiff1d(np.arange(clients.count), parent)


def _random_steps(chance: np.random.Generator, steps: int, jobs: int) -> dict[str, Any]:
    job = np.sort(chance.integers(jobs, size=steps))
    job -= job.min(initial=0)
    after = np.where((chance.random(steps) < 0.3) & (np.diff(job, prepend=-1) == 0), np.arange(steps) - 1, -1)
    frames = chance.integers(0, 9, steps)
    cores, gpus = 2.0 ** chance.integers(0, 6, steps), chance.choice([0.0, 0.0, 0.0, 1.0], steps)
    memory = np.round(cores * chance.uniform(200, 6000, steps))
    return {
        "index": np.arange(steps) * 3 + 1, "job": job, "after": after, "waiting": np.where(after < 0, frames, 0),
        "blocked": np.where(after < 0, 0, frames), "licence": np.where(chance.random(steps) < 0.2, 0, -1),
        "request": np.stack([cores, memory, gpus, gpus * 8192, 100.0 * cores], axis=1), "declared_memory": 4096 * cores,
        "declared_seconds": np.where(chance.random(steps) < 0.3, np.nan, chance.uniform(30, 900, steps)),
        "startup": chance.uniform(0, 20, steps), "since": chance.uniform(0, 1000, steps),
        "checkpoint": chance.choice([60.0, np.inf], steps),
    }  # fmt: skip


def random_snapshot(seed: int, nodes: int = 6, steps: int = 8) -> tuple[FarmSnapshot, Cost]:
    """Return a farm in the midst of work and what its frames cost; everything in it is possible.

    Mixed node classes, some nodes asleep or down; clients with guarantees, limits and projects; steps that depend,
    hold licences or need GPUs, jobs that are held; running attempts that fit.

    Examples
    --------
    >>> farm, cost = random_snapshot(seed=7)
    >>> bool((farm.nodes.free >= 0).all()), cost.seconds.shape == (8, len(farm.classes.names))
    (True, True)
    """
    chance, now = np.random.default_rng(seed), 1000.0
    classes, machines = _random_machines(chance, nodes)
    clients, leaves = _random_clients(chance)
    work = _random_steps(chance, steps, int(chance.integers(1, 5)))
    rows = int(work["job"].max(initial=0)) + 1
    jobs = {
        "index": np.arange(rows) * 5 + 2, "client": chance.choice(leaves, rows),
        "release": chance.uniform(0, 900, rows),
        "deadline": np.where(chance.random(rows) < 0.3, np.inf, chance.uniform(900, 9000, rows)),
        "importance": chance.uniform(0.5, 4, rows), "priority": chance.integers(1, 101, rows),
        "held": chance.random(rows) < 0.1,
    }  # fmt: skip
    share = (work["request"][:, None, :] / np.maximum(classes.offer, 1e-9)).max(axis=2, initial=0.0)
    able = (share <= 1) & (chance.random(share.shape) < 0.9)
    seconds = np.where(able, chance.lognormal(5, 1, share.shape), np.inf)
    free, licences, runs = classes.offer[machines["node_class"]].copy(), int(chance.integers(0, 4)), []
    for step in chance.permutation(np.repeat(np.flatnonzero(work["after"] < 0), 2)):
        node, needs = int(chance.integers(nodes)), work["licence"][step] >= 0
        on = machines["state"][node] in (NodeState.UP, NodeState.DRAINING) and able[step, machines["node_class"][node]]
        if on and (work["request"][step] <= free[node]).all() and chance.random() < 0.5 and (licences or not needs):
            free[node], licences = free[node] - work["request"][step], licences - bool(needs)
            runs.append((step, node))
    where = np.array(runs, np.int64).reshape(-1, 2)
    attempts = {"step": where[:, 0], "node": where[:, 1], "started": chance.uniform(0, now, len(where))}
    farm = snapshot_of(
        now=now, classes=classes, clients=clients, nodes=machines, jobs=jobs, steps=work, attempts=attempts,
        licences=[licences],
    )  # fmt: skip
    common = chance.uniform(0.05, 0.5, steps)
    return farm, Cost(seconds=seconds, spread=chance.uniform(0.05, 0.3, steps), common=common, warmth=0.5)


def random_farm_world(seed: int, nodes: int = 4, steps: int = 5) -> FarmWorld:
    """Return a world whose every frame can run on some node that stays, and in which no client is limited.

    Examples
    --------
    >>> random_farm_world(seed=1).steps.seconds.shape[0]
    5
    """
    chance = np.random.default_rng(seed)
    classes, machines = _random_machines(chance, nodes)
    clients, leaves = _random_clients(chance)
    lending = np.where(clients.lending == Lending.STATIC, int(Lending.FRAME), clients.lending)
    clients = replace(clients, limit=np.ones(clients.count), lending=lending)
    work = _random_steps(chance, steps, int(chance.integers(1, 4)))
    rows = int(work["job"].max(initial=0)) + 1
    request = np.minimum(work["request"], classes.offer[machines["node_class"][0]])
    fits = (request[:, None, :] <= classes.offer).all(axis=2)
    seconds = np.where(fits, chance.lognormal(4, 0.7, fits.shape), np.inf)
    frames = chance.integers(1, 6, steps)
    return farm_world_of(
        name="random", classes=classes, clients=clients, licences=chance.integers(1, 4, 1),
        fleet={
            "node_class": machines["node_class"], "rack": machines["rack"], "slowness": chance.uniform(1, 1.2, nodes)
        },
        jobs={
            "client": chance.choice(leaves, rows), "release": np.sort(chance.uniform(0, 600, rows)),
            "deadline": chance.uniform(600, 6000, rows), "importance": chance.uniform(0.5, 4, rows),
        },
        steps={
            "frames": frames, "request": request, "seconds": seconds,
            **{name: work[name] for name in ("job", "after", "licence", "startup", "checkpoint", "declared_seconds")},
        },
        frames={"factor": chance.lognormal(0, 0.1, frames.sum()), "luck": chance.random(frames.sum())},
        forecasts={"seconds": seconds * chance.lognormal(0, 0.2, (steps, 1))},
    )  # fmt: skip
