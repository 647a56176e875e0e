"""Judging the power model on networks that were held out, and the fragment of the model card that says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.farm.energy import ECO
from placement.matching.power import PowerModel, ServerCurve
from placement.units import Floats
from training.power import GpuRows, fit_gpus, gpu_rows, predicted

__all__ = ["PowerBacktest", "backtest_power", "power_card"]

_Z80 = 1.2816
_CHOOSERS = ("unknown", "known", "oracle")


@dataclass(frozen=True, slots=True, eq=False)
class PowerBacktest:
    """Results on held-out networks.

    Parameters
    ----------
    errors
        One row per (quantity, intensity known or not): median absolute error of the ratio in %, that of the mean
        curve of the GPU, share of truths inside the 80 % interval.
    energy
        One row per GPU: energy saved against the highest limit in %, and time lost in %, for the limit
        chosen by the model (intensity unknown and known) and by an oracle that knows the truth.
    """

    errors: pd.DataFrame
    energy: pd.DataFrame


def backtest_power(
    gpu_limits: pd.DataFrame, server: ServerCurve, *, slowdown: float = ECO.slowdown, seed: int = 0
) -> PowerBacktest:
    """Hold each network out in turn; learn, choose limits and calibrate on the others alone.

    Parameters
    ----------
    slowdown
        How much longer the chosen limit may be predicted to take, as a share.
    """
    rows = gpu_rows(gpu_limits)
    errors, choices = [], []
    for network in np.unique(rows.network):
        held = rows.take(rows.network == network)
        others = rows.take(rows.network != network)
        model = fit_gpus(others, server, seed)
        errors.append(_held_out_errors(model, held, others))
        choices.append(_held_out_choices(model, held, slowdown))
    return PowerBacktest(_summary(pd.concat(errors)), _saved(pd.concat(choices)))


def _held_out_errors(model: PowerModel, held: GpuRows, others: GpuRows) -> pd.DataFrame:
    """Return one row per measurement below full power, target and knowledge."""
    below = held.share < 1
    frames = []
    for known in (False, True):
        draw = held.draw if known else np.full(len(held.draw), np.nan)
        spreads = dict(zip(("time", "power"), model.gpu.spread(held.share, draw), strict=True))
        estimates = dict(zip(("time", "power"), predicted(model, held, known=known), strict=True))
        for name, estimate in estimates.items():
            truth = getattr(held, name)
            # A ratio to full power, so that a wrong level at full power is not counted twice.
            level = np.log(held.draw) if name == "power" else 0.0
            guessed = _full_power(model, held, known=known) if name == "power" else 0.0
            frames.append(pd.DataFrame({
                "quantity": f"{name} ratio",
                "intensity": "known" if known else "unknown",
                "error": np.abs(np.expm1(estimate - guessed - (truth - level)))[below],
                "mean curve": np.abs(np.expm1(_mean_curve(held, others, name) - (truth - level)))[below],
                "inside": (np.abs(truth - estimate) <= _Z80 * spreads[name])[below],
                "group": held.network[below] * len(held.gpus) + held.gpu[below],
            }))
    return pd.concat(frames)


def _full_power(model: PowerModel, held: GpuRows, *, known: bool) -> Floats:
    """Return the log of watts over the limit that the model expects at full power."""
    full = GpuRows(gpus=held.gpus, watts=held.watts, gpu=held.gpu, network=held.network, job=held.job,
                   share=np.ones(len(held.share)), draw=held.draw, time=held.time, power=held.power)
    return predicted(model, full, known=known)[1]


def _mean_curve(held: GpuRows, others: GpuRows, name: str) -> Floats:
    """Return the mean log ratio of the other networks at the same limit of the same GPU."""
    truth = getattr(others, name) - (np.log(others.draw) if name == "power" else 0.0)
    curve = pd.Series(truth).groupby([others.gpu, others.share]).mean()
    return curve.reindex(pd.MultiIndex.from_arrays([held.gpu, held.share])).fillna(0.0).to_numpy(float)


def _held_out_choices(model: PowerModel, held: GpuRows, slowdown: float) -> pd.DataFrame:
    """Return, for every job, energy and time at the limits chosen, relative to the highest."""
    energy = held.time + held.power - np.log(held.draw)
    table = pd.DataFrame({"gpu": held.gpu, "job": held.job, "time": held.time, "energy": energy})
    for known, name in ((False, "unknown"), (True, "known")):
        time, power = predicted(model, held, known=known)
        table[name] = np.where(time <= np.log1p(slowdown), time + power, np.inf)
    table["oracle"] = table["energy"]
    chosen = {name: table.loc[table.groupby("job")[name].idxmin()].set_index("job") for name in _CHOOSERS}
    first = chosen["oracle"]
    ratios = {f"{name} {of}": np.exp(each[of]) for name, each in chosen.items() for of in ("energy", "time")}
    return pd.DataFrame({"GPU": np.array(held.gpus)[first["gpu"]], **ratios}, index=first.index)


def _summary(errors: pd.DataFrame) -> pd.DataFrame:
    by = errors.groupby(["quantity", "intensity"])
    # Every network on every GPU counts the same in the coverage.
    inside = errors.groupby(["quantity", "intensity", "group"])["inside"].mean().groupby(level=[0, 1]).mean()
    return pd.DataFrame({
        "median error %": 100 * by["error"].median(),
        "mean curve's %": 100 * by["mean curve"].median(),
        "80 % interval holds %": 100 * inside,
    }).reset_index()


def _saved(choices: pd.DataFrame) -> pd.DataFrame:
    mean = choices.groupby("GPU").mean()
    columns = {}
    for name in _CHOOSERS:
        columns[f"{name}: energy saved %"] = 100 * (1 - mean[f"{name} energy"])
        columns[f"{name}: more time %"] = 100 * (mean[f"{name} time"] - 1)
    return pd.DataFrame(columns).reset_index()


def power_card(model: PowerModel, backtest: PowerBacktest) -> str:
    """Return the part of the model card about power, as Markdown: what is measured, what is modelled, how good."""
    measured = len(model.measured)
    telemetry = (
        f"Telemetry adds measured watts of {measured} (job type, node class) pairs, shrunk to the curves below."
        if measured
        else "The telemetry it was trained on holds no watts, so nothing here was measured on a render."
    )
    lowest = ", ".join(
        f"{name} {low:.0%} of {watts:g} W"
        for name, low, watts in zip(model.gpu.models, model.gpu.lowest, model.gpu.watts, strict=True)
    )
    return f"""## Power and energy modes

