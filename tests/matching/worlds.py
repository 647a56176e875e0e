"""Random small worlds of tasks, nodes and forecasts for the laws of matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from placement.farm.nodes import NodeTable, node_classes
from placement.forecast.distribution import Forecast
from placement.matching.tasks import TaskTable, task_table

PROBABILITIES = np.array([0.01, 0.1, 0.5, 0.9, 0.99])
_Z = np.array([-2.3, -1.3, 0.0, 1.3, 2.3])
_NAMES = st.lists(st.sampled_from(["x", "y", "z"]), unique=True)


@dataclass(frozen=True)
class World:
    """Records as a user writes them, and forecasts' centres and back-off levels, shape (tasks, classes)."""

    tasks: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    seconds: np.ndarray
    memory: np.ndarray
    level: np.ndarray

    @property
    def task_table(self) -> TaskTable:
        return task_table(self.tasks)

    @property
    def node_table(self) -> NodeTable:
        return node_classes(self.nodes)

    @property
    def run_time(self) -> Forecast:
        return self._forecast(self.seconds, 0.3)

    @property
    def needed(self) -> Forecast:
        return self._forecast(self.memory, 0.1)

    def _forecast(self, centre: np.ndarray, scale: float) -> Forecast:
        z = np.tile(_Z, (centre.shape[1], 1))
        return Forecast(np.log(centre), np.full(centre.shape, scale), PROBABILITIES, z, self.level.copy())


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world of up to five tasks and four classes."""
    tasks = draw(st.lists(st.fixed_dictionaries({
        "job_type": st.sampled_from(["a", "b"]),
        "cores": st.sampled_from([None, 1.0, 4.0, 16.0]),
        "gpus": st.sampled_from([0.0, 1.0, 2.0]),
        "gpu_memory": st.sampled_from([0.0, 8000.0]),
        "declared_memory": st.sampled_from([None, 2000.0, 9000.0]),
        "software": _NAMES, "licences": _NAMES, "tags": _NAMES, "assets": _NAMES,
        "deadline": st.sampled_from([None, -1.0, 50.0, 500.0]),
        "importance": st.sampled_from([0.5, 1.0]),
    }), min_size=1, max_size=5))
    nodes = draw(st.lists(st.fixed_dictionaries({
        "cores": st.sampled_from([2.0, 8.0, 64.0]),
        "memory": st.sampled_from([1000.0, 8000.0, 64000.0]),
        "gpus": st.sampled_from([0.0, 1.0, 4.0]),
        "gpu_memory": st.sampled_from([0.0, 24000.0]),
        "gpu_model": st.sampled_from(["", "A40", "V100"]),
        "software": _NAMES, "licences": _NAMES, "tags": _NAMES, "assets": _NAMES,
        "job_types": st.sampled_from([[], ["a"]]),
        "warm_job_types": st.sampled_from([[], ["b"]]),
        "peak_power": st.sampled_from([None, 400.0]),
        "load": st.sampled_from([0.0, 0.5, 1.0]),
        "price": st.sampled_from([0.0, 0.5]),
    }), min_size=1, max_size=4))
    nodes = [{"node_class": f"n{place}", **each} for place, each in enumerate(nodes)]
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    shape = len(tasks), len(nodes)
    return World(tasks, nodes, random.uniform(10, 900, shape), random.uniform(500, 20000, shape),
                 random.integers(0, 6, shape))
