"""Peers that keep guarantees: promises first, room that is never lent stays free, and what is lent comes back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.peers.earliest_deadline import earliest_deadline
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.plan import Plan, Planner, Reason
from placement.scheduling.rules import Rules
from placement.scheduling.within_guarantees import within_guarantees
from placement.testing.planner_farms import clients_of, cost_of, snapshot_of


def decided(farm: FarmSnapshot, peer: Planner = fifo) -> Plan:
    return within_guarantees(peer, farm, cost_of(farm), Rules())


def two(
    guarantee: Sequence[float], waiting: Sequence[int], lending: Lending = Lending.FRAME, busy: int = 0
) -> FarmSnapshot:
    """A node of eight cores whose first client came first, and runs on some of them."""
    return snapshot_of(
        now=60.0, clients=clients_of(guarantee=guarantee, lending=[int(lending)] * 2),
        jobs={"client": [0, 1], "release": [0.0, 1.0], "deadline": [100.0, 900.0]},
        steps={"job": [0, 1], "waiting": waiting}, attempts={"step": np.zeros(busy, int), "node": np.zeros(busy, int)},
    )  # fmt: skip


def test_what_is_guaranteed_starts_first_and_says_so() -> None:
    plan = decided(two([0.0, 0.25], [20, 20]), earliest_deadline)

    assert np.bincount(plan.starts.step).tolist() == [6, 2]
    assert plan.starts.reason[plan.starts.step == 1].tolist() == [Reason.GUARANTEED] * 2


def test_what_is_never_lent_stays_free_and_who_waits_for_it_is_told() -> None:
    plan = decided(two([0.0, 0.5], [20, 0], Lending.NEVER))

    assert plan.starts.step.tolist() == [0] * 4
    assert plan.waits is not None
    assert plan.waits.reason[0] == Reason.PARTITION


def test_several_borrowers_together_leave_free_what_is_never_lent() -> None:
    farm = snapshot_of(
        clients=clients_of(guarantee=[0.5, 0.0, 0.0], lending=[int(Lending.NEVER), *[int(Lending.FRAME)] * 2]),
        jobs={"client": [1, 2]}, steps={"job": [0, 1], "waiting": [3, 3]},
    )  # fmt: skip

    assert len(decided(farm).starts.step) == 4


def test_nobody_follows_a_borrower_while_somebody_is_short() -> None:
    short, served = decided(two([0.0, 0.25], [9, 9], busy=8)), decided(two([0.0, 0.25], [9, 0], busy=8))

    assert short.successors is not None
    assert short.successors.tolist() == [-1] * 8
    assert served.successors is None
