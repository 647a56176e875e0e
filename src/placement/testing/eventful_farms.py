"""Random farms and worlds in which all that a planner must mind happens at once, of one seed each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook, Tariff
from placement.scheduling.cost import Cost
from placement.simulator.farm_world import FarmWorld, Fault, Faults
from placement.testing.random_farms import random_farm_world, random_snapshot
from placement.units import Watts

__all__ = ["eventful_farm_world", "eventful_snapshot", "random_faults"]

#: Above the importance from which `placement.scheduling.rules.Rules` calls a job an emergency.
_EMERGENCY = 150.0


def _random_outlook(chance: np.random.Generator, first: float) -> Outlook:
    periods = int(chance.integers(1, 7))
    start = first + np.concatenate([[0.0], np.cumsum(chance.uniform(300, 4000, periods - 1))])
    return Outlook(start=start, price=chance.normal(0.15, 0.1, periods), carbon=chance.uniform(20, 600, periods))


def _random_cap(chance: np.random.Generator, idle: Watts, busy: Watts) -> Watts:
    """Return no cap, or one anywhere from less than what idle nodes draw to more than what all can."""
    return float("inf") if chance.random() < 0.5 else float(chance.uniform(0.8 * idle, 1.1 * busy))


def eventful_snapshot(seed: int, nodes: int = 6, steps: int = 8) -> tuple[FarmSnapshot, Cost]:
    """Return `random_snapshot` with more in it.

    Emergencies; previews that are due; steps that have waited for days; attempts with checkpoints, in slow modes, told
    to stop, or interrupted before; prices that change, negative ones too; a power cap.

    Examples
    --------
    >>> farm, _ = eventful_snapshot(seed=3)
    >>> len(farm.outlook.start), bool(farm.jobs.importance.max() > 100)
    (4, False)
    """
    farm, cost = random_snapshot(seed, nodes, steps)
    chance = np.random.default_rng([seed, 1])
    work, jobs, runs, kind = farm.steps, farm.jobs, farm.attempts, farm.nodes.node_class
    rows, count = work.count, runs.count
    idle, busy = (float(watts[kind].sum()) for watts in (farm.classes.idle_watts, farm.classes.busy_watts))
    return replace(
        farm,
        jobs=replace(
            jobs,
            importance=np.where(chance.random(jobs.count) < 0.1, _EMERGENCY, jobs.importance),
            deadline=np.where(chance.random(jobs.count) < 0.2, chance.uniform(1010, 1500, jobs.count), jobs.deadline),
        ),
        steps=replace(
            work,
            preview_due=np.where(chance.random(rows) < 0.2, chance.uniform(500, 3000, rows), np.nan),
            since=np.where(chance.random(rows) < 0.1, -3e5, work.since),
            done=chance.integers(0, 9, rows),
        ),
        attempts=replace(
            runs, saved=np.where(chance.random(count) < 0.3, chance.random(count), 0.0),
            interrupted=chance.integers(0, 4, count), stopping=chance.random(count) < 0.2,
            mode=chance.integers(farm.classes.modes, size=count),
        ),
        clients=replace(farm.clients, reclaim=chance.choice([0.0, 60.0, 900.0], farm.clients.count)),
        outlook=_random_outlook(chance, 400.0),
        power_cap=_random_cap(chance, idle, busy),
    ), cost  # fmt: skip


def random_faults(chance: np.random.Generator, world: FarmWorld, most: int = 6) -> Faults:
    """Return faults of every kind in the first 15 minutes of a world."""
    nodes, rows = len(world.fleet.node_class), []
    for _ in range(int(chance.integers(0, most))):
        kind = Fault(int(chance.integers(len(Fault))))
        among = {Fault.CORRUPT_SCENE: len(world.steps.job), Fault.LICENCE_LOSS: len(world.licences)}.get(kind, nodes)
        target = world.fleet.rack[0] if kind == Fault.RACK_LOSS else chance.integers(among)
        lasts = np.inf if kind == Fault.CORRUPT_SCENE else chance.uniform(50, 900)
        factor = chance.uniform(0.2, 1) if kind == Fault.BAD_NODE else chance.uniform(1, 4)
        rows.append((float(chance.uniform(0, 900)), int(kind), int(target), float(lasts), float(factor)))
    if not rows:
        return Faults.none()
    time, kind_, target_, seconds, factor_ = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return Faults(time=time, kind=kind_, target=target_, seconds=seconds, factor=factor_)


def eventful_farm_world(seed: int, nodes: int = 4, steps: int = 5, *, faults: bool = True) -> FarmWorld:
    """Return `random_farm_world` with more in it: not every frame can run to its end.

    Clients with limits and static partitions; emergencies, previews, prices that change, a power cap; nodes that join,
    leave and, with `faults`, break; frames that outgrow the memory they were forecast.

    Examples
    --------
    >>> world = eventful_farm_world(seed=2)
    >>> len(world.faults.time), bool((world.frames.memory > world.forecasts.memory.max()).any())
    (0, True)
    """
    world, chance = random_farm_world(seed, nodes, steps), np.random.default_rng([seed, 2])
    rows, clients, kind = len(world.steps.job), world.clients, world.fleet.node_class
    drawn = clients.guarantee + (1 - clients.guarantee) * chance.random(clients.count)
    limit = np.where(chance.random(clients.count) < 0.5, 1.0, drawn)
    lending = np.where(chance.random(clients.count) < 0.2, int(Lending.STATIC), clients.lending)
    outlook, some = _random_outlook(chance, 0.0), np.arange(nodes) > 0
    memory = world.frames.memory * chance.choice([0.8, 1.0, 1.3], len(world.frames.memory))
    return replace(
        world,
        clients=replace(clients, limit=limit, lending=lending, reclaim=chance.choice([0.0, 60.0], clients.count)),
        fleet=replace(
            world.fleet, joins=np.where((chance.random(nodes) < 0.2) & some, chance.uniform(0, 500, nodes), 0.0),
            leaves=np.where((chance.random(nodes) < 0.2) & some, chance.uniform(500, 900, nodes), np.inf),
        ),
        jobs=replace(
            world.jobs,
            importance=np.where(chance.random(world.jobs.count) < 0.2, _EMERGENCY, world.jobs.importance),
        ),
        steps=replace(
            world.steps, preview=np.where((world.steps.after < 0) & (chance.random(rows) < 0.3), 1, 0),
            checkpoint=chance.choice([20.0, np.inf], rows),
        ),
        frames=replace(world.frames, memory=memory),
        faults=random_faults(chance, world) if faults else Faults.none(),
        tariff=Tariff(actual=outlook, published=outlook),
        power_cap=_random_cap(
            chance, float(world.classes.idle_watts[kind].sum()), float(world.classes.busy_watts[kind].sum())
        ),
    )  # fmt: skip
