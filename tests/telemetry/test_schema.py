"""The schema is declared once and documented as declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement.errors import InvalidInput
from placement.telemetry.schema import COLUMNS, OPTIONAL, REQUIRED, TARGETS, Column, column, schema_table


def test_the_documented_schema_is_the_one_in_force(repository: Path):
    documented = (repository / "docs" / "telemetry.md").read_text(encoding="utf-8")

    assert schema_table() in documented


def test_every_column_is_required_or_optional_and_known_by_name():
    assert {*REQUIRED, *OPTIONAL} == {each.name for each in COLUMNS}
    assert all(column(name).role == "measured" for name in TARGETS)


def test_an_unknown_column_lists_the_known():
    with pytest.raises(InvalidInput, match=r"no column 'runtime' .*have .*'run_time'"):
        column("runtime")


def test_a_column_declared_impossibly_is_refused():
    with pytest.raises(InvalidInput, match="low 2 is above high 1"):
        Column(name="x", kind="number", role="before", about="", low=2, high=1)
    with pytest.raises(InvalidInput, match="unknown unit"):
        Column(name="x", kind="number", role="before", about="", unit="furlong")
