"""Workloads and trainers by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from placement.adapters.formats import read_telemetry
from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.evaluation.case import Trainer, Workload
from placement.evaluation.log_linear import train_log_linear
from placement.evaluation.workloads.blender_fleet import BlenderFleet
from placement.evaluation.workloads.composition import CLASSES
from placement.evaluation.workloads.device_table import DeviceTable, read_device_table
from placement.evaluation.workloads.folder import TableFolder
from placement.evaluation.workloads.mixed_renders import MixedRenders

__all__ = ["TRAINERS", "WORKLOADS", "device_table", "trainer", "workload"]

#: Entry point group in which other packages offer trainers.
TRAINERS = "placement.trainers"


def device_table() -> DeviceTable:
    """Read the shipped device table."""
    return read_device_table(shipped("data/blender-opendata/fixed_work_scenes.csv"))


def _blender_devices(trainer: Trainer) -> Workload:
    return BlenderFleet(table=device_table())


def _mixed(trainer: Trainer, *, whole: bool = True) -> Workload:
    rows = read_telemetry(shipped("data/renders")).rows
    return MixedRenders(telemetry=rows, table=device_table(), trainer=trainer, whole=whole)


def _fixed_overhead(trainer: Trainer) -> Workload:
    return _mixed(trainer, whole=False)


def _measured(trainer: Trainer) -> Workload:
    rows = read_telemetry(shipped("data/renders")).rows
    classes = tuple(each for each in CLASSES if not each.device)
    return MixedRenders(telemetry=rows, table=device_table(), trainer=trainer, classes=classes)


#: Name -> what makes the workload with a trainer for its forecasts.
WORKLOADS: dict[str, Callable[[Trainer], Workload]] = {
    "mixed-renders": _mixed,
    "mixed-renders-fixed-overhead": _fixed_overhead,
    "measured-renders": _measured,
    "blender-devices": _blender_devices,
}


def workload(name: str, trainer: Trainer = train_log_linear) -> Workload:
    """Return the workload of this name, or the one in this folder.

    Raises
    ------
    InvalidInput
        Neither a name nor a folder; the message lists the names.

    Examples
    --------
    >>> workload("blender-devices")(0).world.nodes
    24
    """
    if name in WORKLOADS:
        return WORKLOADS[name](trainer)
    if Path(name).is_dir():
        return TableFolder(Path(name))
    raise InvalidInput(f"no workload {name!r}: not a folder, and not one of {sorted(WORKLOADS)}")


def trainer(name: str) -> Trainer:
    """Return the trainer of this name: ``log-linear``, or one that a package offers under `TRAINERS`.

    Raises
    ------
    InvalidInput
        There is none; the message lists those there are.

    Examples
    --------
    >>> trainer("log-linear") is train_log_linear
    True
    """
    if name == "log-linear":
        return train_log_linear
    found = {point.name: point for point in entry_points(group=TRAINERS)}
    if name not in found:
        raise InvalidInput(f"no trainer {name!r}; have {['log-linear', *sorted(found)]}")
    loaded: Trainer = found[name].load()
    return loaded
