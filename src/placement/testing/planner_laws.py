"""Laws that every planner of whole farms keeps; call them with your own planner and any farm.

Each takes a planner, a snapshot, its cost and rules, and raises AssertionError where the law is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.farm.work import Attempts
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Planner, Reason
from placement.scheduling.rules import Rules
from placement.scheduling.starting import ceilings, held
from placement.units import Floats

__all__ = [
    "PLANNER_LAWS",
    "PlannerLaw",
    "gives_reasons",
    "idle",
    "keeps_capacity",
    "keeps_licences",
    "keeps_limits",
    "leaves_its_inputs_alone",
    "plans_the_same_again",
    "powers_what_it_may",
    "starts_on_nodes_that_are_up",
    "starts_what_is_ready",
    "starts_when_idle",
    "starts_where_able",
    "stops_what_runs",
    "treats_equal_nodes_alike",
]

PlannerLaw = Callable[[Planner, FarmSnapshot, Cost, Rules], None]

_ROUNDING = 1e-6

#: Reasons for which a planner may leave an idle farm idle: it waits on purpose.
_ON_PURPOSE = (
    Reason.PARTITION,
    Reason.WAKING,
    Reason.RESERVATION,
    Reason.CHEAPER_LATER,
    Reason.POWER_CAP,
    Reason.TOO_WIDE,
)


def keeps_capacity(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that starts take no more than what is free now on any node, of any resource.

    What attempts that are stopped hold is not free yet.
    """
    starts = planner(farm, cost, rules).starts
    taken = np.zeros_like(farm.nodes.free)
    np.add.at(taken, starts.node, farm.steps.request[starts.step])
    over = taken > np.maximum(farm.nodes.free, 0.0) * (1 + _ROUNDING) + _ROUNDING
    assert not over.any(), f"nodes {np.flatnonzero(over.any(axis=1))} are given more than they have"


