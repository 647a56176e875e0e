"""The measured device table: median and quartiles of render times, devices by scenes, with its gaps."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from placement.errors import InvalidInput
from placement.units import Bools, Floats

__all__ = ["DeviceTable", "read_device_table", "split_log_normal"]


@dataclass(frozen=True, slots=True, eq=False)
class DeviceTable:
    """Render times in seconds; NaN where a device did not run a scene.

    Parameters
    ----------
    devices
        "name (API)".
    gpu
        Shape ``(devices,)``.
    low, median, high
        Quartiles, shape ``(devices, scenes)``.
    """

    devices: tuple[str, ...]
    scenes: tuple[str, ...]
    gpu: Bools
    low: Floats
    median: Floats
    high: Floats

    def __post_init__(self) -> None:
        for each in fields(self):
            if isinstance(column := getattr(self, each.name), np.ndarray):
                column.setflags(write=False)

    @property
    def measured(self) -> Bools:
        """Which cells were measured, shape ``(devices, scenes)``."""
        return np.isfinite(self.median)

    def spread(self) -> tuple[Floats, Floats]:
        """Return the log spreads below and above the median that give the measured quartiles."""
        third = norm.ppf(0.75)
        return np.log(self.median / self.low) / third, np.log(self.high / self.median) / third


def read_device_table(path: Path) -> DeviceTable:
    """Read the CSV of columns device, kind, api, scene, median_s, p25_s, p75_s.

    Raises
    ------
    InvalidInput
        A column is missing, a cell is there twice, or its quartiles are not in order.
    """
    rows = pd.read_csv(path)
    needed = ["device", "kind", "api", "scene", "median_s", "p25_s", "p75_s"]
    if missing := [name for name in needed if name not in rows]:
        raise InvalidInput(f"{path.name} lacks the columns {missing}; has {list(rows.columns)}")
    rows["name"] = rows["device"] + " (" + rows["api"] + ")"
    if (twice := rows.duplicated(["name", "scene"])).any():
        raise InvalidInput(f"{path.name} holds {rows.loc[twice, ['name', 'scene']].iloc[0].tolist()} twice")
    ordered = (rows["p25_s"] > 0) & (rows["p25_s"] <= rows["median_s"]) & (rows["median_s"] <= rows["p75_s"])
    if not ordered.all():
        raise InvalidInput(f"{path.name} row {int(ordered.argmin())}: quartiles must be above 0 s and in order")
    cells = rows.set_index(["name", "scene"])
    tables = {column: cells[column].unstack() for column in ("p25_s", "median_s", "p75_s")}
    names, scenes = tables["median_s"].index, tables["median_s"].columns
    gpu = rows.groupby("name")["kind"].first().reindex(names).eq("GPU").to_numpy()
    return DeviceTable(tuple(names), tuple(scenes), gpu, *(table.to_numpy(float) for table in tables.values()))


def split_log_normal(z: Floats, below: Floats, above: Floats) -> Floats:
    """Turn standard normal draws into factors with log spread `below` under the median 1 and `above` over it.

    Examples
    --------
    >>> split_log_normal(np.array([-1.0, 0.0, 1.0]), np.array(0.5), np.array(1.0)).round(3).tolist()
    [0.607, 1.0, 2.718]
    """
    return np.exp(z * np.where(z < 0, below, above))
