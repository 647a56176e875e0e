"""What goes wrong on a generated farm, drawn with the world: one stream per cause."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from placement.errors import InvalidInput
from placement.simulator.farm_world import Fault, Faults, Fleet
from placement.simulator.streams import stream
from placement.units import Floats, Ints, Seconds

__all__ = ["FaultSettings", "draw_faults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSettings:
    """How much goes wrong; all ASSUMED, none by default.

    Parameters
    ----------
    crashes, crash_seconds
        Crashes a node and day, and the mean time a node is down (exponential).
    rack_losses, rack_seconds
        Racks that are lost within the world, one after the other, and for how long.
    slow_share, slow_factor, slow_seconds
        Share of the nodes that get slow once, how many times as long a frame then takes, and for how long.
    bad_share, bad_chance, bad_seconds
        Share of the nodes on which frames fail once, with which probability, and for how long.
    corrupt_share
        Share of the steps whose scene is corrupt from the start.
    licence_losses, licence_seconds
        How often the licences are not to be had, and for how long.
    """

    crashes: float = 0.0
    crash_seconds: Seconds = 1800.0
    rack_losses: int = 0
    rack_seconds: Seconds = 7200.0
    slow_share: float = 0.0
    slow_factor: float = 3.0
    slow_seconds: Seconds = 14400.0
    bad_share: float = 0.0
    bad_chance: float = 0.8
    bad_seconds: Seconds = 14400.0
    corrupt_share: float = 0.0
    licence_losses: int = 0
    licence_seconds: Seconds = 1800.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            most = 1.0 if each.name.endswith(("_share", "_chance")) else np.inf
            if not 0 <= value <= most:
                raise InvalidInput(f"{each.name} {value:g} must lie in [0, {most:g}]")
        if self.slow_factor < 1:
            raise InvalidInput(f"slow_factor {self.slow_factor:g} must be at least 1")


def draw_faults(settings: FaultSettings, fleet: Fleet, things: tuple[int, int], seconds: Seconds, seed: int) -> Faults:
    """Draw what goes wrong between 0 and `seconds`, in the order of time.

    Parameters
    ----------
    things
        How many steps and licences the world has.
    """
    nodes, steps, licences = len(fleet.node_class), *things
    racks = np.unique(fleet.rack)
    rows: list[tuple[Fault, Floats, Ints, Floats, float]] = []

    def some(name: str, kind: Fault, count: int, among: Ints, lasts: Floats | float, factor: float = 1.0) -> None:
        chance = stream(seed, name)
        target = chance.choice(among, count, replace=count > len(among)) if count and len(among) else among[:0]
        time = chance.uniform(0, seconds, len(target))
        rows.append((kind, time, target, np.broadcast_to(np.asarray(lasts, float), (len(target),)), factor))

    every = np.arange(nodes)
    crashes = int(stream(seed, "crash counts").poisson(settings.crashes * nodes * seconds / 86400.0))
    down = stream(seed, "crash times").exponential(settings.crash_seconds, crashes)
    hit = stream(seed, "crashes")
    rows.append((Fault.CRASH, hit.uniform(0, seconds, crashes), hit.integers(0, nodes, crashes), down, 1.0))
    some("rack losses", Fault.RACK_LOSS, min(settings.rack_losses, len(racks)), racks, settings.rack_seconds)
    slow, bad = round(settings.slow_share * nodes), round(settings.bad_share * nodes)
    some("slow nodes", Fault.SLOW, slow, every, settings.slow_seconds, settings.slow_factor)
    some("bad nodes", Fault.BAD_NODE, bad, every, settings.bad_seconds, settings.bad_chance)
    corrupt = np.sort(stream(seed, "corrupt scenes").permutation(steps)[: round(settings.corrupt_share * steps)])
    rows.append((Fault.CORRUPT_SCENE, np.zeros(len(corrupt)), corrupt, np.full(len(corrupt), np.inf), 1.0))
    some("licences", Fault.LICENCE_LOSS, settings.licence_losses, np.arange(licences), settings.licence_seconds)
    return _in_order(rows)


def _in_order(rows: list[tuple[Fault, Floats, Ints, Floats, float]]) -> Faults:
    time = np.concatenate([row[1] for row in rows])
    order = np.argsort(time, kind="stable")
    kind = np.concatenate([np.full(len(row[1]), int(row[0])) for row in rows])
    factor = np.concatenate([np.full(len(row[1]), row[4]) for row in rows])
    return Faults(
        time=time[order],
        kind=kind[order],
        target=np.concatenate([row[2] for row in rows])[order].astype(np.int64),
        seconds=np.concatenate([row[3] for row in rows])[order],
        factor=factor[order],
    )
