"""The Philly tables with deadlines and values (Chronus) as farms of GPU renders."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import Uncertainty
from placement.evaluation.workloads.farm_machines import MachineKind
from placement.evaluation.workloads.traces.building import TraceJobs, TraceSettings, trace_world
from placement.simulator.farm_world import FarmWorld
from placement.units import MIB_PER_GIB, Floats

__all__ = ["PhillySettings", "read_philly"]

_NEEDED = (
    "user",
    "num_gpu",
    "submit_time",
    "model_name",
    "duration",
    "expect_time_list",
    "expect_value_list",
    "best_effort",
)
_MINUTE = 60.0
_ODD = 0.01
_NODE = MachineKind(name="gpu-node", nodes=1, cores=32, memory=240.0, gpus=8, gpu_memory=24.0, gpu_power="V100")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhillySettings:
    """How a table becomes a farm.

    Parameters
    ----------
    minutes
        Only what was submitted in the first so many minutes of the trace.
    time_scale
        Factor on run times, arrivals and deadlines alike.
    memory
        GiB of a frame: the tables have none, ASSUMED.
    trace
        Size of the farm and of frames; frames of 10 minutes by default.
    """

    minutes: float = float("inf")
    time_scale: float = 1.0
    memory: float = 8.0
    trace: TraceSettings = field(default_factory=lambda: TraceSettings(node=_NODE, frame_seconds=600.0))

    def __post_init__(self) -> None:
        if not (self.minutes > 0 and self.time_scale > 0 and self.memory > 0):
            raise InvalidInput(
                f"minutes {self.minutes:g}, time_scale {self.time_scale:g} and memory {self.memory:g} GiB must exceed 0"
            )


def read_philly(
    path: Path | str = "philly_slo", settings: PhillySettings | None = None, seed: int = 0,
    uncertainty: Uncertainty | None = None,
) -> FarmWorld:  # fmt: skip
    """Read a table as a farm.

    A training job of ``g`` GPUs and ``d`` minutes becomes a step of one-GPU frames of about
    `TraceSettings.frame_seconds`
    each with the same GPU time in all; GPUs need not be held together. A ladder of deadlines becomes its first step,
    with that step's value; the importance is what the value falls per hour after it, relative to the value, at least 1.
    Best-effort jobs have no deadline. Rows without GPUs are dropped and counted.

    Parameters
    ----------
    path
        A file, or the name of a shipped table: ``philly_slo``, ``philly_mix1``.

    Raises
    ------
    InvalidInput
        A column is missing or a value is no number, or ladders and durations cannot be of the same unit.
    """
    settings = settings or PhillySettings()
    name = str(path)
    file = shipped(f"data/workloads/{name}.csv.gz") if name in ("philly_slo", "philly_mix1") else Path(path)
    rows = _rows(file)
    none = rows["num_gpu"] == 0
    rows = rows[~none & (rows["submit_time"] <= rows["submit_time"].min() + settings.minutes)]
    if rows.empty:
        raise InvalidInput(f"{file.name} has no job with a GPU in its first {settings.minutes:g} minutes")
    due, value, fall = _ladders(rows, file.name)
    _check_units(due, rows["duration"].to_numpy(float), file.name)
    unit = _MINUTE * settings.time_scale
    submit = (rows["submit_time"] - rows["submit_time"].min()).to_numpy(float) * unit
    clients, client = np.unique(rows["user"].astype(str), return_inverse=True)
    _, kind = np.unique(rows["model_name"].astype(str), return_inverse=True)
    jobs = TraceJobs(
        clients=tuple(clients), client=client.reshape(-1), release=submit, deadline=submit + due * unit,
        importance=np.maximum(fall * 60 / settings.time_scale, 1.0), value=value,
        kind=kind.reshape(-1).astype(np.int64),
        frames=rows["num_gpu"].to_numpy(np.int64), seconds=rows["duration"].to_numpy(float) * unit,
        declared=np.full(len(rows), np.nan), memory=np.full(len(rows), settings.memory * MIB_PER_GIB), gpus=1,
    )  # fmt: skip
    notes = (
        f"{file.name}: {len(rows)} jobs of {len(clients)} tenants, {int(none.sum())} rows without a GPU dropped.",
        f"Times are minutes of the trace times {settings.time_scale:g}; training is cut into frames of about "
        f"{settings.trace.frame_seconds:g} s with the same GPU time.",
    )
    return trace_world(file.name.split(".")[0], jobs, settings.trace, uncertainty or Uncertainty(), seed, notes)


def _rows(file: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(file, dtype={"expect_time_list": str, "expect_value_list": str})
    except (OSError, ValueError, EOFError, pd.errors.ParserError) as wrong:
        raise InvalidInput(f"{file} cannot be read as a table: {wrong}") from wrong
    if missing := [name for name in _NEEDED if name not in rows]:
        raise InvalidInput(f"{file.name} lacks the columns {missing}; has {list(rows.columns)}")
    for name, least in (("num_gpu", 0), ("submit_time", 0), ("duration", 0), ("best_effort", 0)):
        numbers = pd.to_numeric(rows[name], errors="coerce")
        bad = ~(numbers >= least) | np.isinf(numbers) | ((numbers <= 0) & (name == "duration"))
        if bad.any():
            row = int(bad.to_numpy().argmax())
            unit = {"duration": " min above 0", "submit_time": " min of 0 or more"}.get(name, " of 0 or more")
            raise InvalidInput(
                f"{file.name}, row {row + 1}, column {name}: {rows[name].iloc[row]!r}, expected a number{unit}"
            )
        rows[name] = numbers
    return rows


def _ladders(rows: pd.DataFrame, file: str) -> tuple[Floats, Floats, Floats]:
    """Return minutes until the first deadline (infinite: none), its value, and the value's relative fall per minute."""
    due, value, fall = np.full(len(rows), np.inf), np.ones(len(rows)), np.zeros(len(rows))
    columns = (rows["expect_time_list"], rows["expect_value_list"], rows["best_effort"] > 0)
    for row, (times, values, best) in enumerate(zip(*columns, strict=True)):
        steps, worth = _numbers(times), _numbers(values)
        if not steps or len(steps) != len(worth) or (np.diff(steps) <= 0).any():
            raise InvalidInput(
                f"{file}, row {row + 1}: deadlines {times!r} and values {values!r} must be as many, in increasing order"
            )
        value[row] = worth[0]
        if not best:
            due[row] = steps[0]
            later = steps[-1] - steps[0]
            fall[row] = (worth[0] - worth[-1]) / later / worth[0] if later > 0 and worth[0] > 0 else 0.0
    return due, value, fall


def _numbers(text: object) -> list[float]:
    return [float(part) for part in re.findall(r"\d+(?:\.\d+)?", str(text))]


def _check_units(due: Floats, duration: Floats, file: str) -> None:
    """Deadlines count from submission in the unit of durations: then hardly any comes before its job could end."""
    promised = np.isfinite(due)
    odd = float((due[promised] < duration[promised]).mean()) if promised.any() else 0.0
    if odd > _ODD:
        raise InvalidInput(
            f"{file}: {odd:.0%} of the deadlines come before the job's own duration has passed; expected both in"
            " minutes, deadlines counted from submission"
        )
