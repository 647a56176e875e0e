"""Every number the project promises: its name, what it must reach, and the function that measures it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.result import Result
from placement.errors import InvalidInput

__all__ = ["BENCHMARKS", "Benchmark", "find", "measure"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A promised number.

    Parameters
    ----------
    name
        What it is asked for by.
    where
        ``module:function``; imported when it is asked for, called without arguments.
    bar
        What it must reach, in words.
    """

    name: str
    where: str
    bar: str


BENCHMARKS = (
    Benchmark(
        "cold-start",
        "benchmarks.models:cold_start",
        "run time on held-out shots, no frame seen: median error ≤ 25 % and ≤ 0.6 × a log-linear fit",
    ),
    Benchmark(
        "after-three-frames",
        "benchmarks.models:after_three_frames",
        "the same after 3 frames of the job, quiet rows: median error ≤ 6 %",
    ),
    Benchmark(
        "coverage",
        "benchmarks.models:coverage",
        "80 % and 95 % intervals on held-out jobs: worst node class within 3 points",
    ),
    Benchmark(
        "memory-exceedance",
        "benchmarks.models:memory_exceedance",
        "frames above the P99 memory forecast ≤ 2 %, at ≤ 1.5 × the true mean",
    ),
    Benchmark(
        "foreign-logs",
        "benchmarks.models:foreign_logs",
        "unseen scene families: log error ≥ 15 % below the best baseline, coverage within 8 points, "
        "error factor ≤ 1.30 after 5 frames",
    ),
    Benchmark(
        "beats-round-robin",
        "benchmarks.fleet:beats_round_robin",
        "makespan and node-seconds on the mixed farm ≥ 35 % below round robin and random, "
        "within 10 % of the lower bound",
    ),
    Benchmark(
        "blender-fleet",
        "benchmarks.fleet:blender_fleet",
        "the same ≥ 35 % on the measured Blender device table",
    ),
    Benchmark(
        "score-latency",
        "benchmarks.speed:score_latency",
        "score of 1,000 tasks × 20 classes × 3 modes, warm, one core ≤ 50 ms",
    ),
    Benchmark(
        "first-score",
        "benchmarks.speed:first_score",
        "fresh process, load the model, score one task ≤ 1.5 s",
    ),
    Benchmark(
        "train-shipped",
        "benchmarks.speed:train_shipped",
        "all targets on the shipped telemetry, two cores ≤ 60 s",
    ),
    Benchmark(
        "train-large",
        "benchmarks.speed:train_large",
        "10 million synthetic rows within 8 GiB",
    ),
    Benchmark(
        "decide-farm",
        "benchmarks.deciding:decide_farm",
        "one decision: 1,553 hosts, 20,000 waiting and 15,000 running frames, one core: p99 ≤ 100 ms",
    ),
    Benchmark(
        "decide-huge",
        "benchmarks.deciding:decide_huge",
        "one decision: 12,500 nodes, 150,000 waiting frames, 5,000 steps, 50 classes, one core: p99 ≤ 300 ms",
    ),
    Benchmark(
        "overhead",
        "benchmarks.deciding:overhead",
        "decision time over render time, studio-day ≤ 0.1 %",
    ),
    Benchmark(
        "simulate",
        "benchmarks.deciding:simulate",
        "maestro-farm, one simulated day with planning: ≥ 20,000 finished frames per second and core",
    ),
    Benchmark(
        "on-time",
        "benchmarks.outcomes:on_time",
        "jobs on time, studio-day and maestro-farm, deadlines that the clairvoyant bound can meet ≥ 99.5 %",
    ),
    Benchmark(
        "crunch-value",
        "benchmarks.outcomes:crunch_value",
        "crunch: value delivered ≥ 90 % of the upper bound, ahead of every baseline",
    ),
    Benchmark(
        "utilisation",
        "benchmarks.outcomes_service:utilisation",
        "useful over available capacity: at 95 % offered load ≥ 95 % of the offered, in saturation ≥ 98 %",
    ),
    Benchmark(
        "guarantees",
        "benchmarks.outcomes_service:guarantees",
        "guarantee shortfall while the client has demand, beyond the stated reclaim time: 0",
    ),
    Benchmark(
        "beats-round-robin-farm",
        "benchmarks.outcomes:beats_round_robin_farm",
        "node-seconds and mean completion against round robin and random, mixed hardware: ≥ 35 % better",
    ),
    Benchmark(
        "beats-peers",
        "benchmarks.outcomes:beats_peers",
        "weighted tardiness and node-seconds against the best baseline that is not ours, paired seeds: better, "
        "p < 0.01, on every shipped workload",
    ),
    Benchmark(
        "regret",
        "benchmarks.outcomes:regret",
        "gap to the clairvoyant run of the same planner ≤ 3 %, to the lower bound ≤ 10 %",
    ),
    Benchmark(
        "overnight-energy",
        "benchmarks.outcomes_energy:overnight_energy",
        "energy in overnight against mode performance without sleeping ≥ 30 % less, no more deadlines missed",
    ),
    Benchmark(
        "tariff-shift",
        "benchmarks.outcomes_energy:tariff_shift",
        "money saved by shifting on published forecasts ≥ 90 % of what perfect knowledge saves, on real prices",
    ),
    Benchmark(
        "previews",
        "benchmarks.outcomes_service:previews",
        "first image of every shot in studio-day ≤ 10 % of its final render time, at ≤ 2 % added node-seconds",
    ),
    Benchmark(
        "fuzz",
        "benchmarks.fuzzing:fuzz",
        "garbage to every input of the interface: 1,000,000 examples, only documented errors",
    ),
    Benchmark(
        "durable-events",
        "benchmarks.journal:durable_events",
        "facts made durable a second, group commit, one core: SQLite ≥ 20,000, PostgreSQL on loopback ≥ 10,000",
    ),
    Benchmark(
        "tamper",
        "benchmarks.journal:tamper",
        "tampering with a journal, every kind at every entry: 100 % found",
    ),
    Benchmark(
        "fault-seeds",
        "benchmarks.faults:fault_seeds",
        "the whole orchestrator under simulated faults: 10,000 seeds, no broken invariant, at rest within 6 h",
    ),
    Benchmark(
        "sigkill",
        "benchmarks.crashing:sigkill",
        "SIGKILL at random moments, SQLite / PostgreSQL and its server: 500 / 100, 0 frames lost, 0 accepted twice",
    ),
    Benchmark(
        "reopen",
        "benchmarks.reopening:reopen",
        "open a farm with 1,000,000 events and 100,000 live frames: ≤ 3 s",
    ),
    Benchmark(
        "node-death",
        "benchmarks.dying:node_death",
        "from a node's death to its work started elsewhere, worst of many: within one lease and one planning round",
    ),
    Benchmark(
        "control-overhead",
        "benchmarks.controlling:control_overhead",
        "control and journal for each finished frame, 1,000 at once, SQLite, without deciding: ≤ 1 ms of the processor",
    ),
    Benchmark(
        "rerender",
        "benchmarks.disaster:rerender",
        "disaster, renderers with checkpoints: share of rendering repeated for interruptions and losses ≤ 2 %",
    ),
    Benchmark(
        "month",
        "benchmarks.months:month",
        "two farms with 1,000 tasks at once each for a simulated month: state grows ≤ 2 %, memory ≤ 5 %, after 10 days",
    ),
)


def find(name: str, registry: Iterable[Benchmark] = BENCHMARKS) -> Benchmark:
    """Return the benchmark of this name.

    Raises
    ------
    InvalidInput
        There is none; the message lists the known ones.

    Examples
    --------
    >>> find("first-score").where
    'benchmarks.speed:first_score'
    """
    known = {each.name: each for each in registry}
    if name not in known:
        raise InvalidInput(f"no benchmark {name!r}; have {', '.join(known)}")
    return known[name]


def measure(benchmark: Benchmark) -> Result:
    """Import the benchmark's function and call it: the number is measured now, never read."""
    module, _, function = benchmark.where.partition(":")
    measured: Callable[[], Result] = getattr(importlib.import_module(module), function)
    return measured()
