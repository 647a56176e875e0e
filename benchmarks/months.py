"""Whether two farms that run for a month in one process need more memory than what is live."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import psutil

from benchmarks.controlling import Meter, busy_farm
from benchmarks.result import Result, Row
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals

__all__ = ["contents", "month"]

_DAYS, _TASKS = 30, 1_000
_MEAN = 4 * 3600.0
_DAY = 86400.0
#: A month passes in virtual time: nobody else wants the lead, nodes say seldom that they are there, and what is over is
#: followed up within two per cent of a task's four hours; nothing goes wrong that had to be looked for each minute.
_SLOW = Settings(lead=3_600.0, lease=3_600.0, interval=1_800.0, gap=300.0, grace=3_600.0, stuck_least=3_600.0,
                 timeout_grace=3_600.0, stop_grace=3_600.0)  # fmt: skip
_SELDOM = Intervals(alive=900.0, progress=3_600.0)
_SETTLED = 10
#: Attempts and jobs that ended lately, and the most of them that a state remembers.
_BOUNDED = {"over": 20_000, "past": 20_000, "refused": 1_000}
_SPAN = 5


def month(days: int = _DAYS, tasks: int = _TASKS) -> Result:
    """Run two farms on SQLite files day by day, and see what their states hold and what the process takes each day."""
    begun = perf_counter()
    with TemporaryDirectory() as folder:
        made = [busy_farm(Path(folder) / f"farm-{name}.db", tasks, Meter(), _MEAN, _SELDOM, _SLOW) for name in "ab"]
        held: list[int] = []
        resident: list[float] = []
        for day in range(1, days + 1):
            for farm, supply, clock in made:
                _run(farm, supply, clock, day * _DAY)
            gc.collect()
            held.append(sum(contents(farm.state) for farm, *_ in made))
            resident.append(psutil.Process().memory_info().rss / 2**20)
        done = sum(farm.state.totals.done for farm, *_ in made)
        entries = sum(farm.state.seq for farm, *_ in made)
        room = max(len(getattr(farm.state, name)) / most for farm, *_ in made for name, most in _BOUNDED.items())
        running = sum(len(farm.state.attempts) for farm, *_ in made)
        for farm, *_ in made:
            farm.close()
    rows = (
        Row("growth of what the states hold, last days over settled ones", _growth(held), 0.02, "<="),
        Row("growth of the process's memory, the same", _growth(resident), 0.05, "<="),
        Row("what is remembered of the past, share of the most that may be", room, 1.0, "<="),
        Row("tasks running at the end, both farms", running, 2 * tasks * 0.95, ">="),
    )
    note = (
        f"{days} days, {done:,} frames, {entries:,} entries in {perf_counter() - begun:.0f} s; objects held by day "
        f"{held[:: max(days // 6, 1)]}, MiB by day {[round(each) for each in resident[:: max(days // 6, 1)]]}"
    )
    return Result("month", rows, (note,))


def _run(farm: Farm, supply: Callable[[], None], clock: SimulatedClock, until: float) -> None:
    for hour in np.arange(until - _DAY, until, 3600.0) + 3600.0:
        supply()
        while clock() < hour:
            farm.step(float(hour))


def _growth(values: Sequence[float]) -> float:
    """Return by how much the mean of the last days is above that of the first days after settling."""
    early = (
        values[_SETTLED : _SETTLED + _SPAN]
        if len(values) >= _SETTLED + 2 * _SPAN
        else values[: max(len(values) // 2, 1)]
    )
    return float(np.mean(values[-len(early) :]) / np.mean(early) - 1.0)


def contents(state: FarmState) -> int:
    """Return how many things a state holds: elements of all containers in it, however deep.

    Not counted is what it remembers of the past up to a fixed number, until which that grows.
    """
    seen: set[int] = set()

    def count(thing: object) -> int:
        if id(thing) in seen or isinstance(thing, str | bytes | int | float | type(None)):
            return 0
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            return int(thing.size)
        if isinstance(thing, dict):
            return len(thing) + sum(count(each) for each in thing.values())
        if isinstance(thing, list | tuple | set | frozenset):
            return len(thing) + sum(count(each) for each in thing)
        if is_dataclass(thing) and not isinstance(thing, type):
            return sum(count(getattr(thing, each.name)) for each in fields(thing))
        return 0

    return sum(count(each) for name, each in vars(state).items() if name not in _BOUNDED)
