"""Every peer keeps every law on random whole farms; a planner that breaks one is caught by it."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling import peers
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Planner, Power, Reason, Starts, Stops, Waits
from placement.scheduling.planning import plan as decide
from placement.scheduling.rules import Rules
from placement.scheduling.within_guarantees import within_guarantees
from placement.testing.planner_farms import clients_of, cost_of, snapshot_of
from placement.testing.planner_laws import PLANNER_LAWS, PlannerLaw, starts_when_idle
from placement.testing.planner_promises import PLANNER_PROMISES
from tests.contracts.planner_farms import aims, eventful_farms, whole_farms

NAMES = [module.name for module in pkgutil.iter_modules(peers.__path__)]
PEERS: dict[str, Planner] = {name: getattr(importlib.import_module(f"{peers.__name__}.{name}"), name) for name in NAMES}
KEEPING: dict[str, Planner] = {
    f"{name}_guaranteed": partial(within_guarantees, PEERS[name]) for name in ("earliest_deadline", "least_slack")
}
PEERS |= KEEPING
LAWS = {law.__name__: law for law in (*PLANNER_LAWS, *PLANNER_PROMISES)}
RULES = Rules()


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("law", PLANNER_LAWS, ids=lambda law: law.__name__)
@settings(max_examples=25)
@given(drawn=whole_farms())
def test_every_peer_keeps_every_law(name: str, law: PlannerLaw, drawn: tuple[FarmSnapshot, Cost]) -> None:
    law(PEERS[name], *drawn, RULES)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
@settings(max_examples=40)
@given(drawn=eventful_farms(), rules=aims())
def test_our_planner_keeps_every_law_and_promise(
    law: PlannerLaw, drawn: tuple[FarmSnapshot, Cost], rules: Rules
) -> None:
    law(decide, *drawn, rules)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
@settings(max_examples=10)
@given(drawn=whole_farms(), rules=aims())
def test_our_planner_keeps_every_law_where_little_happens(
    law: PlannerLaw, drawn: tuple[FarmSnapshot, Cost], rules: Rules
) -> None:
    law(decide, *drawn, rules)


FARM = snapshot_of(
    nodes={"node_class": [0, 0], "state": [NodeState.UP, NodeState.ASLEEP]}, licences=[0],
    clients=clients_of(limit=[0.5]), jobs={"held": [False, True, False]},
    steps={"job": [0, 1, 2, 2], "waiting": [20, 1, 5, 5], "licence": [-1, -1, 0, -1],
           "request": [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]},
    attempts={"step": [0], "node": [0]},
)  # fmt: skip
COST = cost_of(FARM, [[60.0], [60.0], [60.0], [np.inf]])


def starting(step: list[int], node: list[int], reason: int = int(Reason.SHARE)) -> Plan:
    return Plan(starts=Starts.of(np.array(step, np.int64), np.array(node, np.int64), reason))


def stopping(attempt: int, loss: float = 0.0) -> Plan:
    row = np.array([attempt])
    reason = np.array([int(Reason.RESCUE)])
    return replace(starting([], []), stops=Stops(attempt=row, now=row == 0, reason=reason, loss=np.array([loss])))


def switching(node: int, up: bool) -> Plan:
    row = np.array([node])
    return starting([], []).with_power(Power(node=row, up=np.array([up]), reason=np.array([int(Reason.IDLE_NODE)])))


def waiting(reason: Reason) -> Plan:
    return replace(starting([], []), waits=Waits(reason=np.full(4, int(reason)), until=np.full(4, np.inf)))


def following(step: int) -> Plan:
    return replace(starting([], []), successors=np.array([step]))


BROKEN = [
    ("keeps_capacity", starting([0] * 8, [0] * 8)),
    ("starts_on_nodes_that_are_up", starting([0], [1])),
    ("starts_on_nodes_that_are_up", starting([0], [2])),
    ("starts_what_is_ready", starting([0] * 21, [0] * 21)),
    ("starts_what_is_ready", starting([1], [0])),
    ("starts_where_able", starting([3], [0])),
    ("keeps_licences", starting([2], [0])),
    ("keeps_limits", starting([0] * 8, [0] * 8)),
    ("starts_when_idle", starting([], [])),
    ("gives_reasons", starting([0], [0], int(Reason.LIMIT))),
    ("gives_reasons", waiting(Reason.FINISHED)),
    ("stops_what_runs", stopping(1)),
    ("stops_what_runs", stopping(0, np.nan)),
    ("powers_what_it_may", switching(0, up=True)),
    ("powers_what_it_may", switching(0, up=False)),
    ("powers_what_it_may", switching(1, up=False)),
    ("powers_what_it_may", replace(starting([], []), reserved=np.array([4, -1]))),
    ("follows_what_fits", following(1)),
    ("follows_what_fits", following(2)),
    ("follows_what_fits", following(3)),
    ("follows_what_fits", following(9)),
    ("follows_what_fits", replace(stopping(0), successors=np.array([0]))),
]


@pytest.mark.parametrize(("law", "plan"), BROKEN)
def test_a_planner_that_breaks_a_law_is_caught_by_it(law: str, plan: Plan) -> None:
    with pytest.raises(AssertionError):
        LAWS[law](lambda farm, cost, rules: plan, FARM, COST, RULES)


def test_a_planner_that_changes_its_mind_is_caught() -> None:
    calls = count()

    def fickle(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        return starting([0], [0]) if next(calls) % 2 else starting([], [])

    with pytest.raises(AssertionError):
        LAWS["plans_the_same_again"](fickle, FARM, COST, RULES)


def test_a_planner_that_writes_to_the_farm_is_caught() -> None:
    def scribbling(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        farm.steps.waiting.setflags(write=True)
        farm.steps.waiting[0] -= 1
        return starting([], [])

    with pytest.raises(AssertionError):
        LAWS["leaves_its_inputs_alone"](scribbling, FARM, COST, RULES)


def test_a_planner_that_looks_at_the_names_of_nodes_is_caught() -> None:
    farm = snapshot_of(nodes={"node_class": [0, 0], "rack": [0, 1]})

    def partial(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        return starting([0], [0]) if farm.nodes.rack[0] else starting([], [])

    with pytest.raises(AssertionError):
        LAWS["treats_equal_nodes_alike"](partial, farm, cost_of(farm), RULES)


def test_an_idle_farm_may_be_left_idle_on_purpose() -> None:
    starts_when_idle(lambda farm, cost, rules: waiting(Reason.CHEAPER_LATER), FARM, COST, RULES)


def test_a_planner_that_lets_a_client_follow_others_beyond_its_limit_is_caught() -> None:
    farm = snapshot_of(
        clients=clients_of(limit=[1.0, 0.25]), jobs={"client": [0, 1]}, steps={"job": [0, 1], "waiting": [0, 9]},
        attempts={"node": [0, 0, 0], "step": [0, 0, 0]},
    )  # fmt: skip
    law = LAWS["follows_within_limits"]

    law(lambda farm, cost, rules: replace(starting([], []), successors=np.array([1, 1, 0])), farm, cost_of(farm), RULES)
    with pytest.raises(AssertionError):
        law(lambda farm, cost, rules: following_all(farm), farm, cost_of(farm), RULES)


def following_all(farm: FarmSnapshot) -> Plan:
    return replace(starting([], []), successors=np.ones(farm.attempts.count, np.int64))


def test_a_planner_that_starts_or_wakes_over_the_power_cap_is_caught() -> None:
    farm = replace(FARM, power_cap=140.0)
    law = LAWS["keeps_power_cap"]

    for plan in (starting([0, 0], [0, 0]), switching(1, up=True)):
        with pytest.raises(AssertionError):
            law(lambda farm, cost, rules, plan=plan: plan, farm, COST, RULES)
