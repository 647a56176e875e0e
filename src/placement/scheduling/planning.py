"""The planner: one decision from shares, urgency, prices, reservations, preemption and energy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.dispatching import Dispatch
from placement.scheduling.following import Bounds, Queue, Spare, successors
from placement.scheduling.plan import Plan, Power, Reason, Starts, Stops
from placement.scheduling.power_cap import fit_cap
from placement.scheduling.preemption import Asking, Known, reclaims, rescues
from placement.scheduling.reserving import NONE
from placement.scheduling.rules import Rules
from placement.scheduling.scene import Scene
from placement.scheduling.shares import unkept
from placement.scheduling.shares_overdue import overdue
from placement.scheduling.shares_worth import aggregated
from placement.scheduling.sleeping import sleep_and_wake, waiting_for_room
from placement.scheduling.waiting import Aftermath, waits
from placement.scheduling.waves import abreast, farm_seconds, reach
from placement.units import Bools, Floats, Ints

__all__ = ["plan"]


def plan(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Decide what starts, stops, sleeps and wakes now, and say why the rest waits.

    In this order: what clients are entitled to; when jobs end and which deadlines can be met; what is held for a
    cheaper hour; what each node class is worth to the work that waits; room for wide frames; then frames start: on
    nodes kept for them, previews, within guarantees, in danger, within fair shares, and wherever nobody else wants the
    room. What is missing is taken back by stopping attempts; what is too much goes to sleep. Same arguments, same plan.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"waiting": [3]})
    >>> decided = plan(farm, cost_of(farm), Rules())
    >>> decided.starts.node.tolist(), Reason(int(decided.waits.reason[0])).name
    ([0, 0, 0], 'FINISHED')
    """
    scene = Scene.of(farm, cost, rules)
    started = _dispatch(scene)
    dearest = _dearest(scene, started)
    wanted = started.wanted(dearest)
    starts, power, capped = _within_power(scene, started, wanted, np.isinf(dearest))
    stops = _stops(scene, started, wanted)
    choosy, kept = _room_not_taken(scene, started, wanted)
    after = Aftermath(
        left=_left(farm, starts),
        used=scene.used + _begun(scene, starts),
        most=scene.most,
        licences=_licences(farm, starts),
        reservations=scene.reservations,
        held_until=np.where(scene.held.held, scene.held.until, np.nan),
        choosy=choosy,
        kept=kept,
        capped=capped,
    )
    return Plan(
        starts=starts,
        stops=stops,
        power=power,
        waits=waits(farm, cost, after),
        outlooks=scene.urgency.outlooks,
        reserved=scene.reservations.step,
        successors=_successors(scene, after, stops),
    )


def _dispatch(scene: Scene) -> Dispatch:
    """Start frames, pass by pass."""
    farm, entitled, danger = scene.farm, scene.entitled, scene.urgency.ranking.danger
    beside, few = unkept(farm, entitled), abreast(scene.waves, farm.steps.waiting, farm.steps.running)
    late, prices, kept = overdue(farm, scene.rules), scene.prices, scene.reservations
    one = Dispatch(farm, scene.cost, prices, kept, scene.modes, scene.order, scene.used, danger, beside, few, late)
    passes = (True, False) if (scene.waves > 1).any() else (False,)
    at_once = scene.pays if scene.rules.aim.thrifty else np.inf
    one.reserved(scene.most)
    one.show(scene.most, scene.urgency.ranking.preview)
    for narrow in passes:
        one.fill(entitled.guaranteed, Reason.GUARANTEED, narrow=narrow)
        one.fill(entitled.guaranteed, Reason.GUARANTEED, dearest=at_once, narrow=narrow)
    for narrow in passes:
        one.fill(scene.most, Reason.URGENT, only=danger, narrow=narrow)
        one.fill(scene.most, Reason.URGENT, only=danger, dearest=at_once, narrow=narrow)
    for narrow in passes:
        one.fill(entitled.fair, Reason.SHARE, narrow=narrow)
    for narrow in passes:
        one.fill(scene.most, Reason.IDLE, narrow=narrow)
    one.fill(scene.most, Reason.IDLE, dearest=scene.pays)
    one.backfill(scene.most)
    return one


