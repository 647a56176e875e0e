"""Workloads and trainers by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from placement.errors import InvalidInput
from placement.evaluation.log_linear import train_log_linear
from placement.evaluation.workloads.catalog import TRAINERS, WORKLOADS, trainer, workload
from placement.evaluation.workloads.folder import TableFolder


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_named_workload_draws_a_case(name: str) -> None:
    assert workload(name)(0).world.tasks > 100


def test_a_folder_is_a_workload(tmp_path: Path) -> None:
    assert workload(str(tmp_path)) == TableFolder(tmp_path)


def test_an_unknown_workload_lists_the_known() -> None:
    with pytest.raises(InvalidInput, match=r"no workload 'studio': not a folder, and not one of \['blender-devices'"):
        workload("studio")


def test_other_packages_offer_trainers_and_an_unknown_one_lists_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("mine", "placement.evaluation.log_linear:train_log_linear", TRAINERS)])
    monkeypatch.setattr("placement.evaluation.workloads.catalog.entry_points", lambda group: points)

    assert trainer("mine") is train_log_linear
    with pytest.raises(InvalidInput, match=r"no trainer 'yours'; have \['log-linear', 'mine'\]"):
        trainer("yours")
