"""How much is rendered again because of interruptions and losses when a farm is hit by everything at once."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.result import Result, Row
from placement.control.nouns_farm import Totals
from placement.control.settings import Settings
from placement.evaluation.workloads.farm_catalog import farm_world
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.world_bridge import Bridge, bridge
from placement.units import Seconds

__all__ = ["rerender", "run_bridge"]

_SCALE = 0.2
_PERIOD = 300.0
_START = 1.7e9
_DAYS = 4.0
#: Virtual time passes in steps of a third of `lead`; the planner looks again at a farm without news every two minutes,
#: at one with news every five seconds: with the usual 0.2 s runs take five times as long and repeat as much.
_SETTINGS = Settings(lead=3_600.0, interval=120.0, gap=5.0)
_TOLD = 3


def rerender(scale: float = _SCALE, seeds: int = 1, days: float = _DAYS) -> Result:
    """Run worlds of `disaster` through a whole `Farm`, all renderers with checkpoints, and count what is repeated."""
    shares, notes = [], []
    for seed in range(seeds):
        world = farm_world("disaster", seed, scale=scale)
        period = np.where(np.isfinite(world.steps.checkpoint), world.steps.checkpoint, _PERIOD)
        world = replace(world, steps=replace(world.steps, checkpoint=period))
        begun = perf_counter()
        totals, left, hours, whys = run_bridge(bridge(world, _START), days)
        shares.append(totals.repeated)
        lost = ", ".join(f"{name} {seconds / 3600:.1f} h" for name, seconds in sorted(totals.lost.items()) if seconds)
        notes.append(
            f"seed {seed}, scale {scale:g}: {len(world.fleet.node_class)} nodes, {totals.done:,} frames done, "
            f"{left:,} left in {hours:.0f} h; "
            f"{totals.useful / 3600:,.0f} h of rendering kept, lost by {lost or 'nothing'}; "
            f"{perf_counter() - begun:.0f} s"
        )
        notes += [f"left: {why}" for why in whys]
    row = Row("share of rendering that is repeated for interruptions and losses, worst seed", max(shares), 0.02, "<=")
    return Result("rerender", (row,), (*notes, f"steps without checkpoints of their own have one every {_PERIOD:g} s"))


def run_bridge(given: Bridge, days: float) -> tuple[Totals, int, float, list[str]]:
    """Run a world until all is done, or for so many days.

    Returns
    -------
    totals, left, hours, whys
        What was done, tasks that are left, hours that it took, and why the first jobs of those that are left are.
    """
    clock = SimulatedClock(given.start)
    engine = SimulatedEngine(clock, given.truth, given.nodes, troubles=given.troubles)
    with Farm.open(":memory:", engine=engine, clock=clock, timer=lambda: 0.0, settings=_SETTINGS) as farm:
        for client in given.clients:
            farm.set_client(client.name, parent=client.parent, guarantee=client.guarantee, limit=client.limit,
                            weight=client.weight, lending=client.lending, reclaim=client.reclaim)  # fmt: skip
        for name, number in given.licences.items():
            farm.set_licence(name, number)
        for node in given.nodes:
            farm.register_node(node)
        if given.rules:
            rules: dict[str, Any] = dict(given.rules)
            farm.set_policy(**rules)
        end: Seconds = given.start + days * 86400.0
        _through(farm, clock, given, end)
        while clock() < end and any(name not in given.held for name in farm.state.jobs):
            farm.step(end)
        late = [name for name in farm.state.jobs if name not in given.held]
        left = sum(farm.state.jobs[name].open for name in late)
        whys = [str(farm.why(name)) for name in late[:_TOLD]]
        return farm.state.totals, left, (clock() - given.start) / 3600, whys


def _through(farm: Farm, clock: SimulatedClock, given: Bridge, end: Seconds) -> None:
    """Hand jobs in when they are released, and take away the nodes whose owners want them."""
    jobs = [(given.start if job.release is None else job.release, 0, job.name) for job in given.jobs]
    drains = [(at, 1, node) for at, node in given.drains]
    known = {job.name: job for job in given.jobs}
    for at, kind, name in sorted(each for each in (*jobs, *drains) if each[0] < end):
        while clock() < at:
            farm.step(at)
        if kind:
            farm.drain(name, "its owner wants it back")
            continue
        farm.submit(known[name])
        if name in given.held:
            farm.pause(name)
