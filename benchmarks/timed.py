"""What the speed benchmarks run in a process of its own: ``python -m benchmarks.timed WHAT MODEL``.

``score``: milliseconds of a warm `Placer.score`, and of the plain way, as JSON. ``first``: score one task and end.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter

import numpy as np
import pandas as pd

from placement.placer import Placer

__all__ = ["CLASSES", "TASKS", "main", "node_table", "task_rows"]

TASKS, CLASSES = 1_000, 20
_RUNS, _WARM = 25, 5


def main(arguments: list[str]) -> None:
    """Run one of the two."""
    what, model = arguments
    placer = Placer.load(model)
    if what == "first":
        placer.score(task_rows(placer, 1), node_table())
    else:
        sys.stdout.write(json.dumps(_score(placer)))


def _score(placer: Placer) -> dict[str, float]:
    """Return median milliseconds of the call, and of boosters alone asked about every pair, run in turns."""
    tasks, nodes = task_rows(placer, TASKS), node_table()
    ours, plain = [], []
    for turn in range(_WARM + _RUNS):
        start = perf_counter()
        table = placer.score(tasks, nodes)
        middle = perf_counter()
        _every_pair(placer, tasks)
        if turn >= _WARM:
            ours.append(middle - start)
            plain.append(perf_counter() - middle)
    return {"score": 1e3 * float(np.median(ours)), "plain": 1e3 * float(np.median(plain)), "rows": len(table)}


def _every_pair(placer: Placer, tasks: pd.DataFrame) -> None:
    """Ask the same boosters about all pairs, as a model that takes the node as one more feature would be asked."""
    for model in placer.targets.values():
        _, raw, codes = model.cold.basis.arrays(tasks)
        matrix = np.repeat(model.cold.matrix(raw, codes), CLASSES, axis=0)
        for booster in model.cold.boosters:
            booster.predict(matrix)


def task_rows(placer: Placer, count: int) -> pd.DataFrame:
    """Return tasks of the model's job types, no two alike."""
    rng = np.random.default_rng(0)
    encoder = placer.targets["run_time"].cold.basis.encoder
    kinds = np.array(encoder.vocabulary["job_type"], dtype=object)
    rows = pd.DataFrame(
        {
            "task": np.arange(count),
            "job_type": kinds[rng.integers(len(kinds), size=count)],
            "width": rng.integers(320, 4096, count).astype(float),
            "height": rng.integers(180, 2160, count).astype(float),
            "spp": 2.0 ** rng.integers(2, 11, count),
            "triangles": np.round(np.exp(rng.normal(11, 2, count))),
            "lights": rng.integers(1, 20, count).astype(float),
            "texture_size": np.exp(rng.normal(4, 1, count)),
        }
    )
    known = {"task", "job_type", *placer.features}
    return rows[[name for name in rows.columns if name in known]]


def node_table() -> pd.DataFrame:
    """Return node classes, the first two of which the shipped model knows."""
    names = ["cpu-1t", "cpu-2t", *(f"class-{number:02d}" for number in range(2, CLASSES))]
    cores = 2.0 ** (np.arange(CLASSES) % 7)
    return pd.DataFrame({"node_class": names, "cores": cores, "memory": 4096 * cores})


if __name__ == "__main__":
    main(sys.argv[1:])
