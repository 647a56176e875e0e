"""Packing against an oracle that looks at every node by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.packing import Room
from placement.testing.planner_farms import classes_of, snapshot_of
from placement.units import Floats
from tests.contracts.planner_farms import whole_farms

TWO = classes_of(offer=[[8, 8000, 0, 0, 0], [4, 16000, 2, 16000, 0]])
FARM = snapshot_of(classes=TWO, nodes={"node_class": [0, 1, 0, 1], "free": [[8, 8000, 0, 0, 0], [4, 16000, 2, 16000, 0],
                   [3, 8000, 0, 0, 0], [2, 16000, 1, 8000, 0]]})  # fmt: skip
FRAME = np.array([1.0, 1000.0, 0.0, 0.0, 0.0])
ALL = np.array([True, True])


def slow_fit(free: Floats, request: Floats) -> int:
    """How many frames fit, one after the other."""
    fitting, left = 0, free.copy()
    while (left >= request - 1e-6).all() and fitting < 10000:
        left, fitting = left - request, fitting + 1
    return fitting


def up(farm: FarmSnapshot, klass: int) -> list[int]:
    nodes = farm.nodes
    return [n for n in range(nodes.count) if nodes.state[n] == NodeState.UP and nodes.node_class[n] == klass]


@settings(max_examples=150)
@given(whole_farms(), st.integers(1, 40))
def test_best_fit_fills_the_fullest_nodes_first(drawn: tuple[FarmSnapshot, Cost], count: int) -> None:
    farm, room = drawn[0], Room(drawn[0])

    for step in range(farm.steps.count):
        for klass in range(len(farm.classes.names)):
            request, free = farm.steps.request[step], room.free
            nodes, counts = room.best_fit(request, klass, count)

            fits = {node: slow_fit(free[node], request) for node in up(farm, klass)}
            assert counts.sum() == min(count, sum(fits.values()))
            assert all(fits[node] >= given > 0 for node, given in zip(nodes.tolist(), counts, strict=True))
            with np.errstate(divide="ignore", invalid="ignore"):
                dominant = int(np.nan_to_num(request / farm.classes.offer[klass], posinf=0).argmax())
            used = free[nodes, dominant].tolist()
            able = sorted(float(free[node, dominant]) for node, each in fits.items() if each)
            assert used == pytest.approx(able[: len(used)])
            assert all(fits[node] == given for node, given in zip(nodes[:-1].tolist(), counts[:-1], strict=True))
            room.take(request, nodes, counts)
            assert (room.free >= -1e-6).all()


@settings(max_examples=100)
@given(whole_farms(), st.integers(1, 30), st.sampled_from(["spread", "deal"]))
def test_spreading_and_dealing_place_all_that_fits(drawn: tuple[FarmSnapshot, Cost], count: int, how: str) -> None:
    farm, room = drawn[0], Room(drawn[0])
    classes = np.arange(len(farm.classes.names)) != 1
    nodes = [node for klass in np.flatnonzero(classes).tolist() for node in up(farm, klass)]

    for request in farm.steps.request:
        free, key = room.free, -np.arange(farm.nodes.count, dtype=float)
        spread, deal = room.spread(request, classes, count), room.deal(request, classes, count, key)
        chosen, counts = deal if how == "deal" else spread

        fits = {node: slow_fit(free[node], request) for node in nodes}
        assert counts.sum() == min(count, sum(fits.values()))
        assert all(fits[node] >= given > 0 for node, given in zip(chosen.tolist(), counts, strict=True))
        if how == "deal" and len(chosen):
            levels = [each for node, each in zip(chosen, counts, strict=True) if each < fits[int(node)]]
            assert not levels or max(counts) - min(levels) <= 1
        room.take(request, chosen, counts)


@settings(max_examples=100)
@given(whole_farms(most_nodes=5))
def test_what_may_not_fit_does_not_and_a_sweep_misses_nothing(drawn: tuple[FarmSnapshot, Cost]) -> None:
    farm, cost = drawn
    room = Room(farm)
    may, requests = room.may_fit(farm.steps.request), farm.steps.request
    fits = np.array([[room.fit(request, np.array(up(farm, k), np.int64)).sum() > 0 for k in range(may.shape[1])]
                     for request in requests], dtype=bool).reshape(may.shape)  # fmt: skip

    assert (may >= fits).all()
    swept = list(room.sweep(requests, cost.able, np.arange(len(requests))[::-1]))
    assert set(np.flatnonzero((fits & cost.able).any(axis=1)).tolist()) <= set(swept)
    assert swept == sorted(swept, reverse=True)


@given(whole_farms(), st.integers(1, 9))
def test_what_was_taken_can_be_given_back(drawn: tuple[FarmSnapshot, Cost], count: int) -> None:
    farm, room = drawn[0], Room(drawn[0])
    classes = np.ones(len(farm.classes.names), dtype=bool)
    before = room.free
    for request in farm.steps.request:
        room.best_fit(np.full(5, 1e9), classes, 1)
        nodes, counts = room.best_fit(request, classes, count)
        room.take(request, nodes, counts, 0)
        room.give(request, nodes, counts, 0)

    assert room.free == pytest.approx(before)
    assert room.licences.tolist() == farm.licences.tolist()


def test_a_key_goes_before_fullness_and_warm_nodes_go_before_both() -> None:
    room, key = Room(FARM), np.array([1.0, 0.0, 2.0, 3.0])

    assert room.best_fit(FRAME, ALL, 1)[0].tolist() == [2]
    assert room.best_fit(FRAME, ALL, 1, key=key)[0].tolist() == [1]
    assert room.best_fit(FRAME, ALL, 9, key=key, warm=key >= 2)[0].tolist() == [2, 3, 1]
    assert room.best_fit(FRAME, 0, 9, among=key == 1)[0].tolist() == [0]
    assert room.best_fit(FRAME, ALL, 0)[0].tolist() == []


def test_spread_levels_the_load_and_deal_goes_round() -> None:
    room, turn = Room(FARM), np.array([3.0, 2.0, 1.0, 0.0])

    nodes, counts = room.spread(FRAME, 0, 5)
    assert (nodes.tolist(), counts.tolist()) == ([0], [5])
    nodes, counts = room.spread(FRAME, 0, 8)
    assert dict(zip(nodes.tolist(), counts.tolist(), strict=True)) == {0: 7, 2: 1}
    nodes, counts = room.deal(FRAME, ALL, 9, turn)
    assert dict(zip(nodes.tolist(), counts.tolist(), strict=True)) == {0: 2, 1: 2, 2: 3, 3: 2}
    nodes, counts = room.deal(FRAME, ALL, 2, turn)
    assert sorted(nodes.tolist()) == [2, 3]


def test_a_frame_that_takes_nothing_fits_any_number_of_times() -> None:
    nodes, counts = Room(FARM).best_fit(np.zeros(5), 0, 1000)

    assert (len(nodes), counts.tolist()) == (1, [1000])


def test_nodes_that_are_not_up_have_no_room() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0], "state": [NodeState.ASLEEP, NodeState.UP]})

    assert Room(farm).fit(FRAME, np.array([0, 1])).tolist() == [0, 8]
    assert Room(farm).free[0].tolist() == [0.0] * 5


def test_frames_of_sizes_that_are_no_round_numbers_fill_a_node_wholly() -> None:
    room = Room(snapshot_of())
    frame = np.array([0.8, 0.1, 0.0, 0.0, 0.0])

    for _ in range(10):
        nodes, counts = room.best_fit(frame, 0, 1)
        room.take(frame, nodes, counts)

    assert room.free[0, 0] == pytest.approx(0.0)
    assert room.best_fit(frame, 0, 1)[0].tolist() == []
