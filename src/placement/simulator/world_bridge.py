"""A world as its users would hand it in: nodes, clients, licences, jobs, and the troubles to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from placement.farm.clients import Clients, Lending
from placement.farm.facts import ClientSet, NodeSpec
from placement.farm.jobs import After, Checkpoint, Frames, Job, Requirements, Step
from placement.farm.machines import Resource
from placement.simulator.farm_world import FarmWorld, Fault
from placement.simulator.fates import Trouble, TroubleKind
from placement.simulator.world_truth import Names, WorldTruth
from placement.units import Seconds

__all__ = ["Bridge", "bridge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """What an orchestrator is given of a world.

    Parameters
    ----------
    nodes
        All that there ever are; those of a `TroubleKind.JOINS` among `troubles` come later.
    clients
        Parents before children.
    licences
        Name -> how many.
    jobs
        In the order of their release. Frames are tasks of one; a preview is a step of its own, as in the world.
    held
        Jobs that their owners paused.
    drains
        (when, node): owners take a node away; it should be drained then.
    rules
        For the farm's policy.
    names
        Names of the world's rows.
    truth, troubles
        For `placement.simulator.engine.SimulatedEngine`.
    start
        What the clock reads at the world's instant 0, seconds since 1970.
    """

    nodes: tuple[NodeSpec, ...]
    clients: tuple[ClientSet, ...]
    licences: Mapping[str, int]
    jobs: tuple[Job, ...]
    held: tuple[str, ...]
    drains: tuple[tuple[Seconds, str], ...]
    rules: Mapping[str, float | int | str]
    names: Names
    truth: WorldTruth
    troubles: tuple[Trouble, ...]
    start: Seconds


def bridge(world: FarmWorld, start: Seconds = 0.0) -> Bridge:
    """Return a world as an orchestrator is given it.

    A step that cannot run on some classes though they offer what it asks for asks for a tag besides, which nodes of the
    other classes carry. Warm nodes save nothing here: an engine does not know what is cached.

    Parameters
    ----------
    start
        What the clock reads when the world begins, seconds since 1970.
    """
    names = Names.of(world)
    patterns, pattern = np.unique(np.isfinite(world.steps.seconds), axis=0, return_inverse=True)
    tags = [
        tuple(f"runs-{row}" for row, able in enumerate(patterns) if able[column] and not able.all())
        for column in range(len(world.classes.names))
    ]
    wanted = [() if able.all() else (f"runs-{row}",) for row, able in enumerate(patterns)]
    steps = _steps(world, names, [wanted[row] for row in pattern.reshape(-1).tolist()])
    leaves = world.fleet.leaves
    cap = world.power_cap
    return Bridge(
        nodes=tuple(_node(world, names, row, tags) for row in range(len(names.nodes))),
        clients=_clients(world.clients, start),
        licences=dict(zip(names.licences, world.licences.tolist(), strict=True)),
        jobs=tuple(_job(world, names, row, steps, start) for row in range(world.jobs.count)),
        held=tuple(names.jobs[row] for row in np.flatnonzero(world.jobs.held).tolist()),
        drains=tuple((start + float(leaves[row]), names.nodes[row]) for row in np.flatnonzero(np.isfinite(leaves))),
        rules={} if np.isinf(cap) else {"power_cap": float(cap)},
        names=names,
        truth=WorldTruth(world, names, start),
        troubles=_troubles(world, names, start),
        start=start,
    )


def _node(world: FarmWorld, names: Names, row: int, tags: list[tuple[str, ...]]) -> NodeSpec:
    classes, column = world.classes, int(world.fleet.node_class[row])
    offer = classes.offer[column]
    return NodeSpec(
        name=names.nodes[row], node_class=classes.names[column], cores=float(offer[Resource.CORES]),
        memory=float(offer[Resource.MEMORY]), gpus=float(offer[Resource.GPUS]),
        gpu_memory=float(offer[Resource.GPU_MEMORY]), scratch=float(offer[Resource.SCRATCH]),
        worth=float(classes.worth[column]), tags=tags[column], rack=f"rack-{int(world.fleet.rack[row])}",
        idle_watts=float(classes.idle_watts[column]), busy_watts=float(classes.busy_watts[column]),
        asleep_watts=float(classes.asleep_watts[column]), wake_seconds=float(classes.wake_seconds[column]),
        sleep_seconds=float(classes.sleep_seconds[column]), gpu_watts=float(classes.gpu_watts[column]),
    )  # fmt: skip


def _clients(clients: Clients, start: Seconds) -> tuple[ClientSet, ...]:
    return tuple(
        ClientSet(
            at=start, name=name, parent=clients.names[clients.parent[row]] if clients.parent[row] >= 0 else "",
            guarantee=float(clients.guarantee[row]), limit=float(clients.limit[row]),
            weight=float(clients.weight[row]), lending=Lending(int(clients.lending[row])).name.lower(),
            reclaim=float(clients.reclaim[row]),
        )
        for row, name in enumerate(clients.names)
    )  # fmt: skip


def _steps(world: FarmWorld, names: Names, tags: list[tuple[str, ...]]) -> list[Step]:
    steps, made = world.steps, []
    for row, (_, name) in enumerate(names.steps):
        request, after, licence = steps.request[row], int(steps.after[row]), int(steps.licence[row])
        period, declared = float(steps.checkpoint[row]), float(steps.declared_seconds[row])
        needs = Requirements(
            cores=float(request[Resource.CORES]), memory=float(request[Resource.MEMORY]),
            gpus=float(request[Resource.GPUS]), gpu_memory=float(request[Resource.GPU_MEMORY]),
            scratch=float(request[Resource.SCRATCH]), tags=tags[row],
            licence=names.licences[licence] if licence >= 0 else "",
        )  # fmt: skip
        made.append(
            Step(
                name=name, frames=Frames(first=1, last=int(steps.frames[row])), job_type=f"kind-{int(steps.kind[row])}",
                requirements=needs, after=() if after < 0 else (After(step=names.steps[after][1]),),
                seconds=None if np.isnan(declared) else declared, command=("render", "{frame}"),
                checkpoint=Checkpoint.NONE if np.isinf(period) else Checkpoint.RESUMES,
                checkpoint_seconds=None if np.isinf(period) else period,
            )
        )  # fmt: skip
    return made


def _job(world: FarmWorld, names: Names, row: int, steps: list[Step], start: Seconds) -> Job:
    jobs, first = world.jobs, np.searchsorted(world.steps.job, [row, row + 1])
    deadline = float(jobs.deadline[row])
    return Job(
        name=names.jobs[row], client=world.clients.names[int(jobs.client[row])],
        steps=tuple(steps[first[0] : first[1]]), release=start + float(jobs.release[row]),
        deadline=None if np.isinf(deadline) else start + deadline, importance=float(jobs.importance[row]),
        value=float(jobs.value[row]),
    )  # fmt: skip


def _troubles(world: FarmWorld, names: Names, start: Seconds) -> tuple[Trouble, ...]:
    fleet, faults = world.fleet, world.faults
    found = [
        Trouble(at=start + float(fleet.joins[row]), node=names.nodes[row], kind=TroubleKind.JOINS)
        for row in np.flatnonzero(fleet.joins > 0).tolist()
    ]
    kinds = {Fault.CRASH: TroubleKind.DIES, Fault.RACK_LOSS: TroubleKind.DIES, Fault.SLOW: TroubleKind.SLOW}
    for row in np.flatnonzero(np.isin(faults.kind, list(kinds))).tolist():
        fault, target = Fault(int(faults.kind[row])), int(faults.target[row])
        nodes = np.flatnonzero(fleet.rack == target).tolist() if fault is Fault.RACK_LOSS else [target]
        factor = float(faults.factor[row]) if fault is Fault.SLOW else 1.0
        found += [
            Trouble(
                at=start + float(faults.time[row]), node=names.nodes[node], kind=kinds[fault],
                seconds=float(faults.seconds[row]), factor=factor,
            )
            for node in nodes
        ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: each.at))
