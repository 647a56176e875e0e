"""Big farms at work, drawn by chance: machines, clients, jobs and running frames as a planner meets them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from placement.evaluation.workloads.farm_shapes import FRAME_MIX
from placement.farm.clients import Clients, Lending
from placement.farm.machines import Classes, NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook
from placement.scheduling.cost import Cost
from placement.scheduling.energy_modes import watts
from placement.scheduling.packing import Room
from placement.scheduling.rules import Aim, Rules
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of
from placement.units import Floats, Ints

__all__ = ["FARM", "HUGE", "Case", "Size", "big_farm"]

Case = tuple[FarmSnapshot, Cost, Rules]

_NOW, _HOUR, _GIB = 200_000.0, 3600.0, 1024.0
_AIMS = (Aim.BALANCED, Aim.BALANCED, Aim.PERFORMANCE, Aim.COST, Aim.CARBON)
_STATES = (NodeState.UP, NodeState.ASLEEP, NodeState.WAKING, NodeState.DOWN)
_STATE_SHARES = (0.965, 0.02, 0.005, 0.01)
_LICENCES, _ENDED = 400, 0.03
_CORES, _SHARE, _MEMORY, _MINUTES = np.array(FRAME_MIX).T


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How big a farm is.

    Parameters
    ----------
    cores
        Cores of a node: share of the nodes.
    """

    nodes: int
    classes: int
    steps: int
    waiting: int
    running: int
    cores: tuple[tuple[int, float], ...]

    def scaled(self, share: float) -> Size:
        """Return a farm of that share of everything but classes."""
        least = {"nodes": 40, "steps": 24, "waiting": 100, "running": 60}
        return replace(self, **{name: max(round(share * getattr(self, name)), few) for name, few in least.items()})


#: Hosts and cores as in `maestro-farm`, a tenth of them with GPUs.
FARM = Size(
    nodes=1_553, classes=6, steps=1_000, waiting=20_000, running=15_000, cores=((16, 0.647), (32, 0.195), (128, 0.158))
)
#: Smaller nodes, so that 60,000 frames fill them as they fill a farm at work.
HUGE = Size(
    nodes=12_500, classes=50, steps=5_000, waiting=150_000, running=60_000,
    cores=((8, 0.4), (16, 0.4), (32, 0.15), (64, 0.05)),
)  # fmt: skip


def big_farm(size: Size, seed: int) -> Case:
    """Return a farm full of work: what a planner is given; the aim changes from seed to seed.

    Clients with projects, all kinds of lending, limits and history; jobs with and without deadlines, tight and loose
    ones, emergencies, paused jobs, previews, steps that wait for others, GPU frames, licences, frames as wide as the
    largest nodes; nodes asleep, waking and down; prices by the hour; under every seventh seed a power cap.
    """
    chance = np.random.default_rng(seed)
    classes, node_class = _machines(size, chance)
    state = chance.choice([int(each) for each in _STATES], size.nodes, p=_STATE_SHARES)
    job, jobs = _jobs(size, chance)
    steps, kind = _steps(size, job, chance)
    nodes = {
        "node_class": node_class, "state": state, "ready": _NOW + chance.uniform(0, 600, size.nodes),
        "idle_since": _NOW - chance.exponential(300.0, size.nodes), "rack": np.arange(size.nodes) // 40,
    }  # fmt: skip
    farm_with = partial(
        snapshot_of, now=_NOW, classes=classes, clients=_clients(chance), jobs=jobs, steps=steps,
        outlook=_prices(chance),
    )  # fmt: skip
    idle = farm_with(nodes=nodes, licences=[_LICENCES] * 2)
    cost = _cost(idle, kind, chance)
    attempts, left = _running(idle, cost, size, chance)
    warm = np.full(size.nodes, -1)
    warm[attempts["node"]] = job[attempts["step"]]
    farm = farm_with(nodes={**nodes, "warm_job": warm}, attempts=attempts, licences=left)
    if seed % 7 == 6:
        farm = replace(farm, power_cap=1.02 * watts(farm))
    return farm, cost, Rules(aim=_AIMS[seed % len(_AIMS)])


