"""Whole-farm workloads by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_folder import read_farm
from placement.evaluation.workloads.farm_generator import generate
from placement.evaluation.workloads.farm_settings import FarmSettings
from placement.evaluation.workloads.fleet_farm import BLENDER_FLEET, generate_fleet
from placement.evaluation.workloads.maestro import MAESTRO_FARM
from placement.evaluation.workloads.studio import CRUNCH, DISASTER, OVERNIGHT, SINGLE_CLIENT, STUDIO_DAY, UPGRADE
from placement.evaluation.workloads.tariffs import market_nights, market_tariff
from placement.evaluation.workloads.traces.philly import read_philly
from placement.evaluation.workloads.traces.swf import read_swf
from placement.simulator.farm_world import FarmWorld
from placement.simulator.streams import stream

__all__ = ["FARMS", "TRACES", "farm_world"]

#: Name -> settings of the generated farms.
FARMS: dict[str, FarmSettings] = {
    settings.name: settings
    for settings in (STUDIO_DAY, MAESTRO_FARM, CRUNCH, OVERNIGHT, DISASTER, UPGRADE, BLENDER_FLEET, SINGLE_CLIENT)
}

#: Names of the shipped traces.
TRACES = ("philly_slo", "philly_mix1")
_TARIFF_DAYS = 2.0


def farm_world(name: str | Path, seed: int = 0, **settings: Any) -> FarmWorld:
    """Return the world of a name, a folder or a trace.

    Parameters
    ----------
    name
        One of `FARMS`, ``philly_slo``, ``philly_mix1``; a folder as ``docs/workloads.md`` has it; a file ``.swf`` or
        ``.swf.gz``.
    seed
        Of everything drawn.
    settings
        Fields of `FarmSettings` that differ, such as ``scale=0.02``; ``market`` and ``start`` (both for a tariff of
        real prices, see `placement.evaluation.workloads.tariffs.market_tariff`). For folders and traces, keywords of
        their readers.

    Raises
    ------
    InvalidInput
        There is no such name or setting; the message lists those there are.

    Examples
    --------
    >>> farm_world("single-client", 0, scale=0.1).clients.names
    ('all',)
    """
    if name in FARMS:
        return _generated(FARMS[str(name)], seed, settings)
    reader = _reader(name)
    if reader is None:
        known = sorted([*FARMS, *TRACES])
        raise InvalidInput(f"no workload {str(name)!r}: not a folder, not a .swf file, and not one of {known}")
    try:
        return reader(seed=seed, **settings)
    except TypeError as wrong:
        if "unexpected keyword" in str(wrong):
            raise InvalidInput(
                f"workload {str(name)!r} does not know all of the settings {sorted(settings)}"
            ) from wrong
        raise


def _reader(name: str | Path) -> Callable[..., FarmWorld] | None:
    if name in TRACES:
        return partial(read_philly, str(name))
    path = Path(name)
    if path.is_dir():
        return partial(read_farm, path)
    if path.is_file() and path.name.endswith((".swf", ".swf.gz")):
        return partial(read_swf, path)
    return None


def _generated(base: FarmSettings, seed: int, changes: dict[str, Any]) -> FarmWorld:
    known = [each.name for each in fields(FarmSettings)]
    if unknown := sorted(set(changes) - {*known, "market", "start"}):
        raise InvalidInput(f"workload {base.name!r} has no settings {unknown}; have {[*known, 'market', 'start']}")
    market, start = changes.pop("market", None), changes.pop("start", None)
    settings = replace(base, **changes)
    world = (generate_fleet if base.name == BLENDER_FLEET.name else generate)(settings, seed)
    if market is None and start is None and base.name != OVERNIGHT.name:
        return world
    return _at_market(world, settings, market or "DE", start, seed)


def _at_market(world: FarmWorld, settings: FarmSettings, market: str, start: str | None, seed: int) -> FarmWorld:
    """Lay real prices under a world; without a start, those of an evening drawn with stream ``night``."""
    days = settings.hours / 24 + _TARIFF_DAYS
    if start is None:
        nights = market_nights(market, int(settings.start_hour) % 24, days)
        chosen = nights[int(stream(seed, "night").integers(len(nights)))]
        start = chosen.isoformat()
    note = f"Day-ahead prices of {market} from {start}, forecasts of them as published."
    return replace(world, tariff=market_tariff(market, start, days), notes=(*world.notes, note))
