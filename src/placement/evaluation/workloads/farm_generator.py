"""A generated farm's world: arrivals and shapes are drawn, their load is measured and met exactly, chance is added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import draw_forecasts, draw_frames, memory_room
from placement.evaluation.workloads.farm_deadlines import Demand, draw_jobs
from placement.evaluation.workloads.farm_faults import draw_faults
from placement.evaluation.workloads.farm_load import available, frame_shares, least_load
from placement.evaluation.workloads.farm_machines import fleet, node_classes
from placement.evaluation.workloads.farm_settings import FarmSettings, clients_of
from placement.evaluation.workloads.farm_shapes import Role, Shapes, draw_shapes
from placement.evaluation.workloads.farm_speeds import relative_times
from placement.farm.machines import Classes, Resource
from placement.simulator.farm_world import FarmWorld, Fleet, Forecasts, WorldSteps
from placement.simulator.streams import stream
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["draw_releases", "generate"]

_MOST_JOBS = 4_000_000
_MOST_OF_A_NODE = 0.95
_LICENCE_HEADROOM = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Farm:
    """What is there before work is drawn: machines, relative times, node-seconds of each class."""

    classes: Classes
    fleet: Fleet
    relative: Floats
    room: Floats

    def seconds(self, shapes: Shapes, memory: Floats) -> tuple[Floats, Floats]:
        """Return true times, infinite where a frame does not fit, and its share of a node, ``(steps, classes)``."""
        request = shapes.request.copy()
        request[:, Resource.MEMORY] = memory
        share = frame_shares(request, self.classes)
        return np.where(np.isfinite(share), shapes.base[:, None] * self.relative[shapes.kind], np.inf), share

    def rates(self, seconds: Seconds) -> tuple[float, float]:
        """Return the mean normalised capacity of the farm, and of its classes with GPUs."""
        worth = self.room * self.classes.worth / seconds
        return float(worth.sum()), float(worth[self.classes.offer[:, Resource.GPUS] > 0].sum())

    def fitting(self, shapes: Shapes, memory: Floats) -> Floats:
        """Return what a step's memory must be multiplied by to fit the largest node that has its cores and GPUs."""
        request = shapes.request.copy()
        request[:, Resource.MEMORY] = 0.0
        fits = np.isfinite(frame_shares(request, self.classes)) & (self.room > 0)
        most = np.where(fits, self.classes.offer[:, Resource.MEMORY], 0.0).max(axis=1)
        return np.asarray(np.minimum(1.0, _MOST_OF_A_NODE * most / memory))


def generate(settings: FarmSettings, seed: int) -> FarmWorld:
    """Draw the world of one seed.

    Raises
    ------
    InvalidInput
        The settings ask for more jobs than a world may have.
    Infeasible
        Work is drawn that fits no node.
    """
    farm = _farm(settings, seed)
    shapes, client = _enough(farm, settings, seed)
    release = draw_releases(len(client), settings, seed)
    order = np.argsort(release, kind="stable")
    shapes, client, release = shapes.take(order), client[order], release[order]
    memory = shapes.memory.copy()
    drawn = draw_forecasts(np.ones((len(memory), 1)), memory, shapes.kind, settings.uncertainty, seed)
    fit = farm.fitting(shapes, drawn.memory)
    seconds, share = farm.seconds(shapes, drawn.memory * fit)
    load = least_load(seconds * share * shapes.frames[:, None], farm.room)
    stretch = settings.load / load
    shapes, seconds = shapes.longer(stretch), seconds * stretch
    forecasts = draw_forecasts(seconds, memory, shapes.kind, settings.uncertainty, seed)
    forecasts = replace(forecasts, memory=forecasts.memory * fit)
    demand = _demand(shapes, (seconds, share), farm, settings, (client, release))
    steps, licences = _steps(shapes, seconds, forecasts, settings)
    notes = (
        f"Load {settings.load:.0%} of what the farm can do in {settings.hours:g} h; {len(client)} jobs, all times "
        f"scaled by {stretch:.4f} to meet it exactly; {int((fit < 1).sum())} steps made smaller to fit a node.",
        "Wake and sleep times and energies, CPU energy modes, deadlines and values are assumed, not measured.",
        *settings.notes,
    )
    return FarmWorld(
        name=settings.name, classes=farm.classes, fleet=farm.fleet, clients=clients_of(settings.clients),
        jobs=draw_jobs(demand, farm.rates(settings.hours * 3600), settings, seed), steps=steps, forecasts=forecasts,
        licences=licences, frames=draw_frames(shapes.frames, memory * fit, settings.uncertainty, seed),
        faults=draw_faults(settings.faults, farm.fleet, (len(steps.job), len(licences)), settings.hours * 3600, seed),
        measure=(settings.warm_up * 3600, settings.hours * 3600), notes=notes,
    )  # fmt: skip


def _farm(settings: FarmSettings, seed: int) -> _Farm:
    relative, machines = relative_times(settings.machines, settings.shapes.scenes)
    nodes = fleet(machines, settings.fleet, seed, settings.scale)
    classes = node_classes(machines, settings.fleet)
    return _Farm(
        classes=classes, fleet=nodes, relative=relative, room=available(nodes, len(machines), settings.hours * 3600)
    )