def _machines(size: Size, chance: np.random.Generator) -> tuple[Classes, Ints]:
    """Return classes by cores and generation, every fourth generation with GPUs, and the class of each node."""
    kinds, share = np.array([each for each, _ in size.cores]), np.array([each for _, each in size.cores])
    which, generation = np.arange(size.classes) % len(kinds), np.arange(size.classes) // len(kinds)
    cores, gpus = kinds[which].astype(float), np.where(generation % 4 == 1, 2.0, 0.0)
    memory = cores * 3.75 * _GIB * np.where(generation % 3 == 2, 2.0, 1.0)
    offer = np.stack([cores, memory, gpus, gpus * 24 * _GIB, cores * 10 * _GIB], axis=1)
    weight = share[which] * np.where(gpus > 0, 0.1, 1.0)
    busy, modes = 60 + 4.5 * cores + 300 * gpus, np.ones((size.classes, 1))
    classes = classes_of(
        offer=offer, worth=cores * np.where(gpus > 0, 2.0, 1.0) * (0.8 + 0.1 * (generation % 6)), busy_watts=busy,
        idle_watts=0.4 * busy, asleep_watts=np.full(size.classes, 6.0), wake_joules=np.full(size.classes, 2e4),
        speed=modes * [1.0, 0.93, 0.8], draw=modes * [1.0, 0.82, 0.6],
    )  # fmt: skip
    return classes, chance.choice(size.classes, size.nodes, p=weight / weight.sum())


def _clients(chance: np.random.Generator) -> Clients:
    lends = [Lending.PREEMPT, Lending.FRAME, Lending.FRAME, Lending.STATIC, Lending.NEVER]
    return clients_of(
        parent=[-1, -1, -1, -1, -1, 0, 0, 1, 1], guarantee=[0.35, 0.25, 0.1, 0.04, 0.04, 0.2, 0.1, 0.15, 0.05],
        limit=[1.0, 1.0, 0.7, 0.06, 0.3, 0.5, 1.0, 1.0, 0.3], weight=[3.0, 2.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0],
        lending=[*(int(each) for each in lends), *[int(Lending.FRAME)] * 4], history=chance.normal(0, 1e7, 9),
    )  # fmt: skip


