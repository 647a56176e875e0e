"""What the benchmarks of decisions run in a process of its own: ``python -m benchmarks.decided WHAT SCALE``.

Prints JSON. Times are of the processor, so that neighbours on the machine do not count; `wall` beside them is what a
clock says. A scale below 1 measures less of everything, for tests.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.big_farms import FARM, HUGE, Case, Size, big_farm
from benchmarks.profile_parts import shares_of
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.peers.epvm import epvm
from placement.scheduling.plan import Plan, Planner
from placement.scheduling.planning import plan
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import declared, learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory, Outcome

__all__ = ["main"]

Told = dict[str, Any]

_SEED, _DAY = 1, 86_400.0
_FARMS, _HUGE_FARMS, _EVERY = 120, 40, 10
_STREAM_SECONDS, _PROFILE_SECONDS = 6 * 3600.0, 3 * 3600.0


@dataclass(slots=True)
class _Clocked:
    """A planner with a stopwatch, which may ask another about the same farm every few decisions."""

    planner: Planner
    other: Planner | None = None
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    of_other: list[float] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)

    def __call__(self, farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        begun, clock = process_time(), perf_counter()
        made = self.planner(farm, cost, rules)
        self.cpu.append(process_time() - begun)
        self.wall.append(perf_counter() - clock)
        self.waiting.append(int(farm.steps.waiting.sum()))
        self.running.append(farm.attempts.count)
        if self.other is not None and len(self.cpu) % _EVERY == 0:
            begun = process_time()
            self.other(farm, cost, rules)
            self.of_other.append(process_time() - begun)
        return made

    def told(self) -> Told:
        """Return quantiles in milliseconds, and of how much work."""
        found = {f"{name}_{kind}": value for name in ("cpu", "wall") for kind, value in _quantiles(getattr(self, name))}
        found |= {f"other_{kind}": value for kind, value in _quantiles(self.of_other)} if self.of_other else {}
        work = {name: [min(each), max(each)] for name, each in (("waiting", self.waiting), ("running", self.running))}
        return {**found, **work, "decisions": len(self.cpu)}


def _quantiles(seconds: list[float]) -> list[tuple[str, float]]:
    milliseconds = 1e3 * np.array(seconds)
    kinds = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    return [(kind, float(np.quantile(milliseconds, level))) for kind, level in kinds]


def _cases(cases: Iterable[Case]) -> Told:
    """Time both planners on every case, after one decision that warms them up."""
    ours, theirs = _Clocked(plan), _Clocked(epvm)
    for number, case in enumerate(cases):
        for each in (ours, theirs):
            if not number:
                each.planner(*case)
            each(*case)
    told, other = ours.told(), theirs.told()
    return told | {f"other_{kind}": other[f"cpu_{kind}"] for kind in ("p50", "p99", "max")}


def _farm(scale: float) -> Told:
    """Time built farms, and the decisions of a simulated part of a day as they come."""
    built = _cases(big_farm(FARM.scaled(scale), seed) for seed in range(max(round(_FARMS * scale), 3)))
    clocked = _Clocked(plan, epvm)
    run_farm(farm_world("maestro-farm", _SEED, scale=scale), clocked, Rules(), learned, until=_STREAM_SECONDS)
    return {"built": built, "stream": clocked.told()}


def _huge(scale: float) -> Told:
    size = HUGE.scaled(scale)
    built = _cases(big_farm(size, seed) for seed in range(max(round(_HUGE_FARMS * scale), 3)))
    return {"built": built, "scaling": _scaling(size)}


def _scaling(size: Size) -> Told:
    """Return milliseconds of a decision when one thing shrinks and the rest stays; nodes shrink with what they run."""
    found: Told = {}
    for names in (("waiting",), ("nodes", "running"), ("steps",)):
        shares = {}
        for share in (0.25, 0.5, 1.0):
            smaller = replace(size, **{name: round(share * getattr(size, name)) for name in names})
            case, times = big_farm(smaller, _SEED), list[float]()
            for _ in range(4):
                begun = process_time()
                plan(*case)
                times.append(process_time() - begun)
            shares[f"{getattr(smaller, names[0]):,}"] = 1e3 * float(np.median(times[1:]))
        found[names[0]] = shares
    return found


def _overhead(scale: float) -> Told:
    world = farm_world("studio-day", _SEED, scale=scale)
    return {"ours": _rendered(world, plan, scale), "other": _rendered(world, epvm, scale)}


def _rendered(world: FarmWorld, planner: Planner, scale: float) -> Told:
    """Return seconds of decisions, of rendering and of the farm's clock, in one run."""
    clocked = _Clocked(planner)
    history = run_farm(world, clocked, Rules(), learned, until=None if scale >= 1 else _STREAM_SECONDS)
    past = history.attempts
    return {"decide": sum(clocked.cpu), "wall": sum(clocked.wall), "render": float((past.end - past.start).sum()),
            "clock": history.end, **clocked.told()}  # fmt: skip


def _simulate(scale: float) -> Told:
    """Return frames finished a second, by planner, and where the time of a part of the day goes."""
    world = farm_world("maestro-farm", _SEED, scale=scale)
    until = _DAY if scale >= 1 else _PROFILE_SECONDS

    def profiled() -> FarmHistory:
        return run_farm(world, plan, Rules(), learned, until=min(until, _PROFILE_SECONDS))

    return {
        "ours": _speed(world, plan, until), "other": _speed(world, epvm, until), "parts": shares_of(profiled),
    }  # fmt: skip


def _speed(world: FarmWorld, planner: Planner, until: float) -> Told:
    clocked, begun, clock = _Clocked(planner), process_time(), perf_counter()
    knows = learned if planner is plan else declared
    history = run_farm(world, clocked, Rules(), knows, until=until)
    seconds, wall = process_time() - begun, perf_counter() - clock
    frames = int((history.attempts.outcome == Outcome.DONE).sum())
    return {"seconds": seconds, "wall": wall, "frames": frames, "planning": sum(clocked.cpu), **clocked.told()}


_WHAT: dict[str, Callable[[float], Told]] = {
    "farm": _farm, "huge": _huge, "overhead": _overhead, "simulate": _simulate,
}  # fmt: skip


def main(arguments: list[str]) -> None:
    """Measure one of them and print it."""
    what, scale = arguments
    sys.stdout.write(json.dumps(_WHAT[what](float(scale))))


if __name__ == "__main__":
    main(sys.argv[1:])
