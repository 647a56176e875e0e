"""Who may hold how much of the farm: guarantees, fair shares and caps of a forest of clients, in normalised capacity.

"Worth" is normalised capacity: a whole node of class ``k`` is worth ``classes.worth[k]``, and a frame holds the share
of it that its dominant resource takes (Ghodsi et al., "Dominant resource fairness", NSDI 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.farm.clients import Clients, Lending
from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.rules import Rules
from placement.scheduling.shares_filling import water_fill
from placement.scheduling.shares_worth import aggregated, demand, dominant_share, free, held, used
from placement.units import Floats, Seconds

__all__ = [
    "Entitlements",
    "beyond_shares",
    "demand",
    "dominant_share",
    "entitlements",
    "held",
    "short_since",
    "standing",
    "unkept",
    "updated_history",
    "used",
]

_ROUNDING = 1e-9
#: How strongly a weight answers to what its client is owed, and the factor that it changes by at most. Both were
#: measured: docs/shares.md has the table.
_PAYBACK, _SWING = 8.0, 4.0
_DEFAULT = Rules()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entitlements:
    """What clients may hold, in worth, shape ``(clients,)`` each; what a project holds counts for those above it too.

    Parameters
    ----------
    guaranteed
        What a client gets whatever others want: its guarantee, as far as it can use it.
    fair
        Its fair share of what is there now, at least `guaranteed`.
    most
        What it may never exceed, at least `fair`.
    kept
        What must stay free for it although it cannot use it now: guarantees that are not lent. `unkept` says what is
        free beside those of all clients without a parent.
    """

    guaranteed: Floats
    fair: Floats
    most: Floats
    kept: Floats

    def __post_init__(self) -> None:
        seal(self)


def _keeps(clients: Clients) -> np.ndarray:
    return np.asarray((clients.lending == Lending.STATIC) | (clients.lending == Lending.NEVER))


def _asks(clients: Clients, farm_worth: float, wanted: Floats) -> tuple[Floats, Floats]:
    """Return what each client can hold of what it wants, and that with what it keeps free, shape ``(clients,)`` each.

    Wants of inner clients follow from those of leaves.
    """
    guarantee = clients.guarantee * farm_worth
    cap = np.where(clients.lending == Lending.STATIC, guarantee, clients.limit * farm_worth)
    leaf = np.ones(clients.count, bool)
    leaf[clients.parent[clients.parent >= 0]] = False
    real, ask = np.where(leaf, wanted, 0.0), np.where(leaf, wanted, 0.0)
    keeps = _keeps(clients)
    for row in range(clients.count - 1, -1, -1):
        real[row] = min(real[row], cap[row])
        ask[row] = max(min(ask[row], cap[row]), guarantee[row] if keeps[row] else 0.0)
        if clients.parent[row] >= 0:
            real[clients.parent[row]] += real[row]
            ask[clients.parent[row]] += ask[row]
    return real, ask


def _pour(clients: Clients, farm_worth: float, ask: Floats, weight: Floats) -> Floats:
    """Return what each client gets of what it asks: guarantees first, then the rest of its parent's by weight."""
    first = np.minimum(clients.guarantee * farm_worth, ask)
    got = np.zeros(clients.count)
    for parent in np.unique(clients.parent):
        rows = np.flatnonzero(clients.parent == parent)
        rest = (farm_worth if parent < 0 else got[parent]) - first[rows].sum()
        got[rows] = first[rows] + water_fill(rest, ask[rows] - first[rows], weight[rows])
    return got


def standing(farm: FarmSnapshot) -> Floats:
    """Return the worth that each client would hold if all wanted all they may hold, shape ``(clients,)``.

    It depends on guarantees, limits and weights only, so what is used beyond it is what a client owes the others in the
    long run: the `fair` to give to `updated_history`.
    """
    clients, whole = farm.clients, farm.worth()
    return _pour(clients, whole, _asks(clients, whole, np.full(clients.count, whole))[1], clients.weight)


