"""A slow, plain list scheduler in virtual time: who frees a slot takes the next frame of the first step in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.rules import Rules
from placement.scheduling.urgency import assess
from placement.testing.planner_farms import cost_of, snapshot_of
from placement.units import Floats, Ints

#: A frame that fills a plain node.
WHOLE_NODE = [8.0, 1024.0, 0.0, 0.0, 0.0]

Order = Callable[[FarmSnapshot, Cost, Rules], Ints]


@dataclass(frozen=True)
class Case:
    """Jobs of one step of equal frames on nodes of one slot; one row a job."""

    nodes: int
    release: Floats
    deadline: Floats
    importance: Floats
    frames: Ints
    seconds: Floats
    spread: float = 0.1
    common: float = 0.0


def drawn(seed: int, jobs: int, nodes: int, load: float, *, tight: float = 4.0, dated: float = 0.6) -> Case:
    """Return jobs that arrive one after the other so that the farm is offered `load` of what it can do."""
    chance = np.random.default_rng(seed)
    frames, seconds = chance.integers(1, 40, jobs), chance.lognormal(4, 0.7, jobs)
    work = frames * seconds
    release = np.cumsum(chance.exponential(work.mean() / nodes / load, jobs))
    alone = np.ceil(frames / nodes) * seconds
    deadline = np.where(chance.random(jobs) < dated, release + alone * chance.uniform(1.5, tight, jobs) + 300, np.inf)
    return Case(nodes, release, deadline, chance.choice([1.0, 2.0, 5.0], jobs), frames, seconds)


def by_rank(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Ints:
    """Return the order of `assess`."""
    return assess(farm, cost, rules, farm.worth() * farm.clients.limit).ranking.order


def by_deadline(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Ints:
    """Return earliest deadline first, the rest by arrival."""
    return np.lexsort((farm.jobs.release[farm.steps.job], farm.jobs.deadline[farm.steps.job]))


def _work(farm: FarmSnapshot, cost: Cost) -> Floats:
    return farm.steps.left * cost.seconds[:, 0]


def by_importance_for_work(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Ints:
    """Return weighted shortest remaining work first."""
    return np.argsort(-farm.jobs.importance[farm.steps.job] / _work(farm, cost), kind="stable")


def by_apparent_cost(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Ints:
    """Return apparent tardiness cost alone: no admission, no confidence."""
    work = _work(farm, cost) / farm.nodes.count
    slack = np.clip(farm.jobs.deadline[farm.steps.job] - farm.now - work, 0, 1e12)
    slack = np.where(np.isfinite(farm.jobs.deadline[farm.steps.job]), slack, 0.0)
    index = np.log(farm.jobs.importance[farm.steps.job] / work) - slack / (2 * work.mean())
    return np.argsort(-index, kind="stable")


def by_arrival(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Ints:
    """Return first come, first served."""
    return np.argsort(farm.jobs.release[farm.steps.job], kind="stable")


def seen(
    case: Case, now: float, left: Ints, running: list[tuple[float, int, int]], since: Floats
) -> tuple[FarmSnapshot, Cost, Ints]:
    """Return what a planner sees: jobs that were released and are not finished."""
    going = np.bincount([job for _, job, _ in running], minlength=len(left)) if running else np.zeros_like(left)
    rows = np.flatnonzero((case.release <= now) & (left + going > 0))
    place = {int(row): at for at, row in enumerate(rows)}
    attempts = [(place[job], node) for _, job, node in running]
    farm = snapshot_of(
        now=now,
        nodes={"node_class": np.zeros(case.nodes)},
        jobs={
            "index": rows, "release": case.release[rows], "deadline": case.deadline[rows],
            "importance": case.importance[rows], "value": case.importance[rows],
        },
        steps={
            "job": np.arange(len(rows)), "waiting": left[rows], "request": np.tile(WHOLE_NODE, (len(rows), 1)),
            "since": since[rows],
        },
        attempts={
            "step": [step for step, _ in attempts], "node": [node for _, node in attempts],
            "started": [began for began, _, _ in running],
        },
    )  # fmt: skip
    return (
        farm,
        cost_of(
            farm,
            case.seconds[rows][:, None],
            spread=np.full(len(rows), case.spread),
            common=np.full(len(rows), case.common),
        ),
        rows,
    )


def completed(case: Case, order: Order, rules: Rules | None = None, seed: int = 0) -> Floats:
    """Return when each job has ended."""
    chance, rules = np.random.default_rng(seed), rules or Rules()
    factor = np.exp(chance.normal(0, case.common, len(case.frames)))
    times = [s * f * np.exp(chance.normal(0, case.spread, n) - case.spread**2 / 2)
             for s, f, n in zip(case.seconds, factor, case.frames, strict=True)]  # fmt: skip
    left, end, since = case.frames.copy(), np.zeros(len(case.frames)), case.release.copy()
    free, running, events = list(range(case.nodes)), {}, [(float(t), -1) for t in case.release]
    heapq.heapify(events)
    while events:
        now = events[0][0]
        while events and events[0][0] <= now:
            _, node = heapq.heappop(events)
            if node >= 0:
                _, job = running.pop(node)
                free.append(node)
                end[job] = now
        if free and (left[case.release <= now] > 0).any():
            going = [(began, job, node) for node, (began, job) in sorted(running.items())]
            farm, cost, rows = seen(case, now, left, going, since)
            for step in order(farm, cost, rules):
                job = int(rows[farm.steps.job[step]])
                while free and left[job]:
                    node = free.pop()
                    left[job] -= 1
                    since[job] = now
                    running[node] = (now, job)
                    heapq.heappush(events, (now + float(times[job][left[job]]), node))
    return end
