"""Compare orders of work on the plain list scheduler: ``python -m tests.scheduling.compare_orders LOAD …``."""

from __future__ import annotations

import sys

import numpy as np

from tests.scheduling.list_farm import (
    by_apparent_cost,
    by_arrival,
    by_deadline,
    by_importance_for_work,
    by_rank,
    completed,
    drawn,
)

SEEDS = 4


def main(loads: list[float]) -> None:
    for load in loads:
        for order in (by_rank, by_deadline, by_importance_for_work, by_apparent_cost, by_arrival):
            found = []
            for seed in range(SEEDS):
                case = drawn(seed, 60, 8, load)
                end, dated = completed(case, order, seed=seed), np.isfinite(case.deadline)
                late, weight = np.maximum(end - case.deadline, 0.0)[dated], case.importance[~dated]
                took = ((end - case.release)[~dated] * weight).sum() / weight.sum()
                found.append((100 * (late <= 0).mean(), (late * case.importance[dated]).sum(), took))
            on_time, tardiness, mean = np.mean(found, axis=0)
            sys.stdout.write(
                f"{load:g} {order.__name__}: {on_time:.1f} % on time, tardiness {tardiness:.0f}, undated {mean:.0f} s\n"
            )


if __name__ == "__main__":
    main([float(each) for each in sys.argv[1:]])
