"""The power model as data, and what measured watts change."""

import json
from dataclasses import replace

import numpy as np
import pytest

from placement.errors import CorruptModel, IncompatibleModel
from placement.farm.energy import MODES, EnergyMode
from placement.farm.nodes import node_classes
from placement.matching.modes import forecast_power
from placement.matching.power import Measured, PowerModel
from placement.matching.tasks import task_table

GPU_NODE = {"node_class": "gpu", "cores": 8, "gpus": 1, "gpu_model": "V100", "idle_power": 60.0, "peak_power": 200.0}


def test_a_model_survives_json(power_model: PowerModel) -> None:
    again = PowerModel.from_data(json.loads(json.dumps(power_model.to_data())), power_model.boosters)

    assert again == power_model


def test_another_schema_and_missing_parts_are_refused(power_model: PowerModel) -> None:
    data = power_model.to_data()

    with pytest.raises(IncompatibleModel, match="schema 99, expected 1"):
        PowerModel.from_data({**data, "schema": 99}, power_model.boosters)
    with pytest.raises(CorruptModel, match="gpu_power"):
        PowerModel.from_data(data, {"gpu_time": power_model.boosters["gpu_time"]})
    with pytest.raises(CorruptModel, match="incomplete"):
        PowerModel.from_data({**data, "server": {"load": [0, 1]}}, power_model.boosters)
    with pytest.raises(CorruptModel, match="incomplete"):
        PowerModel.from_data({**data, "gpu": 3}, power_model.boosters)


def test_watts_that_are_not_given_are_estimated_and_doubted_more(power_model: PowerModel) -> None:
    nodes = node_classes([
        {"node_class": "given", "cores": 8, "idle_power": 60, "peak_power": 200},
        {"node_class": "half", "cores": 8, "idle_power": 60},
        {"node_class": "unknown", "cores": 8},
    ])

    idle, peak, spread = power_model.server.watts(nodes)

    assert (idle[0], peak[0]) == (60, 200)
    assert idle[1] == 60 < peak[1]
    assert 0 < idle[2] < peak[2]
    assert spread[0] < spread[1]
    assert spread[0] < spread[2]


def test_a_task_of_all_cores_draws_peak_and_of_some_cores_less(power_model: PowerModel) -> None:
    tasks = task_table([{"job_type": "a"}, {"job_type": "a", "cores": 2}])
    nodes = node_classes([{"node_class": "n", "cores": 8, "idle_power": 60, "peak_power": 200}])

    power = forecast_power(power_model, tasks, nodes, MODES[:1])
    whole, part = power.watts[power.profile, 0, 0]

    assert whole == pytest.approx(200)
    assert 60 / 4 < part < 200 / 2


def test_only_a_task_that_uses_a_gpu_has_its_watts_and_its_limits(power_model: PowerModel) -> None:
    tasks = task_table([{"job_type": "a", "cores": 1}, {"job_type": "a", "cores": 1, "gpus": 1}])
    nodes = node_classes([GPU_NODE])

    power = forecast_power(power_model, tasks, nodes, MODES)
    cpu, gpu = (power.watts[place] for place in power.profile)

    assert gpu[0, 0] > cpu[0, 0] + 0.4 * 250 * power_model.gpu.draw
    assert power.limits[power.profile[1], 0, 2] < 1
    assert power.watts_spread[power.profile[1], 0, 0] > power.watts_spread[power.profile[0], 0, 0]


def test_a_given_limit_is_kept_but_not_below_what_was_measured(power_model: PowerModel) -> None:
    tasks, nodes = task_table([{"job_type": "a", "gpus": 1}]), node_classes([GPU_NODE])
    modes = [EnergyMode(name="low", power_limit=0.1), EnergyMode(name="mid", power_limit=0.7)]

    limits = forecast_power(power_model, tasks, nodes, modes).limits[0, 0]

    assert limits.tolist() == [pytest.approx(0.4), pytest.approx(0.7)]


def test_a_gpu_that_was_never_measured_still_gets_an_answer(power_model: PowerModel) -> None:
    tasks = task_table([{"job_type": "a", "gpus": 1}])
    nodes = node_classes([{**GPU_NODE, "gpu_model": "B9000", "gpu_power_limit": 500.0}])

    power = forecast_power(power_model, tasks, nodes, MODES)

    assert np.isfinite(power.watts).all()
    assert 0.5 <= power.limits[0, 0, 2] <= 1


def test_measured_watts_pull_by_their_number_and_narrow_the_doubt(power_model: PowerModel) -> None:
    tasks, nodes = task_table([{"job_type": "a", "gpus": 1}]), node_classes([GPU_NODE])
    said = Measured(job_type="a", node_class="gpu", log_watts=float(np.log(280.0)), spread=0.05, rows=3)
    nobody = Measured(job_type="other", node_class="gpu", log_watts=1.0, spread=0.1, rows=9)
    physical = forecast_power(power_model, tasks, nodes, MODES).watts[0, 0, 0]

    def watts(rows: int) -> float:
        model = replace(power_model, measured=(replace(said, rows=rows), nobody))
        return float(forecast_power(model, tasks, nodes, MODES).watts[0, 0, 0])

    assert abs(watts(1000) - 280) < abs(watts(3) - 280) < abs(physical - 280) or physical == pytest.approx(280, rel=0.2)
    assert watts(100_000) == pytest.approx(280, rel=0.01)
    many = replace(power_model, measured=(replace(said, rows=1000),))
    assert (forecast_power(many, tasks, nodes, MODES).watts_spread < 0.15).all()


def test_a_job_known_to_draw_little_is_not_slowed_by_a_limit_above_its_draw(power_model: PowerModel) -> None:
    tasks, nodes = task_table([{"job_type": "a", "cores": 1, "gpus": 1}]), node_classes([GPU_NODE])
    light = Measured(job_type="a", node_class="gpu", log_watts=float(np.log(125.0)), spread=0.05, rows=50)
    modes = [EnergyMode(name="m", power_limit=0.6)]

    unknown = forecast_power(power_model, tasks, nodes, modes).log_time[0, 0, 0]
    known = forecast_power(replace(power_model, measured=(light,)), tasks, nodes, modes).log_time[0, 0, 0]

    assert known < unknown