def _dearest(scene: Scene, started: Dispatch) -> Floats:
    """Return how many times the price of its best class each step that is left pays to end sooner, ``(steps,)``."""
    owed = started.within(scene.entitled.guaranteed + 1e-9, Reason.GUARANTEED) & (not scene.rules.aim.thrifty)
    return np.where(owed, np.inf, scene.pays)


def _room_not_taken(scene: Scene, started: Dispatch, wanted: Bools) -> tuple[Bools, Bools]:
    """Tell which steps leave room or nodes that sleep: done better elsewhere; room kept for who never lends."""
    farm, (choosy, kept) = scene.farm, np.zeros((2, scene.farm.steps.count), bool)
    rows = np.flatnonzero(started.waiting > 0)
    sleeps = np.zeros(len(farm.classes.names), bool)
    sleeps[farm.nodes.node_class[farm.nodes.state == NodeState.ASLEEP]] = True
    there = (started.room.may_fit(farm.steps.request[rows]) | sleeps) & scene.cost.able[rows]
    choosy[rows] = (there & ~wanted[rows]).any(axis=1) & wanted[rows].any(axis=1)
    kept[rows] = there.any(axis=1) & (started.least[rows] > started.unkept + 1e-9)
    return choosy, kept


def _within_power(scene: Scene, started: Dispatch, wanted: Bools, first: Bools) -> tuple[Starts, Power, Bools]:
    """Put nodes to sleep, wake others, and give up or slow what the power cap does not allow."""
    farm, starts = scene.farm, started.starts()
    taken = scene.reservations.step != NONE
    taken[starts.node] = True
    frames = np.where(farm.jobs.held[farm.steps.job], 0, started.waiting)
    frames = waiting_for_room(farm, frames, scene.order, started.least, started.left(scene.most), started.room.licences)
    when = np.where(scene.held.held, scene.held.until, farm.now)
    wants = replace(scene.cost, seconds=np.where(wanted, scene.cost.seconds, np.inf))
    power = sleep_and_wake(farm, wants, scene.rules, taken=taken, frames=frames, when=when, first=first)
    capped = np.zeros(farm.steps.count, bool)
    if np.isinf(farm.power_cap):
        return starts, power, capped
    wakes = power.node[power.up]
    fit = fit_cap(farm, starts, wakes)
    if not fit.starts.all():  # who found no room found it taken by what the cap then kept from starting
        capped = farm.steps.waiting > 0
    chosen = replace(starts, mode=fit.mode)
    kept = Starts(**{name: getattr(chosen, name)[fit.starts] for name in chosen.__slots__})
    keep = np.ones(len(power.node), bool)
    keep[np.flatnonzero(power.up)] = fit.wakes
    return kept, Power(node=power.node[keep], up=power.up[keep], reason=power.reason[keep]), capped


def _stops(scene: Scene, started: Dispatch, wanted: Bools) -> Stops:
    """Take back what clients are owed and could not start, and rescue jobs in danger with what is still free."""
    farm, seen = scene.farm, scene.urgency
    now = replace(farm, nodes=replace(farm.nodes, free=started.room.free))
    known = Known(
        used=started.used,
        left=scene.remaining,
        danger=seen.ranking.danger,
        wanted=wanted if scene.rules.aim.thrifty else None,
        kept=scene.reservations.step,
    )
    back = reclaims(_left_over(scene, started), scene.cost, scene.rules, scene.entitled, known)
    asking = Asking(ranks=seen.ranking.key, blocked=started.waiting > 0, unkept=started.unkept)
    saved = rescues(now, scene.cost, scene.rules, seen.outlooks, asking, scene.remaining)
    new = ~np.isin(saved.attempt, back.attempt)
    both = {name: np.concatenate([getattr(back, name), getattr(saved, name)[new]]) for name in back.__slots__}
    return Stops(**both)


