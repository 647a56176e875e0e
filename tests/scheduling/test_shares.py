"""Shares are weighted max-min with guarantees, in a forest, and history pays back."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.clients import Clients, Lending
from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.rules import Rules
from placement.scheduling.shares import (
    Entitlements,
    beyond_shares,
    demand,
    dominant_share,
    entitlements,
    held,
    standing,
    updated_history,
    used,
)
from placement.scheduling.shares_filling import water_fill
from placement.scheduling.shares_overdue import overdue
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot
from placement.units import Floats

LENDS = (Lending.FRAME, Lending.PREEMPT)
KEEPS = (Lending.NEVER, Lending.STATIC)
SEEDS = st.integers(0, 2**32 - 1)


def forest(chance: np.random.Generator, lending: tuple[Lending, ...], most_roots: int = 4) -> Clients:
    """Roots, projects under some, and projects under those."""
    parent = [-1] * int(chance.integers(1, most_roots + 1))
    for _ in range(int(chance.integers(0, 7))):
        parent.append(int(chance.integers(len(parent))))
    parents = np.array(parent)
    guarantee = np.zeros(len(parent))
    for above in (-1, *range(len(parent))):
        rows = np.flatnonzero(parents == above)
        room = 1.0 if above < 0 else guarantee[above]
        guarantee[rows] = room * chance.dirichlet(np.ones(len(rows) + 1))[: len(rows)]
    limit = np.where(chance.random(len(parent)) < 0.5, 1.0, guarantee + (1 - guarantee) * chance.random(len(parent)))
    return clients_of(
        parent=parents, guarantee=guarantee, limit=limit, weight=chance.uniform(0.2, 5, len(parent)),
        lending=chance.choice(np.array(lending), len(parent)), history=chance.normal(0, 1e6, len(parent)),
    )  # fmt: skip


def farm_of(clients: Clients, worth: float = 100.0) -> FarmSnapshot:
    leaf = int(np.setdiff1d(np.arange(clients.count), clients.parent)[0])
    return snapshot_of(classes=classes_of(worth=[worth]), clients=clients, jobs={"client": [leaf]})


def flat(**columns: object) -> FarmSnapshot:
    return farm_of(clients_of(**columns))


def drawn(seed: int, lending: tuple[Lending, ...] = LENDS + KEEPS) -> tuple[FarmSnapshot, Floats, np.random.Generator]:
    chance = np.random.default_rng(seed)
    farm = farm_of(forest(chance, lending))
    return farm, chance.choice([0.0, 5.0, 30.0, 500.0], farm.clients.count) * chance.random(farm.clients.count), chance


def leaves_of(clients: Clients) -> np.ndarray:
    return np.setdiff1d(np.arange(clients.count), clients.parent)


def children_sum(clients: Clients, column: Floats) -> Floats:
    under = clients.parent >= 0
    return np.bincount(clients.parent[under], column[under], clients.count)


def progressive(capacity: float, ask: Floats, weight: Floats) -> Floats:
    """Raise all who still want at the rate of their weight until one has enough, again and again."""
    got = np.zeros(len(ask))
    while capacity > 1e-12 and (ask - got > 1e-12).any():
        wants = ask - got > 1e-12
        until = min(float(((ask - got)[wants] / weight[wants]).min()), capacity / float(weight[wants].sum()))
        got[wants] += until * weight[wants]
        capacity -= until * float(weight[wants].sum())
    return got


@given(SEEDS)
def test_water_filling_is_progressive_filling(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = int(chance.integers(1, 9))
    ask = chance.choice([0.0, 1.0, 10.0], rows) * chance.random(rows)
    weight, capacity = chance.uniform(0.1, 10, rows), float(chance.random() * ask.sum() * 1.3)

    got = water_fill(capacity, ask, weight)

    np.testing.assert_allclose(got, progressive(capacity, ask, weight), atol=1e-7)
    assert got.sum() == pytest.approx(min(capacity, ask.sum()), abs=1e-9)


def test_nobody_asks_and_nothing_is_there() -> None:
    assert water_fill(5.0, np.zeros(0), np.zeros(0)).tolist() == []
    assert water_fill(0.0, np.ones(2), np.ones(2)).tolist() == [0.0, 0.0]


@given(SEEDS)
def test_guaranteed_is_at_most_fair_is_at_most_most(seed: int) -> None:
    farm, wants, _ = drawn(seed)

    got = entitlements(farm, wants)

    assert (got.guaranteed >= 0).all()
    assert (got.guaranteed <= got.fair).all()
    assert (got.fair <= got.most).all()
    assert (got.most <= farm.clients.limit * farm.worth() + 1e-9).all()
    leaves = leaves_of(farm.clients)
    assert (got.fair[leaves] <= wants[leaves] + 1e-9).all()
    promised = np.minimum(farm.clients.guarantee * farm.worth(), wants)[leaves]
    np.testing.assert_allclose(got.guaranteed[leaves], promised, atol=1e-9)


@given(SEEDS)
def test_what_is_lendable_and_wanted_is_given(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = int(chance.integers(1, 6))
    guarantee = chance.dirichlet(np.ones(rows + 1))[:rows]
    lending = chance.choice([Lending.FRAME, Lending.PREEMPT, Lending.NEVER], rows)
    farm = flat(guarantee=guarantee, lending=lending, weight=chance.uniform(0.2, 5, rows))
    wants = chance.choice([0.0, 5.0, 200.0], rows) * chance.random(rows)

    got = entitlements(farm, wants)

    unlent = np.where(lending == Lending.NEVER, np.maximum(guarantee * 100 - np.minimum(wants, 100), 0), 0).sum()
    assert got.fair.sum() == pytest.approx(min(wants.sum(), 100 - unlent))
    assert got.kept.sum() == pytest.approx(unlent)


@given(SEEDS)
def test_a_forest_that_lends_leaves_nothing_wanted_idle(seed: int) -> None:
    farm, wants, _ = drawn(seed, LENDS)
    clients = farm.clients
    useful = np.where(np.isin(np.arange(clients.count), clients.parent), 0.0, wants)
    for row in range(clients.count - 1, -1, -1):
        useful[row] = min(useful[row], clients.limit[row] * 100)
        if clients.parent[row] >= 0:
            useful[clients.parent[row]] += useful[row]

    got = entitlements(farm, wants)

    roots = clients.parent < 0
    assert got.fair[roots].sum() == pytest.approx(min(useful[roots].sum(), 100.0))


@given(SEEDS)
def test_projects_hold_what_their_client_holds(seed: int) -> None:
    farm, wants, _ = drawn(seed)
    inner = np.unique(farm.clients.parent[farm.clients.parent >= 0])

    got = entitlements(farm, wants)

    np.testing.assert_allclose(children_sum(farm.clients, got.fair)[inner], got.fair[inner], atol=1e-9)
    assert (children_sum(farm.clients, got.guaranteed)[inner] <= got.guaranteed[inner] + 1e-9).all()
    assert got.fair[farm.clients.parent < 0].sum() <= farm.worth() + 1e-9


@given(SEEDS)
def test_over_stating_demand_gains_nothing(seed: int) -> None:
    farm, wants, chance = drawn(seed)
    liar = int(chance.choice(leaves_of(farm.clients)))
    said = wants.copy()
    said[liar] += chance.uniform(0, 300)

    honest, lied = entitlements(farm, wants), entitlements(farm, said)

    assert min(lied.fair[liar], wants[liar]) <= honest.fair[liar] + 1e-9
    assert lied.fair[liar] >= honest.fair[liar] - 1e-9


@given(SEEDS)
def test_who_gets_less_than_it_wants_has_at_least_as_much_per_weight_beyond_guarantees(seed: int) -> None:
    chance = np.random.default_rng(seed)
    guarantee = chance.dirichlet(np.ones(5))[:4]
    weight, wants = chance.uniform(0.2, 5, 4), chance.uniform(0, 120, 4)

    got = entitlements(flat(guarantee=guarantee, weight=weight), wants)

    beyond = (got.fair - got.guaranteed) / weight
    unmet = got.fair < np.minimum(wants, 100) - 1e-9
    assert (beyond[unmet] >= beyond.max() - 1e-9).all()


@given(SEEDS)
def test_the_unit_of_worth_does_not_matter(seed: int) -> None:
    farm, wants, _ = drawn(seed)
    scaled = farm_of(replace(farm.clients, history=farm.clients.history * 7), 700.0)

    small, large = entitlements(farm, wants), entitlements(scaled, wants * 7)

    for column in fields(Entitlements):
        np.testing.assert_allclose(getattr(large, column.name), 7 * getattr(small, column.name), rtol=1e-9, atol=1e-7)


@given(SEEDS)
def test_the_order_of_clients_does_not_matter(seed: int) -> None:
    chance = np.random.default_rng(seed)
    clients = forest(chance, LENDS + KEEPS)
    clients = replace(clients, parent=np.full(clients.count, -1), guarantee=clients.guarantee / clients.count)
    wants, order = chance.uniform(0, 120, clients.count), chance.permutation(clients.count)
    turned = Clients(
        names=tuple(clients.names[row] for row in order),
        **{name: getattr(clients, name)[order] for name in (f.name for f in fields(Clients)) if name != "names"},
    )

    one, other = entitlements(farm_of(clients), wants), entitlements(farm_of(turned), wants[order])

    for column in fields(Entitlements):
        np.testing.assert_allclose(getattr(other, column.name), getattr(one, column.name)[order], atol=1e-9)


def test_a_static_partition_neither_lends_nor_borrows() -> None:
    farm = flat(guarantee=[0.4, 0.0], lending=[Lending.STATIC, Lending.FRAME])

    idle, busy = entitlements(farm, np.array([0.0, 100.0])), entitlements(farm, np.array([100.0, 0.0]))

    assert idle.fair.tolist() == [0.0, 60.0]
    assert idle.kept.tolist() == [40.0, 0.0]
    assert busy.fair.tolist() == [40.0, 0.0]
    assert busy.most.tolist() == [40.0, 60.0]


def test_what_a_client_never_lends_its_own_projects_may_use() -> None:
    farm = flat(
        guarantee=[0.5, 0.3, 0.0, 0.0], parent=[-1, 0, 0, -1], lending=[Lending.NEVER] * 2 + [Lending.FRAME] * 2
    )

    got = entitlements(farm, np.array([0.0, 0.0, 100.0, 100.0]))

    assert got.most.tolist() == [100.0, 100.0, 70.0, 50.0]
    assert got.kept.tolist() == [30.0, 30.0, 0.0, 0.0]
    assert got.guaranteed.tolist() == [20.0, 0.0, 0.0, 0.0]
    assert got.fair[2] + got.fair[3] == pytest.approx(70.0)


def test_demand_must_make_sense() -> None:
    with pytest.raises(InvalidInput, match="0 or more for each of 2 clients"):
        entitlements(flat(guarantee=[0.1, 0.1]), np.array([1.0, np.nan]))


@given(SEEDS)
def test_what_is_used_is_counted_once_and_upwards(seed: int) -> None:
    farm, cost = random_snapshot(seed)
    share, where = farm.share_of_node(), farm.nodes.node_class[farm.attempts.node]

    holds, uses, wants = held(farm), used(farm), demand(farm, cost)

    np.testing.assert_allclose(holds, share[farm.attempts.step, where] * farm.classes.worth[where])
    assert uses[farm.clients.parent < 0].sum() == pytest.approx(holds.sum())
    assert (wants >= uses - 1e-9).all()
    assert wants[farm.clients.parent < 0].sum() == pytest.approx(wants[leaves_of(farm.clients)].sum())


def test_only_frames_that_could_start_count_as_demand() -> None:
    farm = snapshot_of(
        nodes={"node_class": [0, 0]},
        clients=clients_of(guarantee=[0.0, 0.0], parent=[-1, 0]),
        jobs={"client": [1, 1, 1], "held": [False, True, False]},
        steps={
            "job": [0, 0, 0, 1, 2], "waiting": [3, 0, 100, 9, 9], "blocked": [0, 7, 0, 0, 0],
            "request": [[2, 1, 0, 0, 0], [1, 1, 0, 0, 0], [4, 1, 0, 0, 0], [1, 1, 0, 0, 0], [9, 1, 0, 0, 0]],
        },
        attempts={"step": [0, 2], "node": [0, 0]},
    )  # fmt: skip

    wants = demand(farm, cost_of(farm))

    running, first, third = 2 + 4, 3 * 2, (4 - 1) * 4
    assert wants.tolist() == [running + first + third] * 2


def test_free_licences_bound_demand_and_sleeping_nodes_count() -> None:
    farm = snapshot_of(
        nodes={"node_class": [0, 0], "state": [NodeState.ASLEEP, NodeState.DOWN]},
        steps={"job": [0, 0], "waiting": [3, 4], "licence": [0, -1]},
        licences=[1],
    )

    assert demand(farm, cost_of(farm)).tolist() == [5.0]


def test_a_resource_that_a_node_lacks_does_not_fit() -> None:
    gpu = np.array([1.0, 1.0, 1.0, 1.0, 0.0])

    assert dominant_share(gpu, np.array([8.0, 8.0, 0.0, 0.0, 0.0])) > 1


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(60, 1e6))
def test_history_decays_the_same_however_time_is_split(first: float, second: float, half_life: float) -> None:
    clients = clients_of(guarantee=[0.0, 0.0], history=[5e3, -1e3])
    uses, fair = np.array([30.0, 0.0]), np.array([10.0, 20.0])

    at_once = updated_history(clients, uses, fair, first + second, half_life)
    half_way = replace(clients, history=updated_history(clients, uses, fair, first, half_life))

    np.testing.assert_allclose(updated_history(half_way, uses, fair, second, half_life), at_once, rtol=1e-9, atol=1e-6)
    forgotten = updated_history(clients, uses, uses, half_life, half_life)
    np.testing.assert_allclose(forgotten, clients.history / 2)


def test_history_needs_times_that_make_sense() -> None:
    with pytest.raises(InvalidInput, match="elapsed -1 s"):
        updated_history(clients_of(), np.ones(1), np.ones(1), -1.0, 60.0)


def long_run(weight: list[float], present: list[float], days: int = 60, *, pays_back: bool = True) -> Floats:
    """Mean worth per client over the second half of some days in which clients come and go in turn every hour."""
    farm, hour = flat(weight=weight), 3600.0
    chance, total = np.random.default_rng(1), np.zeros(len(weight))
    for tick in range(days * 24):
        here = chance.random(len(weight)) < present
        fair = entitlements(farm, np.where(here, 100.0, 0.0)).fair
        if pays_back:
            history = updated_history(farm.clients, fair, standing(farm), hour, 24 * hour)
            farm = farm_of(replace(farm.clients, history=history))
        total += fair if tick >= days * 12 else 0.0
    return total / total.sum()


@pytest.mark.parametrize(
    ("weight", "present"), [([1.0, 1.0], [1.0, 0.75]), ([2.0, 1.0], [0.85, 1.0]), ([1.0, 1.0, 2.0], [0.6, 1.0, 0.8])]
)
def test_shares_come_to_the_weights_in_the_long_run_though_demand_alternates(
    weight: list[float], present: list[float]
) -> None:
    wanted = np.array(weight) / np.sum(weight)

    without, with_history = long_run(weight, present, pays_back=False), long_run(weight, present)

    assert np.abs(with_history - wanted).max() < 0.03
    assert np.abs(with_history - wanted).max() < 0.5 * np.abs(without - wanted).max()


def test_a_client_that_waited_is_paid_back_but_not_without_bound() -> None:
    farm = farm_of(clients_of(weight=[1.0, 1.0], history=[-1e9, 1e9]))

    fair = entitlements(farm, np.array([100.0, 100.0])).fair

    np.testing.assert_allclose(fair, [100 * 16 / 17, 100 / 17])


def test_work_in_danger_may_use_all_that_others_are_not_guaranteed() -> None:
    clients = clients_of(parent=[-1, -1, 0], guarantee=[0.25, 0.5, 0.25], limit=[1.0, 0.75, 1.0])
    farm = snapshot_of(clients=clients, jobs={"client": [2, 1]}, steps={"job": [0, 1], "waiting": [9, 9]})
    shares = entitlements(farm, demand(farm, cost_of(farm)))

    assert beyond_shares(farm, shares).tolist() == [4.0, 6.0, 4.0]


@pytest.mark.parametrize(
    ("lending", "waited", "late"),
    [
        (Lending.STATIC, 29.0, False), (Lending.STATIC, 30.0, True), (Lending.NEVER, 30.0, True),
        (Lending.PREEMPT, 269.0, False), (Lending.PREEMPT, 270.0, True), (Lending.FRAME, 9000.0, False),
    ],
)  # fmt: skip
def test_a_guarantee_is_overdue_once_its_lending_allows_no_more_waiting(lending, waited, late) -> None:
    clients = clients_of(guarantee=[0.5], lending=[lending], reclaim=[300.0], short_since=[1000.0 - waited])

    assert overdue(snapshot_of(now=1000.0, clients=clients), Rules()).tolist() == [late]


def test_projects_of_a_client_whose_guarantee_is_overdue_are_owed_it_and_who_is_not_short_nothing() -> None:
    clients = clients_of(
        guarantee=[0.5, 0.2, 0.2], parent=[-1, 0, -1], lending=[Lending.NEVER] * 3, short_since=[0.0, np.inf, np.nan]
    )
    farm = snapshot_of(now=1000.0, clients=clients, jobs={"client": [1, 2]}, steps={"job": [0, 1], "waiting": [1, 1]})

    assert overdue(farm, Rules()).tolist() == [True, False]
