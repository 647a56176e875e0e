"""The result table holds the arrays, row by row in their order."""

import numpy as np
from hypothesis import given, settings

from placement.matching.cost import costs
from placement.matching.feasible import REASON_TEXTS
from placement.matching.power import PowerModel
from placement.matching.table import SCORE_COLUMNS, score_frame
from tests.matching.worlds import World, worlds


@settings(max_examples=25)
@given(worlds())
def test_rows_are_tasks_by_classes_by_modes_with_the_costs_beside(power_model: PowerModel, world: World) -> None:
    tasks, nodes = world.task_table, world.node_table
    found = costs(tasks, nodes, world.run_time, world.needed, power_model)

    table = score_frame(tasks, nodes, found, world.run_time, world.needed)

    assert tuple(table.columns) == SCORE_COLUMNS
    assert len(table) == found.score.size
    for place, (row, column, mode) in enumerate(np.ndindex(found.score.shape)):
        line = table.iloc[place]
        assert (line["task"], line["node_class"], line["mode"]) == (row, nodes.names[column], found.modes[mode])
        assert line["score"] == found.score[row, column, mode]
        assert line["ruled_out_by"] == REASON_TEXTS[found.feasibility.reasons[row, column]]
        assert line["feasible"] == (line["ruled_out_by"] == "")
    assert (table["run_time_p10"] <= table["run_time_p50"]).all()
    assert (table["run_time_p50"] <= table["run_time_p90"]).all()
    assert (table["memory_p50"] <= table["memory_p99"]).all()
    assert np.allclose(table["energy"], table["power"] * table["run_time_mean"])


@settings(max_examples=5)
@given(worlds())
def test_without_a_memory_forecast_the_declared_memory_stands_there(power_model: PowerModel, world: World) -> None:
    tasks, nodes = world.task_table, world.node_table
    found = costs(tasks, nodes, world.run_time, None, power_model)

    table = score_frame(tasks, nodes, found, world.run_time, None)

    expected = np.repeat(tasks.declared_memory, len(nodes) * len(found.modes))
    assert np.array_equal(table["memory_p99"].to_numpy(), expected, equal_nan=True)
