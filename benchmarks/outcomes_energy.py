"""What energy and money are saved: a night with sleep and slower modes, and flexible work moved to cheap hours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks import farm_runs as runs_of
from benchmarks.farm_runs import OURS, farm_runs, means, setting
from benchmarks.result import Result, Row
from placement.evaluation.farms.contestants import live
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.evaluation.workloads.tariffs import MARKETS, market_nights, market_tariff
from placement.farm.tariff import Outlook, Tariff
from placement.scheduling.holding import shift_savings
from placement.scheduling.rules import Aim, Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.energy import drawn
from placement.units import Floats

__all__ = ["overnight_energy", "tariff_shift"]

_YEARS = 1.9  #: of prices, from January 2016 on
_JOB_HOURS, _SLACK_HOURS = 4, 24


def overnight_energy(scale: float = 0.2, seeds: int = 4, **settings: Any) -> Result:
    """Measure energy with aim cost beside the fastest modes with nobody asleep, and deadlines missed."""
    cost, balanced, fast = (
        farm_runs("overnight", (OURS,), seeds, Rules(aim=aim), scale=scale, **settings)
        for aim in (Aim.COST, Aim.BALANCED, Aim.PERFORMANCE)
    )
    rows = (
        Row("energy saved", _saved(cost, fast, "energy_run"), 30.0, ">=", "%", _saved(balanced, fast, "energy_run")),
        Row("more deadlines missed", _more_missed(cost, fast), 0.0, "<=", "%", _more_missed(balanced, fast)),
    )
    notes = (
        f"{setting(seeds, scale, **settings)}; aim cost against aim performance, which uses the fastest modes and lets "
        "no node sleep; of the whole run, each to its own end; baseline: aim balanced",
        f"money saved {_saved(cost, fast, 'money_run'):.1f} %, carbon {_saved(cost, fast, 'carbon_run'):.1f} %; "
        f"with aim balanced {_saved(balanced, fast, 'money_run'):.1f} % and "
        f"{_saved(balanced, fast, 'carbon_run'):.1f} %",
        f"until work is released no more: energy {_saved(cost, fast, 'energy'):.1f} %",
        f"on time with aim cost {means(cost, 'on_time')[OURS]:.2%}, performance {means(fast, 'on_time')[OURS]:.2%}",
    )
    return Result("overnight-energy", rows, notes)


def _saved(runs: pd.DataFrame, against: pd.DataFrame, metric: str) -> float:
    return 100 * (1 - float(runs[metric].sum()) / float(against[metric].sum()))


def _more_missed(runs: pd.DataFrame, against: pd.DataFrame) -> float:
    return 100 * float((against["on_time"] - runs["on_time"]).mean())


def tariff_shift(scale: float = 0.1, seeds: int = 4, market: str = "DE", **settings: Any) -> Result:
    """Measure what shifting saves that decides on published forecasts, of what it would save knowing all prices."""
    rows = []
    for name in MARKETS:
        saved = {told: _alone(name, told) for told in ("known", "dnn", "lear")}
        dnn, lear = (100 * saved[told] / saved["known"] for told in ("dnn", "lear"))
        rows.append(Row(f"{name}, one job at a time: of perfect knowledge", dnn, 90.0, ">=", "%", lear))
    calls = (delayed(_night)(seed, market, scale, settings) for seed in range(seeds))
    paid = np.array(Parallel(n_jobs=runs_of.JOBS)(calls))
    blind, told, known = paid.sum(axis=0)
    share = 100 * (blind - told) / (blind - known) if blind > known else float("nan")
    rows.append(Row(f"{market}, overnight farm: of perfect knowledge", share, 90.0, ">=", "%", 0.0))
    notes = (
        f"one job at a time: {_JOB_HOURS} hours of work, {_SLACK_HOURS} of slack, forecasts DNN, baseline: LEAR",
        f"farm: {setting(seeds, scale, **settings)}, aim cost; baseline: prices hidden from the planner, by definition",
        f"farm: EUR in all with prices hidden {blind:.2f}, published {told:.2f}, known {known:.2f}: saved "
        f"{100 * (1 - told / blind):.1f} % and {100 * (1 - known / blind):.1f} %; by seed {_shares(paid)}",
    )
    return Result("tariff-shift", tuple(rows), notes)


def _alone(market: str, told: str) -> float:
    """Return the share of money saved where jobs do not share a farm; told ``known``: what will come."""
    begin = market_nights(market)[0]
    tariff = market_tariff(market, begin, _YEARS * 365, "dnn" if told == "known" else told)
    published = tariff.actual if told == "known" else tariff.published
    return shift_savings(tariff.actual.price, published.price, _JOB_HOURS, _SLACK_HOURS)


def _night(seed: int, market: str, scale: float, settings: dict[str, Any]) -> tuple[float, float, float]:
    """Return what one night costs with prices hidden from the planner, published as forecast, and known, EUR."""
    world = farm_world("overnight", seed, scale=scale, market=market, **settings)
    actual = world.tariff.actual
    hidden = Outlook.flat(float(actual.price.mean()), float(actual.carbon.mean()))
    tariffs = (Tariff(actual=hidden, published=hidden), world.tariff, replace(world.tariff, published=actual))
    blind, told, known = (_money(world, tariff) for tariff in tariffs)
    return blind, told, known


def _money(world: FarmWorld, tariff: Tariff) -> float:
    """Return what the run costs at the world's prices if the planner sees this tariff."""
    history = live(replace(world, tariff=tariff), OURS, Rules(aim=Aim.COST))
    return drawn(world, history, 0.0, history.end).money


def _shares(paid: Floats) -> str:
    return ", ".join(f"{100 * (blind - told) / (blind - known):.0f} %" for blind, told, known in paid if blind != known)
