"""Why frames of each step wait: the first rule that would have to change before one of them starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Reason, Waits
from placement.scheduling.reserving import NONE, Reservations
from placement.units import Bools, Floats, Ints

__all__ = ["Aftermath", "waits"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aftermath:
    """How things stand after a decision.

    Parameters
    ----------
    left
        Frames that are left waiting, shape ``(steps,)``.
    used, most
        Worth that clients hold, parents included, and may hold, shape ``(clients,)``.
    licences
        Free ones, shape ``(licences,)``.
    reservations
        Nodes that are kept.
    held_until
        When held work goes on, seconds; NaN where it is not held, shape ``(steps,)``.
    choosy
        Steps for which nodes have room, or sleep, on which they do not start because others suit them better, shape
        ``(steps,)``.
    kept
        Steps for which nodes have room, or sleep, that is kept for clients who never lend, shape ``(steps,)``.
    capped
        Steps of which a start was given up for the power cap, shape ``(steps,)``.
    """

    left: Ints
    used: Floats
    most: Floats
    licences: Ints
    reservations: Reservations
    held_until: Floats
    choosy: Bools
    kept: Bools
    capped: Bools


def waits(farm: FarmSnapshot, cost: Cost, after: Aftermath) -> Waits:
    """Name for each step the rule that keeps its next frame from starting: the first that would have to change."""
    steps = farm.steps
    reason = np.full(steps.count, int(Reason.OTHERS_FIRST), np.int64)
    until = np.full(steps.count, np.inf)
    share = farm.share_of_node()
    able = cost.able & (share <= 1 + 1e-9)
    there = able & (farm.capacity() > 0)
    worth = np.where(there, share * farm.classes.worth, np.inf).min(axis=1, initial=np.inf)
    at_limit, at_most = _over(farm, worth, after.used, after.most)
    too_wide = _over(farm, worth, np.zeros(farm.clients.count), after.most)[1]
    reserved = np.zeros(steps.count, bool)
    reserved[after.reservations.step[after.reservations.kept]] = True
    none_free = np.append(after.licences <= 0, False)[steps.licence]
    rules: list[tuple[Bools, Reason]] = [
        (after.choosy, Reason.BETTER_NODE),
        (after.capped, Reason.POWER_CAP),
        (reserved, Reason.RESERVATION),
        (at_most | after.kept, Reason.PARTITION),
        (at_limit, Reason.LIMIT),
        (too_wide, Reason.TOO_WIDE),
        (none_free, Reason.LICENCE),
        (np.isfinite(after.held_until), Reason.CHEAPER_LATER),
    ]
    for where, why in rules:
        reason[where] = int(why)
    until[reserved] = _soonest(after.reservations, steps.count)[reserved]
    _machines(farm, able, reason, until)
    held = np.isfinite(after.held_until) & ((reason == Reason.WAKING) | (reason == Reason.CHEAPER_LATER))
    reason[held], until[held] = int(Reason.CHEAPER_LATER), after.held_until[held]  # no node is woken for it before
    reason[farm.jobs.held[steps.job]] = int(Reason.HELD)
    idle = after.left == 0
    reason[idle] = np.where(steps.blocked[idle] > 0, int(Reason.DEPENDS), int(Reason.FINISHED))
    until[idle] = np.inf
    return Waits(reason=reason, until=until)


def _over(farm: FarmSnapshot, worth: Floats, used: Floats, most: Floats) -> tuple[Bools, Bools]:
    """Tell where one more frame would take a client, or one above it, over its limit; or over what it may hold."""
    total, parent = farm.worth(), farm.clients.parent
    at_limit, at_most = np.zeros(len(worth), bool), np.zeros(len(worth), bool)
    client = farm.jobs.client[farm.steps.job]
    while (there := client >= 0).any():
        at = client[there]
        after = used[at] + worth[there]
        limit = np.where(farm.clients.limit[at] < 1, farm.clients.limit[at] * total, np.inf)
        at_limit[there] |= after > limit + 1e-9
        at_most[there] |= after > most[at] + 1e-9
        client = np.where(there, parent[client], NONE)
    return at_limit, at_most


def _machines(farm: FarmSnapshot, able: Bools, reason: Ints, until: Floats) -> None:
    """Say where no node is there that could: none of the farm, all down, or one that wakes."""
    count = len(farm.classes.names)
    state, ready = farm.nodes.state, np.full((len(NodeState), count), np.inf)
    np.minimum.at(ready, (state, farm.nodes.node_class), farm.nodes.ready)
    there = np.zeros((len(NodeState), count), bool)
    there[state, farm.nodes.node_class] = True
    up, waking = able & there[NodeState.UP], able & there[NodeState.WAKING]
    asleep = able & (there[NodeState.ASLEEP] | there[NodeState.FALLING_ASLEEP])
    some = able & there.any(axis=0)
    gone = ~up.any(axis=1)
    reason[gone] = int(Reason.NODES_DOWN)
    until[gone] = np.where(some, ready[NodeState.DOWN], np.inf).min(axis=1, initial=np.inf)[gone]
    soon = gone & (waking | asleep).any(axis=1)
    reason[soon] = int(Reason.WAKING)
    until[soon] = np.where(waking, ready[NodeState.WAKING], np.inf).min(axis=1, initial=np.inf)[soon]
    never = ~some.any(axis=1)
    reason[never], until[never] = int(Reason.NO_NODE), np.inf


def _soonest(reservations: Reservations, steps: int) -> Floats:
    ready = np.full(steps, np.inf)
    np.minimum.at(ready, reservations.step[reservations.kept], reservations.ready[reservations.kept])
    return ready
