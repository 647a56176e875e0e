"""What energy and money are saved: a night with sleep and slower modes, and flexible work moved to cheap hours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks import farm_runs as runs_of
from benchmarks.farm_runs import OURS, setting
from benchmarks.result import Result, Row
from placement.evaluation.farms.contestants import live
from placement.evaluation.farms.like_work import doable, step_seconds
from placement.evaluation.farms.metrics import measure
from placement.evaluation.farms.usage import attempt_share
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.evaluation.workloads.tariffs import MARKETS, market_nights, market_tariff
from placement.farm.machines import Resource
from placement.farm.tariff import Outlook, Tariff
from placement.scheduling.holding import shift_savings
from placement.scheduling.rules import Aim, Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.energy import attempt_watts, drawn
from placement.simulator.whole_farm.history import FarmHistory
from placement.units import Floats

__all__ = ["overnight_energy", "tariff_shift"]

_YEARS = 1.9  #: of prices, from January 2016 on
_JOB_HOURS, _SLACK_HOURS = 4, 24
_JOULES_PER_KWH = 3.6e6


def overnight_energy(scale: float = 1.0, seeds: int = 2, **settings: Any) -> Result:
    """Measure energy with aim carbon beside the fastest modes with nobody asleep, and deadlines missed.

    Carbon is as intense all night here, so that who saves it saves energy; prices are not.
    """
    carbon, cost, balanced, fast = (
        pd.DataFrame(
            Parallel(n_jobs=runs_of.JOBS)(delayed(_metrics)(seed, aim, scale, settings) for seed in range(seeds))
        )
        for aim in (Aim.CARBON, Aim.COST, Aim.BALANCED, Aim.PERFORMANCE)
    )
    rows = (
        Row("energy saved", _saved(carbon, fast, "energy_all"), 30.0, ">=", "%", _saved(balanced, fast, "energy_all")),
        Row("more deadlines missed", _more_missed(carbon, fast), 0.0, "<=", "%", _more_missed(balanced, fast)),
    )
    told = {"carbon": carbon, "cost": cost, "balanced": balanced}
    night, whole = (
        "; ".join(f"aim {name} {_all_saved(runs, fast, kind)}" for name, runs in told.items()) for kind in ("", "_run")
    )
    every = {**told, "performance": fast}
    bound = _saved(carbon.assign(energy_all=carbon["least"]), fast, "energy_all")
    notes = (
        f"{setting(seeds, scale, **settings)}; aim carbon against aim performance, which uses the fastest modes and "
        "lets no node sleep; baseline: aim balanced; of the night, and of frames put off until after it",
        f"of the night alone: {night}",
        f"of each run to its own end: {whole}",
        "hours until they end: " + ", ".join(f"{name} {_hours(runs)}" for name, runs in every.items()),
        f"no schedule saves more than {bound:.1f} %: all frames warm, each on the class and in the mode that draw "
        "least, all else asleep",
        "on time: " + ", ".join(f"{name} {runs['on_time'].mean():.2%}" for name, runs in every.items()),
    )
    return Result("overnight-energy", rows, notes)


def _metrics(seed: int, aim: Aim, scale: float, settings: dict[str, Any]) -> dict[str, float]:
    world = farm_world("overnight", seed, scale=scale, **settings)
    history = live(world, OURS, Rules(aim=aim))
    measured = measure(world, history)
    return {**measured, "energy_all": measured["energy"] + _put_off(world, history)[0], "least": _least_joules(world)}


def _least_joules(world: FarmWorld) -> float:
    """Return what no schedule takes less than: all frames warm, each where and in the mode that it draws least in.

    All nodes sleep all night but for the share of their cores that frames hold, and wake for nothing.
    """
    classes, request = world.classes, world.steps.request
    seconds = step_seconds(world) * world.fleet.slowness.min()
    work = classes.work_watts(request[:, None], np.arange(len(classes.names)))[..., None] * classes.draw
    cores = request[:, Resource.CORES, None] / classes.offer[:, Resource.CORES]
    awake = (cores * (classes.idle_watts - classes.asleep_watts))[..., None]
    watts = np.min((work + awake) / classes.speed, axis=2)
    least = np.where(doable(world), np.fmin.reduce(seconds * watts, axis=1), 0.0)
    start, end = world.measure
    asleep = float(classes.asleep_watts[world.fleet.node_class].sum()) * (end - start)
    return asleep + float(least[np.isfinite(least)].sum())


def _put_off(world: FarmWorld, history: FarmHistory) -> tuple[float, float]:
    """Return what frames draw after the night, J and EUR: their own power, and their share of an idle node's."""
    attempts, outlook = history.attempts, world.tariff.actual
    idle = world.classes.idle_watts[world.fleet.node_class[attempts.node]]
    begin = np.maximum(attempts.start, world.measure[1])
    after = np.maximum(attempts.end - begin, 0.0)
    joules = after * (attempt_watts(world, attempts) + attempt_share(world, attempts) * idle)
    return float(joules.sum()), float(joules @ outlook.mean(outlook.price, begin, after)) / _JOULES_PER_KWH


def _all_saved(runs: pd.DataFrame, against: pd.DataFrame, kind: str) -> str:
    return ", ".join(f"{name} {_saved(runs, against, name + kind):.1f} %" for name in ("energy", "money", "carbon"))


def _hours(runs: pd.DataFrame) -> str:
    return f"{runs['makespan'].mean() / 3600:.1f}"


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
    """Return what the night, and what is put off, costs at the world's prices if the planner sees this tariff."""
    history = live(replace(world, tariff=tariff), OURS, Rules(aim=Aim.COST))
    start, end = world.measure
    return drawn(world, history, start, min(end, history.end)).money + _put_off(world, history)[1]


def _shares(paid: Floats) -> str:
    return ", ".join(f"{100 * (blind - told) / (blind - known):.0f} %" for blind, told, known in paid if blind != known)