def _weights(farm: FarmSnapshot, rules: Rules) -> Floats:
    """Return weights after paying back what history says that siblings owe each other, shape ``(clients,)``."""
    clients = farm.clients
    weight = clients.weight.astype(float)
    if not clients.history.any():
        return weight
    excess = clients.history * np.log(2) / rules.half_life
    nominal = np.maximum(standing(farm), _ROUNDING * max(farm.worth(), 1.0))
    for parent in np.unique(clients.parent):
        rows = np.flatnonzero(clients.parent == parent)
        owes = excess[rows] / nominal[rows] - excess[rows].sum() / nominal[rows].sum()
        weight[rows] *= np.exp(np.clip(-_PAYBACK * owes, -np.log(_SWING), np.log(_SWING)))
    return weight


def entitlements(farm: FarmSnapshot, demand: Floats, rules: Rules = _DEFAULT) -> Entitlements:
    """Divide the farm among its clients.

    From the top of the forest down: every client first gets the smaller of its guarantee and what it can use, then what
    is left goes by weighted max-min to those who can use more, up to their limits. What a NEVER or STATIC client is
    guaranteed and cannot use stays free. A weight is multiplied by ``exp(-8 × (owed - mean owed of siblings))``,
    clipped to [1/4, 4], where what a client owes is the mean worth that it used beyond its standing share in about the
    last half-life, ``history × ln 2 / half_life``, as a share of that standing share.

    Parameters
    ----------
    farm
        Clients and nodes are looked at.
    demand
        Worth that each client could hold now, as `demand` returns it, shape ``(clients,)``; of clients that have
        projects it is taken from these.
    rules
        `Rules.half_life` counts.

    Raises
    ------
    InvalidInput
        Demand has another shape, is negative or not a number.

    Notes
    -----
    Bertsekas and Gallager, "Data Networks", 1992, section 6.5.2; Ghodsi et al., NSDI 2011; Kay and Lauder, "A
    fair share scheduler", CACM 1988, for history with a half-life.
    """
    clients, whole = farm.clients, farm.worth()
    if demand.shape != (clients.count,) or not (demand >= 0).all():
        raise InvalidInput(f"demand {demand} must be 0 or more for each of {clients.count} clients, in worth")
    real, ask = _asks(clients, whole, demand)
    kept = np.where(_keeps(clients), np.maximum(clients.guarantee * whole - real, 0.0), 0.0)
    under = np.zeros(clients.count)
    fair = np.minimum(_pour(clients, whole, ask, _weights(farm, rules)), real)
    for row in range(clients.count - 1, -1, -1):
        kept[row] = max(kept[row], under[row])
        if (parent := clients.parent[row]) >= 0:
            under[parent] += kept[row]
    inner = np.unique(clients.parent[clients.parent >= 0])
    leaves = fair.copy()
    leaves[inner] = 0.0
    fair = aggregated(clients, leaves)
    guaranteed = np.minimum(np.maximum(clients.guarantee * whole - under, 0.0), real)
    most = _most(clients, whole)
    fair = np.minimum(fair, most)
    return Entitlements(guaranteed=np.minimum(guaranteed, fair), fair=fair, most=most, kept=kept)


def _most(clients: Clients, farm_worth: float) -> Floats:
    """Return what each client may hold at most: up to its limit, without what others never lend."""
    guarantee = clients.guarantee * farm_worth
    keeps = _keeps(clients)
    reserve = np.zeros(clients.count)
    for row in range(clients.count - 1, -1, -1):
        reserve[row] = guarantee[row] if keeps[row] else reserve[row]
        if (parent := clients.parent[row]) >= 0:
            reserve[parent] += reserve[row]
    most = np.where(clients.lending == Lending.STATIC, guarantee, clients.limit * farm_worth)
    for parent in np.unique(clients.parent):
        rows = np.flatnonzero(clients.parent == parent)
        room = farm_worth if parent < 0 else most[parent]
        most[rows] = np.minimum(most[rows], room - (reserve[rows].sum() - reserve[rows]))
    return np.maximum(most, 0.0)


