"""Laws of cost, and the same numbers by a plain loop."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.errors import Infeasible, InvalidInput
from placement.farm.energy import MODES, PERFORMANCE, EnergyMode
from placement.farm.nodes import node_classes
from placement.matching.cost import Costs, affinity, best, costs, slowed
from placement.matching.power import PowerModel
from placement.matching.tasks import task_table
from placement.matching.weights import PRESETS, Rules, Weights
from tests.matching.worlds import World, worlds

FEW = settings(max_examples=40)


def price(world: World, power: PowerModel, **options: Any) -> Costs:
    return costs(world.task_table, world.node_table, world.run_time, world.needed, power, **options)


@FEW
@given(worlds(), st.sampled_from(sorted(PRESETS)))
def test_costs_are_those_of_a_plain_loop(power_model: PowerModel, world: World, preset: str) -> None:
    weights = PRESETS[preset]
    found = price(world, power_model, weights=weights)
    tasks, nodes, mean = world.task_table, world.node_table, world.run_time.mean()

    for row, column, mode in np.ndindex(found.score.shape):
        profile = found.watts.profile[row]
        factor = np.exp(found.watts.log_time + found.watts.time_spread**2 / 2)[profile, column, mode]
        seconds = mean[row, column] * factor
        energy = found.power[row, column, mode] * seconds
        money = energy / 3.6e6 * nodes.electricity[column]
        money += seconds / 3600 * nodes.price[column] * found.watts.part[profile, column]
        late = 1 - found.p_deadline[row, column, mode]
        score = (weights.time + weights.load * nodes.load[column]) * seconds
        score += weights.tardiness * tasks.importance[row] * late + weights.energy * energy / 1000
        score += weights.money * money + weights.affinity * (1 - found.affinity[row, column])
        expected = score if found.feasibility.mask[row, column] else np.inf
        assert np.isclose(found.run_time[row, column, mode], seconds)
        assert np.isclose(found.energy[row, column, mode], energy)
        assert np.isclose(found.money[row, column, mode], money)
        assert np.isclose(found.score[row, column, mode], expected)


@FEW
@given(worlds())
def test_a_score_is_finite_exactly_where_the_pair_is_feasible(power_model: PowerModel, world: World) -> None:
    found = price(world, power_model)

    assert (np.isfinite(found.score) == found.feasibility.mask[..., None]).all()


@FEW
@given(worlds(), st.floats(1.0, 10.0))
def test_a_later_deadline_is_never_less_likely_kept(power_model: PowerModel, world: World, later: float) -> None:
    tasks = world.task_table
    relaxed = replace(tasks, deadline=np.where(tasks.deadline > 0, tasks.deadline * later, tasks.deadline))

    before = price(world, power_model).p_deadline
    after = costs(relaxed, world.node_table, world.run_time, world.needed, power_model).p_deadline

    assert (after >= before - 1e-12).all()
    assert ((before >= 0) & (before <= 1)).all()
    assert (before[tasks.deadline < 0] == 0).all()
    assert (before[np.isinf(tasks.deadline)] == 1).all()


@FEW
@given(worlds(), st.floats(0.2, 1.0), st.floats(0.2, 1.0))
def test_a_lower_power_limit_is_never_faster_nor_hungrier(
    power_model: PowerModel, world: World, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    modes = (EnergyMode(name="low", power_limit=low), EnergyMode(name="high", power_limit=high))

    found = price(world, power_model, modes=modes).watts

    assert (found.log_time[..., 0] >= found.log_time[..., 1] - 1e-12).all()
    assert (found.watts[..., 0] <= found.watts[..., 1] * (1 + 1e-9)).all()


@FEW
@given(worlds())
def test_full_power_changes_no_run_time_and_modes_keep_their_slowdown(power_model: PowerModel, world: World) -> None:
    found = price(world, power_model).watts

    assert (found.log_time[..., 0] == 0).all()
    assert (found.limits <= 1 + 1e-12).all()
    for place, mode in enumerate(MODES):
        assert (np.exp(found.log_time[..., place]) <= 1 + mode.slowdown + 1e-6).all()


@FEW
@given(worlds(), st.randoms(use_true_random=False))
def test_another_order_of_tasks_and_classes_permutes_the_costs(
    power_model: PowerModel, world: World, random: Any
) -> None:
    rows, columns = list(range(len(world.tasks))), list(range(len(world.nodes)))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = World(
        [world.tasks[row] for row in rows], [world.nodes[column] for column in columns],
        *(each[np.ix_(rows, columns)] for each in (world.seconds, world.memory, world.level)),
    )

    before, after = price(world, power_model), price(moved, power_model)

    for name in ("score", "energy", "run_time", "p_deadline", "money"):
        assert np.allclose(getattr(after, name), getattr(before, name)[np.ix_(rows, columns)])


def one_pair(**node: Any) -> World:
    empty = {"software": "", "licences": "", "tags": "", "assets": "x;y"}
    task = {"job_type": "a", "cores": None, **empty}
    shape = (1, 1)
    level = np.zeros(shape, dtype=np.int64)
    return World([task], [{"node_class": "n", **node}], np.full(shape, 100.0), np.full(shape, 10.0), level)


def test_energy_net_of_idle_leaves_out_what_the_node_draws_anyway(power_model: PowerModel) -> None:
    world = one_pair(idle_power=100.0, peak_power=300.0)

    gross = price(world, power_model, modes=[PERFORMANCE])
    net = price(world, power_model, modes=[PERFORMANCE], rules=Rules(net_of_idle=True))

    assert np.isclose(gross.energy - net.energy, 100.0 * gross.run_time).all()
    assert gross.power[0, 0, 0] == pytest.approx(300.0, rel=0.01)


def test_affinity_counts_cached_assets_and_a_warm_job_type() -> None:
    tasks = task_table([{"job_type": "a", "assets": "x;y"}, {"job_type": "b"}])
    nodes = node_classes([{"node_class": "cold"}, {"node_class": "warm", "assets": "x", "warm_job_types": "a"}])

    assert affinity(tasks, nodes).tolist() == [[0.0, 2 / 3], [0.0, 0.0]]


def test_a_mode_widens_the_forecast_by_its_own_doubt(power_model: PowerModel) -> None:
    world = one_pair(idle_power=20.0, peak_power=300.0)
    found = price(world, power_model)

    eco = slowed(world.run_time, found.watts, 2)

    assert eco.scale[0, 0] > world.run_time.scale[0, 0]
    assert eco.quantile(0.5)[0, 0] > world.run_time.quantile(0.5)[0, 0]


@FEW
@given(worlds())
def test_best_is_the_lowest_score_of_each_task_that_can_run(power_model: PowerModel, world: World) -> None:
    everywhere = [{name: task[name] for name in ("job_type", "deadline")} for task in world.tasks]
    open_nodes = [{**node, "job_types": [], "memory": None} for node in world.nodes]
    free = replace(world, tasks=everywhere, nodes=open_nodes)
    tasks, nodes, found = free.task_table, free.node_table, price(free, power_model)

    column, mode = best(found, tasks, nodes)

    assert (found.score[np.arange(len(tasks)), column, mode] == found.score.min(axis=(1, 2))).all()


def test_best_refuses_a_task_that_no_class_can_run(power_model: PowerModel) -> None:
    world = one_pair(job_types="other")

    with pytest.raises(Infeasible, match="job type: 'a' is not run there"):
        best(price(world, power_model), world.task_table, world.node_table)


def test_what_cannot_be_costed_is_refused(power_model: PowerModel) -> None:
    world = one_pair()
    tasks, nodes = world.task_table, node_classes([{"node_class": "n"}, {"node_class": "m"}])

    with pytest.raises(InvalidInput, match=r"expected \(1, 2\)"):
        costs(tasks, nodes, world.run_time, None, power_model)
    with pytest.raises(InvalidInput, match="different names"):
        price(world, power_model, modes=[PERFORMANCE, PERFORMANCE])
    with pytest.raises(InvalidInput, match="weight time"):
        price(world, power_model, weights=Weights(time=-1))
