"""From a foreign table to checked telemetry rows, each refused row with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.telemetry.canonical import Finding, canonical, extra_columns
from placement.telemetry.checks import check, complete
from placement.telemetry.mapping import Mapping, apply_mapping
from placement.telemetry.schema import COLUMNS, REQUIRED
from placement.telemetry.suspicion import Suspicion, suspect_units
from placement.units import Bools

__all__ = ["Admitted", "admit", "lacking", "unused_columns"]


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """One table after the checks.

    Parameters
    ----------
    rows
        All rows in canonical columns, refused ones too.
    refused
        Which rows are refused, shape ``(rows,)``.
    findings
        Each reason and the rows it holds for.
    filled
        What was filled from other columns → values.
    suspected
        Columns that are in another unit than they should be.
    """

    rows: pd.DataFrame
    refused: Bools
    findings: Sequence[Finding]
    filled: dict[str, int]
    suspected: list[Suspicion]

    def reasons(self) -> list[tuple[str, ...]]:
        """Return the reasons of each refused row, in row order."""
        if not self.refused.any():
            return []
        told = np.zeros((len(self.findings), int(self.refused.sum())), dtype=bool)
        for number, (_, where) in enumerate(self.findings):
            told[number] = where[self.refused]
        patterns, of = np.unique(told.T, axis=0, return_inverse=True)
        texts = [
            tuple(reason for (reason, _), holds in zip(self.findings, pattern, strict=True) if holds)
            for pattern in patterns
        ]
        return [texts[each] for each in of.ravel()]


def admit(frame: pd.DataFrame, mapping: Mapping | None = None, suspected: list[Suspicion] | None = None) -> Admitted:
    """Map, convert and check `frame`; nothing is raised for what is wrong with a row.

    Parameters
    ----------
    suspected
        Columns known from an earlier part of the same source to be in another unit: their rows are refused. None to
        find out from this part.

    Raises
    ------
    InvalidInput
        A column that the mapping needs is not there.

    Examples
    --------
    >>> table = {"job_id": ["a", "=A1"], "job_type": ["b", "b"], "node_class": ["c", "c"], "run_time": ["1", "inf"]}
    >>> admit(pd.DataFrame(table)).reasons()
    [('job_id: spreadsheet formula', 'run_time: infinite')]
    """
    frame = frame.reset_index(drop=True)
    columns = COLUMNS if mapping is None else (*COLUMNS, *extra_columns(mapping.features))
    rows, findings = canonical(frame if mapping is None else apply_mapping(frame, mapping), columns)
    rows, filled = complete(rows)
    suspected = suspect_units(rows) if suspected is None else suspected
    findings = [*((str(each), rows[each.column].notna().to_numpy()) for each in suspected), *findings]
    findings += _not_told_yet(check(rows, columns), findings)
    findings = [(reason, where) for reason, where in findings if where.any()]
    refused = np.zeros(len(rows), dtype=bool)
    for _, where in findings:
        refused |= where
    return Admitted(rows, refused, findings, filled, suspected)


def _not_told_yet(found: list[Finding], told: list[Finding]) -> list[Finding]:
    """Leave out what follows from a column's values being of the wrong type or unit: that they are missing, say."""
    by_column: dict[str, Bools] = {}
    for reason, where in told:
        column = reason.partition(":")[0]
        by_column[column] = by_column.get(column, where) | where
    return [(reason, where & ~by_column.get(reason.partition(":")[0], np.False_)) for reason, where in found]


def lacking(names: Sequence[str]) -> list[str]:
    """Return the columns without which no row of a table with columns `names` can be used.

    Examples
    --------
    >>> lacking(["job_id", "job_type", "start_time"])
    ['node_class', 'run_time (or start_time and end_time)']
    """
    there = set(names)
    absent = [name for name in REQUIRED if name not in there]
    if "run_time" not in there and not {"start_time", "end_time"} <= there:
        absent.append("run_time (or start_time and end_time)")
    return absent


def unused_columns(names: Sequence[str], mapping: Mapping | None) -> list[str]:
    """Return those of a table's columns that neither the schema nor `mapping` knows."""
    known = {each.name for each in COLUMNS} | (mapping.uses if mapping else frozenset())
    return [name for name in names if name not in known]