def _left_over(scene: Scene, started: Dispatch) -> FarmSnapshot:
    """Return the farm with what is left after the starts: frames that wait, licences and room."""
    farm = scene.farm
    return replace(
        farm,
        nodes=replace(farm.nodes, free=started.room.free),
        steps=replace(farm.steps, waiting=started.waiting),
        licences=started.room.licences,
    )


def _successors(scene: Scene, after: Aftermath, stops: Stops) -> Ints:
    """Say who follows on each node until the next decision."""
    farm, score = scene.farm, np.where(scene.cost.able, scene.cost.seconds, np.inf)
    score = score * farm.share_of_node() * scene.prices.price
    with np.errstate(invalid="ignore"):
        wanted = scene.cost.able & (score <= 1.1 * score.min(axis=1, keepdims=True, initial=np.inf))
    room = scene.most - after.used
    client = farm.jobs.client[farm.steps.job[scene.order]]
    order = scene.order[(room >= -1e-9)[client]]
    closed = (scene.reservations.step[farm.attempts.node] != NONE) | farm.attempts.stopping
    closed |= farm.nodes.state[farm.attempts.node] != NodeState.UP
    closed[stops.attempt] = True
    worth = farm.share_of_node() * farm.classes.worth
    spare = Spare(farm, worth, _bounds(scene, after, worth))
    queue = Queue(
        order=order,
        waiting=after.left,
        wanted=wanted,
        spare=spare,
        licences=after.licences,
        reach=reach(order, farm_seconds(farm, scene.cost, after.left), scene.waves),
        abreast=abreast(scene.waves, after.left, farm.steps.left - farm.steps.blocked - after.left),
        guarded=scene.guarded,
    )
    return successors(farm, scene.rules.interval, queue, scene.remaining, closed)


def _bounds(scene: Scene, after: Aftermath, worth: Floats) -> Bounds:
    """Return how far clients may gain and lose by following each other, places aside that are no use to them.

    No use are places that end before the next decision or the one after, and that a client has not the frames to fill.
    """
    farm, guaranteed, fair = scene.farm, scene.entitled.guaranteed, scene.entitled.fair
    client = farm.jobs.client[farm.steps.job]
    least = np.where(scene.cost.able, worth, np.inf).min(axis=1, initial=np.inf)
    waits = np.where(np.isfinite(least), least, 0.0)[scene.order] * after.left[scene.order]
    soon = scene.remaining <= 2 * scene.rules.interval
    ends = np.where(soon, worth[farm.attempts.step, farm.nodes.node_class[farm.attempts.node]], 0.0)
    waiting, ending = (
        aggregated(farm.clients, np.bincount(rows, each, farm.clients.count).astype(float))
        for rows, each in ((client[scene.order], waits), (client[farm.attempts.step], ends))
    )
    idle = np.maximum(ending - waiting, 0.0)
    beyond = np.maximum(after.used - guaranteed, 0.0) + idle
    return Bounds(
        gain=scene.most - after.used,
        lose=np.where(guaranteed > 0, beyond, np.inf),
        lend=np.maximum(after.used - fair, 0.0) + idle,
        short=np.maximum(fair - after.used, 0.0),
        danger=scene.urgency.ranking.danger | scene.urgency.ranking.preview,
    )


def _left(farm: FarmSnapshot, starts: Starts) -> Ints:
    return np.asarray(farm.steps.waiting - np.bincount(starts.step, minlength=farm.steps.count))


def _begun(scene: Scene, starts: Starts) -> Floats:
    """Return the worth that starts add to each client and those above it, shape ``(clients,)``."""
    farm, kind = scene.farm, scene.farm.nodes.node_class[starts.node]
    worth = farm.share_of_node()[starts.step, kind] * farm.classes.worth[kind]
    more = np.bincount(farm.jobs.client[farm.steps.job[starts.step]], worth, minlength=farm.clients.count)
    return aggregated(farm.clients, more.astype(float))


def _licences(farm: FarmSnapshot, starts: Starts) -> Ints:
    """Return how many of each licence are free after the starts."""
    taken = farm.steps.licence[starts.step]
    return np.asarray(farm.licences - np.bincount(taken[taken >= 0], minlength=len(farm.licences)))
