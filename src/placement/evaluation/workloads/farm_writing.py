"""Write a whole farm's world as a folder of plain tables, from which the same world is read back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_schema import TABLES
from placement.farm.clients import Lending
from placement.farm.tariff import Outlook
from placement.simulator.farm_world import FarmWorld, Fault
from placement.units import Ints

__all__ = ["write_farm"]

_RESOURCES = ("cores", "memory", "gpus", "gpu_memory", "scratch")


def write_farm(world: FarmWorld, folder: Path | str, kind: Literal["csv", "parquet"] = "csv") -> None:
    """Write a world as tables; `placement.evaluation.workloads.farm_folder.read_farm` gives it back exactly.

    Jobs and steps are named by their numbers.

    Parameters
    ----------
    folder
        Made if it is not there; tables of a world that lies there are replaced.
    kind
        Format of all tables.

    Raises
    ------
    InvalidInput
        A name has surrounding or unprintable characters, jobs are not numbered in order, or the format is unknown.
    """
    if kind not in ("csv", "parquet"):
        raise InvalidInput(f"no format {kind!r}; have ['csv', 'parquet']")
    _check(world)
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    for stem in TABLES:
        for suffix in ("csv", "parquet"):
            (path / f"{stem}.{suffix}").unlink(missing_ok=True)
    for stem, columns in _tables(world).items():
        table = pd.DataFrame(columns)
        for column in TABLES[stem].columns:
            if column.name in table and column.otherwise == float("inf"):
                table[column.name] = table[column.name].replace(float("inf"), np.nan)
        if kind == "csv":
            table.to_csv(path / f"{stem}.csv", index=False)
        else:
            table.to_parquet(path / f"{stem}.parquet", index=False)


def _check(world: FarmWorld) -> None:
    for name in (world.name, *world.classes.names, *world.clients.names, *world.notes):
        if not name or name != name.strip() or not name.isprintable():
            raise InvalidInput(f"name {name!r} is empty or has surrounding blanks or unprintable characters")
    if not np.array_equal(world.jobs.index, np.arange(world.jobs.count)):
        raise InvalidInput("jobs of a world must be numbered from 0 in order of release")


def _tables(world: FarmWorld) -> dict[str, dict[str, Any]]:
    """Return the columns of every table that the world needs."""
    names = np.array(world.classes.names, dtype=object)
    fleet, licences = world.fleet, world.licences
    nodes = {"node_class": names[fleet.node_class], "rack": fleet.rack, "joins": fleet.joins, "leaves": fleet.leaves,
             "slowness": fleet.slowness}  # fmt: skip
    tables = {
        "farm": _facts(world),
        "clients": _clients(world),
        "node_classes": _classes(world),
        "modes": _modes(world, names),
        "nodes": nodes,
        "jobs": _jobs(world),
        "steps": _steps(world),
        "run_times": _cells(world.steps.seconds, names),
        "frames": _frames(world),
        "forecasts": _cells(world.forecasts.seconds, names),
        "forecast_errors": {
            "step": _labels(np.arange(len(world.steps.job))),
            **{name: getattr(world.forecasts, name) for name in ("spread", "common", "memory")},
        },
        "tariffs": _tariff(world.tariff.actual, world.tariff.published),
        "faults": _faults(world),
        "licences": {"licence": _labels(np.arange(len(licences))), "count": licences},
    }
    return {stem: table for stem, table in tables.items() if stem not in ("faults", "licences") or _rows(table)}


def _rows(table: dict[str, Any]) -> int:
    return len(next(iter(table.values())))


def _labels(rows: Ints, none: str = "") -> np.ndarray:
    """Return row numbers as names, -1 as no name."""
    return np.where(rows < 0, none, rows.astype(str)).astype(object)


def _facts(world: FarmWorld) -> dict[str, Sequence[str]]:
    numbers = {
        "power_cap": world.power_cap,
        "measure_start": world.measure[0],
        "measure_end": world.measure[1],
        "tariff_horizon": world.tariff.horizon,
    }
    facts = {"name": world.name, **{key: repr(float(number)) for key, number in numbers.items()}}
    return {"key": [*facts, *("note" for _ in world.notes)], "value": [*facts.values(), *world.notes]}


def _clients(world: FarmWorld) -> dict[str, Any]:
    clients, names = world.clients, np.array([*world.clients.names, ""], dtype=object)
    lending = [Lending(each).name.lower() for each in clients.lending]
    rest = {name: getattr(clients, name) for name in ("guarantee", "limit", "weight", "reclaim", "history")}
    return {"client": names[:-1], "parent": names[clients.parent], "lending": lending, **rest}


def _classes(world: FarmWorld) -> dict[str, Any]:
    classes = world.classes
    rest = ("worth", "idle_watts", "busy_watts", "asleep_watts", "wake_seconds", "sleep_seconds", "wake_joules",
            "gpu_watts")  # fmt: skip
    offer = {name: classes.offer[:, row] for row, name in enumerate(_RESOURCES)}
    return {"node_class": list(classes.names), **offer, **{name: getattr(classes, name) for name in rest}}


def _modes(world: FarmWorld, names: np.ndarray) -> dict[str, Any]:
    of, mode = np.divmod(np.arange(world.classes.speed.size), world.classes.modes)
    return {
        "node_class": names[of],
        "mode": mode,
        "speed": world.classes.speed.ravel(),
        "draw": world.classes.draw.ravel(),
    }


def _jobs(world: FarmWorld) -> dict[str, Any]:
    jobs, clients = world.jobs, np.array(world.clients.names, dtype=object)
    rest = {name: getattr(jobs, name) for name in ("release", "deadline", "importance", "value", "priority")}
    return {"job": _labels(jobs.index), "client": clients[jobs.client], **rest, "held": jobs.held.astype(np.int64)}


def _steps(world: FarmWorld) -> dict[str, Any]:
    steps = world.steps
    request = {name: steps.request[:, row] for row, name in enumerate(_RESOURCES)}
    return {
        "step": _labels(np.arange(len(steps.job))), "job": _labels(steps.job), "after": _labels(steps.after),
        "job_type": _labels(steps.kind), "frames": steps.frames, **request, "declared_seconds": steps.declared_seconds,
        "licence": _labels(steps.licence), "checkpoint": steps.checkpoint, "startup": steps.startup,
        "preview": steps.preview,
    }  # fmt: skip


def _cells(seconds: np.ndarray, names: np.ndarray) -> dict[str, Any]:
    step, of = np.nonzero(np.isfinite(seconds))
    return {"step": _labels(step), "node_class": names[of], "seconds": seconds[step, of]}


def _frames(world: FarmWorld) -> dict[str, Any]:
    steps, frames = world.steps, world.frames
    step = np.repeat(np.arange(len(steps.frames)), steps.frames)
    frame = np.arange(len(step)) - steps.first[step]
    return {
        "step": _labels(step),
        "frame": frame,
        "factor": frames.factor,
        "memory": frames.memory,
        "luck": frames.luck,
    }


def _tariff(actual: Outlook, published: Outlook) -> dict[str, Any]:
    told = {f"published_{key}": getattr(published, key) for key in ("price", "carbon")}
    return {**{key: getattr(actual, key) for key in ("start", "price", "carbon")}, **told}


def _faults(world: FarmWorld) -> dict[str, Any]:
    faults = world.faults
    kind = [Fault(each).name.lower() for each in faults.kind]
    return {"time": faults.time, "kind": kind, "target": _labels(faults.target), "seconds": faults.seconds,
            "factor": faults.factor}  # fmt: skip
