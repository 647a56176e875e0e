"""What the planner is shown of a farm: columns of what lives, and what it is expected to take."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from placement.control.clients import clients_of, in_order
from placement.control.commands_farm import rules_of
from placement.control.forecasting import Forecaster, Forecasts
from placement.control.holdings import Holdings
from placement.control.nouns import StepEntry
from placement.control.seeing_nodes import Fleet, fleet_of, nodes_of
from placement.control.seeing_work import asked, attempts_of, jobs_of, jobs_seen, steps_of, steps_seen
from placement.control.settings import Settings
from placement.control.suiting import asks, with_tags
from placement.farm.clients import Clients
from placement.farm.machines import RESOURCES, Classes, Nodes, Resource
from placement.farm.snapshot import FarmSnapshot
from placement.farm.tariff import Outlook
from placement.farm.work import Attempts, Jobs, Steps
from placement.scheduling.cost import Cost
from placement.scheduling.rules import Rules
from placement.scheduling.shares import standing, updated_history
from placement.scheduling.shares_worth import aggregated
from placement.units import Bools, Floats, Seconds

__all__ = ["Seen", "see"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A farm as a planner sees it, and what its rows are called.

    Parameters
    ----------
    seq
        Facts that the state had folded in.
    jobs
        Names, by row.
    steps
        (job, step as the state has it), by row.
    nodes
        Names, by row.
    attempts
        Numbers, by row.
    model
        Who forecast.
    """

    seq: int
    snapshot: FarmSnapshot
    cost: Cost
    rules: Rules
    jobs: tuple[str, ...]
    steps: tuple[tuple[str, StepEntry], ...]
    nodes: tuple[str, ...]
    attempts: tuple[int, ...]
    model: str


def see(
    state: Holdings, now: Seconds, forecaster: Forecaster, settings: Settings, outlook: Outlook | None = None
) -> Seen:
    """Look at the farm.

    Parameters
    ----------
    forecaster
        Is asked about every step that is not finished, on every node class.
    settings
        `Settings.interval` is what planners hear as `Rules.interval`, unless the farm's rules name one.
    outlook
        Prices and carbon; nothing costs anything unless given.
    """
    rules, cap = rules_of({"interval": settings.interval, **state.rules})
    fleet = fleet_of(state)
    clients = in_order(state.clients)
    jobs = jobs_seen(state, now)
    steps, job = steps_seen(jobs)
    forecasts = forecaster.forecast([asked(jobs[of], each) for of, each in zip(job, steps, strict=True)], fleet.specs)
    able, memory = _able(fleet, steps, forecasts)
    attempts, holds = attempts_of(state, {step.index: row for row, step in enumerate(steps)}, fleet.rows)
    taken = np.zeros((len(state.nodes), RESOURCES))
    np.add.at(taken, attempts.node, holds)
    licences = {name: row for row, name in enumerate(state.licences)}
    nodes = nodes_of(state, fleet, now, taken)
    columns = clients_of(clients)
    snapshot = FarmSnapshot(
        now=now,
        classes=fleet.classes,
        nodes=nodes,
        clients=replace(columns, history=_history(state, columns, fleet.classes, nodes, rules, now)),
        jobs=jobs_of(state, jobs, {client.name: row for row, client in enumerate(clients)}),
        steps=steps_of(
            state,
            now,
            jobs=jobs,
            steps=steps,
            job=job,
            licences=licences,
            forecasts=forecasts,
            memory=memory,
            preview_share=rules.preview_share,
        ),
        attempts=attempts,
        licences=_free_licences(state),
        outlook=Outlook.flat() if outlook is None else outlook,
        power_cap=cap,
    )
    return Seen(
        seq=state.seq,
        snapshot=snapshot,
        cost=Cost(seconds=np.where(able, forecasts.seconds, np.inf), spread=forecasts.spread, common=forecasts.common),
        rules=rules,
        jobs=tuple(entry.name for entry in jobs),
        steps=tuple((jobs[of].name, step) for of, step in zip(job, steps, strict=True)),
        nodes=tuple(state.nodes),
        attempts=tuple(state.attempts),
        model=forecasts.model,
    )


def _free_licences(state: Holdings) -> np.ndarray:
    free = [max(count - state.licences_held.get(name, 0), 0) for name, count in state.licences.items()]
    return np.array(free, np.int64)


def _able(fleet: Fleet, steps: list[StepEntry], forecasts: Forecasts) -> tuple[Bools, Floats]:
    """Tell which classes can run which steps, and with how much memory, MiB, tasks are asked.

    That is the forecast's quantile, or what was raised after tasks ran out of memory, whichever is more, but no more
    than the largest node has that could run the step as it was handed in.
    """
    needs = [step.step.requirements for step in steps]
    request = np.array([asks(each) for each in needs], float).reshape(len(steps), RESOURCES)
    offer = fleet.classes.offer
    able = with_tags([each.tags for each in needs], fleet.tags).reshape(len(steps), len(offer))
    for resource in Resource:
        if resource != Resource.MEMORY and request[:, resource].any():
            able &= request[:, resource, None] <= offer[None, :, resource]
    memory = np.maximum(forecasts.memory, [step.raised for step in steps])
    most = np.where(able, offer[None, :, Resource.MEMORY], 0.0).max(axis=1, initial=0.0)
    memory = np.where(most > 0, np.minimum(memory, most), memory)
    return able & (memory[:, None] <= offer[None, :, Resource.MEMORY]), memory


def _history(state: Holdings, clients: Clients, classes: Classes, nodes: Nodes, rules: Rules, now: Seconds) -> Floats:
    """Return what clients used beyond their share, as of now."""
    elapsed = now - state.decided
    if not state.round or not elapsed > 0 or not clients.count:
        return clients.history.copy()
    held = [state.clients[name] for name in clients.names]
    area = np.array([each.area + each.held * max(now - each.since, 0.0) for each in held], float)
    bare = FarmSnapshot(
        now=now, classes=classes, nodes=nodes, clients=clients, jobs=_NO_JOBS, steps=_NO_STEPS, attempts=_NO_ATTEMPTS,
        licences=np.zeros(0, np.int64), outlook=Outlook.flat(),
    )  # fmt: skip
    used = aggregated(clients, area / elapsed)
    return updated_history(clients, used, standing(bare), elapsed, rules.half_life)


def _empty(table: type[Jobs] | type[Steps] | type[Attempts]) -> dict[str, np.ndarray]:
    flat = {name: np.zeros(0, np.int64) for name in table.__dataclass_fields__}
    return flat | ({"request": np.zeros((0, RESOURCES))} if table is Steps else {})


_NO_JOBS = Jobs(**{**_empty(Jobs), "importance": np.ones(0)})
_NO_STEPS = Steps(**_empty(Steps))
_NO_ATTEMPTS = Attempts(**_empty(Attempts))