def starts_on_nodes_that_are_up(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that starts name nodes of the farm that are up, and modes that their classes have."""
    starts = planner(farm, cost, rules).starts
    assert ((starts.node >= 0) & (starts.node < farm.nodes.count)).all(), starts.node
    assert (farm.nodes.state[starts.node] == NodeState.UP).all(), "a frame starts on a node that is not up"
    assert ((starts.mode >= 0) & (starts.mode < farm.classes.modes)).all(), starts.mode


def starts_what_is_ready(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that no more frames of a step start than could, and none of a job that is held."""
    starts = planner(farm, cost, rules).starts
    assert ((starts.step >= 0) & (starts.step < farm.steps.count)).all(), starts.step
    started = np.bincount(starts.step, minlength=farm.steps.count)
    assert (started <= farm.steps.waiting).all(), f"{started} frames start, {farm.steps.waiting} wait"
    assert not farm.jobs.held[farm.steps.job[starts.step]].any(), "a frame of a held job starts"


def starts_where_able(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that no frame starts on a class on which its run time is infinite."""
    starts = planner(farm, cost, rules).starts
    able = cost.able[starts.step, farm.nodes.node_class[starts.node]]
    assert able.all(), f"steps {np.unique(starts.step[~able])} start where they cannot run"


def keeps_licences(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that no more licences are taken than are free."""
    licence = farm.steps.licence[planner(farm, cost, rules).starts.step]
    taken = np.bincount(licence[licence >= 0], minlength=len(farm.licences))
    assert (taken <= np.maximum(farm.licences, 0)).all(), f"{taken} licences taken of {farm.licences}"


def keeps_limits(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that no start takes a client, or one it is a project of, above its limit.

    A client that is above its limit already starts nothing. A limit of 1 is no limit; see
    `placement.scheduling.starting.ceilings`.
    """
    starts, before = planner(farm, cost, rules).starts, held(farm)
    kind = farm.nodes.node_class[starts.node]
    worth = farm.share_of_node()[starts.step, kind] * farm.classes.worth[kind]
    more = np.bincount(farm.jobs.client[farm.steps.job[starts.step]], worth, minlength=farm.clients.count).astype(float)
    for row in range(farm.clients.count - 1, -1, -1):
        if farm.clients.parent[row] >= 0:
            more[farm.clients.parent[row]] += more[row]
    over = (more > 0) & (before + more > ceilings(farm) * (1 + _ROUNDING))
    assert not over.any(), f"clients {[farm.clients.names[row] for row in np.flatnonzero(over)]} exceed their limits"


def plans_the_same_again(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that the same snapshot, cost and rules give the same plan, to the last bit."""
    first, again = _columns(planner(farm, cost, rules)), _columns(planner(farm, cost, rules))
    assert first.keys() == again.keys(), "a plan has other parts the second time"
    for name, column in first.items():
        assert np.array_equal(column, again[name], equal_nan=column.dtype.kind == "f"), f"{name} changed"


def leaves_its_inputs_alone(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that nothing in the snapshot or the cost was written to."""
    before = {name: column.copy() for part in (farm, cost) for name, column in _columns(part).items()}
    planner(farm, cost, rules)
    for part in (farm, cost):
        for name, column in _columns(part).items():
            assert np.array_equal(column, before[name], equal_nan=column.dtype.kind == "f"), f"{name} was changed"


def starts_when_idle(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that on the farm without its attempts something starts if it can, or waits for a reason on purpose."""
    farm = idle(farm)
    plan, steps = planner(farm, cost, rules), farm.steps
    there = np.bincount(farm.nodes.node_class, minlength=len(farm.classes.names)) > 0
    frame, most = farm.share_of_node() * farm.classes.worth, ceilings(farm)
    spare = np.array([_least(most, farm.clients.parent, row) for row in farm.jobs.client])[steps.job]
    on = cost.able & there & (farm.share_of_node() <= 1) & (frame <= spare[:, None])
    licensed = (steps.licence < 0) | (np.append(farm.licences, 0)[steps.licence] > 0)
    can = on.any(axis=1) & (steps.waiting > 0) & ~farm.jobs.held[steps.job] & licensed
    if plan.waits is not None:
        can &= ~np.isin(plan.waits.reason, _ON_PURPOSE)
    assert len(plan.starts.step) or not can.any(), (
        f"an idle farm was left idle, steps {np.flatnonzero(can)} could start"
    )


def treats_equal_nodes_alike(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check on the idle farm that which node of a class is which does not change how many frames each class gets."""
    farm = idle(farm)
    rows = np.arange(farm.nodes.count)
    for kind in range(len(farm.classes.names)):
        there = np.flatnonzero(farm.nodes.node_class == kind)
        rows[there] = there[::-1]
    nodes = {name: getattr(farm.nodes, name)[rows] for name in ("idle_since", "warm_job", "rack")}
    turned = replace(farm, nodes=replace(farm.nodes, **nodes))
    one, other = (
        np.bincount(each.nodes.node_class[planner(each, cost, rules).starts.node], minlength=len(farm.classes.names))
        for each in (farm, turned)
    )
    assert (one == other).all(), f"classes get {one} frames, {other} with their nodes in another order"


def gives_reasons(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that reasons are of their kind, and that where a plan tells why steps wait, it does so for every one."""
    plan = planner(farm, cost, rules)
    assert (plan.starts.reason < Reason.FINISHED).all(), plan.starts.reason
    assert np.isin(plan.stops.reason, np.arange(Reason.RECLAIM, Reason.IDLE_NODE)).all(), plan.stops.reason
    if plan.waits is not None:
        assert plan.waits.reason.shape == (farm.steps.count,), plan.waits.reason.shape
        left = farm.steps.waiting + farm.steps.blocked
        left = left - np.bincount(plan.starts.step, minlength=farm.steps.count)
        told = (plan.waits.reason > Reason.FINISHED) & (plan.waits.reason < Reason.RECLAIM)
        assert told[left > 0].all(), f"steps {np.flatnonzero((left > 0) & ~told)} wait for no reason"


def stops_what_runs(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that stops name attempts, each once, and expect to lose something between nothing and all."""
    stops = planner(farm, cost, rules).stops
    assert ((stops.attempt >= 0) & (stops.attempt < farm.attempts.count)).all(), stops.attempt
    assert len(np.unique(stops.attempt)) == len(stops.attempt), "an attempt is stopped twice"
    assert (np.isfinite(stops.loss) & (stops.loss >= 0)).all(), stops.loss


def powers_what_it_may(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that only nodes that are up and do nothing go to sleep, only sleeping ones wake, reservations exist."""
    plan = planner(farm, cost, rules)
    node, up = plan.power.node, plan.power.up
    assert len(np.unique(node)) == len(node), "a node is switched twice"
    asleep = np.isin(farm.nodes.state[node], [NodeState.ASLEEP, NodeState.FALLING_ASLEEP])
    assert asleep[up].all(), "a node is woken that does not sleep"
    busy = np.union1d(farm.attempts.node, plan.starts.node)
    assert (farm.nodes.state[node[~up]] == NodeState.UP).all(), "a node that is not up is put to sleep"
    assert not np.isin(node[~up], busy).any(), "a node with work is put to sleep"
    if plan.reserved is not None:
        assert plan.reserved.shape == (farm.nodes.count,), plan.reserved.shape
        assert ((plan.reserved >= -1) & (plan.reserved < farm.steps.count)).all(), plan.reserved


#: The laws of a single decision.
PLANNER_LAWS: tuple[PlannerLaw, ...] = (
    keeps_capacity,
    starts_on_nodes_that_are_up,
    starts_what_is_ready,
    starts_where_able,
    keeps_licences,
    keeps_limits,
    plans_the_same_again,
    leaves_its_inputs_alone,
    starts_when_idle,
    treats_equal_nodes_alike,
    gives_reasons,
    stops_what_runs,
    powers_what_it_may,
)


def idle(farm: FarmSnapshot) -> FarmSnapshot:
    """Return the farm without its attempts, all nodes up and empty, their licences given back.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> idle(snapshot_of(attempts={"node": [0]})).nodes.free[0, 0].item()
    8.0
    """
    licence = farm.steps.licence[farm.attempts.step]
    free = farm.licences + np.bincount(licence[licence >= 0], minlength=len(farm.licences))
    none = {each.name: getattr(farm.attempts, each.name)[:0] for each in fields(Attempts)}
    nodes = replace(
        farm.nodes,
        state=np.full(farm.nodes.count, int(NodeState.UP)),
        free=farm.classes.offer[farm.nodes.node_class].copy(),
    )
    steps = replace(farm.steps, running=np.zeros(farm.steps.count, np.int64))
    return replace(farm, nodes=nodes, steps=steps, attempts=Attempts(**none), licences=free)


def _least(most: Floats, parent: np.ndarray, row: int) -> float:
    least = float(most[row])
    while parent[row] >= 0:
        row = int(parent[row])
        least = min(least, float(most[row]))
    return least


def _columns(part: Plan | FarmSnapshot | Cost, prefix: str = "") -> dict[str, Any]:
    """Return all arrays in a tree of dataclasses by their paths."""
    found: dict[str, Any] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if isinstance(value, np.ndarray):
            found[prefix + each.name] = value
        elif is_dataclass(value) and not isinstance(value, type):
            found |= _columns(value, f"{prefix}{each.name}.")  # type: ignore[arg-type]
    return found
