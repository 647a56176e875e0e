"""Deadlines, importance and value of generated jobs: what is asked, and what a planner would have promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.evaluation.workloads.farm_load import promised_ends
from placement.evaluation.workloads.farm_settings import FarmSettings
from placement.farm.clients import Lending
from placement.farm.work import Jobs
from placement.simulator.streams import stream
from placement.units import Bools, Floats, Ints

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
    gpu
        Whether the job renders on GPUs.
    """

    client: Ints
    release: Floats
    work: Floats
    path: Floats
    gpu: Bools


def draw_jobs(demand: Demand, rates: tuple[float, float], settings: FarmSettings, seed: int) -> Jobs:
    """Draw deadlines, importance, value and priority with streams ``deadlines``, ``slack``, ``values``, ``priorities``.

    Parameters
    ----------
    rates
        Normalised capacity of the farm, and of its node classes with GPUs.
    """
    rules, jobs = settings.deadlines, len(demand.client)
    pool, rate = _pools(demand, rates, settings)
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
        needed = _promised(demand, span, wanted, (pool, rate * rules.efficiency))
        wanted = np.maximum(wanted, demand.release + rules.margin * (needed - demand.release) + allowance)
    factor = np.array([client.importance for client in settings.clients])[demand.client]
    importance = np.where(emergency, _EMERGENCY, np.array(rules.importance)[sort] * factor)
    spread = np.exp(rules.value_spread * stream(seed, "values").standard_normal(jobs))
    asked = np.array(rules.priority)[sort] + 10 * stream(seed, "priorities").standard_normal(jobs)
    priority = np.where(emergency, 100, np.clip(np.rint(asked), 1, 100)).astype(float)
    return Jobs(
        index=np.arange(jobs), client=demand.client, release=demand.release, deadline=wanted, importance=importance,
        value=importance * demand.work / 3600 * spread, priority=priority, held=np.zeros(jobs, bool),
    )  # fmt: skip


def _sorts(client: Ints, settings: FarmSettings, chance: np.random.Generator) -> Ints:
    """Return what kind of deadline each job has."""
    edges = np.cumsum([kind.deadlines for kind in settings.clients], axis=1)[client]
    return np.asarray((chance.random(len(client))[:, None] >= edges).sum(axis=1), np.int64)


def _pools(demand: Demand, rates: tuple[float, float], settings: FarmSettings) -> tuple[Ints, Floats]:
    """Return the part of the farm that each job is served by, a number, and that part's normalised capacity.

    A static partition is a farm of its own; of the rest, GPU work has the classes with GPUs, less what work on cores is
    meant to take of them, and the others have what is left.
    """
    static = np.array([kind.lending is Lending.STATIC for kind in settings.clients])
    share = np.array([kind.guarantee for kind in settings.clients])
    free = 1 - float(share[static].sum())
    on_gpu = settings.gpu_load * rates[1]
    rate = np.where(demand.gpu, on_gpu * free, (rates[0] - on_gpu) * free)
    rate = np.where(static[demand.client], share[demand.client] * rates[0], rate)
    return np.where(static[demand.client], demand.client, np.where(demand.gpu, -2, -1)), rate


def _promised(demand: Demand, span: Floats, wanted: Floats, served: tuple[Ints, Floats]) -> Floats:
    """Return when a fluid farm would end each job that has a deadline, each pool served for itself at its rate."""
    end, (of, rate) = demand.release.copy(), served
    for pool in np.unique(of):
        rows = np.flatnonzero((of == pool) & np.isfinite(wanted))
        if len(rows):
            own = float(rate[rows[0]])
            longest = np.maximum(span[rows], demand.work[rows] / own)
            end[rows] = promised_ends(demand.release[rows], demand.work[rows], longest, wanted[rows], own)
    return end
