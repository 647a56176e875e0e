"""List the promised numbers, or measure some of them afresh and compare each with its bar.

Exit code 0: every bar reached; 1: one was missed; 2: a name is not known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from time import perf_counter

from benchmarks.registry import BENCHMARKS, Benchmark, find, measure
from benchmarks.result import Result
from placement.errors import InvalidInput

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, registry: Iterable[Benchmark] = BENCHMARKS) -> int:
    """Run the command; return its exit code."""
    registry = tuple(registry)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; without any, list them all")
    names = parser.parse_args(arguments).names
    if not names:
        print(listing(registry))
        return 0
    try:
        chosen = [find(name, registry) for name in names]
    except InvalidInput as wrong:
        print(wrong, file=sys.stderr)
        return 2
    reached = [_reached(benchmark) for benchmark in chosen]
    return 0 if all(reached) else 1


def _reached(benchmark: Benchmark) -> bool:
    start = perf_counter()
    result = measure(benchmark)
    print(f"{benchmark.name}: {benchmark.bar}  [{perf_counter() - start:.1f} s]\n{table(result)}\n", flush=True)
    return result.passed


def listing(registry: Sequence[Benchmark]) -> str:
    """Return one line per benchmark: name and bar."""
    width = max(len(each.name) for each in registry)
    return "\n".join(f"{each.name:<{width}}  {each.bar}" for each in registry)


def table(result: Result) -> str:
    """Return the rows of a result: what, value, bar, verdict and the baseline of the same run; below them its notes."""
    cells = [
        (
            row.what,
            f"{row.value:.4g} {row.unit}".rstrip(),
            f"{row.sense} {row.bar:.4g}",
            "reached" if row.passed else "MISSED",
            "" if row.baseline is None else f"baseline {row.baseline:.4g}",
        )
        for row in result.rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(f"  {line}".rstrip() for line in (*lines, *result.notes))


if __name__ == "__main__":
    sys.exit(main())
