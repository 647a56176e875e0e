"""Any policy that only starts work, made to keep guarantees: promises first, and room that is never lent stays free."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Planner, Reason, Starts, Waits
from placement.scheduling.reserving import NONE, Reservations
from placement.scheduling.rules import Rules
from placement.scheduling.shares import demand, entitlements, unkept, used
from placement.scheduling.shares_worth import aggregated
from placement.scheduling.waiting import Aftermath, waits
from placement.units import Floats, Ints

__all__ = ["within_guarantees"]

_ROUNDING = 1e-9


def within_guarantees(peer: Planner, farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """Let a policy decide twice in its own order: for clients below their guarantee, then for all with what is left.

    What NEVER and STATIC clients are guaranteed and cannot use stays free, as `placement.scheduling.shares` says; who
    waits for that is told. Nothing is interrupted: what was lent comes back as borrowed frames end, under PREEMPT too,
    and while somebody is short nobody above a guarantee goes on with the next frame where that could run.

    Parameters
    ----------
    peer
        Keeps `Clients.limit`, starts frames, and looks at nothing else of clients.

    Examples
    --------
    >>> from placement.scheduling.peers.fifo import fifo
    >>> from placement.testing.planner_farms import clients_of, cost_of, snapshot_of
    >>> farm = snapshot_of(clients=clients_of(guarantee=[0.0, 0.25]), jobs={"client": [0, 1], "release": [0.0, 9.0]},
    ...                    steps={"job": [0, 1], "waiting": [20, 20]})
    >>> starts = within_guarantees(fifo, farm, cost_of(farm), Rules()).starts
    >>> np.bincount(starts.step).tolist(), np.bincount(fifo(farm, cost_of(farm), Rules()).starts.step).tolist()
    ([6, 2], [8])
    """
    entitled = entitlements(farm, demand(farm, cost), rules)
    promised = peer(_capped(farm, entitled.guaranteed), cost, rules).starts
    promised = replace(promised, reason=np.full(len(promised.step), int(Reason.GUARANTEED)))
    begun = _begun(farm, promised)
    later = peer(_capped(_after(farm, promised), entitled.most - begun), cost, rules)
    beside = unkept(farm, entitled) - float(_worth(farm, promised).sum())
    free = np.cumsum(_worth(farm, later.starts)) <= beside + _ROUNDING
    both = {
        each.name: np.concatenate([getattr(promised, each.name), getattr(later.starts, each.name)[free]])
        for each in fields(Starts)
    }
    starts = Starts(**both)
    follow = _successors(farm, cost, entitled.guaranteed, starts)
    return replace(later, starts=starts, waits=_waits(farm, cost, entitled.most, starts), successors=follow)


def _capped(farm: FarmSnapshot, most: Floats) -> FarmSnapshot:
    """Return the farm with nothing but limits: clients may hold `most`, in worth, shape ``(clients,)``."""
    clients, whole = farm.clients, max(farm.worth(), _ROUNDING)
    limit = np.where(most >= whole * (1 - _ROUNDING), 1.0, np.clip(most / whole, 0.0, 1.0))
    plain = np.full(clients.count, int(Lending.FRAME))
    return replace(farm, clients=replace(clients, guarantee=np.zeros(clients.count), limit=limit, lending=plain))


def _after(farm: FarmSnapshot, starts: Starts) -> FarmSnapshot:
    """Return the farm with less waiting and less free than before the starts."""
    steps, free, licences = farm.steps, farm.nodes.free.copy(), farm.licences.copy()
    np.subtract.at(free, starts.node, steps.request[starts.step])
    licence = steps.licence[starts.step]
    np.subtract.at(licences, licence[licence >= 0], 1)
    count = np.bincount(starts.step, minlength=steps.count)
    return replace(
        farm, licences=licences, nodes=replace(farm.nodes, free=free),
        steps=replace(steps, waiting=steps.waiting - count, running=steps.running + count),
    )  # fmt: skip


def _successors(farm: FarmSnapshot, cost: Cost, guaranteed: Floats, starts: Starts) -> Ints | None:
    """Let attempts that lend room be followed by nobody while it is wanted back; None: nobody is short."""
    done, attempts = _after(farm, starts), farm.attempts
    held, client = used(farm) + _begun(farm, starts), farm.jobs.client[farm.steps.job]
    there = cost.able & (farm.capacity() > 0)
    worth = np.where(there, farm.share_of_node() * farm.classes.worth, np.inf).min(axis=1, initial=np.inf)
    licensed = np.append(done.licences, 1)[farm.steps.licence] > 0
    ready = (done.steps.waiting > 0) & ~farm.jobs.held[farm.steps.job] & licensed
    short = ready & (worth <= (guaranteed - held)[client] + _ROUNDING)
    if not short.any():
        return None
    useful = there[short].any(axis=0)[farm.nodes.node_class[attempts.node]]
    ends = useful & (held > guaranteed + _ROUNDING)[client[attempts.step]]
    return np.where(ends | (done.steps.waiting[attempts.step] == 0), NONE, attempts.step)


def _waits(farm: FarmSnapshot, cost: Cost, most: Floats, starts: Starts) -> Waits:
    """Return why the rest waits, on a farm that keeps no nodes, holds nothing and has no power cap."""
    done, steps, nodes = _after(farm, starts), farm.steps.count, farm.nodes.count
    after = Aftermath(
        left=done.steps.waiting,
        used=used(farm) + _begun(farm, starts),
        most=most,
        licences=done.licences,
        reservations=Reservations(step=np.full(nodes, NONE), ready=np.full(nodes, np.inf)),
        held_until=np.full(steps, np.nan),
        choosy=np.zeros(steps, bool),
        kept=np.zeros(steps, bool),
        capped=np.zeros(steps, bool),
    )
    return waits(farm, cost, after)


def _worth(farm: FarmSnapshot, starts: Starts) -> Floats:
    kind = farm.nodes.node_class[starts.node]
    return np.asarray(farm.share_of_node()[starts.step, kind] * farm.classes.worth[kind])


def _begun(farm: FarmSnapshot, starts: Starts) -> Floats:
    """Return the worth that starts add to each client and those above it, shape ``(clients,)``."""
    client = farm.jobs.client[farm.steps.job[starts.step]]
    more = np.bincount(client, _worth(farm, starts), farm.clients.count)
    return aggregated(farm.clients, more.astype(float))
