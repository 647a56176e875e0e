"""Small cases by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.evaluation.case import Case, Shares
from placement.evaluation.gaussian import gaussian_forecast
from placement.simulator.streams import stream
from placement.testing.farms import world_of

__all__ = ["SmallFarm", "case_of"]


def case_of(true_time: Any, forecast: Any, node_class: Any, *, spread: float = 0.5, **columns: Any) -> Case:
    """Return a case whose forecast has the given medians and one spread; `columns` are the world's."""
    world = world_of(true_time=true_time, node_class=node_class, **columns)
    location = np.log(np.asarray(forecast, float))
    return Case(
        world=world,
        forecast=gaussian_forecast(np.where(np.isfinite(location), location, 0.0), np.full(location.shape, spread)),
        runnable=np.isfinite(world.true_time),
        task_type=world.task_group,
        shares=Shares(group=0.8, node_class=0.02, cell=0.08, attempt=0.1),
        notes=("made by hand",),
    )


@dataclass(frozen=True)
class SmallFarm:
    """A workload of a few groups on two classes."""

    tasks: int = 24

    def __call__(self, seed: int) -> Case:
        """Draw the case of one seed."""
        chance = stream(seed, "small")
        group = chance.integers(4, size=self.tasks)
        speed = np.array([[1.0, 3.0], [1.0, 1.5], [2.0, 2.0], [4.0, 1.0]])[group]
        time = speed * chance.lognormal(0, 0.1, (self.tasks, 1))
        coins = chance.random(self.tasks)
        return case_of(time, speed, [0, 0, 1], spread=0.1, task_group=group, task_chance=coins)