def _jobs(size: Size, chance: np.random.Generator) -> tuple[Ints, dict[str, np.ndarray]]:
    """Return the job of each step, four steps to a job on average, and the jobs' columns."""
    job = np.unique(np.sort(chance.integers(size.steps // 4, size=size.steps)), return_inverse=True)[1]
    count = int(job[-1]) + 1
    importance = chance.lognormal(0, 0.7, count)
    importance[chance.random(count) < 0.005] = 150.0
    release = np.sort(_NOW - chance.exponential(4 * _HOUR, count))
    due = _NOW + chance.lognormal(np.log(6 * _HOUR), 1.0, count)
    deadline = np.where(chance.random(count) < 0.6, due, np.inf)
    return job, {
        "client": chance.integers(2, 9, count), "release": release, "importance": importance, "deadline": deadline,
        "value": importance * chance.lognormal(8, 1, count), "held": chance.random(count) < 0.02,
        "priority": chance.integers(1, 101, count).astype(float),
    }  # fmt: skip


def _steps(size: Size, job: Ints, chance: np.random.Generator) -> tuple[dict[str, np.ndarray], Ints]:
    """Return the steps' columns, and the row of the frame mix that each is of."""
    row = np.arange(size.steps)
    kind = chance.choice(len(_SHARE), size.steps, p=_SHARE / _SHARE.sum())
    kind[chance.choice(size.steps, 6, replace=False)] = len(_SHARE) - 1
    cores, memory = _CORES[kind], _MEMORY[kind] * _GIB
    gpu = (chance.random(size.steps) < 0.1) & (cores <= 8)
    request = np.stack(
        [cores, np.ceil(memory * chance.lognormal(-0.125, 0.5, size.steps)), 1.0 * gpu,
         gpu * np.ceil(chance.uniform(2, 20, size.steps)) * _GIB, 512.0 * cores], axis=1,
    )  # fmt: skip
    same = np.concatenate([[False], job[1:] == job[:-1]])
    waits = same & (chance.random(size.steps) < 0.3)
    preview = ~same & (chance.random(size.steps) < 0.1)
    weight = chance.lognormal(0, 1, size.steps) * ~waits
    frames: Ints = chance.multinomial(size.waiting, weight / weight.sum())
    frames[preview], spare = np.minimum(frames[preview], 3), int((frames - np.minimum(frames, 3))[preview].sum())
    frames[int(frames.argmax())] += spare
    return {
        "job": job, "after": np.where(waits, row - 1, -1), "waiting": frames, "request": request,
        "blocked": np.where(waits, chance.integers(1, 60, size.steps), 0),
        "licence": np.where(chance.random(size.steps) < 0.1, chance.integers(2, size=size.steps), -1),
        "checkpoint": np.where(chance.random(size.steps) < 0.3, 300.0, np.inf),
        "preview_due": np.where(preview, _NOW + chance.uniform(-600, 3600, size.steps), np.nan),
        "since": _NOW - chance.exponential(600.0, size.steps), "startup": chance.uniform(0, 60, size.steps),
        "done": chance.integers(0, 40, size.steps),
    }, kind  # fmt: skip


def _prices(chance: np.random.Generator) -> Outlook:
    hours = _HOUR * (np.arange(36.0) + _NOW // _HOUR)
    wave = np.sin(np.arange(36) * np.pi / 12)
    return Outlook(start=hours, price=0.2 + 0.1 * wave + 0.02 * chance.random(36), carbon=300 + 150 * wave)


def _cost(farm: FarmSnapshot, kind: Ints, chance: np.random.Generator) -> Cost:
    """Return what frames take: their mix row's mean, by scene, generation of the class, and both together."""
    rows, count = farm.steps.count, len(farm.classes.names)
    mean = _MINUTES[kind] * 60 * chance.lognormal(-0.18, 0.6, rows)
    seconds = mean[:, None] * chance.uniform(0.6, 1.5, count) * chance.lognormal(0, 0.1, (rows, count))
    columns = {"spread": chance.uniform(0.05, 0.3, rows), "common": chance.uniform(0.03, 0.4, rows)}
    return cost_of(farm, seconds, warmth=1.0, **columns)


def _running(
    farm: FarmSnapshot, cost: Cost, size: Size, chance: np.random.Generator
) -> tuple[dict[str, np.ndarray], Ints]:
    """Return running frames of the same steps, and the licences they leave: of a full farm a few have just ended."""
    room, steps, nodes, count = Room(farm), list[Ints](), list[Ints](), 0
    request, licence, full = farm.steps.request, farm.steps.licence, round(size.running * (1 + _ENDED))
    # Few of the wide ones at once, so that as many frames find room as are asked for.
    usual = size.running // size.steps + 1
    each = np.select([request[:, 0] >= 32, request[:, 0] > 4], [2, usual], 2 * usual)
    while (before := count) < full:
        for row in chance.permutation(farm.steps.count).tolist():
            held = int(room.licences[licence[row]]) if licence[row] >= 0 else full
            found, frames = room.best_fit(request[row], cost.able[row], min(int(each[row]), full - count, held))
            room.take(request[row], found, frames, int(licence[row]))
            steps.append(np.full(int(frames.sum()), row))
            nodes.append(np.repeat(found, frames))
            count += int(frames.sum())
        if count == before:
            break
    stay = np.sort(chance.permutation(count)[: size.running])
    step, node, count = np.concatenate(steps)[stay], np.concatenate(nodes)[stay], len(stay)
    takes: Floats = cost.seconds[step, farm.nodes.node_class[node]]
    left = np.full(2, _LICENCES) - np.bincount(licence[step][licence[step] >= 0], minlength=2)
    return {
        "step": step, "node": node, "mode": chance.choice(3, count, p=(0.6, 0.3, 0.1)),
        "started": farm.now - takes * chance.uniform(0, 1.1, count), "stopping": chance.random(count) < 0.01,
        "saved": np.where(chance.random(count) < 0.02, 0.3, 0.0), "interrupted": 1 * (chance.random(count) < 0.03),
    }, left  # fmt: skip
