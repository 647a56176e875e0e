"""The cold model and what it says of its own forecasts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from placement.errors import InvalidInput
from placement.forecast.influence import influence
from placement.forecast.model import ColdModel
from placement.forecast.target import TargetModel, positions
from training.train import Trained

NODES = pd.DataFrame({"node_class": ["cpu-1t", "cpu-2t", "new"], "threads": [1.0, 2.0, np.nan]})


@pytest.fixture(scope="module")
def model(trained: Trained) -> TargetModel:
    return trained.targets["run_time"].model


@pytest.fixture(scope="module")
def rows(trained: Trained) -> pd.DataFrame:
    return trained.targets["run_time"].data.rows[:25]


def test_a_task_on_its_own_node_is_one_cell_of_all_tasks_on_all_nodes(model: TargetModel, rows: pd.DataFrame) -> None:
    cold, (places, known) = model.cold.cold(rows), model.cold.nodes(NODES)
    own = NODES.iloc[np.arange(25) % 3]

    everywhere = model.cold.location(cold, places, known)
    alone = model.cold.location_at(cold, *model.cold.nodes(own))

    assert alone == pytest.approx(everywhere[np.arange(25), np.arange(25) % 3])


def test_linear_and_tree_parts_mix_to_the_location(model: TargetModel, rows: pd.DataFrame) -> None:
    cold, own = model.cold.cold(rows), model.cold.nodes(rows)

    linear, trees = model.cold.parts_at(cold, *own)

    mixed = model.cold.mix * linear + (1 - model.cold.mix) * trees
    assert model.cold.location_at(cold, *own) == pytest.approx(mixed)


def test_json_gives_the_same_locations(model: TargetModel, rows: pd.DataFrame) -> None:
    back = ColdModel.from_json(json.loads(json.dumps(model.cold.to_json())), model.cold.boosters)

    one = model.cold.location(model.cold.cold(rows), *model.cold.nodes(NODES))
    other = back.location(back.cold(rows), *back.nodes(NODES))
    assert one.tolist() == other.tolist()


def test_a_category_that_is_not_used_is_known_of_no_task(model: TargetModel, rows: pd.DataFrame) -> None:
    cold = model.cold.cold(rows)

    assert not model.cold.known_category(cold, "no such feature").any()
    assert model.cold.known_type(cold).all()


def test_what_multiplies_a_forecast_is_named_with_its_value(model: TargetModel, rows: pd.DataFrame) -> None:
    told = influence(model.cold, rows[:1], NODES[:1])

    assert (told["factor"] > 0).all()
    assert told["feature"].is_unique
    assert "node class" in set(told["feature"])


def test_tables_that_do_not_fit_the_classes_are_refused(trained: Trained) -> None:
    data = trained.targets["run_time"].model.to_json()
    data["calibration"]["z"] = data["calibration"]["z"][:-1]

    with pytest.raises(InvalidInput, match="quantile tables, expected"):
        TargetModel.from_json(data, trained.targets["run_time"].model.cold.boosters)


def test_a_frames_place_is_its_share_of_the_range() -> None:
    job = pd.DataFrame({"frame": [1, 51, np.nan], "first_frame": 1, "frames_in_job": 100})

    assert positions(job)[:2].tolist() == [0.0, 0.5]
    assert np.isnan(positions(job)[2])
    assert np.isnan(positions(job.drop(columns="first_frame"))).all()


def test_the_more_frames_a_job_has_shown_the_surer_its_forecast(model: TargetModel, rows: pd.DataFrame) -> None:
    job = rows[rows["job_id"] == rows["job_id"].iloc[0]]
    ask = job[-1:]

    scale = [model.forecast(ask, NODES[:2], job[:seen]).scale for seen in range(len(job) - 1)]

    assert (np.diff(np.array(scale), axis=0) <= 1e-9).all()
    assert scale[-1].max() < scale[0].min()


def test_a_disturbed_frame_counts_as_faster_than_it_was(model: TargetModel, rows: pd.DataFrame) -> None:
    job = rows[rows["job_id"] == rows["job_id"].iloc[0]]

    calm, busy = (
        model.forecast(job[-1:], NODES[:1], job[:1].assign(quiet=quiet)).location[0, 0] for quiet in (1.0, 0.0)
    )

    assert busy != calm


def test_tasks_without_a_job_and_without_a_type_are_forecast_cold(model: TargetModel, rows: pd.DataFrame) -> None:
    bare = pd.DataFrame({"spp": [16.0]})

    found = model.forecast(bare, NODES, rows)

    assert {found.level_name(0, column) for column in range(3)} == {"prior"}
