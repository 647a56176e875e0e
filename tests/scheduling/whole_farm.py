"""A farm of a real one's size and frame mix: 1,553 nodes of three classes, 57,000 cores, steps as FACTS counts them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.packing import Room
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of

__all__ = ["real_size_farm"]

_HOSTS = {128: 246, 32: 303, 16: 1004}
#: Cores of a frame: share of frames, mean memory in MiB, mean minutes.
_MIX = {
    1: (0.2289, 520.0, 2.31), 2: (0.2554, 1380.0, 4.7), 4: (0.3422, 6440.0, 11.38), 8: (0.1455, 27270.0, 30.14),
    16: (0.0188, 63850.0, 52.43), 32: (0.0028, 109000.0, 47.98), 64: (0.0003, 233120.0, 40.26),
}  # fmt: skip


def real_size_farm(seed: int = 1, steps: int = 1000, frames: int = 20, full: bool = False) -> tuple[FarmSnapshot, Cost]:
    """Return the farm idle, or full of running frames of the same steps."""
    chance = np.random.default_rng(seed)
    cores = np.array(list(_HOSTS), float)
    offer = np.stack([cores, cores * 3700, 0 * cores, 0 * cores, cores * 10000], axis=1)
    node_class = chance.permutation(np.repeat(np.arange(3), list(_HOSTS.values())))
    share, memory, minutes = np.array(list(_MIX.values())).T
    kind = chance.choice(len(_MIX), steps, p=share / share.sum())
    wanted = np.array(list(_MIX), float)[kind]
    request = np.stack([wanted, np.ceil(memory[kind] * chance.lognormal(-0.125, 0.5, steps)), 0 * wanted, 0 * wanted,
                        100 * wanted], axis=1)  # fmt: skip
    job = np.sort(chance.integers(200, size=steps))
    job = np.unique(job, return_inverse=True)[1]
    jobs = {
        "client": chance.integers(4, size=job.max() + 1), "priority": chance.integers(1, 101, job.max() + 1),
        "deadline": chance.uniform(2e4, 2e5, job.max() + 1), "release": np.sort(chance.uniform(0, 1e4, job.max() + 1)),
    }  # fmt: skip
    farm = snapshot_of(
        now=1e4, classes=classes_of(offer=offer, worth=cores), nodes={"node_class": node_class}, jobs=jobs,
        steps={"job": job, "request": request, "waiting": np.full(steps, frames),
               "since": chance.uniform(0, 1e4, steps)},
        clients=clients_of(guarantee=[0.3, 0.25, 0.2, 0.1], limit=[1.0, 1.0, 0.8, 0.6]),
    )  # fmt: skip
    fits = farm.share_of_node()
    speed = chance.uniform(0.7, 1.4, (steps, 3))
    seconds = np.where(fits <= 1, minutes[kind, None] * 60 * speed, np.inf)
    if full:
        farm = _filled(farm, chance)
    return farm, cost_of(farm, seconds)


def _filled(farm: FarmSnapshot, chance: np.random.Generator) -> FarmSnapshot:
    room, step, node = Room(farm), [], []
    for row in chance.permutation(farm.steps.count):
        nodes, counts = room.best_fit(farm.steps.request[row], np.ones(3, dtype=bool), 20)
        room.take(farm.steps.request[row], nodes, counts)
        step.append(np.full(counts.sum(), row))
        node.append(np.repeat(nodes, counts))
    attempts = {"step": np.concatenate(step), "node": np.concatenate(node)}
    attempts["started"] = farm.now - chance.uniform(0, 1800, len(attempts["step"]))
    steps = {name: getattr(farm.steps, name) for name in ("job", "request", "waiting", "since")}
    jobs = {name: getattr(farm.jobs, name) for name in ("client", "priority", "deadline", "release")}
    full = snapshot_of(now=farm.now, classes=farm.classes, clients=farm.clients, jobs=jobs, steps=steps,
                       nodes={"node_class": farm.nodes.node_class}, attempts=attempts)  # fmt: skip
    return replace(full, steps=replace(full.steps, done=np.full(full.steps.count, 3)))
