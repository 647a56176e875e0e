"""What a decision of the planner rests on: shares, urgency, prices, modes and reservations, worked out once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.energy_modes import choose_modes, dearness
from placement.scheduling.holding import Holds, holds
from placement.scheduling.lanes import bulky, crowded_out, lanes
from placement.scheduling.overtaking import first_ones, in_turn, overtaken, owed
from placement.scheduling.preemption import remaining
from placement.scheduling.pricing import Prices, pays, prices_of
from placement.scheduling.reserving import Reservations, reserve, wide_steps
from placement.scheduling.rules import Rules
from placement.scheduling.shares import Entitlements, beyond_shares, demand, entitlements, used
from placement.scheduling.urgency import Urgency, assess
from placement.scheduling.waves import farm_seconds, waves_of
from placement.units import Bools, Floats, Ints

__all__ = ["Scene"]

#: Of the time that is left, in which large frames are to have their places: these come one by one.
_OF_TIME = 0.75


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What a decision rests on, worked out once.

    Parameters
    ----------
    farm, cost, rules
        As the planner got them.
    used, most
        Worth that clients hold, parents included, and may hold, infinite for who may have the farm, ``(clients,)``.
    entitled
        What clients are promised and what is fair.
    urgency
        When jobs end, which deadlines can be met, and who goes first.
    held
        What waits for a cheaper hour.
    modes
        Energy mode of each step on each class, shape ``(steps, classes)``.
    prices
        What each class is worth to the work that waits.
    pays
        How many times the price of its best class each step pays to end sooner, shape ``(steps,)``.
    waves
        Into how many parts each step's frames are divided that begin one after the other, shape ``(steps,)``.
    remaining
        Seconds each attempt still runs, shape ``(attempts,)``.
    reservations
        Nodes that are kept for wide frames.
    guarded
        Steps in danger whose large frames hardly find places, shape ``(steps,)``.
    order
        Rows of the steps that may start something now, first ones first.
    """

    farm: FarmSnapshot
    cost: Cost
    rules: Rules
    used: Floats
    entitled: Entitlements
    most: Floats
    urgency: Urgency
    held: Holds
    modes: Ints
    prices: Prices
    pays: Floats
    waves: Floats
    remaining: Floats
    reservations: Reservations
    guarded: Bools
    order: Ints

    @classmethod
    def of(cls, farm: FarmSnapshot, cost: Cost, rules: Rules) -> Scene:
        """Look at the farm from every side that a decision needs."""
        entitled = entitlements(farm, demand(farm, cost), rules)
        fair = np.maximum(entitled.fair, entitled.guaranteed)
        urgency = assess(farm, cost, rules, fair, beyond_shares(farm, entitled))
        held = holds(farm, cost, rules, urgency.outlooks)
        order = urgency.ranking.order
        may = (farm.steps.waiting > 0) & ~held.held & ~farm.jobs.held[farm.steps.job]
        order = order[may[order]]
        left, holds_now = remaining(farm, cost), used(farm)
        prices = prices_of(farm, cost, rules, urgency.outlooks)
        scarcity = dearness(farm, rules, prices) if rules.aim.thrifty else None
        most = np.where(entitled.most >= farm.worth() * (1 - 1e-9), np.inf, entitled.most)
        affords = _affords(farm, cost, most - holds_now)
        within = replace(cost, seconds=np.where(affords, cost.seconds, np.inf))
        due = np.where(urgency.admission.given_up, urgency.standing.turn, farm.jobs.deadline - farm.now)
        turn = in_turn(order, farm_seconds(farm, within, farm.steps.waiting))
        guarded = bulky(farm, within, rules.wide_wait, turn) & urgency.ranking.danger
        lacks = lanes(farm, within, guarded, _OF_TIME * due)
        crowded = crowded_out(farm, within, order, np.maximum(entitled.guaranteed - holds_now, 0.0))
        owes = owed(farm, entitled.guaranteed, holds_now, rules.ageing)
        pressing = urgency.ranking.danger & ~wide_steps(farm, within, rules)
        may_ask = overtaken(farm, within.able, urgency.ranking.key, owes) | first_ones(order, pressing) | (crowded > 0)
        lineup = order[(affords.any(axis=1) & may_ask)[order]]
        return cls(
            farm=farm,
            cost=cost,
            rules=rules,
            used=holds_now,
            entitled=entitled,
            most=most,
            urgency=urgency,
            held=held,
            modes=choose_modes(farm, cost, rules, urgency.outlooks, scarcity=scarcity),
            prices=prices,
            pays=pays(farm, rules, urgency.outlooks, urgency.ranking),
            waves=waves_of(farm, cost, rules, urgency.outlooks, urgency.ranking),
            remaining=left,
            reservations=reserve(farm, within, rules, left, lineup, np.maximum(lacks, crowded)),
            guarded=guarded,
            order=order,
        )


def _affords(farm: FarmSnapshot, cost: Cost, spare: Floats) -> Bools:
    """Tell where steps' clients, and all above them, could hold one more frame, shape ``(steps, classes)``."""
    least = spare.copy()
    for row, parent in enumerate(farm.clients.parent.tolist()):
        if parent >= 0:
            least[row] = min(least[row], least[parent])
    worth = farm.share_of_node() * farm.classes.worth
    return cost.able & (worth <= least[farm.jobs.client[farm.steps.job]][:, None] + 1e-9)
