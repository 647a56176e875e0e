"""What every placement costs: run time, the chance to be done in time, energy, money, affinity, and one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from placement.errors import InvalidInput
from placement.farm.energy import MODES, EnergyMode
from placement.farm.nodes import NodeTable
from placement.forecast.distribution import Forecast
from placement.matching.feasible import Feasibility, feasibility
from placement.matching.modes import PowerForecast, forecast_power
from placement.matching.power import PowerModel
from placement.matching.tasks import TaskTable
from placement.matching.weights import Rules, Weights
from placement.units import Floats, Ints

__all__ = ["Costs", "affinity", "best", "costs", "slowed"]

_JOULES_PER_KWH = 3.6e6
_JOULES_PER_KJ = 1e3
_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """Costs of every placement: arrays ``(tasks, classes, modes)`` unless said otherwise, read-only.

    Parameters
    ----------
    modes
        Names of the energy modes.
    feasibility
        What rules each (task, class) out.
    run_time, p_deadline
        Expected seconds; probability of ending before the deadline when started now, 1 without a deadline.
    power, energy
        Expected watts of the share of the node that the attempt uses; joules.
    money
        EUR: electricity and the node's price for that share.
    affinity
        What is already cached there, 0 to 1, shape ``(tasks, classes)``.
    watts
        The power forecast behind them.
    score
        Seconds, lower is better, infinite where infeasible.
    """

    modes: tuple[str, ...]
    feasibility: Feasibility
    run_time: Floats
    p_deadline: Floats
    power: Floats
    energy: Floats
    money: Floats
    affinity: Floats
    watts: PowerForecast
    score: Floats

    def __post_init__(self) -> None:
        for each in fields(self):
            if isinstance(column := getattr(self, each.name), np.ndarray):
                column.setflags(write=False)


def costs(  # noqa: PLR0913 - two forecasts, a model and the policy; each has its own type
    tasks: TaskTable,
    nodes: NodeTable,
    run_time: Forecast,
    memory: Forecast | None,
    power: PowerModel,
    *,
    modes: Sequence[EnergyMode] = MODES,
    weights: Weights | None = None,
    rules: Rules | None = None,
) -> Costs:
    """Return the cost of every task on every class in every mode.

    Parameters
    ----------
    run_time, memory
        Forecasts at full power over (tasks, classes), seconds and MiB; without the latter, declared memory decides.

    Raises
    ------
    InvalidInput
        A forecast has another shape, or two modes share a name.
    """
    weights, rules = weights or Weights(), rules or Rules()
    _check(tasks, nodes, run_time, modes)
    feasible = feasibility(tasks, nodes, memory, rules)
    watts = forecast_power(power, tasks, nodes, modes)
    seconds = run_time.mean()[..., None] * watts.mean_time_factor()[watts.profile]
    mean_watts = watts.mean_watts()
    counted = np.maximum(mean_watts - watts.idle[..., None], 0.0) if rules.net_of_idle else mean_watts
    energy = counted[watts.profile] * seconds
    per_joule = nodes.electricity / _JOULES_PER_KWH
    per_second = watts.part[watts.profile] * nodes.price / _SECONDS_PER_HOUR
    money = energy * per_joule[:, None] + seconds * per_second[..., None]
    in_time = _in_time(tasks, run_time, watts)
    cached = affinity(tasks, nodes)
    # In place: sixty thousand numbers per temporary array would be most of the time.
    score = (weights.time + weights.load * nodes.load[:, None]) * seconds
    score += (weights.tardiness * tasks.importance)[:, None, None] * (1 - in_time)
    score += weights.energy / _JOULES_PER_KJ * energy
    score += weights.money * money
    score += weights.affinity * (1 - cached)[..., None]
    score[~feasible.mask] = np.inf
    return Costs(
        modes=tuple(mode.name for mode in modes),
        feasibility=feasible,
        run_time=seconds,
        p_deadline=in_time,
        power=mean_watts[watts.profile],
        energy=energy,
        money=money,
        affinity=cached,
        watts=watts,
        score=score,
    )


def slowed(run_time: Forecast, power: PowerForecast, mode: int) -> Forecast:
    """Return the run time forecast in one mode: the log moved by the mode's factor, its spread added in quadrature."""
    location = run_time.location + power.log_time[power.profile, :, mode]
    scale = np.hypot(run_time.scale, power.time_spread[power.profile, :, mode])
    return replace(run_time, location=location, scale=scale)


def affinity(tasks: TaskTable, nodes: NodeTable) -> Floats:
    """Return the share of what a task reads that is cached, 0 to 1, shape ``(tasks, classes)``.

    Its job type being warm there counts as one more asset.
    """
    cached = tasks.assets.covered(nodes.assets)[tasks.assets.codes]
    warm = np.array([[name in each for each in nodes.warm_job_types] for name in tasks.job_types], dtype=float)
    total = tasks.assets.sizes[tasks.assets.codes][:, None] + 1
    share: Floats = (cached + warm.reshape(len(tasks.job_types), len(nodes))[tasks.job_type]) / total
    return share


def best(found: Costs, tasks: TaskTable, nodes: NodeTable) -> tuple[Ints, Ints]:
    """Return the class and the mode of the lowest score of each task, both ``(tasks,)``; the first of equals.

    Raises
    ------
    Infeasible
        No class can run a task; the message says what ruled each class out.
    """
    found.feasibility.require(tasks, nodes)
    flat = found.score.reshape(len(tasks), -1).argmin(axis=1)
    column, mode = np.divmod(flat, len(found.modes))
    return column.astype(np.int64), mode.astype(np.int64)


def _check(tasks: TaskTable, nodes: NodeTable, run_time: Forecast, modes: Sequence[EnergyMode]) -> None:
    shape = (len(tasks), len(nodes))
    if run_time.location.shape != shape:
        raise InvalidInput(f"the run time forecast has shape {run_time.location.shape}, expected {shape}")
    if not modes or len({mode.name for mode in modes}) < len(modes):
        raise InvalidInput(f"energy modes need different names, got {[mode.name for mode in modes]}")


def _in_time(tasks: TaskTable, run_time: Forecast, power: PowerForecast) -> Floats:
    """Return P(done by the deadline), ``(tasks, classes, modes)``."""
    chance = np.ones((*run_time.location.shape, power.limits.shape[-1]))
    due = tasks.deadline[:, None]
    if np.isfinite(due).any():
        for mode in range(chance.shape[-1]):
            within = slowed(run_time, power, mode).probability_below(np.maximum(due, 0.0))
            chance[..., mode] = np.where(np.isinf(due), 1.0, np.where(due <= 0, 0.0, within))
    return chance
