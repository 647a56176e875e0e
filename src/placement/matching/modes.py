"""Watts and slow-down of every task on every node class in every energy mode, with the limits each mode chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from placement.farm.energy import EnergyMode
from placement.farm.nodes import NodeTable
from placement.matching.power import PowerModel
from placement.matching.tasks import TaskTable
from placement.units import Bools, Floats, Ints

__all__ = ["PowerForecast", "forecast_power"]

_STEPS = 16
#: Lowest limit tried on a GPU model that was never measured, as a share of its highest.
_LOWEST_UNMEASURED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PowerForecast:
    """Power of tasks with the same needs, which share a profile.

    Parameters
    ----------
    profile
        Profile of each task, shape ``(tasks,)``.
    watts, watts_spread
        Median watts of the share of the node that an attempt uses, and standard deviation of their log,
        shape ``(profiles, classes, modes)``.
    part
        Share of the node that an attempt takes: of its cores or of its GPUs, whichever is more,
        shape ``(profiles, classes)``.
    idle
        Watts that share draws doing nothing, shape ``(profiles, classes)``.
    log_time, time_spread
        Log of the run time over that at full power, and its standard deviation, shape like `watts`.
    limits
        Power limit as a share of full power of the device that does the work, shape like `watts`.
    """

    profile: Ints
    watts: Floats
    watts_spread: Floats
    part: Floats
    idle: Floats
    log_time: Floats
    time_spread: Floats
    limits: Floats

    def __post_init__(self) -> None:
        for each in fields(self):
            getattr(self, each.name).setflags(write=False)

    def mean_watts(self) -> Floats:
        """Return expected watts, shape ``(profiles, classes, modes)``."""
        return np.asarray(self.watts * np.exp(self.watts_spread**2 / 2), dtype=float)

    def mean_time_factor(self) -> Floats:
        """Return the expected run time over that at full power, shape ``(profiles, classes, modes)``."""
        return np.asarray(np.exp(self.log_time + self.time_spread**2 / 2), dtype=float)


@dataclass(frozen=True, slots=True)
class _Device:
    """What one kind of device does for every profile: arrays broadcast to ``(profiles, classes, modes)``."""

    full: Floats
    watts: Floats
    watts_spread: Floats
    log_time: Floats
    time_spread: Floats
    limit: Floats


def forecast_power(model: PowerModel, tasks: TaskTable, nodes: NodeTable, modes: Sequence[EnergyMode]) -> PowerForecast:
    """Forecast watts and slow-down of all tasks on all classes in all modes.

    A task is charged its part of the node's idle watts, what its cores' load adds on the server curve above the
    class's present load, and its GPUs. Measured watts of its job type on the class pull that, and tell how hard
    the job works a GPU. A mode limits the GPU of a task that uses one, else the CPU.
    """
    needs = np.column_stack([tasks.job_type, np.where(np.isnan(tasks.cores), -1.0, tasks.cores), tasks.gpus])
    profiles, profile = np.unique(needs, axis=0, return_inverse=True)
    uses_gpu = (profiles[:, 2] > 0)[:, None] & (nodes.gpus > 0)
    cores = _share(profiles[:, 1], nodes.cores)
    part = np.maximum(cores, _share(profiles[:, 2], nodes.gpus))
    cpu = _cpu(model, cores, part, nodes, modes, limited=~uses_gpu)
    weight, log_watts, log_spread = _measured(model, tasks.job_types, profiles[:, 0].astype(np.int64), nodes)
    attached = profiles[:, 2:3] * _limit(model, nodes) * uses_gpu
    with np.errstate(divide="ignore", invalid="ignore"):
        draw = np.where(weight > 0, np.clip((np.exp(log_watts) - cpu.full) / attached, 0.1, 1.0), np.nan)
    gpu = _gpu(model, nodes, modes, attached, draw)

    physical = cpu.watts + gpu.watts
    full = cpu.full + gpu.full
    pull = np.where(weight > 0, np.exp(weight * (log_watts - np.log(full))), 1.0)
    spread = (cpu.watts * cpu.watts_spread + gpu.watts * gpu.watts_spread) / physical
    seen = weight[..., None]
    on_gpu = uses_gpu[..., None]
    return PowerForecast(
        profile=np.asarray(profile, dtype=np.int64).reshape(-1),
        watts=physical * pull[..., None],
        watts_spread=np.sqrt(seen * log_spread[..., None] ** 2 + (1 - seen) * spread**2),
        part=part,
        idle=model.server.watts(nodes)[0] * part,
        log_time=np.where(on_gpu, gpu.log_time, cpu.log_time),
        time_spread=np.where(on_gpu, gpu.time_spread, cpu.time_spread),
        limits=np.where(on_gpu, gpu.limit, cpu.limit),
    )


def _share(wanted: Floats, there: Floats) -> Floats:
    """Return the share of each class's cores or GPUs that each profile takes; wanting less than 0 takes all."""
    share = np.minimum(wanted[:, None] / np.maximum(there, 1e-9), 1.0) * (there > 0)
    return np.where(wanted[:, None] < 0, 1.0, share)


def _cpu(
    model: PowerModel, cores: Floats, part: Floats, nodes: NodeTable, modes: Sequence[EnergyMode], *, limited: Bools
) -> _Device:
    """Return the CPU under each mode, for shares of cores and parts of the node ``(profiles, classes)``."""
    idle, peak, spread = model.server.watts(nodes)
    above = np.minimum(nodes.load, 1 - cores)
    dynamic = (peak - idle) * (model.server.dynamic_at(above + cores) - model.server.dynamic_at(above))
    static = idle * part
    limit = _chosen_cpu_limits(model, idle / peak, modes)
    log_time, time_spread, left = model.server.limited(limit, (idle / peak)[:, None])
    watts = static[..., None] + dynamic[..., None] * np.where(limited[..., None], left, 1.0)
    return _Device(static + dynamic, watts, spread[:, None], log_time, time_spread, limit)


