"""Hostile names are found, honest ones are left alone."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.telemetry.names import LONGEST_NAME, hostile_names


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("../../etc/passwd", "path out of its folder"),
        ("shots\\..\\secret", "path out of its folder"),
        ("/etc/passwd", "absolute path"),
        ("C:\\Windows", "absolute path"),
        ("~/x", "absolute path"),
        ("=HYPERLINK(1)", "spreadsheet formula"),
        ("+1", "spreadsheet formula"),
        ("-1+cmd|' /C calc'!A0", "spreadsheet formula"),
        (" @SUM(A1)", "spreadsheet formula"),
        ("job\0", "control character"),
        ("a\nb", "control character"),
        ("\u202egnp.exe", "control character"),
        ("caf\uf7e9", "text that is not UTF-8"),
        ("x" * 201, "longer than 200 characters"),
    ],
)
def test_a_hostile_name_is_called_what_it_is(name, what):
    found = hostile_names(pd.Series(["shot_010", name, None, name]))

    assert [(reason, where.tolist()) for reason, where in found] == [(what, [False, True, False, True])]


@given(st.lists(st.from_regex(r"[A-Za-zéß0-9_][A-Za-zéß0-9_ .()#-]{0,50}(/[A-Za-z0-9_]+)?", fullmatch=True)))
def test_honest_names_pass(names):
    honest = [name for name in names if ".." not in name]

    assert hostile_names(pd.Series(honest, dtype=object)) == []


@given(st.lists(st.text()))
def test_every_text_gets_a_verdict_of_its_own(names):
    found = hostile_names(pd.Series(names, dtype=object))

    for _, where in found:
        assert len(where) == len(names)
    for number, name in enumerate(names):
        if name[:1] in ("=", "@") or len(name) > LONGEST_NAME:
            assert any(where[number] for _, where in found)
