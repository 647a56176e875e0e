"""What all traces share: independent jobs of equal frames on a farm of one class, sized to a load."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import Uncertainty, draw_forecasts, draw_frames
from placement.evaluation.workloads.farm_machines import FleetSettings, MachineKind, fleet, node_classes
from placement.farm.clients import Clients, Lending
from placement.farm.machines import RESOURCES, Resource
from placement.farm.work import Jobs
from placement.simulator.farm_world import FarmWorld, WorldSteps
from placement.units import MIB_PER_GIB, Floats, Ints

__all__ = ["TraceJobs", "TraceSettings", "trace_world"]

_MOST_FRAMES = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """The farm a trace is run on, and how its jobs are cut.

    Parameters
    ----------
    load
        Work of the trace over what the farm can do between the first and the last submission; gives the number of
        nodes.
    node
        Size of a node; `MachineKind.nodes` is not looked at.
    frame_seconds
        Frames are at most about this long: a longer job is cut into more of them; infinite: as the trace has them.
    checkpoint
        Seconds between checkpoints.
    warm_up
        Share of the trace's span before measuring begins.
    """

    load: float = 0.95
    node: MachineKind = field(default_factory=lambda: MachineKind(name="node", nodes=1, cores=16, memory=60.0))
    frame_seconds: float = float("inf")
    checkpoint: float = float("inf")
    warm_up: float = 0.05
    fleet: FleetSettings = field(default_factory=FleetSettings)

    def __post_init__(self) -> None:
        if (
            not 0 < self.load <= 100
            or not self.frame_seconds > 0
            or not 0 <= self.warm_up < 1
            or not self.checkpoint > 0
        ):
            raise InvalidInput(
                f"load {self.load:g} must lie in (0, 100], frame_seconds {self.frame_seconds:g} s and checkpoint "
                f"{self.checkpoint:g} s be above 0, warm_up {self.warm_up:g} lie in [0, 1)"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraceJobs:
    """Jobs of a trace, one row each.

    Parameters
    ----------
    frames, seconds
        How many processes a job has and how long each takes.
    declared
        User estimate, seconds; NaN: none.
    memory
        MiB of each process.
    gpus
        GPUs of each process; its cores are 1, or 4 beside a GPU.
    """

    clients: tuple[str, ...]
    client: Ints
    release: Floats
    deadline: Floats
    importance: Floats
    value: Floats
    kind: Ints
    frames: Ints
    seconds: Floats
    declared: Floats
    memory: Floats
    gpus: int


def trace_world(
    name: str, jobs: TraceJobs, settings: TraceSettings, uncertainty: Uncertainty, seed: int, notes: tuple[str, ...]
) -> FarmWorld:
    """Return the world of a trace; frames of a job take equally long and need what the trace says.

    Clients are promised nothing: traces say of no shares.
    """
    order = np.argsort(jobs.release, kind="stable")
    pieces = np.maximum(np.rint(jobs.seconds / settings.frame_seconds), 1.0)
    frames, seconds = (jobs.frames * pieces).astype(np.int64)[order], (jobs.seconds / pieces)[order]
    if frames.sum() > _MOST_FRAMES:
        raise InvalidInput(f"{name} makes {frames.sum()} frames, expected at most {_MOST_FRAMES}; take longer frames")
    cores = 4.0 if jobs.gpus else 1.0
    slots = settings.node.gpus // jobs.gpus if jobs.gpus else settings.node.cores
    if slots < 1:
        raise InvalidInput(f"node class {settings.node.name!r} has no room for a frame of {jobs.gpus} GPUs")
    span = max(float(np.ptp(jobs.release)), float(seconds.max()))
    work = float((frames * seconds).sum())
    count = max(1, int(np.ceil(work / (settings.load * span * slots))))
    kind = replace(settings.node, nodes=count)
    rows = len(order)
    request = np.zeros((rows, RESOURCES))
    memory = jobs.memory[order]
    request[:, Resource.GPUS] = jobs.gpus
    true = seconds[:, None]
    forecasts = draw_forecasts(true, memory, jobs.kind[order], uncertainty, seed)
    fit = np.minimum(1.0, kind.memory * MIB_PER_GIB / slots / forecasts.memory)
    memory, forecasts = memory * fit, replace(forecasts, memory=forecasts.memory * fit)
    request[:, Resource.CORES], request[:, Resource.MEMORY] = cores, memory
    classes = node_classes([kind], settings.fleet)
    told = (
        f"{count} nodes of {slots} frames each, for a load of {settings.load:.0%} between first and last submission; "
        f"{int(frames.sum())} frames; memory of {int((fit < 1).sum())} jobs made smaller to fit side by side.",
    )
    return FarmWorld(
        name=name, classes=classes, fleet=fleet([kind], settings.fleet, seed), clients=_clients(jobs.clients),
        jobs=_jobs(jobs, order),
        steps=WorldSteps(
            job=np.arange(rows), after=np.full(rows, -1), kind=jobs.kind[order], frames=frames, request=request,
            declared_seconds=(jobs.declared / pieces)[order], licence=np.full(rows, -1),
            checkpoint=np.full(rows, settings.checkpoint), startup=np.zeros(rows), preview=np.zeros(rows, np.int64),
            seconds=true,
        ),
        frames=draw_frames(frames, memory, uncertainty, seed), forecasts=forecasts,
        measure=(settings.warm_up * span, span), notes=(*notes, *told),
    )  # fmt: skip


def _jobs(jobs: TraceJobs, order: Ints) -> Jobs:
    rows = len(order)
    columns = {name: getattr(jobs, name)[order] for name in ("client", "release", "deadline", "importance", "value")}
    return Jobs(
        index=np.arange(rows), priority=np.full(rows, 50.0), held=np.zeros(rows, bool),
        **{**columns, "client": columns["client"].astype(np.int64)},
    )  # fmt: skip


def _clients(names: tuple[str, ...]) -> Clients:
    rows = len(names)
    return Clients(
        names=names, parent=np.full(rows, -1), guarantee=np.zeros(rows), limit=np.ones(rows), weight=np.ones(rows),
        lending=np.full(rows, int(Lending.FRAME)), reclaim=np.full(rows, 300.0), history=np.zeros(rows),
    )  # fmt: skip
