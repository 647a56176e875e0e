"""The mixed farm's classes: two measured, the others composed of measured renders and measured device ratios.

The machine of the shipped renders is not in the device table. Its two-core class is set equal to `ANCHOR`, the slowest
CPU of the table; two cores of a server are slower than that, so the farm is less mixed than a real one would be and
what placement gains on it is understated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.device_table import DeviceTable
from placement.units import Floats

__all__ = ["ANCHOR", "CLASSES", "MEASURED", "SCENE_OF_FAMILY", "DeviceRatios", "NodeClass", "device_ratios"]

ANCHOR = "AMD Ryzen 5 3600 (CPU)"

#: Scene of the device table that stands for a scene family: what takes the time is of the same kind.
SCENE_OF_FAMILY = {
    "product_turntable": "bmw27",
    "motion_blur_crowd": "bmw27",
    "interior_gi": "classroom",
    "smoke_volume": "classroom",
    "textured_set": "pavillon_barcelona",
    "glass_caustics": "pavillon_barcelona",
    "scatter_forest": "koro",
    "hair_fur": "koro",
    "subsurface_character": "fishy_cat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """One class of the mixed farm.

    Parameters
    ----------
    device
        Row of the device table; empty for a class on which the renders were measured themselves.
    cores
        Cores that a task holds; a GPU task holds one for its host side.
    nodes
        How many one-slot nodes of the class the farm has.
    """

    name: str
    device: str = ""
    cores: int
    nodes: int


MEASURED = ("cpu-1t", "cpu-2t")

#: The farm: old and new CPUs for everything, GPUs for Cycles only. Each device ran every scene named above.
CLASSES = (
    NodeClass(name="cpu-1t", cores=1, nodes=3),
    NodeClass(name="cpu-2t", cores=2, nodes=3),
    NodeClass(name="ryzen-3600", device=ANCHOR, cores=6, nodes=1),
    NodeClass(name="ryzen-3700x", device="AMD Ryzen 7 3700X (CPU)", cores=8, nodes=1),
    NodeClass(name="ryzen-3900x", device="AMD Ryzen 9 3900X (CPU)", cores=12, nodes=1),
    NodeClass(name="ryzen-3950x", device="AMD Ryzen 9 3950X (CPU)", cores=16, nodes=1),
    NodeClass(name="rtx-2070s-cuda", device="GeForce RTX 2070 SUPER (CUDA)", cores=1, nodes=1),
    NodeClass(name="rtx-2060-optix", device="GeForce RTX 2060 (OPTIX)", cores=1, nodes=1),
    NodeClass(name="rtx-3090-optix", device="GeForce RTX 3090 (OPTIX)", cores=1, nodes=1),
)


@dataclass(frozen=True, slots=True, eq=False)
class DeviceRatios:
    """Render time of each composed class over that of the anchor, per scene family.

    Parameters
    ----------
    ratio, below, above
        Ratio of medians, and log spreads under and over it, shape ``(classes, families)``.
    gpu
        Whether the class runs Cycles only, shape ``(classes,)``.
    """

    families: tuple[str, ...]
    gpu: np.ndarray
    ratio: Floats
    below: Floats
    above: Floats


def device_ratios(table: DeviceTable, classes: tuple[NodeClass, ...]) -> DeviceRatios:
    """Look up the ratios of composed classes.

    Raises
    ------
    InvalidInput
        A device is not in the table or did not run a scene that stands for a family.
    """
    if unknown := [each.device for each in classes if each.device not in table.devices]:
        raise InvalidInput(f"devices {unknown} are not in the device table; has {list(table.devices)}")
    rows = [table.devices.index(each.device) for each in classes]
    columns = [table.scenes.index(scene) for scene in SCENE_OF_FAMILY.values()]
    cells = np.ix_(rows, columns)
    if not (there := table.measured[cells]).all():
        row, column = np.argwhere(~there)[0]
        raise InvalidInput(f"device {classes[row].device!r} did not run {list(SCENE_OF_FAMILY.values())[column]!r}")
    anchor = table.median[table.devices.index(ANCHOR)][columns]
    below, above = table.spread()
    return DeviceRatios(
        tuple(SCENE_OF_FAMILY), table.gpu[rows], table.median[cells] / anchor, below[cells], above[cells]
    )
