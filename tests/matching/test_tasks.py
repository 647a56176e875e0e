"""Task tables: requirements, features and deadlines as columns."""

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.matching.tasks import task_table


def test_missing_columns_mean_no_requirement_no_deadline_and_the_whole_node() -> None:
    tasks = task_table([{"job_type": "arnold"}, {"job_type": "vray"}])

    assert tasks.job_types == ("arnold", "vray")
    assert np.isnan(tasks.cores).all()
    assert np.isnan(tasks.declared_memory).all()
    assert tasks.gpus.tolist() == [0.0, 0.0]
    assert tasks.deadline.tolist() == [np.inf, np.inf]
    assert tasks.importance.tolist() == [1.0, 1.0]
    assert list(tasks.ids) == [0, 1]


def test_what_is_known_before_a_render_passes_through() -> None:
    tasks = task_table(pd.DataFrame({"job_type": ["a"], "job_id": ["j"], "spp": [64], "cores": [4], "deadline": [60]}))

    assert tasks.features.columns.tolist() == ["job_type", "job_id", "spp"]
    assert tasks.cores.tolist() == [4.0]


def test_no_task_is_an_empty_table() -> None:
    assert len(task_table([])) == 0


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"job_type": "a", "tirangles": 3}, "did you mean 'triangles'"),
        ({"job_type": "a", "run_time": 3.0}, "only known after a render"),
        ({"job_type": "a", "node_class": "x"}, "describe nodes"),
        ({"job_type": "a", "declared_memory": -5}, "declared_memory -5 in row 0"),
        ({"job_type": None}, "job_type is missing in row 0"),
        ({"spp": 4}, "need the column 'job_type'"),
        ({"job_type": "a", "task": None}, "unique names"),
    ],
)
def test_an_impossible_task_is_refused(record: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        task_table([record])


def test_a_task_named_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="twice or missing: \\['t'\\]"):
        task_table([{"job_type": "a", "task": "t"}, {"job_type": "a", "task": "t"}])
