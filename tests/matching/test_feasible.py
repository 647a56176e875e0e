"""Feasibility agrees with a plain loop over pairs, and says why not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from placement.errors import Infeasible, InvalidInput
from placement.farm.nodes import node_classes
from placement.matching.feasible import REASON_TEXTS, Reason, feasibility
from placement.matching.tasks import task_table
from placement.matching.weights import Rules
from tests.matching.worlds import World, worlds


def plainly(world: World, row: int, column: int, quantile: float) -> set[str]:
    """Say what rules one pair out, one requirement at a time."""
    task, node = world.tasks[row], world.nodes[column]
    needed = world.needed.quantile(quantile)[row, column]
    if world.level[row, column] >= 4 and task["declared_memory"] is not None:
        needed = task["declared_memory"]
    broken = {
        "memory": needed > node["memory"],
        "cores": (task["cores"] or 0) > node["cores"],
        "GPUs": task["gpus"] > node["gpus"],
        "GPU memory": task["gpu_memory"] > node["gpu_memory"],
        "job type": bool(node["job_types"]) and task["job_type"] not in node["job_types"],
    }
    for name in ("software", "licences", "tags"):
        broken[name] = not set(task[name]) <= set(node[name])
    return {name for name, holds in broken.items() if holds}


@given(worlds())
def test_reasons_are_those_of_a_plain_loop(world: World) -> None:
    found = feasibility(world.task_table, world.node_table, world.needed, Rules())

    for (row, column), code in np.ndenumerate(found.reasons):
        assert {text for text in REASON_TEXTS[code].split(", ") if text} == plainly(world, row, column, 0.99)


@given(worlds())
def test_more_memory_never_makes_a_feasible_pair_infeasible(world: World) -> None:
    more = [{**node, "memory": 2 * node["memory"]} for node in world.nodes]

    before = feasibility(world.task_table, world.node_table, world.needed, Rules())
    after = feasibility(world.task_table, node_classes(more), world.needed, Rules())

    assert (after.mask >= before.mask).all()


@given(worlds())
def test_every_pair_ruled_out_has_a_text_and_no_other(world: World) -> None:
    tasks, nodes = world.task_table, world.node_table
    found = feasibility(tasks, nodes, world.needed, Rules())

    for row in range(len(tasks)):
        ruled_out = {name for name, fits in zip(nodes.names, found.mask[row], strict=True) if not fits}
        assert set(found.why_not(tasks, nodes, row)) == ruled_out


def test_without_a_forecast_declared_memory_decides_and_silence_rules_nothing_out() -> None:
    tasks = task_table([{"job_type": "a", "declared_memory": 9000}, {"job_type": "a"}])
    nodes = node_classes([{"node_class": "small", "memory": 8192}])

    assert feasibility(tasks, nodes, None, Rules()).reasons.tolist() == [[Reason.MEMORY], [0]]


def test_a_task_no_node_can_run_is_told_each_class_with_both_numbers() -> None:
    tasks = task_table([{"task": "shot_7", "job_type": "a", "declared_memory": 9000, "software": "vray"}])
    nodes = node_classes([{"node_class": "small", "memory": 8192}, {"node_class": "gpu", "job_types": "b"}])

    with pytest.raises(Infeasible) as wrong:
        feasibility(tasks, nodes, None, Rules()).require(tasks, nodes)

    text = str(wrong.value)
    assert "'shot_7'" in text
    assert "small: memory: needs 9000 MiB, has 8192 MiB; software: lacks vray" in text
    assert "gpu: software: lacks vray; job type: 'a' is not run there" in text


def test_a_memory_forecast_of_another_shape_is_refused() -> None:
    tasks, nodes = task_table([{"job_type": "a"}]), node_classes([{"node_class": "n"}])
    other = World([], [], np.ones((2, 1)), np.ones((2, 1)), np.zeros((2, 1), dtype=np.int64)).needed

    with pytest.raises(InvalidInput, match=r"shape \(2, 1\), expected \(1, 1\)"):
        feasibility(tasks, nodes, other, Rules())


@pytest.mark.parametrize("quantile", [0.0, 1.0, float("nan")])
def test_a_memory_quantile_outside_the_open_interval_is_refused(quantile: float) -> None:
    with pytest.raises(InvalidInput, match="memory quantile"):
        Rules(memory_quantile=quantile)


def test_texts_cover_every_combination() -> None:
    everything: Any = REASON_TEXTS[-1]

    assert everything == "memory, cores, GPUs, GPU memory, software, licences, tags, job type"
    assert len(REASON_TEXTS) == 256
