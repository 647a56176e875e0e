"""Play the whole orchestrator under faults that seeds choose, and say which seeds break something."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from placement.errors import PlacementError
from placement.testing.arguments import at_least_one
from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.shrinking import shrunk
from placement.testing.faults.sweeping import Swept, sweep
from placement.testing.faults.world import play

__all__ = ["main"]

_TOLD_EVERY = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m placement.testing.faults", description=__doc__)
    parser.add_argument("--seeds", type=at_least_one, default=100, help="how many; default: %(default)s")
    parser.add_argument("--first", type=int, default=0, help="the first of them; default: %(default)s")
    parser.add_argument("--jobs", type=at_least_one, default=1, help="processes; default: %(default)s")
    parser.add_argument("--steps", type=int, default=60, help="until faults stop; default: %(default)s")
    parser.add_argument("--work", type=int, default=4, help="jobs of users; default: %(default)s")
    parser.add_argument("--without", default="", help=f"faults that do not strike: some of {', '.join(Fault)}")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    try:
        without = frozenset(Fault(each) for each in asked.without.split(",") if each)
        cases = [
            Case(seed=seed, steps=asked.steps, jobs=asked.work, without=without)
            for seed in range(asked.first, asked.first + asked.seeds)
        ]
    except (PlacementError, ValueError) as wrong:
        parser.error(str(wrong))
    swept = sweep(cases, processes=asked.jobs, progress=_tell)
    _summary(swept)
    if swept.failures:
        small = shrunk(swept.failures[0].case)
        print(f"smallest: {small.command}\n  {play(small).broken}")
    return 1 if swept.failures else 0


def _tell(swept: Swept) -> None:
    if swept.failures and swept.failures[-1].case == swept.last:
        print(f"seed {swept.failures[-1].case.seed}: {swept.failures[-1].broken}", flush=True)
    if swept.cases % _TOLD_EVERY == 0:
        print(f"{swept.cases:,} seeds in {swept.seconds:.0f} s, {len(swept.failures)} broken", flush=True)


def _summary(swept: Swept) -> None:
    struck = ", ".join(f"{fault} {swept.struck[fault]:,}" for fault in Fault)
    print(f"{swept.cases:,} seeds, {swept.steps:,} steps, {swept.entries:,} entries in {swept.seconds:.1f} s")
    print(f"{swept.simulated / 3600:,.1f} simulated hours; at rest {swept.calm:.0f} s after the last fault at most")
    print(f"faults: {struck}")
    print(f"broken: {len(swept.failures)}")


if __name__ == "__main__":
    sys.exit(main())
