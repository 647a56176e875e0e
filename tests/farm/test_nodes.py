"""Node classes check themselves and read from any table."""

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.farm.nodes import NODE_COLUMNS, NodeClass, NodeTable, node_classes


def test_a_table_says_the_same_as_records_and_as_objects() -> None:
    records = [
        {"node_class": "small", "cores": 8, "software": "arnold;vray"},
        {"node_class": "big", "cores": 64, "software": ["arnold"]},
    ]
    objects = [
        NodeClass(name="small", cores=8, software=frozenset({"arnold", "vray"})),
        NodeClass(name="big", cores=64, software=frozenset({"arnold"})),
    ]

    tables = [node_classes(records), node_classes(pd.DataFrame(records)), node_classes(objects)]

    for table in tables:
        assert table.names == ("small", "big")
        assert table.threads.tolist() == [8.0, 64.0]
        assert table.software == (frozenset({"arnold", "vray"}), frozenset({"arnold"}))


def test_missing_cells_have_the_documented_defaults() -> None:
    table = node_classes(pd.DataFrame({"node_class": ["a", "b"], "memory": [None, 4096], "gpu_model": [None, "A40"]}))

    assert table.memory.tolist() == [np.inf, 4096.0]
    assert table.gpu_model == ("", "A40")
    assert table.electricity.tolist() == [0.2, 0.2]
    assert np.isnan(table.idle_power).all()


def test_columns_are_read_only_and_features_have_telemetry_names() -> None:
    table = node_classes([{"node_class": "a", "cores": 4}])

    with pytest.raises(ValueError, match="read-only"):
        table.cores[0] = 1
    assert table.features.columns.tolist() == ["node_class", "threads", "cores", "node_memory"]
    assert len(table) == 1
    assert set(NODE_COLUMNS) >= {"node_class", "memory", "price"}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"node_class": "a", "memmory": 1}, "did you mean 'memory'"),
        ({"node_class": "a", "memory": -1}, "memory -1 MiB is negative"),
        ({"node_class": "a", "cores": 0}, "cores 0"),
        ({"node_class": "a", "cores": "8"}, "must be a number"),
        ({"node_class": "a", "cores": True}, "must be a number"),
        ({"node_class": "a", "cores": np.inf}, "infinite"),
        ({"node_class": "a", "load": 1.5}, "it is a share"),
        ({"node_class": "a", "idle_power": 9.0, "peak_power": 5.0}, "above peak_power"),
        ({"node_class": None}, "needs a name"),
        ({"node_class": " "}, "needs a name"),
        ({"cores": 4}, "need the column 'node_class'"),
    ],
)
def test_an_impossible_class_is_refused_with_its_value(record: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        node_classes([record])


def test_a_number_that_is_none_is_refused_at_birth() -> None:
    with pytest.raises(InvalidInput, match="not a number"):
        NodeClass(name="a", memory=float("nan"))


def test_no_class_and_a_class_given_twice_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no node class"):
        node_classes([])
    with pytest.raises(InvalidInput, match=r"\['a'\] are given more than once"):
        NodeTable.of([NodeClass(name="a"), NodeClass(name="a")])
