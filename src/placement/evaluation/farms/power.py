"""Metrics of power: energy, money and carbon."""

from __future__ import annotations

from placement.evaluation.farms.window import window_of
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.energy import drawn
from placement.simulator.whole_farm.history import FarmHistory

__all__ = ["power"]


def power(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return what was drawn.

    Returns
    -------
    dict
        `energy` (J), `money` (EUR, actual tariff) and `carbon` (g) within the window; `energy_run`, `money_run` and
        `carbon_run` from the begin to the end of the history: what was put off until after the window is in these.
    """
    window = window_of(world, history)
    within, run = drawn(world, history, window.start, window.end), drawn(world, history, 0.0, history.end)
    return {
        "energy": within.joules,
        "money": within.money,
        "carbon": within.carbon,
        "energy_run": run.joules,
        "money_run": run.money,
        "carbon_run": run.carbon,
    }
