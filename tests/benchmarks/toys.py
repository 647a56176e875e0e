"""Benchmarks that measure something small at once, for the tests of the command."""

from __future__ import annotations

from benchmarks.result import Result, Row


def reached() -> Result:
    return Result("reached", (Row("sum of the first ten", float(sum(range(10))), 40.0, ">=", "1", 0.0),))


def missed() -> Result:
    return Result("missed", (Row("sum", float(sum(range(10))), 40.0, "<="), Row("length", float(len("ab")), 2.0, "<=")))


def undefined() -> Result:
    return Result("undefined", (Row("mean of nothing", float("nan"), 1.0, "<="),))
