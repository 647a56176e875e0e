"""`blender-devices`: the 24 devices of the measured table as one-slot nodes, frames of its scenes as tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.evaluation.case import Case, Shares
from placement.evaluation.completion import complete
from placement.evaluation.gaussian import gaussian_forecast
from placement.evaluation.workloads.device_table import DeviceTable, split_log_normal
from placement.simulator.streams import stream
from placement.simulator.world import World
from placement.units import Bools, Floats, Ints

__all__ = ["BlenderFleet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlenderFleet:
    """Draw worlds from the device table.

    A device may run the scenes it was measured on and no others: no true time is invented. A frame takes the cell's
    median times a factor that has the cell's quartiles; a frame that is slow for its scene is so everywhere. For every
    seed a share of the measured cells is hidden from the forecaster, which fills them from the rest.

    Parameters
    ----------
    frames
        Tasks of a world; each draws its scene.
    coverage
        Share of the devices that must have run a scene for it to be drawn; those scenes are equally likely. A scene
        that two of 24 devices ran would turn the fleet into these two.
    hidden
        Share of the measured cells whose times the forecaster does not see.
    """

    table: DeviceTable
    frames: int = 600
    coverage: float = 1 / 3
    hidden: float = 1 / 3

    def __call__(self, seed: int) -> Case:
        """Draw the case of one seed."""
        table = self.table
        common = np.flatnonzero(table.measured.mean(axis=0) >= self.coverage)
        scene = stream(seed, "scenes").choice(common, size=self.frames)
        below, above = (spread.T[scene] for spread in table.spread())
        z = stream(seed, "frame noise").standard_normal((self.frames, 1))
        true_time = table.median.T[scene] * split_log_normal(z, below, above)
        world = World(
            classes=table.devices,
            class_cores=np.ones(len(table.devices)),
            node_class=np.arange(len(table.devices)),
            node_slots=np.ones(len(table.devices), np.int64),
            task_group=scene,
            task_release=np.zeros(self.frames),
            task_deadline=np.full(self.frames, np.inf),
            task_chance=stream(seed, "coins").random(self.frames),
            true_time=np.where(np.isnan(true_time), np.inf, true_time),
        )
        return self._with_forecast(world, self._hide(seed))

    def _hide(self, seed: int) -> Bools:
        """Choose the cells the forecaster does not see, shape ``(devices, scenes)``."""
        cells = np.flatnonzero(self.table.measured)
        hidden = np.zeros(self.table.median.size, bool)
        hidden[stream(seed, "hidden cells").permutation(cells)[: round(self.hidden * len(cells))]] = True
        return hidden.reshape(self.table.median.shape)

    def _with_forecast(self, world: World, hidden: Bools) -> Case:
        location, scale = self._forecast(hidden)
        scene: Ints = world.task_group
        measured = int(self.table.measured.sum())
        return Case(
            world=world,
            forecast=gaussian_forecast(location.T[scene], scale.T[scene]),
            runnable=self.table.measured.T[scene],
            task_type=scene,
            shares=Shares(group=0.0, node_class=0.2, cell=0.6, attempt=0.2),
            notes=(
                f"{measured} of {self.table.median.size} cells are measured; the others run nowhere.",
                f"{int(hidden.sum())} measured cells were hidden from the forecaster.",
            ),
        )

    def _forecast(self, hidden: Bools) -> tuple[Floats, Floats]:
        """Return log location and spread of every cell from the visible ones."""
        seen = np.where(hidden, np.nan, self.table.median)
        filled = complete(np.log(seen), self.table.gpu)
        noise = np.nanmean(np.stack(self.table.spread())[:, np.isfinite(seen)])
        return filled.log, np.where(np.isfinite(seen), noise, np.hypot(noise, filled.error))
