"""How many seeds of the fault simulation break something, and what they went through."""

from __future__ import annotations

import logging
import os

from benchmarks.result import Result, Row
from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.sweeping import sweep
from placement.testing.faults.world import CALM

__all__ = ["SEEDS", "fault_seeds"]

SEEDS = 10_000
_FIRST = 1_000_000  #: beyond the seeds that tests play
_TOLD, _LONG_EVERY = 10, 10


def fault_seeds(seeds: int = SEEDS, first: int = _FIRST) -> Result:
    """Play the whole orchestrator under the faults of many seeds, on all cores that the process may use."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        cases = (_case(seed) for seed in range(first, first + seeds))
        swept = sweep(cases, processes=len(os.sched_getaffinity(0)))
    finally:
        logging.disable(before)
    rows = (
        Row("seeds", swept.cases, seeds, ">="),
        Row("seeds that break an invariant", len(swept.failures), 0, "<="),
        Row("kinds of faults that struck", sum(swept.struck[fault] > 0 for fault in Fault), len(Fault), ">="),
        Row("longest until all jobs were over after the last fault", swept.calm, CALM, "<=", "simulated s"),
    )
    notes = [
        f"{swept.steps:,} steps, {swept.entries:,} entries, {swept.simulated / 3600:,.0f} simulated hours "
        f"in {swept.seconds:,.0f} s",
        "faults: " + ", ".join(f"{fault} {swept.struck[fault]:,}" for fault in Fault),
        *(f"seed {each.case.seed}: {each.broken}" for each in swept.failures[:_TOLD]),
    ]
    return Result("fault-seeds", rows, tuple(notes))


def _case(seed: int) -> Case:
    """Return a case; one in ten is several times as long, with more jobs."""
    return Case(seed=seed, steps=250, jobs=14) if seed % _LONG_EVERY == 0 else Case(seed=seed)
