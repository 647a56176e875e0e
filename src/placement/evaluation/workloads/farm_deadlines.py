"""Deadlines, importance and value of generated jobs: what is asked, and what a planner would have promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.evaluation.workloads.farm_load import promised_ends
from placement.evaluation.workloads.farm_settings import FarmSettings
from placement.farm.clients import Lending
from placement.farm.work import Jobs
from placement.simulator.streams import stream
from placement.units import Floats, Ints

__all__ = ["Demand", "draw_jobs"]

_DAILY, _DELIVERY, _SOFT, _NONE = range(4)
_EMERGENCY = 100.0
_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """What jobs ask for, one row each, in order of release.

    Parameters
    ----------
    work
        Normalised capacity-seconds.
    path
        Seconds of the longest chain of steps if each frame starts at once on its best class.
    frame
        Longest frame on its best class, seconds.
    """

    client: Ints
    release: Floats
    work: Floats
    path: Floats
    frame: Floats


def draw_jobs(demand: Demand, rate: float, settings: FarmSettings, seed: int) -> Jobs:
    """Draw deadlines, importance, value and priority with streams ``deadlines``, ``slack``, ``values``, ``priorities``.

    Parameters
    ----------
    rate
        Normalised capacity of the farm.
    """
    rules, jobs = settings.deadlines, len(demand.client)
    sort = _sorts(demand.client, settings, stream(seed, "deadlines"))
    emergency = stream(seed, "emergencies").random(jobs) < rules.emergencies
    span = np.maximum(rules.longest * demand.path, demand.work / (rules.job_share * rate))
    allowance = rules.allowance * np.where(emergency, 0.1, 1.0)
    slack = stream(seed, "slack").uniform(*rules.slack, jobs)
    slack = np.where(emergency, rules.slack[0], slack)
    wanted = demand.release + slack * span + allowance
    half = demand.release + (slack * span + allowance) / 2
    clock = half + settings.start_hour * 3600
    daily = np.ceil((clock - rules.daily_hour * 3600) / _DAY) * _DAY + (rules.daily_hour - settings.start_hour) * 3600
    wanted = np.where((sort == _DAILY) & ~emergency, daily, wanted)
    wanted = np.where((sort == _NONE) & ~emergency, np.inf, wanted)
    if rules.promised:
        needed = _promised(demand, span, wanted, rate, settings)
        wanted = np.maximum(wanted, demand.release + rules.margin * (needed - demand.release) + allowance)
    factor = np.array([client.importance for client in settings.clients])[demand.client]
    importance = np.where(emergency, _EMERGENCY, np.array(rules.importance)[sort] * factor)
    spread = np.exp(rules.value_spread * stream(seed, "values").standard_normal(jobs))
    asked = np.array(rules.priority)[sort] + 10 * stream(seed, "priorities").standard_normal(jobs)
    priority = np.where(emergency, 100, np.clip(np.rint(asked), 1, 100)).astype(np.int64)
    return Jobs(
        index=np.arange(jobs), client=demand.client, release=demand.release, deadline=wanted, importance=importance,
        value=importance * demand.work / 3600 * spread, priority=priority, held=np.zeros(jobs, bool),
    )  # fmt: skip


def _sorts(client: Ints, settings: FarmSettings, chance: np.random.Generator) -> Ints:
    """Return what kind of deadline each job has."""
    edges = np.cumsum([kind.deadlines for kind in settings.clients], axis=1)[client]
    return np.asarray((chance.random(len(client))[:, None] >= edges).sum(axis=1), np.int64)


def _promised(demand: Demand, span: Floats, wanted: Floats, rate: float, settings: FarmSettings) -> Floats:
    """Return when a fluid farm would end each job that has a deadline; static partitions are farms of their own."""
    end = demand.release.copy()
    static = np.array([kind.lending is Lending.STATIC for kind in settings.clients])
    share = np.array([kind.guarantee for kind in settings.clients])
    of = np.where(static[demand.client], demand.client, -1)
    for pool in np.unique(of):
        part = float(share[pool]) if pool >= 0 else 1 - float(share[static].sum())
        rows = np.flatnonzero((of == pool) & np.isfinite(wanted))
        own = rate * part * settings.deadlines.efficiency
        longest = np.maximum(span[rows], demand.work[rows] / own)
        end[rows] = promised_ends(demand.release[rows], demand.work[rows], longest, wanted[rows], own)
    return end
