"""Learning power: server curves, GPU power limits, measured watts; judged on networks that were held out.

Data: GPU power limits as measured for Zeus (You et al., NSDI 2023), server watts against load as published for
SPECpower_ssj2008. See the data card beside the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import cast

import lightgbm as lgb
import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.matching.power import GPU_BOOSTERS, Booster, GpuCurve, Measured, PowerModel, ServerCurve
from placement.units import Floats, Ints

__all__ = ["GpuRows", "fit_gpus", "fit_power", "gpu_rows", "measured_watts", "predicted", "server_curve"]

_JOB = ["gpu", "dataset", "network", "batch_size", "optimizer"]
_NEEDED = (*_JOB, "power_limit_watts", "seconds_per_epoch", "average_power_watts")
_SHARES = tuple(round(0.3 + 0.05 * step, 2) for step in range(15))
_PARAMETERS = {"objective": "l2", "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 15, "verbosity": -1,
               "deterministic": True, "force_row_wise": True, "num_threads": 1, "lambda_l2": 1.0,
               "monotone_constraints_method": "advanced"}
_ROUNDS = 80
_Z80 = 1.2816
#: Fewest networks with which one can be held out and others remain to learn and calibrate on.
_FEWEST = 3


@dataclass(frozen=True, slots=True, eq=False)
class GpuRows:
    """Measured GPU jobs under power limits, relative to the highest limit of their GPU: columns ``(rows,)``.

    `time` is the log of the time ratio, `power` the log of watts over the highest limit, `draw` the watts at full
    power over that limit; `job` tells jobs apart, `gpu` is the place in `gpus`.
    """

    gpus: tuple[str, ...]
    watts: Floats
    gpu: Ints
    network: Ints
    job: Ints
    share: Floats
    draw: Floats
    time: Floats
    power: Floats

    def take(self, rows: Floats | Ints) -> GpuRows:
        """Return some of the rows."""
        columns = {name: getattr(self, name)[rows] for name in self.__slots__ if name not in ("gpus", "watts")}
        return GpuRows(gpus=self.gpus, watts=self.watts, **columns)


def gpu_rows(table: pd.DataFrame) -> GpuRows:
    """Make rows of a table like ``data/power/gpu_power_limits.csv``.

    Jobs that were not measured at the highest limit of their GPU are left out: they have nothing to be compared with.

    Raises
    ------
    InvalidInput
        A column is missing, a measurement is not positive, or no job is left.
    """
    if lacking := sorted(set(_NEEDED) - set(table.columns)):
        raise InvalidInput(f"GPU power limits lack the columns {lacking}")
    for name in _NEEDED[-3:]:
        if not (table[name] > 0).all():
            raise InvalidInput(f"GPU power limits: {name} must be positive in every row")
    gpus = tuple(sorted(table["gpu"].unique()))
    watts = table.groupby("gpu")["power_limit_watts"].max().loc[list(gpus)].to_numpy(float)
    highest = table["gpu"].map(dict(zip(gpus, watts, strict=True)))
    full = table[table["power_limit_watts"] == highest][[*_JOB, "seconds_per_epoch", "average_power_watts"]]
    rows = table.merge(full, on=_JOB, suffixes=("", "_full"))
    if rows.empty:
        raise InvalidInput("GPU power limits: no job was measured at the highest limit of its GPU")
    gpu = pd.Categorical(rows["gpu"], categories=gpus).codes.astype(np.int64)
    return GpuRows(
        gpus=gpus,
        watts=watts,
        gpu=gpu,
        network=pd.factorize(rows["network"])[0].astype(np.int64),
        job=np.asarray(rows.groupby(_JOB).ngroup(), dtype=np.int64),
        share=rows["power_limit_watts"].to_numpy(float) / watts[gpu],
        draw=np.minimum(rows["average_power_watts_full"].to_numpy(float) / watts[gpu], 1.0),
        time=np.log(rows["seconds_per_epoch"].to_numpy(float) / rows["seconds_per_epoch_full"].to_numpy(float)),
        power=np.log(rows["average_power_watts"].to_numpy(float) / watts[gpu]),
    )


def server_curve(table: pd.DataFrame) -> ServerCurve:
    """Fit the curve of a table like ``data/power/server_load_watts.csv``.

    Raises
    ------
    InvalidInput
        Columns are missing or hold no positive numbers.
    """
    levels = [f"watts_at_{percent}pct" for percent in range(0, 101, 10)]
    if lacking := sorted({"cores", *levels} - set(table.columns)):
        raise InvalidInput(f"server watts lack the columns {lacking}")
    watts, cores = table[levels].to_numpy(float), table["cores"].to_numpy(float)
    if not (watts > 0).all() or not (cores > 0).all():
        raise InvalidInput("server watts and cores must be positive in every row")
    dynamic = (watts - watts[:, :1]) / (watts[:, -1:] - watts[:, :1])
    slope, start = np.polyfit(np.log(cores), np.log(watts[:, -1]), 1)
    around = np.log(watts[:, -1]) - start - slope * np.log(cores)
    idle = watts[:, 0] / watts[:, -1]
    return ServerCurve(
        load=tuple(float(each) for each in np.linspace(0.0, 1.0, len(levels))),
        dynamic=tuple(float(each) for each in np.maximum.accumulate(dynamic.mean(axis=0))),
        dynamic_spread=float(dynamic.std(axis=0, ddof=1).mean()),
        log_peak=float(start),
        log_peak_per_log_cores=float(slope),
        peak_spread=float(around.std(ddof=2)),
        idle_share=float(np.median(idle)),
        idle_spread=float(np.log(idle).std(ddof=1)),
    )


def fit_power(
    gpu_limits: pd.DataFrame, servers: pd.DataFrame, telemetry: pd.DataFrame | None = None, *, seed: int = 0
) -> PowerModel:
    """Learn a power model from the measured tables, and from telemetry where it holds watts.

    Spreads come from predictions of networks that were not learned from.

    Raises
    ------
    InvalidInput
        A table lacks columns, or has fewer than three networks.
    """
    rows = gpu_rows(gpu_limits)
    model = fit_gpus(rows, server_curve(servers), seed)
    measured = () if telemetry is None else measured_watts(telemetry)
    return PowerModel(model.server, model.gpu, model.boosters, measured)


def measured_watts(telemetry: pd.DataFrame) -> tuple[Measured, ...]:
    """Summarise measured mean power per job type and node class: rows that ended well, logs, at least two rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"job_type": ["arnold"] * 3, "node_class": ["big"] * 3, "mean_power": [90.0, 100.0, 110.0]})
    >>> [(each.rows, round(each.log_watts, 2)) for each in measured_watts(rows)]
    [(3, 4.6)]
    """
    if "mean_power" not in telemetry.columns:
        return ()
    good = telemetry[telemetry["mean_power"] > 0]
    if "status" in good.columns:
        good = good[good["status"].isna() | (good["status"] == "ok")]
    logs = good["mean_power"].astype(float).map(math.log)
    groups = logs.groupby([good["job_type"].astype(str), good["node_class"].astype(str)])
    return tuple(
        Measured(job_type=str(job_type), node_class=str(node_class), log_watts=float(watts.mean()),
                 spread=float(watts.std(ddof=1)), rows=len(watts))
        for (job_type, node_class), watts in groups
        if len(watts) > 1
    )


def fit_gpus(rows: GpuRows, server: ServerCurve, seed: int) -> PowerModel:
    """Learn the boosters on all networks, and their spreads on each network left out in turn."""
    networks = np.unique(rows.network)
    if len(networks) < _FEWEST:
        raise InvalidInput(f"GPU power limits hold {len(networks)} networks, expected at least {_FEWEST}")
    plain = _curve(rows)
    errors = [
        _errors(PowerModel(server, plain, _boosters(rows.take(rows.network != each), plain, seed)),
                rows.take(rows.network == each))
        for each in networks
    ]
    share = np.concatenate([rows.share[rows.network == each] for each in networks])
    weight = np.concatenate([_weights(rows.take(rows.network == each)) for each in networks])
    time, power = (
        [_spread(np.concatenate([each[name, known] for each in errors]), share, weight) for known in (False, True)]
        for name in ("time", "power")
    )
    curve = replace(plain, time_spread=(time[0], time[1]), power_spread=(power[0], power[1]))
    return PowerModel(server, curve, _boosters(rows, plain, seed))


def _curve(rows: GpuRows) -> GpuCurve:
    """Return the facts of the GPUs, with no spread yet."""
    full = rows.share == 1
    nothing = (0.0,) * len(_SHARES)
    typical = [np.median(rows.draw[full & (rows.network == each)]) for each in np.unique(rows.network)]
    return GpuCurve(
        models=rows.gpus,
        watts=tuple(float(each) for each in rows.watts),
        lowest=tuple(float(rows.share[rows.gpu == code].min()) for code in range(len(rows.gpus))),
        draw=float(np.median(typical)),
        shares=_SHARES,
        time_spread=(nothing, nothing),
        power_spread=(nothing, nothing),
    )


def _boosters(rows: GpuRows, curve: GpuCurve, seed: int) -> dict[str, Booster]:
    """Learn time and power, each row also with its draw, and its draw and GPU, left unknown."""
    unknown, nobody = np.full(len(rows.share), np.nan), np.full(len(rows.gpu), -1)
    inputs = np.concatenate([
        curve.inputs(rows.gpu, rows.share, rows.draw),
        curve.inputs(rows.gpu, rows.share, unknown),
        curve.inputs(nobody, rows.share, rows.draw),
        curve.inputs(nobody, rows.share, unknown),
    ])
    weights = np.tile(_weights(rows), 4)
    boosters: dict[str, Booster] = {}
    for name, target, sign in zip(GPU_BOOSTERS, (rows.time, rows.power), (-1, 1), strict=True):
        draw_sign = 0 if sign < 0 else 1
        constraints = [sign, draw_sign, sign if sign < 0 else 0] + [0] * len(rows.gpus)
        data = lgb.Dataset(inputs, np.tile(target, 4), weight=weights, params={"verbosity": -1})
        parameters = {**_PARAMETERS, "monotone_constraints": constraints, "seed": seed}
        boosters[name] = cast("Booster", lgb.train(parameters, data, num_boost_round=_ROUNDS))
    return boosters


def _weights(rows: GpuRows) -> Floats:
    """Let every network on every GPU count the same."""
    _, group, counts = np.unique(rows.network * len(rows.gpus) + rows.gpu, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[group]
    return np.asarray(weight / weight.mean(), dtype=float)


def predicted(model: PowerModel, rows: GpuRows, *, known: bool) -> tuple[Floats, Floats]:
    """Return predicted log time ratio and log watts over the limit, knowing the job's draw or not."""
    draw = rows.draw if known else np.full(len(rows.draw), np.nan)
    time, power = model.gpu_effect(rows.gpu, rows.share[:, None], draw[:, None])
    return time[:, 0], np.log(power[:, 0])


def _errors(model: PowerModel, rows: GpuRows) -> dict[tuple[str, bool], Floats]:
    """Return truth minus prediction of both targets, not knowing and knowing the draw."""
    found = {}
    for known in (False, True):
        time, power = predicted(model, rows, known=known)
        found["time", known], found["power", known] = rows.time - time, rows.power - power
    return found


def _spread(errors: Floats, share: Floats, weight: Floats) -> tuple[float, ...]:
    """Return a standard deviation at each of `_SHARES` whose central 80 % holds 80 % of the errors around there."""
    spread = []
    for centre in _SHARES:
        near = np.argsort(np.abs(share - centre), kind="stable")[: max(60, len(share) // 8)]
        order = near[np.argsort(np.abs(errors[near]), kind="stable")]
        reached = np.cumsum(weight[order]) / weight[order].sum()
        place = min(int(np.searchsorted(reached, 0.8)), len(order) - 1)
        spread.append(float(np.abs(errors[order[place]]) / _Z80))
    return tuple(spread)
