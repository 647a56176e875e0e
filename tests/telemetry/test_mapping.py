"""Foreign columns come in as the mapping says; what cannot be converted stays visible."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.telemetry.canonical import canonical
from placement.telemetry.mapping import Mapping, Rule, apply_mapping
from placement.telemetry.mapping_file import mapping_from


def mapped(table: dict[str, list[object]], columns: dict[str, object], **more: object) -> pd.DataFrame:
    return apply_mapping(pd.DataFrame(table), mapping_from({"columns": columns, **more}, where="test.toml"))


@given(st.lists(st.floats(0, 1e9), min_size=1), st.sampled_from(["ms", "s", "min", "h"]))
def test_a_unit_scales_by_its_factor(values, unit):
    seconds = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}[unit]

    rows = mapped({"took": values}, {"run_time": {"from": "took", "unit": unit}})

    assert rows["run_time"].tolist() == pytest.approx([value * seconds for value in values])


def test_a_value_that_cannot_be_scaled_stays_and_is_pointed_out():
    rows = mapped({"took": ["1500", "fast", None]}, {"run_time": {"from": "took", "unit": "ms"}})

    typed, findings = canonical(rows)

    assert typed["run_time"][0] == 1.5
    assert [(reason, where.tolist()) for reason, where in findings] == [
        ("run_time: not a number", [False, True, False])
    ]


def test_iso_times_become_seconds_and_bad_ones_are_pointed_out():
    rows = mapped({"began": ["1970-01-01T01:00:00+01:00", "1970-01-01 00:00:02", None]},
                  {"start_time": {"from": "began", "time": "iso"}})
    broken = mapped({"began": ["yesterday"]}, {"start_time": {"from": "began", "time": "iso"}})

    assert canonical(rows)[0]["start_time"].tolist()[:2] == [0.0, 2.0]
    assert [reason for reason, _ in canonical(broken)[1]] == ["start_time: not a number"]


def test_times_in_a_format_of_their_own_are_read_by_it():
    rows = mapped({"began": ["02/01/1970 00:00"]}, {"start_time": {"from": "began", "time": "%d/%m/%Y %H:%M"}})

    assert rows["start_time"].tolist() == [86400.0]


def test_values_are_mapped_and_others_pass_or_become_what_is_said():
    states = {"state": ["DONE", "weird", None]}
    rule = {"from": "state", "values": {"DONE": "ok"}}

    assert mapped(states, {"status": rule})["status"].tolist()[:2] == ["ok", "weird"]
    assert mapped(states, {"status": {**rule, "otherwise": "error"}})["status"].tolist()[:2] == ["ok", "error"]
    assert mapped(states, {"status": rule})["status"].isna().tolist() == [False, False, True]


def test_a_pattern_takes_its_first_group_and_no_match_is_missing():
    rows = mapped({"File": ["samples/Ana/Ana_1", "100k_Poly", ""]},
                  {"shot": {"from": "File", "pattern": r"([^/]+?)(?:_\d+)?$"}})

    assert rows["shot"].tolist()[:2] == ["Ana", "100k_Poly"]
    assert rows["shot"].isna()[2]


def test_constants_products_and_joins_are_made():
    rows = mapped(
        {"a": [2, 3], "b": ["4", "x"], "n": ["p", "q"]},
        {
            "renderer": {"constant": "blender"},
            "job_id": {"join": ["n", "a"], "separator": "|"},
            "triangles": {"product": ["a", "b"]},
        },
    )

    assert rows["renderer"].tolist() == ["blender"] * 2
    assert rows["job_id"].tolist() == ["p|2", "q|3"]
    assert rows["triangles"][0] == 8.0
    assert rows["triangles"].isna()[1]


def test_schema_columns_come_through_unless_a_rule_uses_or_makes_them():
    rows = mapped({"spp": [1], "width": [2], "height": [3]}, {"width": {"from": "height"}})

    assert rows.to_dict("list") == {"spp": [1], "width": [3]}


def test_optional_columns_may_be_absent_others_may_not():
    optional = {"run_time": {"from": "took", "optional": True}}

    assert "run_time" not in mapped({"a": [1]}, optional)
    with pytest.raises(InvalidInput, match=r"mapping 'test.toml' needs columns \['took'\]; there are \['a'\]"):
        mapped({"a": [1]}, {"run_time": {"from": "took"}})


def test_a_mapping_tells_what_a_column_is_made_of():
    mapping = Mapping(name="m", rules=(Rule(target="run_time", sources=("took",), optional=True),))

    assert mapping.sources_of("run_time") == ("took",)
    assert mapping.sources_of("spp") == ()
    assert mapping.makes(["took"]) == ["run_time"]
    assert mapping.makes([]) == []
