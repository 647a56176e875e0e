"""How long decisions about whole farms take: one alone, all of a day beside what they render, and a simulated day."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.alone import cores, run
from benchmarks.result import Result, Row

__all__ = ["decide_farm", "decide_huge", "overhead", "simulate"]

_PARTS = 14


def decide_farm(scale: float = 1.0) -> Result:
    """Measure one decision about 1,553 hosts: built farms of every kind of work, and a simulated one as it goes."""
    told = _measured("farm", scale)
    built, stream = told["built"], told["stream"]
    rows = (
        Row(f"built farms, {_work(built)}: p99", built["cpu_p99"], 100.0, "<=", "ms", built["other_p99"]),
        Row(
            f"maestro-farm as it goes, {_work(stream)}: p99", stream["cpu_p99"], 100.0, "<=", "ms", stream["other_p99"]
        ),
    )
    notes = (_BASELINE, f"built farms: {_spread(built)}", f"maestro-farm: {_spread(stream)}")
    return Result("decide-farm", rows, notes)


def decide_huge(scale: float = 1.0) -> Result:
    """Measure one decision about 12,500 nodes of 50 classes and 5,000 steps, and how it grows."""
    told = _measured("huge", scale)
    built = told["built"]
    row = Row(f"{_work(built)}: p99", built["cpu_p99"], 300.0, "<=", "ms", built["other_p99"])
    growth = (
        f"by {name}, the rest as it is: " + ", ".join(f"{count} {time:.0f} ms" for count, time in times.items())
        for name, times in told["scaling"].items()
    )
    return Result("decide-huge", (row,), (_BASELINE, _spread(built), *growth))


def overhead(scale: float = 1.0) -> Result:
    """Measure all decisions of `studio-day` beside the seconds that its frames render."""
    told = _measured("overhead", scale)
    ours, other = told["ours"], told["other"]
    share, peer = (100 * each["decide"] / each["render"] for each in (ours, other))
    row = Row("decisions over rendering", share, 0.1, "<=", "%", peer)
    clock = (
        f"decisions of {ours['decide']:.1f} s in all beside {ours['render']:.3g} s of rendering; "
        f"over the farm's own clock {100 * ours['decide'] / ours['clock']:.3f} %"
    )
    return Result("overhead", (row,), (_BASELINE, clock, _spread(ours)))


def simulate(scale: float = 1.0) -> Result:
    """Measure a simulated day of `maestro-farm` with planning, and where its time goes."""
    told = _measured("simulate", scale)
    ours, other = told["ours"], told["other"]
    rate, peer = (each["frames"] / each["seconds"] for each in (ours, other))
    row = Row("finished frames a second and core", rate, 20_000.0, ">=", "", peer)
    parts = sorted(told["parts"].items(), key=lambda each: -each[1])
    shown = [f"{name} {share:.1%}" for name, share in parts[:_PARTS]]
    rest = sum(share for _, share in parts[_PARTS:])
    planner = sum(share for name, share in parts if name.startswith(("scheduling.", "farm.")))
    notes = (
        _BASELINE,
        f"{ours['frames']:,} frames in {ours['seconds']:.1f} s ({ours['wall']:.1f} s by the clock), of which "
        f"{ours['planning']:.1f} s in {ours['decisions']} decisions",
        _spread(ours),
        f"under a profiler, {planner:.0%} in the planner and its tables: {', '.join(shown)}, others {rest:.1%}",
    )
    return Result("simulate", (row,), notes)


_BASELINE = "one core, seconds of the processor; baseline: the epvm peer in the same process"


def _measured(what: str, scale: float) -> dict[str, Any]:
    with cores(1):
        told: dict[str, Any] = json.loads(run("-m", "benchmarks.decided", what, str(scale)))
    return told


def _work(told: dict[str, Any]) -> str:
    waiting, running = ("–".join(f"{each:,}" for each in dict.fromkeys(told[name])) for name in ("waiting", "running"))
    return f"{waiting} waiting and {running} running frames"


def _spread(told: dict[str, Any]) -> str:
    ours, wall = (
        "/".join(f"{told[f'{name}_{kind}']:.1f}" for kind in ("p50", "p99", "max")) for name in ("cpu", "wall")
    )
    return f"{told['decisions']} decisions, p50/p99/max {ours} ms of the processor, {wall} ms by the clock"