def unkept(farm: FarmSnapshot, entitled: Entitlements) -> float:
    """Return the worth that is free beside what is kept for clients who never lend; infinite: nothing is kept.

    Below 0 where too little is free for them: what they gave up was in use elsewhere when their demand fell.

    Examples
    --------
    >>> from placement.testing.planner_farms import clients_of, cost_of, snapshot_of
    >>> farm = snapshot_of(clients=clients_of(guarantee=[0.25, 0.0], lending=[int(Lending.NEVER), int(Lending.FRAME)]),
    ...                    jobs={"client": [1]}, nodes={"node_class": [0, 0]}, attempts={"node": [0], "step": [0]})
    >>> unkept(farm, entitlements(farm, demand(farm, cost_of(farm)), Rules()))
    11.0
    """
    kept = float(entitled.kept[farm.clients.parent < 0].sum())
    return free(farm) - kept if kept > 0 else np.inf


def beyond_shares(farm: FarmSnapshot, entitled: Entitlements) -> Floats:
    """Return the worth that each client's work in danger may use, others' fair shares notwithstanding, ``(clients,)``.

    Up to `Entitlements.most`, without what its siblings are guaranteed and can use.
    """
    parent, guaranteed = farm.clients.parent, entitled.guaranteed
    room = np.minimum(entitled.most, farm.worth())
    for row in range(farm.clients.count):
        siblings = guaranteed[parent == parent[row]].sum() - guaranteed[row]
        whole = farm.worth() if parent[row] < 0 else room[parent[row]]
        room[row] = min(room[row], max(whole - siblings, 0.0))
    return np.asarray(np.maximum(room, entitled.fair))


def updated_history(clients: Clients, used: Floats, fair: Floats, elapsed: Seconds, half_life: Seconds) -> Floats:
    """Return history after some seconds in which clients held `used` and were due `fair`, shape ``(clients,)``.

    What was there decays by half in `half_life`, and so does what comes in, from the moment that it does: splitting the
    seconds in two calls gives the same.

    Parameters
    ----------
    clients
        `Clients.history` counts, worth × seconds.
    used, fair
        Worth, shape ``(clients,)``, constant over the time.
    elapsed, half_life
        Seconds, 0 or more and above 0.

    Raises
    ------
    InvalidInput
        A time makes no sense.
    """
    if not (elapsed >= 0 and half_life > 0):
        raise InvalidInput(f"elapsed {elapsed:g} s must be 0 or more, half-life {half_life:g} s above 0")
    rate = np.log(2) / half_life
    return np.asarray(clients.history * np.exp(-rate * elapsed) + (used - fair) * -np.expm1(-rate * elapsed) / rate)


def short_since(farm: FarmSnapshot, cost: Cost) -> Floats:
    """Return `Clients.short_since` as of `farm.now`: what it was while a client is short, now where it has become so.

    A client is short while a ready frame of it or of its projects, on the class where that is worth least, would not
    take it above its guarantee. Who lends under FRAME is not looked at: nothing is interrupted for it.

    Returns
    -------
    Floats
        Shape ``(clients,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import clients_of, cost_of, snapshot_of
    >>> farm = snapshot_of(now=60.0, clients=clients_of(guarantee=[0.25], lending=[int(Lending.PREEMPT)]))
    >>> short_since(farm, cost_of(farm)).tolist()
    [60.0]
    """
    clients, steps = farm.clients, farm.steps
    counts = (clients.lending != Lending.FRAME) & (clients.guarantee > 0)
    if not counts.any():
        return np.full(clients.count, np.inf)
    there = cost.able & (farm.capacity() > 0)
    worth = np.where(there, farm.share_of_node() * farm.classes.worth, np.inf).min(axis=1, initial=np.inf)
    licensed = np.append(farm.licences, 1)[steps.licence] > 0
    ready = (steps.waiting > 0) & ~farm.jobs.held[steps.job] & licensed
    least = np.full(clients.count, np.inf)
    np.minimum.at(least, farm.jobs.client[steps.job[ready]], worth[ready])
    for row in range(clients.count - 1, -1, -1):
        if (parent := clients.parent[row]) >= 0:
            least[parent] = min(least[parent], least[row])
    short = counts & (used(farm) + least <= clients.guarantee * farm.worth() + _ROUNDING)
    before = np.where(np.isnan(clients.short_since), np.inf, clients.short_since)
    return np.where(short, np.minimum(before, farm.now), np.inf)