def _enough(farm: _Farm, settings: FarmSettings, seed: int) -> tuple[Shapes, Ints]:
    """Draw jobs, of every client and with and without GPUs, until the farm's load is about met."""
    worth = farm.classes.worth
    gpu = farm.classes.offer[:, Resource.GPUS] > 0
    total = settings.load * float(farm.room @ worth)
    on_gpu = settings.gpu_load * settings.load * float((farm.room * worth)[gpu].sum())
    chance = on_gpu / total if total else 0.0
    shares = np.array([kind.demand for kind in settings.clients])
    jobs = 256
    while jobs <= _MOST_JOBS:
        uses = stream(seed, "gpu jobs").random(jobs) < chance
        client = stream(seed, "clients").choice(len(shares), jobs, p=shares / shares.sum())
        shapes = draw_shapes(jobs, uses, settings.shapes, seed)
        need, where = _best(farm, shapes, settings)
        work = np.bincount(shapes.job, need.min(axis=1) * shapes.frames, jobs).astype(float)
        picked = _cut(work, client, uses, np.outer([total - on_gpu, on_gpu], shares))
        if picked is not None:
            load = least_load(where[np.isin(shapes.job, picked)], farm.room)
            ordinary = max(total * settings.load / load - on_gpu, 0.05 * total)
            again = _cut(work, client, uses, np.outer([ordinary, on_gpu], shares))
            if again is not None:
                return shapes.take(again), client[again]
        jobs *= 2
    raise InvalidInput(f"workload {settings.name!r} needs more than {_MOST_JOBS} jobs; lower its scale, load or hours")


def _best(farm: _Farm, shapes: Shapes, settings: FarmSettings) -> tuple[Floats, Floats]:
    """Return normalised capacity-seconds of a frame and node-seconds of a step on each class."""
    memory = shapes.memory * memory_room(settings.uncertainty)
    seconds, share = farm.seconds(shapes, memory * farm.fitting(shapes, memory))
    need = seconds * share
    return need * farm.classes.worth, need * shapes.frames[:, None]


def _cut(work: Floats, client: Ints, gpu: Bools, goals: Floats) -> Ints | None:
    """Return the first jobs of each client, without and with GPUs, that come nearest to its goal; None: too few."""
    picked = []
    for uses, row in enumerate(goals):
        for who, goal in enumerate(row):
            mine = np.flatnonzero((client == who) & (gpu == bool(uses)))
            done = np.cumsum(work[mine])
            if goal <= 0:
                continue
            if not len(mine) or done[-1] < goal:
                return None
            last = int(np.searchsorted(done, goal))
            less = done[last - 1] if last else 0.0
            keep = last if last and goal - less < done[last] - goal else last + 1
            picked.append(mine[:keep])
    return np.sort(np.concatenate(picked)) if picked else None


def draw_releases(jobs: int, settings: FarmSettings, seed: int) -> Floats:
    """Draw when jobs are released, with stream ``arrivals``: a Poisson process whose rate follows the hour."""
    chance = stream(seed, "arrivals").random((jobs, 2))
    hours = np.linspace(0, settings.hours, max(int(settings.hours * 12), 2) + 1)
    phase = 2 * np.pi * (hours + settings.start_hour - settings.peak_hour) / 24
    rate = 1 + settings.swing * np.cos(phase)
    until = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)])
    time = np.interp(chance[:, 0] * until[-1], until, hours) * 3600
    return np.where(chance[:, 1] < settings.backlog / settings.hours, 0.0, time)


def _demand(
    shapes: Shapes, cells: tuple[Floats, Floats], farm: _Farm, settings: FarmSettings, jobs: tuple[Ints, Floats]
) -> Demand:
    """Return what jobs ask for; work is spread so that it sums to the load."""
    (seconds, share), (client, release), count = cells, jobs, len(jobs[0])
    least = (seconds * share * farm.classes.worth).min(axis=1) * shapes.frames
    least *= settings.load * float(farm.room @ farm.classes.worth) / least.sum()
    best = seconds.min(axis=1)
    chain = np.where(shapes.role == Role.PREVIEW, 0.0, best)
    return Demand(
        client=client, release=release, work=np.bincount(shapes.job, least, count).astype(float),
        path=np.bincount(shapes.job, chain, count).astype(float),
        gpu=np.bincount(shapes.job, shapes.gpu, count) > 0,
    )  # fmt: skip


def _steps(shapes: Shapes, seconds: Floats, forecasts: Forecasts, settings: FarmSettings) -> tuple[WorldSteps, Ints]:
    """Return the world's steps and its licences: one kind, for simulations, four times what they need in the mean."""
    able = np.isfinite(seconds)
    reference = seconds[np.arange(len(seconds)), able.argmax(axis=1)]
    simulation = shapes.role == Role.SIMULATION
    busy = float((reference * shapes.frames)[simulation].sum()) / (settings.hours * 3600)
    licences = np.array([1 + int(np.ceil(_LICENCE_HEADROOM * busy))]) if simulation.any() else np.zeros(0, np.int64)
    steps = WorldSteps(
        job=shapes.job, after=shapes.after, kind=shapes.kind, frames=shapes.frames, request=shapes.request,
        declared_seconds=reference * shapes.declared_over, licence=np.where(simulation, 0, -1),
        checkpoint=shapes.checkpoint, startup=shapes.startup,
        preview=(shapes.role == Role.PREVIEW).astype(np.int64), seconds=seconds,
    )  # fmt: skip
    return steps, licences
