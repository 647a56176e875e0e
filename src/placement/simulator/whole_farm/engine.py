"""A whole farm in virtual time: what happens, what is decided, until nothing is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from placement.errors import InvalidInput
from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.plan import Plan, Planner, Reason
from placement.scheduling.rules import Rules
from placement.scheduling.shares import short_since
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.acting import act
from placement.simulator.whole_farm.beliefs import Knowledge
from placement.simulator.whole_farm.farm import Farm
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.simulator.whole_farm.owing import held_by_clients, owed
from placement.simulator.whole_farm.snapshots import preview_due, snapshot
from placement.simulator.whole_farm.troubleshooting import troubleshoot
from placement.simulator.whole_farm.waves import advance
from placement.units import Floats, Ints, Seconds

__all__ = ["run_farm"]

#: A run without `until` ends when for so long nothing ran, started or changed: what waits will never start.
_PATIENCE = 86400.0
_ROUNDING = 1e-9


@dataclass(slots=True)
class _Run:
    """One run: the farm, who decides, and what they saw last."""

    farm: Farm
    planner: Planner
    rules: Rules
    timer: Callable[[], float]
    every: Seconds
    due: Floats
    seen: FarmSnapshot | None = None
    held: Floats = field(default_factory=lambda: np.zeros(0))
    quiet_since: Seconds = 0.0

    def decide(self, now: Seconds) -> None:
        """Make and act on one decision."""
        farm = self.farm
        if self.seen is not None:
            farm.history = owed(self.seen, self.held, now, self.rules)
        farm.ask()
        seen = snapshot(farm, now, self.due, farm.free())
        cost = farm.beliefs.cost(farm.progress.steps, farm.warmth)
        begun = self.timer()
        plan = self.planner(seen, cost, self.rules)
        latency = self.timer() - begun
        act(farm, seen, plan)
        self._record(seen, plan, latency)
        farm.changed = len(plan.starts.step) + len(plan.stops.attempt) + len(plan.power.node) > 0
        self.seen, self.held = seen, held_by_clients(farm)
        farm.short_since = short_since(seen, cost)

    def _record(self, seen: FarmSnapshot, plan: Plan, latency: float) -> None:
        waits = np.zeros(max(Reason) + 1, np.int64)
        if plan.waits is not None:
            left = self.farm.queues.waiting[seen.steps.index] + seen.steps.blocked
            waits = np.bincount(plan.waits.reason, left, len(waits)).astype(np.int64)
        self.farm.recorder.decision(
            (seen.now, latency, int(seen.steps.waiting.sum()), seen.attempts.count, len(plan.starts.step),
             len(plan.stops.attempt)), waits,
        )  # fmt: skip

    def next_decision(self, now: Seconds) -> Seconds:
        """Return the next instant of the grid at which there may be something to decide; infinite: never."""
        farm = self.farm
        if farm.changed or farm.queues.waiting[farm.progress.steps].any():
            return self.every * (self._tick(now) + 1)
        machines, outlook = farm.machines, farm.world.tariff.actual.start
        idle = machines.idle_since[(machines.state == NodeState.UP) & ~farm.busy()] + self.rules.idle_sleep
        period = int(np.searchsorted(outlook, now, side="right"))
        change = float(
            min(
                farm.running.event[: farm.running.count].min(initial=np.inf),
                farm.troubles.next_time,
                farm.progress.next_release,
                machines.next_change(),
                idle[idle > now].min(initial=np.inf),
                outlook[period] if period < len(outlook) and not self.finished else np.inf,
            )
        )
        if math.isinf(change):
            return change
        return self.every * max(math.ceil(change / self.every - _ROUNDING), self._tick(now) + 1)

    def _tick(self, now: Seconds) -> int:
        return round(now / self.every)

    @property
    def finished(self) -> bool:
        """Whether all jobs are released, and finished or failed."""
        return math.isinf(self.farm.progress.next_release) and not len(self.farm.progress.jobs)

    def stuck(self, now: Seconds) -> bool:
        """Return whether what waits will never start."""
        farm = self.farm
        to_come = min(farm.troubles.next_time, farm.progress.next_release)
        if farm.running.count or farm.changed or not math.isinf(to_come):
            self.quiet_since = now
        return now - self.quiet_since > _PATIENCE


def run_farm(  # noqa: PLR0913 - who decides, and how
    world: FarmWorld,
    planner: Planner,
    rules: Rules,
    knowledge: Knowledge,
    *,
    every: Seconds | None = None,
    until: Seconds | None = None,
    warmth: float = 1.0,
    timer: Callable[[], float] = time.perf_counter,
) -> FarmHistory:
    """Run a world under a policy.

    Parameters
    ----------
    knowledge
        What the policy is told: `learned`, `truth`, `declared` or `type_means` of
        `placement.simulator.whole_farm.beliefs`, or anything like them.
    every
        Decisions fall on multiples of this, seconds; by default `Rules.interval`, which the planner sees changed.
    until
        When to stop, seconds; None: when all jobs are finished or failed, or nothing that waits can start any more.
    warmth
        Share of `WorldSteps.startup` that a warm node saves, 0 to 1.
    timer
        Clock in seconds that decisions are timed with.

    Raises
    ------
    InvalidInput
        The planner made an impossible plan, or a number makes no sense.

    Examples
    --------
    >>> from placement.scheduling.plan import Plan, Starts
    >>> from placement.simulator.whole_farm.beliefs import learned
    >>> from placement.testing.planner_farms import farm_world_of
    >>> def one_by_one(farm, cost, rules):
    ...     ready = np.flatnonzero(farm.steps.waiting)[:1]
    ...     return Plan(starts=Starts.of(ready, np.zeros(len(ready), int), 6))
    >>> history = run_farm(farm_world_of(steps={"frames": [2]}), one_by_one, Rules(), learned)
    >>> history.attempts.start.tolist(), history.attempts.end.tolist(), history.job_end.tolist()
    ([0.0, 30.0], [60.0, 90.0], [90.0])
    """
    step = rules.interval if every is None else every
    if not step > 0 or not 0 <= warmth <= 1 or (until is not None and not 0 <= until < np.inf):
        raise InvalidInput(
            f"every {step:g} s must be above 0, warmth {warmth:g} a share, until {until} s finite and not negative"
        )
    farm = Farm(world, knowledge(world), warmth)
    rules = replace(rules, interval=step)
    run = _Run(farm, planner, rules, timer, step, preview_due(world, rules))
    now, last = 0.0, math.inf if until is None else until
    advance(farm, now)
    while True:
        farm.progress.release(now)
        if until is None and run.finished:
            break
        run.decide(now)
        soon = run.next_decision(now)
        if until is None and (run.stuck(now) or math.isinf(soon)):
            break
        now = min(soon, last)
        advance(farm, now)
        troubleshoot(farm, now)
        farm.progress.settle()
        if now >= last:
            break
    return _history(farm, now)


def _history(farm: Farm, now: Seconds) -> FarmHistory:
    rows: Ints = np.arange(farm.running.count)
    farm.record(rows, Outcome.RUNNING, np.full(len(rows), now), np.zeros(len(rows)))
    farm.machines.close(now)
    progress = farm.progress
    return FarmHistory(
        end=now,
        attempts=farm.recorder.past_attempts(),
        spans=farm.recorder.node_spans(),
        job_end=progress.job_end,
        job_failed=progress.job_failed,
        step_ready=progress.ready,
        step_end=np.where(progress.finished, progress.ended, np.inf),
        decisions=farm.recorder.decision_log(),
    )
