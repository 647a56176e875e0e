"""What clients hold and may hold, lots without dice, and starts that stay within both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.farm.clients import Lending
from placement.scheduling.starting import Starting, ceilings, held, lots
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of

CLIENTS = clients_of(parent=[-1, 0, -1], guarantee=[0.5, 0.25, 0.25], limit=[0.75, 1.0, 1.0], lending=[2, 0, 2])


def test_a_client_holds_what_its_projects_hold() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0]}, clients=CLIENTS, jobs={"client": [1, 2]},
                       steps={"job": [0, 1]}, attempts={"step": [0, 0, 1], "node": [0, 1, 1]})  # fmt: skip

    assert held(farm).tolist() == [2.0, 2.0, 1.0]


def test_a_limit_of_one_is_no_limit_and_a_static_partition_is_one() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0]}, clients=CLIENTS)

    assert CLIENTS.lending[1] == Lending.STATIC
    assert ceilings(farm).tolist() == [12.0, 4.0, np.inf]


def test_nodes_that_are_down_are_no_part_of_a_limit() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0], "state": [0, 4]}, clients=CLIENTS)

    assert ceilings(farm)[0] == 6.0


def test_licences_and_limits_bound_what_may_start() -> None:
    farm = snapshot_of(clients=clients_of(limit=[0.5]), licences=[3], steps={"waiting": [9, 9], "licence": [0, -1]})
    starting = Starting(farm, cost_of(farm))

    assert [starting.allowed(step, 0) for step in (0, 1)] == [3, 4]
    assert starting.start(0, starting.able[0]) == 3
    assert [starting.allowed(step, 0) for step in (0, 1)] == [0, 1]
    assert starting.start(1, starting.able[1], count=0) == 0
    assert starting.start(1, starting.able[1]) == 1
    assert (starting.held.tolist(), starting.headroom.tolist()) == ([4.0], [0.0])
    assert starting.plan().starts.step.tolist() == [0, 0, 0, 1]


def test_starts_on_classes_of_different_worth_end_at_the_limit() -> None:
    classes = classes_of(offer=[[8, 32768, 0, 0, 0], [8, 32768, 0, 0, 0]], worth=[8.0, 16.0])
    farm = snapshot_of(classes=classes, nodes={"node_class": [0, 1]}, clients=clients_of(limit=[0.5]),
                       steps={"waiting": [20]})  # fmt: skip
    starting = Starting(farm, cost_of(farm))
    starting.start(0, starting.able[0])

    assert starting.held[0] == pytest.approx(12.0)
    assert np.bincount(starting.plan().starts.node).tolist() == [8, 2]


def test_jobs_that_are_held_start_nothing() -> None:
    farm = snapshot_of(jobs={"held": [True]})
    starting = Starting(farm, cost_of(farm))

    assert list(starting.sweep(np.array([0]))) == []


@given(st.floats(0, 1e9), st.integers(0, 2**40))
def test_lots_look_drawn_by_chance(now: float, first: int) -> None:
    names = np.arange(first, first + 4000)
    drawn, other = lots(now, names), lots(now, names, stream=1)

    assert ((drawn > 0) & (drawn < 1)).all()
    assert drawn.mean() == pytest.approx(0.5, abs=0.03)
    assert np.quantile(drawn, 0.1) == pytest.approx(0.1, abs=0.03)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.1
    assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.1
