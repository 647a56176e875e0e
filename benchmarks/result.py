"""What a benchmark hands back: measured values, each beside its bar and the baseline of the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from placement.errors import InvalidInput

__all__ = ["Result", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured value.

    Parameters
    ----------
    what
        What was measured.
    value
        The measured value, in `unit`.
    bar
        What it must reach, in `unit`.
    sense
        ``<=``: the value must not exceed the bar; ``>=``: it must not fall below.
    unit
        Of the value, the bar and the baseline.
    baseline
        The same quantity for what is compared against, measured in the same run.

    Examples
    --------
    >>> Row("median error", 0.21, 0.25, "<=", baseline=0.42).passed
    True
    """

    what: str
    value: float
    bar: float
    sense: Literal["<=", ">="]
    unit: str = ""
    baseline: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the value reaches its bar; not-a-number never does."""
        return self.value <= self.bar if self.sense == "<=" else self.value >= self.bar


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark measured.

    Parameters
    ----------
    name
        The benchmark's name.
    rows
        Its values, at least one.
    notes
        What else was measured and belongs beside the values: a sentence each.

    Raises
    ------
    InvalidInput
        There is no row: nothing was measured.
    """

    name: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rows:
            raise InvalidInput(f"benchmark {self.name!r} measured nothing; expected at least one row")

    @property
    def passed(self) -> bool:
        """Whether every row reaches its bar."""
        return all(row.passed for row in self.rows)
