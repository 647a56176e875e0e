"""`blender-fleet` as a farm: one-slot nodes of the measured devices, shots of the measured scenes, no time made up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from placement.adapters.stores.shipped import shipped
from placement.evaluation.completion import complete
from placement.evaluation.workloads.device_table import DeviceTable, read_device_table
from placement.evaluation.workloads.farm_chance import draw_frames
from placement.evaluation.workloads.farm_deadlines import Demand, draw_jobs
from placement.evaluation.workloads.farm_faults import draw_faults
from placement.evaluation.workloads.farm_generator import draw_releases
from placement.evaluation.workloads.farm_load import available, least_load
from placement.evaluation.workloads.farm_machines import MachineKind, fleet, node_classes
from placement.evaluation.workloads.farm_settings import ClientKind, FarmSettings, clients_of
from placement.farm.machines import RESOURCES, Classes
from placement.simulator.farm_world import FarmWorld, Fleet, Forecasts, WorldSteps
from placement.simulator.streams import stream
from placement.units import MIB_PER_GIB, Floats, Ints

__all__ = ["BLENDER_FLEET", "FleetFarm", "generate_fleet"]

_MOST_JOBS = 1_000_000


def _shipped_table() -> DeviceTable:
    return read_device_table(shipped("data/blender-opendata/fixed_work_scenes.csv"))


#: Machines are filled in from the device table.
BLENDER_FLEET = FarmSettings(
    name="blender-fleet",
    machines=(MachineKind(name="from the device table", nodes=4, cores=1, memory=32.0),),
    clients=(
        ClientKind(name="film", guarantee=0.5, weight=2.0, demand=0.6, importance=2.0),
        ClientKind(name="advert", guarantee=0.2, demand=0.4, deadlines=(0.2, 0.4, 0.2)),
    ),
    hours=12.0,
    start_hour=8.0,
    notes=("A device runs the scenes it was measured on and no others.",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFarm:
    """What the device table adds to `FarmSettings`.

    Parameters
    ----------
    table
        Measured medians and quartiles.
    coverage
        Share of the devices that must have run a scene for shots of it to be drawn.
    hidden
        Share of the measured cells that the forecaster does not see and fills from the others.
    """

    table: DeviceTable = field(default_factory=_shipped_table)
    coverage: float = 1 / 3
    hidden: float = 1 / 3


def generate_fleet(settings: FarmSettings, seed: int, extra: FleetFarm | None = None) -> FarmWorld:
    """Draw the world of one seed.

    A shot is a scene of the table at a number of samples of its own, which multiplies its time on every device alike
    and is known to the forecaster. Frames differ as equal devices' results do: the mean spread between the quartiles.
    """
    extra = extra or FleetFarm()
    table = _common(extra)
    classes, nodes = _machines(table, settings, seed)
    room = available(nodes, len(table.devices), settings.hours * 3600)
    median = np.where(table.measured, table.median, np.inf).T
    goal = settings.load * float(room @ classes.worth)
    jobs = 64
    while True:
        scene, frames, client, samples = _shots(jobs, len(table.scenes), settings, seed)
        seconds = median[scene] * samples[:, None]
        work = (seconds * classes.worth).min(axis=1) * frames
        if work.sum() >= 2 * goal or jobs >= _MOST_JOBS:
            break
        jobs *= 2
    keep = _enough(seconds * frames[:, None], room, settings.load)
    release = draw_releases(keep, settings, seed)
    order = np.argsort(release, kind="stable")
    scene, frames, client = (each[:keep][order] for each in (scene, frames, client))
    samples = samples[:keep][order]
    stretch = settings.load / least_load(median[scene] * (samples * frames)[:, None], room)
    seconds = median[scene] * (samples * stretch)[:, None]
    spread = float(np.nanmean(np.stack(table.spread())))
    forecasts, told = _forecasts(table, extra.hidden, scene, samples * stretch, spread, seed)
    work = (seconds * classes.worth).min(axis=1) * frames
    work *= goal / work.sum()
    best = seconds.min(axis=1)
    demand = Demand(client=client, release=release[order], work=work, path=best, gpu=np.zeros(keep, bool))
    steps = _steps(scene, frames, seconds)
    return FarmWorld(
        name=settings.name, classes=classes, fleet=nodes, clients=clients_of(settings.clients), steps=steps,
        jobs=draw_jobs(demand, (goal / settings.load / (settings.hours * 3600), 0.0), settings, seed),
        forecasts=forecasts,
        frames=draw_frames(frames, steps.request[:, 1] / 2, replace(settings.uncertainty, spread=spread), seed),
        faults=draw_faults(settings.faults, nodes, (keep, 0), settings.hours * 3600, seed),
        measure=(settings.warm_up * 3600, settings.hours * 3600),
        notes=(
            f"{int(table.measured.sum())} of {table.median.size} cells are measured; the others run nowhere.", told,
            f"Load {settings.load:.0%}; {keep} shots, all times scaled by {stretch:.4f} to meet it exactly.",
            *settings.notes,
        ),
    )  # fmt: skip


def _common(extra: FleetFarm) -> DeviceTable:
    """Return the table of the scenes that enough devices ran."""
    table = extra.table
    kept = np.flatnonzero(table.measured.mean(axis=0) >= extra.coverage)
    names = tuple(table.scenes[row] for row in kept)
    return DeviceTable(table.devices, names, table.gpu, table.low[:, kept], table.median[:, kept], table.high[:, kept])


def _machines(table: DeviceTable, settings: FarmSettings, seed: int) -> tuple[Classes, Fleet]:
    """Return one class a device, worth what it saves against the slowest over all scenes, and its nodes."""
    filled = complete(np.log(table.median), table.gpu).log.mean(axis=1)
    worth = np.exp(filled.max() - filled)
    model = settings.machines[0]
    kinds = [
        replace(model, name=name, worth=float(each), gpus=int(gpu))
        for name, each, gpu in zip(table.devices, worth, table.gpu, strict=True)
    ]
    classes = node_classes(kinds, settings.fleet)
    return classes, fleet(kinds, settings.fleet, seed, settings.scale)


def _shots(jobs: int, scenes: int, settings: FarmSettings, seed: int) -> tuple[Ints, Ints, Ints, Floats]:
    """Return scene, frames, client and samples of shots; the first of a longer drawing are those of a shorter one."""
    shapes = settings.shapes
    size = np.exp(np.log(shapes.frames) + shapes.frames_spread * stream(seed, "shapes").standard_normal(jobs))
    frames = np.clip(np.rint(size), 1, shapes.frames_most).astype(np.int64)
    samples = np.exp(shapes.times_spread * stream(seed, "times").standard_normal(jobs))
    share = np.cumsum([kind.demand for kind in settings.clients])
    client = np.searchsorted(share[:-1], stream(seed, "clients").random(jobs), side="right")
    return stream(seed, "scenes").integers(0, scenes, jobs), frames, client.astype(np.int64), samples


def _enough(need: Floats, room: Floats, load: float) -> int:
    """Return how many of the first shots come nearest to the load."""
    low, high = 1, len(need)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if least_load(need[:middle], room) >= load else (middle + 1, high)
    return low


def _forecasts(
    table: DeviceTable, hidden: float, scene: Ints, samples: Floats, spread: float, seed: int
) -> tuple[Forecasts, str]:
    """Return what a forecaster that sees a share of the cells says, its error as its own cross-validation has it."""
    cells = np.flatnonzero(table.measured)
    unseen = np.zeros(table.median.size, bool)
    unseen[stream(seed, "hidden cells").permutation(cells)[: round(hidden * len(cells))]] = True
    there = unseen.reshape(table.median.shape)
    filled = complete(np.log(np.where(there, np.nan, table.median)), table.gpu)
    error = np.where(there, filled.error, 0.0)
    of_scene = np.sqrt((error**2 * table.measured).sum(axis=0) / np.maximum(table.measured.sum(axis=0), 1))
    expected = np.where(table.measured, np.exp(filled.log + error**2 / 2), np.inf).T[scene] * samples[:, None]
    rows = np.ones(len(scene))
    forecasts = Forecasts(
        seconds=expected, spread=spread * rows, common=of_scene[scene], memory=np.full(len(scene), MIB_PER_GIB)
    )
    return forecasts, f"{int(unseen.sum())} measured cells were hidden from the forecaster."


def _steps(scene: Ints, frames: Ints, seconds: Floats) -> WorldSteps:
    rows, able = len(scene), np.isfinite(seconds)
    request = np.zeros((rows, RESOURCES))
    request[:, 0], request[:, 1] = 1.0, MIB_PER_GIB
    return WorldSteps(
        job=np.arange(rows), after=np.full(rows, -1), kind=scene, frames=frames, request=request,
        declared_seconds=2.0 * seconds[np.arange(rows), able.argmax(axis=1)], licence=np.full(rows, -1),
        checkpoint=np.full(rows, np.inf), startup=np.zeros(rows), preview=np.zeros(rows, np.int64), seconds=seconds,
    )  # fmt: skip
