"""Whole decisions: who may start where it is dear."""

from __future__ import annotations

from typing import Any

import numpy as np

from placement.farm.clients import Lending
from placement.scheduling.plan import Plan
from placement.scheduling.planning import plan
from placement.scheduling.rules import Rules
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of

HOUR = 3600.0


def beside_a_full_class(now: float = 5 * HOUR, guarantee: float = 0.0, **jobs: Any) -> Plan:
    """Return what is decided where the fast node is full for 95 s and a free one takes 180 s a frame instead of 100."""
    farm = snapshot_of(
        now=now, classes=classes_of(names=["fast", "slow"]), nodes={"node_class": [0, 1]},
        clients=clients_of(guarantee=[0.0, guarantee]), jobs={"client": [0, 1], **jobs},
        steps={"job": [0, 1], "waiting": [0, 4], "since": [now, 5 * HOUR]},
        attempts={"step": np.zeros(8, int), "node": np.zeros(8, int), "started": np.full(8, now - 5)},
    )  # fmt: skip
    return plan(farm, cost_of(farm, [[100.0, 180.0], [100.0, 180.0]]), Rules())


def test_work_whose_deadline_is_far_waits_for_a_much_better_class() -> None:
    assert not len(beside_a_full_class(deadline=[np.inf, 50 * HOUR]).starts.step)


def test_work_without_a_deadline_takes_any_class_on_which_it_ends_sooner() -> None:
    assert beside_a_full_class().starts.node.tolist() == [1] * 4


def test_work_in_danger_takes_any_class_on_which_it_ends_sooner() -> None:
    assert beside_a_full_class(deadline=[np.inf, 5 * HOUR + 190]).starts.node.tolist() == [1] * 4


def test_what_is_guaranteed_starts_on_any_class_on_which_it_ends_sooner() -> None:
    assert beside_a_full_class(guarantee=0.125, deadline=[np.inf, 50 * HOUR]).starts.node.tolist() == [1] * 2


def test_what_waited_for_a_better_class_for_long_enough_starts_elsewhere() -> None:
    starved = beside_a_full_class(now=14 * HOUR, deadline=[np.inf, 50 * HOUR])

    assert starved.starts.node.tolist()[:1] == [1]


def test_room_that_is_never_lent_is_no_room_for_an_emergency() -> None:
    farm = snapshot_of(
        now=1000.0, clients=clients_of(guarantee=[0.5, 0.0], lending=[int(Lending.NEVER), int(Lending.FRAME)]),
        jobs={"client": [1, 1], "importance": [1.0, 150.0]},
        steps={"job": [0, 1], "waiting": [0, 4], "since": [1000.0, 1000.0]},
        attempts={"step": np.zeros(4, int), "node": np.zeros(4, int), "started": np.full(4, 800.0)},
    )  # fmt: skip

    decided = plan(farm, cost_of(farm, [[5000.0], [200.0]]), Rules())

    assert not len(decided.starts.step)
    assert sorted(decided.stops.attempt.tolist()) == [0, 1, 2, 3]
    assert decided.stops.now.all()
