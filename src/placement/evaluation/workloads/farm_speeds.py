"""How fast each kind of work is on each node class of a generated farm, by the measured Blender device table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.evaluation.completion import complete
from placement.evaluation.workloads.device_table import read_device_table
from placement.evaluation.workloads.farm_machines import MachineKind
from placement.units import Floats

__all__ = ["SCENES", "relative_times"]

#: Scenes of the device table that most devices ran; kinds of scene of the generated farms.
SCENES = ("bmw27", "classroom", "fishy_cat", "koro", "pavillon_barcelona")


def relative_times(machines: Sequence[MachineKind], scenes: int) -> tuple[Floats, tuple[MachineKind, ...]]:
    """Return times of each kind of work over those of the reference class, and the machines with their worth.

    The reference class is the first, for work on GPUs the first that has them. A frame on some of a node's cores is
    taken to go as fast per core as the device that stands for the class did on all of its own. Cells of the table that
    nobody measured are filled by `placement.evaluation.completion.complete`. Simulations and comps go by the geometric
    mean over the scenes. A node is worth its cores in reference cores over the mean time, and each GPU what the
    reference device's cores would take for the same scenes.

    Returns
    -------
    tuple
        Shape ``(2 × scenes + 2, classes)``: renders on cores, renders on GPUs, simulations, comps; infinite where a
        class has no GPU.

    Raises
    ------
    InvalidInput
        A device is not in the table.
    """
    plain = not any(kind.device for kind in machines)
    cpu = np.ones((scenes, len(machines))) if plain else _times(machines, scenes, on_gpu=False)
    gpu = np.ones((scenes, len(machines))) if plain else _times(machines, scenes, on_gpu=True)
    has = np.array([kind.gpus > 0 for kind in machines])
    first = int(has.argmax())
    mean = np.exp(np.log(cpu).mean(axis=0))
    with np.errstate(invalid="ignore"):
        one = np.exp(np.log(cpu[:, :1] / gpu).mean(axis=0))
    worth = [
        kind.worth or (kind.cores * mean[0] / mean[row] + (kind.gpus * one[row] if kind.gpus else 0.0))
        for row, kind in enumerate(machines)
    ]
    relative = np.where(has, gpu / gpu[:, [first]], np.inf)
    ordinary = np.stack([mean, mean]) / mean[0]
    table = np.concatenate([cpu / cpu[:, :1], relative, ordinary])
    return table, tuple(replace(kind, worth=float(each)) for kind, each in zip(machines, worth, strict=True))


def _times(machines: Sequence[MachineKind], scenes: int, *, on_gpu: bool) -> Floats:
    """Return core-seconds (or GPU-seconds) of each scene on each class, 1 where a class has no device for it."""
    table = read_device_table(shipped("data/blender-opendata/fixed_work_scenes.csv"))
    seconds = np.exp(complete(np.log(table.median), table.gpu).log)
    columns = [table.scenes.index(SCENES[row % len(SCENES)]) for row in range(scenes)]
    found = np.ones((scenes, len(machines)))
    for place, kind in enumerate(machines):
        name = kind.gpu_device if on_gpu else kind.device
        if on_gpu and not kind.gpus:
            continue
        if name not in table.devices:
            raise InvalidInput(f"device {name!r} of node class {kind.name!r} is not in the table; has {table.devices}")
        found[:, place] = seconds[table.devices.index(name)][columns] * (1 if on_gpu else kind.device_cores)
    return found
