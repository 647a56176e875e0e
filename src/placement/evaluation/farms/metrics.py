"""What a run of a whole farm is judged by: every metric once, by theme."""

from __future__ import annotations

from collections.abc import Callable

from placement.evaluation.farms.deadlines import completion, delivered, on_time, tardiness
from placement.evaluation.farms.power import power
from placement.evaluation.farms.shares import clients
from placement.evaluation.farms.usage import loading, lost_work, node_seconds, utilisation
from placement.evaluation.farms.waiting import decisions, preview_latency, starvation
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory

__all__ = ["LESS_IS_BETTER", "MORE_IS_BETTER", "THEMES", "TIMED", "measure"]

#: What each theme returns is documented there.
THEMES: tuple[Callable[[FarmWorld, FarmHistory], dict[str, float]], ...] = (
    on_time,
    delivered,
    tardiness,
    completion,
    node_seconds,
    lost_work,
    loading,
    utilisation,
    clients,
    starvation,
    preview_latency,
    power,
    decisions,
)

#: Metrics that a clock touches: they differ from run to run.
TIMED = ("decision_p50", "decision_p99", "decision_max", "overhead")

#: Metrics by which direction is better; the others describe.
MORE_IS_BETTER = ("on_time", "on_time_importance", "on_time_possible", "value", "value_on_deadline", "fairness")
LESS_IS_BETTER = (
    "weighted_tardiness", "tardiness_mean", "tardiness_p95", "tardiness_max", "makespan", "mean_completion",
    "node_seconds", "worth_seconds", "lost_node_seconds", "lost_share", "loading_share", "shortfall",
    "shortfall_overdue", "first_wait_max", "first_wait_p99", "preview_mean", "preview_max", "energy", "money", "carbon",
    "energy_run", "money_run", "carbon_run", *TIMED,
)  # fmt: skip


def measure(world: FarmWorld, history: FarmHistory) -> dict[str, float]:
    """Return all metrics of a history, name -> value in SI units.

    Jobs count that are released, and seconds that lie, within `FarmWorld.measure`; metrics that compare with a bound
    (`makespan`, `node_seconds`, `value`) and those named ``…_run`` are of the whole run.

    Examples
    --------
    >>> from placement.evaluation.farms.contestants import live
    >>> from placement.testing.planner_farms import farm_world_of
    >>> world = farm_world_of(jobs={"deadline": [90.0]})
    >>> found = measure(world, live(world, "fifo"))
    >>> found["on_time"], found["makespan"], found["node_seconds"], found["useful"]
    (1.0, 60.0, 7.5, 0.125)
    """
    return {name: value for theme in THEMES for name, value in theme(world, history).items()}
