"""What a plan does to the farm, and the refusal of plans that are impossible."""

from __future__ import annotations

import numpy as np

from placement.errors import InvalidInput
from placement.farm.machines import NodeState, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.plan import Plan, Power, Starts, Stops
from placement.simulator.whole_farm.farm import Farm
from placement.simulator.whole_farm.history import Outcome
from placement.units import Floats, Ints, Seconds

__all__ = ["act"]

_ROUNDING = 1e-6


def act(farm: Farm, seen: FarmSnapshot, plan: Plan) -> None:
    """Stop, start, put to sleep and wake what a plan names, in this order.

    Raises
    ------
    InvalidInput
        The plan is impossible; the message names step, node and resource.
    """
    now = seen.now
    _follow(farm, seen, plan)
    free = seen.nodes.free.copy()
    _stop(farm, plan.stops, now, free)
    step = seen.steps.index[plan.starts.step]
    _check_starts(farm, seen, plan.starts, step, free)
    if len(step):
        _start(farm, plan.starts, step, now)
    farm.unused = free[:, Resource.MEMORY]
    _switch(farm, plan.power, now)


def _follow(farm: Farm, seen: FarmSnapshot, plan: Plan) -> None:
    """Note who takes the place of each attempt: the plan's successor or else its own step.

    A place that was taken when its step asked for less memory is left when there is too little of it.
    """
    running, rows = farm.running, slice(0, farm.running.count)
    own = running.step[rows]
    if plan.successors is None:
        follow = own.copy()
    else:
        follow = np.where(plan.successors >= 0, seen.steps.index[plan.successors], -1)
        _check_successors(farm, follow, own)
    running.stopping[plan.stops.attempt] = True
    follow[running.stopping[rows]] = -1
    follow[farm.asked[follow] > running.memory[rows]] = -1
    running.follow[rows] = follow
    farm.hold_places()


def _check_successors(farm: Farm, follow: Ints, own: Ints) -> None:
    steps, running = farm.world.steps, farm.running
    rows = np.flatnonzero((follow >= 0) & (follow != own))
    if not len(rows):
        return
    after, before, node = follow[rows], own[rows], running.node[rows]
    place = steps.request[before]
    place[:, Resource.MEMORY] = farm.asked[before]
    request = steps.request[after]
    request[:, Resource.MEMORY] = farm.asked[after]
    for resource in Resource:
        _refuse(
            request[:, resource] > place[:, resource] + _ROUNDING, after, node,
            f"asks for more {resource.name} than the attempt whose place it shall take",
        )  # fmt: skip
    other = (steps.licence[after] >= 0) & (steps.licence[after] != steps.licence[before])
    _refuse(other, after, node, "needs a LICENCE that the attempt does not hold whose place it shall take")
    klass = farm.world.fleet.node_class[node]
    _refuse(~np.isfinite(steps.seconds[after, klass]), after, node, "can never run on the node's class")


def _refuse(wrong: np.ndarray, step: Ints, node: Ints, why: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidInput(f"impossible plan: step {int(step[row])} on node {int(node[row])} {why}")


def _stop(farm: Farm, stops: Stops, now: Seconds, free: Floats) -> None:
    rows = stops.attempt[stops.now]
    if not len(rows):
        return
    running, request = farm.running, farm.world.steps.request[farm.running.step[rows]]
    request[:, Resource.MEMORY] = running.memory[rows]
    np.add.at(free, running.node[rows], request)
    farm.interrupt(rows, Outcome.INTERRUPTED, now, stops.reason[stops.now])
    running.drop()


def _check_starts(farm: Farm, seen: FarmSnapshot, starts: Starts, step: Ints, free: Floats) -> None:
    """Refuse impossible starts; take the others from `free`."""
    if not len(step):
        return
    world, node = farm.world, starts.node
    _refuse(farm.machines.state[node] != NodeState.UP, step, node, "cannot start: the node is not UP")
    klass = world.fleet.node_class[node]
    _refuse(~np.isfinite(world.steps.seconds[step, klass]), step, node, "can never run on the node's class")
    _refuse((starts.mode < 0) | (starts.mode >= world.classes.modes), step, node, "has no such energy mode")
    short = np.bincount(starts.step, minlength=seen.steps.count) > farm.queues.waiting[seen.steps.index]
    _refuse(short[starts.step], step, node, "has fewer frames waiting than are started")
    licence = world.steps.licence[step]
    if len(seen.licences):
        held = licence >= 0
        over = np.bincount(licence[held], minlength=len(seen.licences)) > farm.free_licences(seen.now)
        _refuse(held & over[np.maximum(licence, 0)], step, node, "takes a LICENCE that is not free")
    request = world.steps.request[step]
    request[:, Resource.MEMORY] = farm.asked[step]
    for resource in np.flatnonzero(request.any(axis=0)).tolist():
        left = free[:, resource]
        left -= np.bincount(node, request[:, resource], len(left))
        over = left < -_ROUNDING * np.maximum(world.classes.offer[world.fleet.node_class, resource], 1.0)
        _refuse(over[node], step, node, f"asks for more {Resource(resource).name} than the node has free")


def _start(farm: Farm, starts: Starts, step: Ints, now: Seconds) -> None:
    order = np.argsort(step, kind="stable")
    sorted_ = step[order]
    rank = np.empty(len(step), np.int64)
    rank[order] = np.arange(len(step)) - np.searchsorted(sorted_, sorted_, side="left")
    frame = farm.queues.look(step, rank)
    job, node, memory = farm.world.steps.job[step], starts.node.copy(), farm.asked[step]
    columns = farm.timing.attempts(
        step=step, frame=frame, node=node, mode=starts.mode.copy(), start=np.full(len(step), now),
        saved=farm.queues.saved[frame], memory=memory, warm=farm.machines.warm_job[node] == job,
    )  # fmt: skip
    farm.queues.take(step)
    farm.progress.since[step] = now
    farm.machines.warm_job[node] = job
    farm.running.append(
        {
            **columns, "index": np.arange(farm.attempts, farm.attempts + len(step)), "follow": step,
            "reason": starts.reason, "stopping": np.zeros(len(step), bool), "continued": np.zeros(len(step), bool),
            "worth": farm.worth(step, node, memory),
        }
    )  # fmt: skip
    farm.attempts += len(step)


def _switch(farm: Farm, power: Power, now: Seconds) -> None:
    if not len(power.node):
        return
    asleep = power.node[~power.up]
    for wrong, why in (
        (farm.machines.state[asleep] != NodeState.UP, "is not UP"), (farm.busy()[asleep], "is at work"),
    ):  # fmt: skip
        if wrong.any():
            raise InvalidInput(f"impossible plan: node {int(asleep[wrong.argmax()])} cannot sleep: it {why}")
    farm.machines.sleep(asleep, now)
    farm.machines.wake(power.node[power.up], now)
