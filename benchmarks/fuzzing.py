"""How many examples of garbage the interface stands, and how fast they are tried."""

from __future__ import annotations

from benchmarks.result import Result, Row
from placement.testing.fuzz import TARGETS
from placement.testing.fuzz import fuzz as run
from placement.testing.fuzz_farm import farm_targets

__all__ = ["EXAMPLES", "fuzz"]

EXAMPLES = 1_000_000
_SEED = 20


def fuzz(examples: int = EXAMPLES) -> Result:
    """Feed seeded garbage and damaged input to every target; only documented errors may come out."""
    done = run(examples, _SEED, {**TARGETS, **farm_targets()})
    rows = (
        Row("examples", done.examples, EXAMPLES, ">="),
        Row("undocumented errors", len(done.findings), 0, "<="),
        Row("examples per second", done.examples / done.seconds, 1_500, ">=", "1/s"),
    )
    told = [f"{name}: {tried:,} tried, {done.taken.get(name, 0):,} accepted" for name, tried in done.tried.items()]
    found = [f"{each.target}, seed {each.seed}, example {each.example}: {each.error}" for each in done.findings]
    return Result("fuzz", rows, (*told, *found))