def _chosen_cpu_limits(model: PowerModel, idle_share: Floats, modes: Sequence[EnergyMode]) -> Floats:
    """Return the power limit of each mode on each class, ``(classes, modes)``."""
    tried = model.server.limits(idle_share, _STEPS)
    log_time, spread, left = model.server.limited(tried, idle_share[:, None])
    energy = np.log(idle_share[:, None] + (1 - idle_share[:, None]) * left) + log_time + spread**2 / 2
    return np.stack([_chosen(mode, tried, log_time, energy) for mode in modes], axis=1)


def _gpu(model: PowerModel, nodes: NodeTable, modes: Sequence[EnergyMode], attached: Floats, draw: Floats) -> _Device:
    """Return the GPUs under each mode; attached watts are 0 where a profile uses none."""
    shape = (*attached.shape, len(modes))
    rows, columns = np.nonzero(attached)
    if not len(rows):
        nothing = np.zeros(shape)
        return _Device(np.zeros(attached.shape), nothing, nothing, nothing, nothing, nothing)
    keys = np.column_stack([columns, np.nan_to_num(draw[rows, columns], nan=-1.0)])
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    effects = _gpu_effects(model, nodes, modes, kinds)

    def spread_out(effect: Floats) -> Floats:
        out = np.zeros(shape)
        out[rows, columns] = effect[kind.reshape(-1)]
        return out

    limit, log_time, time_spread, power, power_spread, at_full = (spread_out(each) for each in effects)
    watts = attached[..., None]
    return _Device(attached * at_full[..., 0], watts * power, power_spread, log_time, time_spread, limit)


def _gpu_effects(model: PowerModel, nodes: NodeTable, modes: Sequence[EnergyMode], kinds: Floats) -> tuple[Floats, ...]:
    """Return limit, log time, its spread, watts over the limit, their log spread, the same at full: ``(kinds, modes)``.

    A kind is a class and the draw share of a job, -1 for unknown.
    """
    column = kinds[:, 0].astype(np.int64)
    draw = np.where(kinds[:, 1] < 0, np.nan, kinds[:, 1])[:, None]
    code = model.gpu.codes([nodes.gpu_model[each] for each in column])
    lowest = np.where(code < 0, _LOWEST_UNMEASURED, np.array(model.gpu.lowest)[code])[:, None]
    ladder = lowest + (1 - lowest) * np.linspace(0.0, 1.0, _STEPS)
    fixed = [np.full_like(lowest, mode.power_limit) for mode in modes if mode.power_limit is not None]
    tried = np.maximum(np.concatenate([ladder, *fixed], axis=1), lowest)
    log_time, power = model.gpu_effect(code, tried, draw)
    time_spread, power_spread = model.gpu.spread(tried, np.broadcast_to(draw, tried.shape))
    idle, _, _ = model.server.watts(nodes)
    waiting = (idle / np.maximum(nodes.gpus * _limit(model, nodes), 1.0))[column][:, None]
    energy = np.log(waiting + power * np.exp(power_spread**2 / 2)) + log_time + time_spread**2 / 2
    steps = slice(0, _STEPS)
    chosen = np.stack([_chosen(mode, tried[:, steps], log_time[:, steps], energy[:, steps]) for mode in modes], axis=1)
    place = np.argmin(np.abs(tried[:, None, :] - np.maximum(chosen, lowest)[..., None]), axis=2)
    at_full = np.broadcast_to(power[:, _STEPS - 1 : _STEPS], tried.shape)
    every = (tried, log_time, time_spread, power, power_spread, at_full)
    return tuple(np.take_along_axis(each, place, axis=1) for each in every)


def _chosen(mode: EnergyMode, limit: Floats, log_time: Floats, energy: Floats) -> Floats:
    """Return each row's limit: the mode's own, or the one of least energy among those no slower than it allows."""
    if mode.power_limit is not None:
        return np.full(len(limit), mode.power_limit)
    best = np.where(log_time <= np.log1p(mode.slowdown) + 1e-9, energy, np.inf).argmin(axis=1)
    return np.asarray(limit[np.arange(len(limit)), best], dtype=float)


def _limit(model: PowerModel, nodes: NodeTable) -> Floats:
    """Return each class's highest limit per GPU: as given, else as measured for its model, else the median model's."""
    usual = np.array([*model.gpu.watts, np.median(model.gpu.watts)])[model.gpu.codes(nodes.gpu_model)]
    return np.where(np.isnan(nodes.gpu_power_limit), usual, nodes.gpu_power_limit)


def _measured(
    model: PowerModel, job_types: Sequence[str], kinds: Ints, nodes: NodeTable
) -> tuple[Floats, Floats, Floats]:
    """Return how much measured watts count (0 to 1), their log and its spread, each ``(profiles, classes)``."""
    weight, log_watts, spread = (np.zeros((len(job_types), len(nodes))) for _ in range(3))
    rows = {name: row for row, name in enumerate(job_types)}
    columns = {name: column for column, name in enumerate(nodes.names)}
    for each in model.measured:
        if each.job_type in rows and each.node_class in columns:
            place = rows[each.job_type], columns[each.node_class]
            weight[place] = each.rows / (each.rows + model.shrinkage)
            log_watts[place], spread[place] = each.log_watts, each.spread
    return weight[kinds], log_watts[kinds], spread[kinds]
