"""Laws of single decisions that do more than start: successors, power. `planner_laws` has those of all planners."""

from __future__ import annotations

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.energy_modes import waking_watts, watts
from placement.scheduling.plan import Plan, Planner
from placement.scheduling.power_cap import start_watts
from placement.scheduling.rules import Rules
from placement.scheduling.shares_worth import aggregated
from placement.scheduling.starting import ceilings, held
from placement.units import Ints

__all__ = ["PLANNER_PROMISES", "follows_what_fits", "follows_within_limits", "keeps_power_cap"]

_ROUNDING = 1e-6


def _followed(plan: Plan, farm: FarmSnapshot) -> tuple[Ints, Ints]:
    """Return the rows of the attempts that others than their own step follow, and the rows of these steps."""
    if plan.successors is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows = np.flatnonzero((plan.successors >= 0) & (plan.successors != farm.attempts.step))
    return rows, plan.successors[rows]


def follows_what_fits(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that what takes an attempt's place fits into it, is ready, can run there, and needs no other licence.

    Nothing follows an attempt that is told to stop, or on a node that is not up. Kept by all that name no successors.
    """
    plan = planner(farm, cost, rules)
    if plan.successors is None:
        return
    assert plan.successors.shape == (farm.attempts.count,), plan.successors.shape
    assert ((plan.successors >= -1) & (plan.successors < farm.steps.count)).all(), plan.successors
    steps, attempts = farm.steps, farm.attempts
    closed = attempts.stopping | (farm.nodes.state[attempts.node] != NodeState.UP)
    closed[plan.stops.attempt] = True
    assert (plan.successors[closed] < 0).all(), "something follows an attempt that nothing may follow"
    rows, after = _followed(plan, farm)
    before = attempts.step[rows]
    assert (steps.request[after] <= steps.request[before] + _ROUNDING).all(), "a successor asks for more than its place"
    licensed = (steps.licence[after] < 0) | (steps.licence[after] == steps.licence[before])
    assert licensed.all(), "a successor needs a licence that its place does not hold"
    assert cost.able[after, farm.nodes.node_class[attempts.node[rows]]].all(), "a successor cannot run in its place"
    assert (steps.waiting[after] > 0).all(), "a successor has no frame that waits"
    assert not farm.jobs.held[steps.job[after]].any(), "a successor's job is held"


def follows_within_limits(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that no client, nor one it is a project of, can come above its limit by following others.

    As if every attempt that a step of another client follows ended before the next decision, and none of the client's
    own did. Kept by all that name no successors.
    """
    plan, clients = planner(farm, cost, rules), farm.clients
    rows, after = _followed(plan, farm)
    kind = farm.nodes.node_class
    worth = farm.share_of_node() * farm.classes.worth
    begun = np.bincount(farm.jobs.client[farm.steps.job[plan.starts.step]],
                        worth[plan.starts.step, kind[plan.starts.node]], minlength=clients.count)  # fmt: skip
    before = held(farm) + aggregated(clients, begun.astype(float))
    more = np.zeros(clients.count)
    own = farm.jobs.client[farm.steps.job[farm.attempts.step[rows]]].tolist()
    comes = farm.jobs.client[farm.steps.job[after]].tolist()
    for row, step, old, new in zip(rows.tolist(), after.tolist(), own, comes, strict=True):
        gain = float(worth[step, kind[farm.attempts.node[row]]])
        for each in set(_above(clients.parent, new)) - set(_above(clients.parent, old)):
            more[each] += gain
    over = (more > _ROUNDING) & (before + more > ceilings(farm) * (1 + _ROUNDING) + _ROUNDING)
    assert not over.any(), f"clients {np.flatnonzero(over)} may come above their limits by following others"


def _above(parent: np.ndarray, row: int) -> list[int]:
    chain = [row]
    while parent[chain[-1]] >= 0:
        chain.append(int(parent[chain[-1]]))
    return chain


def keeps_power_cap(planner: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> None:
    """Check that what starts and wakes takes the farm's draw not above its power cap.

    Counted are every node (one that is down as idle), waking power, and the full draw of what runs, starts and of what
    is stopped but not yet gone. A farm that draws more than its cap already starts and wakes nothing.
    """
    plan = planner(farm, cost, rules)
    woken = farm.nodes.node_class[plan.power.node[plan.power.up]]
    more = float(start_watts(farm, plan.starts, plan.starts.mode).sum())
    more += float((waking_watts(farm.classes) - farm.classes.asleep_watts)[woken].sum())
    after = watts(farm) + more
    assert not more > _ROUNDING or after <= farm.power_cap * (1 + _ROUNDING), f"{after} W of {farm.power_cap} W"


#: Laws of a single decision that not every policy promises: peers know no power cap.
PLANNER_PROMISES = (follows_what_fits, follows_within_limits, keeps_power_cap)
