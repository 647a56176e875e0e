"""Tables of a workload folder: their columns, units, what may stand in them and what is meant where nothing does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["TABLES", "Column", "TableForm"]

_INF = float("inf")

#: MiB that no frame ever asks for: a resource that nobody said is scarce.
_PLENTY = 1e12


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name
        Header.
    unit
        What a number counts; ``text`` and ``name`` are words, a name refers to a row of another table or is one itself.
    low, high
        Least and greatest number allowed.
    otherwise
        What is meant where the column or a value is missing; None: it must be there.
    above
        The least number itself is not allowed.
    whole
        Only whole numbers.
    among
        The only words allowed.
    """

    name: str
    unit: str
    low: float = 0.0
    high: float = _INF
    otherwise: float | str | None = None
    above: bool = False
    whole: bool = False
    among: tuple[str, ...] = ()

    @property
    def words(self) -> bool:
        """Whether values are words, not numbers."""
        return self.unit in ("text", "name")

    def expectation(self) -> str:
        """Say what may stand here.

        Examples
        --------
        >>> Column("memory", "MiB", above=True).expectation()
        'a number above 0 MiB'
        """
        if self.words:
            return f"one of {list(self.among)}" if self.among else "a word"
        kind = "a whole number" if self.whole else "a number"
        unit = "" if self.unit == "1" else f" {self.unit}"
        least = "" if self.low == -_INF else f" above {self.low:g}" if self.above else f" of {self.low:g} or more"
        most = f" and at most {self.high:g}" if np.isfinite(self.high) else ""
        empty = "" if self.otherwise is None else ", or empty"
        return f"{kind}{least}{most}{unit}{empty}"


@dataclass(frozen=True, slots=True)
class TableForm:
    """A table: its columns, whether it may be missing, and what no two rows may share."""

    columns: tuple[Column, ...]
    optional: bool = True
    unique: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """Return the column of this name."""
        return next(each for each in self.columns if each.name == name)


_STEP, _CLASS = Column("step", "name"), Column("node_class", "name")

#: File stem -> its form. Order and wording of `docs/workloads.md` follow it.
TABLES: dict[str, TableForm] = {
    "farm": TableForm((Column("key", "text"), Column("value", "text"))),
    "clients": TableForm(
        (
            Column("client", "name"),
            Column("parent", "name", otherwise=""),
            Column("guarantee", "1", 0, 1, 0.0),
            Column("limit", "1", 0, 1, 1.0),
            Column("weight", "1", otherwise=1.0, above=True),
            Column("lending", "text", otherwise="frame", among=("static", "never", "frame", "preempt")),
            Column("reclaim", "s", otherwise=300.0),
            Column("history", "worth-s", otherwise=0.0, low=-_INF),
        ),
        unique=("client",),
    ),
    "node_classes": TableForm(
        (
            _CLASS,
            Column("cores", "cores", otherwise=1.0),
            Column("memory", "MiB", otherwise=_PLENTY),
            Column("gpus", "GPUs", otherwise=0.0),
            Column("gpu_memory", "MiB", otherwise=0.0),
            Column("scratch", "MiB", otherwise=_PLENTY),
            Column("worth", "cores", otherwise=float("nan"), above=True),
            Column("idle_watts", "W", otherwise=0.0),
            Column("busy_watts", "W", otherwise=0.0),
            Column("asleep_watts", "W", otherwise=0.0),
            Column("wake_seconds", "s", otherwise=0.0),
            Column("sleep_seconds", "s", otherwise=0.0),
            Column("wake_joules", "J", otherwise=0.0),
            Column("gpu_watts", "W", otherwise=0.0),
        ),
        unique=("node_class",),
    ),
    "modes": TableForm(
        (
            _CLASS,
            Column("mode", "1", 0, 63, whole=True),
            Column("speed", "1", 0, 1, above=True),
            Column("draw", "1", 0, 1, above=True),
        ),
        unique=("node_class", "mode"),
    ),
    "nodes": TableForm(
        (
            _CLASS,
            Column("count", "nodes", 1, 1e6, 1.0, whole=True),
            Column("rack", "1", 0, 2**53, -1.0, whole=True),
            Column("joins", "s", otherwise=0.0),
            Column("leaves", "s", otherwise=_INF),
            Column("slowness", "1", otherwise=1.0, above=True),
        ),
        optional=False,
    ),
    "jobs": TableForm(
        (
            Column("job", "name"),
            Column("client", "name", otherwise=""),
            Column("release", "s", otherwise=0.0),
            Column("deadline", "s", otherwise=_INF),
            Column("importance", "1", otherwise=1.0, above=True),
            Column("value", "1", otherwise=1.0),
            Column("priority", "1", 1, 100, 50.0),
            Column("held", "1", 0, 1, 0.0, whole=True),
        ),
        optional=False,
        unique=("job",),
    ),
    "steps": TableForm(
        (
            _STEP,
            Column("job", "name"),
            Column("after", "name", otherwise=""),
            Column("job_type", "name", otherwise="0"),
            Column("frames", "frames", 1, 1e8, 1.0, whole=True),
            Column("cores", "cores", otherwise=1.0),
            Column("memory", "MiB", otherwise=0.0),
            Column("gpus", "GPUs", otherwise=0.0),
            Column("gpu_memory", "MiB", otherwise=0.0),
            Column("scratch", "MiB", otherwise=0.0),
            Column("declared_seconds", "s", otherwise=float("nan"), above=True),
            Column("licence", "name", otherwise=""),
            Column("checkpoint", "s", otherwise=_INF, above=True),
            Column("startup", "s", otherwise=0.0),
            Column("preview", "1", 0, 1, 0.0, whole=True),
        ),
        optional=False,
        unique=("step",),
    ),
    "run_times": TableForm(
        (
            Column("step", "name", otherwise=""),
            Column("frame", "1", 0, 1e8, -1.0, whole=True),
            Column("job_type", "name", otherwise=""),
            _CLASS,
            Column("seconds", "s", above=True),
        ),
        optional=False,
        unique=("step", "frame", "job_type", "node_class"),
    ),
    "frames": TableForm(
        (
            _STEP,
            Column("frame", "1", 0, 1e8, whole=True),
            Column("factor", "1", otherwise=1.0, above=True),
            Column("memory", "MiB", otherwise=float("nan")),
            Column("luck", "1", 0, 1, float("nan")),
        ),
        unique=("step", "frame"),
    ),
    "forecasts": TableForm((_STEP, _CLASS, Column("seconds", "s", above=True)), unique=("step", "node_class")),
    "forecast_errors": TableForm(
        (_STEP, Column("spread", "1", 0, 10), Column("common", "1", 0, 10), Column("memory", "MiB")),
        unique=("step",),
    ),
    "tariffs": TableForm(
        (
            Column("start", "s", low=-_INF),
            Column("price", "EUR/kWh", low=-_INF),
            Column("carbon", "gCO2/kWh", otherwise=0.0, low=-_INF),
            Column("published_price", "EUR/kWh", otherwise=float("nan"), low=-_INF),
            Column("published_carbon", "gCO2/kWh", otherwise=float("nan"), low=-_INF),
        ),
        unique=("start",),
    ),
    "faults": TableForm(
        (
            Column("time", "s"),
            Column("kind", "text", among=("crash", "rack_loss", "slow", "bad_node", "corrupt_scene", "licence_loss")),
            Column("target", "name"),
            Column("seconds", "s", otherwise=_INF),
            Column("factor", "1", otherwise=1.0),
        )
    ),
    "licences": TableForm((Column("licence", "name"), Column("count", "1", 0, 1e9, whole=True)), unique=("licence",)),
}
