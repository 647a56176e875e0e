"""A wrong mapping file is refused with its name, the key, the value and what was expected."""

from __future__ import annotations

import pytest

from placement.errors import InvalidInput
from placement.telemetry.mapping_file import mapping_from

RUN = {"from": "took"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"colums": {}}, r"m.toml has unknown key 'colums'; expected some of \['about', 'columns', 'features'\]"),
        ({"columns": 3}, "m.toml: columns is 3; expected a table"),
        ({"columns": {"runtime": RUN}}, "m.toml: columns.runtime is not a schema column"),
        ({"columns": {"run_time": "took"}}, "m.toml: columns.run_time is 'took'; expected a table"),
        ({"columns": {"run_time": {}}}, "m.toml: columns.run_time has none of .*; expected exactly one"),
        ({"columns": {"run_time": {**RUN, "constant": 1}}}, "columns.run_time has .*; expected exactly one"),
        ({"columns": {"run_time": {"from": 3}}}, "columns.run_time.from is 3; expected the name of a column"),
        ({"columns": {"run_time": {"constant": []}}}, r"columns.run_time.constant is \[\]; expected text"),
        ({"columns": {"run_time": {"product": "a"}}}, "columns.run_time.product is 'a'; expected a list"),
        ({"columns": {"run_time": {"join": ["a"]}}}, r"columns.run_time.join is \['a'\]; expected a list of two"),
        ({"columns": {"run_time": {**RUN, "unit": "parsec"}}}, "columns.run_time.unit: unknown unit 'parsec'"),
        ({"columns": {"run_time": {**RUN, "unit": "GiB"}}}, "columns.run_time.unit: cannot turn 'GiB'"),
        ({"columns": {"spp": {**RUN, "unit": "s"}}}, "columns.spp.unit is 's', but spp has no unit"),
        ({"columns": {"shot": {**RUN, "pattern": "("}}}, "columns.shot.pattern is .*not a regular expression"),
        ({"columns": {"shot": {**RUN, "pattern": "a"}}}, "columns.shot.pattern is 'a' with 0 groups; expected one"),
        ({"columns": {"status": {**RUN, "values": {"a": 1}}}}, "columns.status.values.a is 1; expected text"),
        ({"columns": {"status": {**RUN, "otherwise": 1}}}, "columns.status.otherwise is 1; expected text"),
        ({"columns": {"run_time": {**RUN, "optional": "yes"}}}, "optional is 'yes'; expected true or false"),
        ({"columns": {"run_time": {**RUN, "sclae": 1}}}, "columns.run_time has unknown key 'sclae'"),
        ({"features": {"objects": RUN}}, "features.objects.scale is None; expected one of"),
        ({"features": {"objects": {**RUN, "scale": "cubic"}}}, "features.objects.scale is 'cubic'"),
        ({"features": {"objects": {**RUN, "scale": "log", "unit": "px"}}}, "features.objects.unit: unknown unit 'px'"),
        ({"features": {"objects": {**RUN, "scale": "log", "per_node": 1}}}, "per_node is 1; expected true or false"),
    ],
)
def test_a_wrong_declaration_is_named_with_its_place(content, message):
    with pytest.raises(InvalidInput, match=message):
        mapping_from(content, where="m.toml")


def test_declared_features_keep_what_was_declared():
    mapping = mapping_from(
        {"features": {"slots": {"from": "Slots", "scale": "log", "per_node": True, "increasing": True}}}, where="m"
    )

    (feature,) = mapping.features

    assert (feature.name, feature.scale, feature.per_node, feature.increasing) == ("slots", "log", True, True)
    assert mapping.needs == ("Slots",)
