"""Workloads as folders of tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.evaluation.workloads.folder import TableFolder, write_folder
from tests.evaluation.cases import SmallFarm, case_of


def test_a_written_case_is_read_back_but_for_the_order_of_tasks(tmp_path: Path) -> None:
    case = SmallFarm()(0)
    write_folder(case, tmp_path)

    back = TableFolder(tmp_path)(0)

    assert back.world.classes == case.world.classes
    for name in ("true_time", "task_release", "task_deadline"):
        got, expected = getattr(back.world, name), getattr(case.world, name)
        assert np.allclose(np.sort(got, axis=0), np.sort(expected, axis=0)), name
    assert np.allclose(np.sort(back.forecast.scale, axis=0), np.sort(case.forecast.scale, axis=0))
    assert np.allclose(np.sort(back.forecast.quantile(0.5), axis=0), np.sort(case.forecast.quantile(0.5), axis=0))


def test_seeds_change_the_order_of_tasks_but_not_of_releases(tmp_path: Path) -> None:
    case = case_of([[1.0], [2.0], [3.0], [4.0]], [[1.0]] * 4, [0], task_release=[0.0, 0.0, 0.0, 5.0])
    write_folder(case, tmp_path)
    workload = TableFolder(tmp_path)

    orders = {tuple(workload(seed).world.true_time[:, 0]) for seed in range(20)}

    assert len(orders) > 2
    assert all(order[-1] == 4.0 for order in orders)


def test_what_may_be_left_out_is_plain_and_empty_cells_mean_cannot_run(tmp_path: Path) -> None:
    pd.DataFrame({"node_class": ["a", "b"]}).to_csv(tmp_path / "nodes.csv", index=False)
    pd.DataFrame({"group": ["g"], "job_type": ["t"]}).to_csv(tmp_path / "tasks.csv", index=False)
    pd.DataFrame({"a": [2.0], "b": [None]}).to_csv(tmp_path / "times.csv", index=False)
    pd.DataFrame({"a": [1.0], "b": [1.0], "spread": [0.1]}).to_csv(tmp_path / "forecast.csv", index=False)

    case = TableFolder(tmp_path)(0)

    assert case.world.node_slots.tolist() == [1, 1]
    assert case.world.task_deadline.tolist() == [np.inf]
    assert case.runnable.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("times", None, "has no times.csv"),
        ("tasks", lambda table: table.drop(columns="group"), r"lacks the columns \['group'\]"),
        ("times", lambda table: table[1:], "has 23 rows, expected one per task, 24"),
    ],
)
def test_missing_and_mismatched_tables_are_named(tmp_path: Path, name: str, change: object, message: str) -> None:
    write_folder(SmallFarm()(0), tmp_path)
    path = tmp_path / f"{name}.csv"
    if callable(change):
        change(pd.read_csv(path)).to_csv(path, index=False)
    else:
        path.unlink()

    with pytest.raises(InvalidInput, match=message):
        TableFolder(tmp_path)(0)