**Measured.** Watts of seven servers against load (SPECpower_ssj2008). Watts and time of GPU jobs under power limits
(Zeus, NSDI 2023), down to {lowest}. These jobs train neural networks; they are not renders: the shape of
power against speed is measured, that renders share it is assumed. {telemetry}

**Modelled, not measured.** Watts of a node whose idle or peak watts are not given: from its cores, by a line through
the servers (log spread {model.server.peak_spread:.2f}); idle at {model.server.idle_share:.0%} of peak. A CPU under a
power limit: dynamic power taken to grow as the square of speed, with a spread that covers exponents 1 (duty cycling,
as in the server curves) to 3 (ideal voltage scaling). Idle watts of GPUs are not counted. GPUs of other models: the
pooled curve, tried down to half their limit.

**How good.** Each network was held out in turn; learning, choice of limits and intervals saw the others alone.
Intensity is the share of its limit that a job draws at full power: known once telemetry has watts, else unknown.
The intervals are calibrated on few networks: read their coverage as an indication.

{_markdown(backtest.errors)}

Energy of the GPU saved against the highest limit, and time it costs, over jobs of held-out networks: limits of least
median energy within the bound of mode `eco` (mode `eco` itself also counts idle watts and the spreads,
which makes it more cautious); the oracle knows each job's truth and has no bound on time:

{_markdown(backtest.energy)}
"""


def _markdown(table: pd.DataFrame) -> str:
    rows = [table.columns.tolist(), ["---"] * table.shape[1]]
    rows += [[_cell(cell) for cell in row] for row in table.to_numpy(object)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
