"""Small farms that live through something, and what was decided meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from placement.farm.machines import Classes
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Plan, Planner, Reason
from placement.scheduling.planning import plan
from placement.scheduling.rules import Aim, Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.beliefs import learned
from placement.simulator.whole_farm.engine import run_farm
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.testing.planner_farms import classes_of
from placement.units import Floats

AWAKE = Rules(aim=Aim.PERFORMANCE)
CORE = [1.0, 1024.0, 0.0, 0.0, 0.0]


def cores(*each: float, memory: float = 32768.0, **columns: Any) -> Classes:
    """Return classes of so many cores."""
    return classes_of(offer=[[count, memory, 0, 0, 0] for count in each], **columns)


def lived(world: FarmWorld, planner: Planner = plan, rules: Rules = AWAKE, until: float | None = None) -> FarmHistory:
    """Let a world happen."""
    return run_farm(world, planner, rules, learned, until=until)


@dataclass
class Watched:
    """Our planner, with what it saw and decided."""

    seen: list[FarmSnapshot] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)

    def __call__(self, farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
        """Decide."""
        self.seen.append(farm)
        self.plans.append(plan(farm, cost, rules))
        return self.plans[-1]

    def reasons(self, step: int, since: float = 0.0, until: float = np.inf) -> set[Reason]:
        """Return why a step of the world had to wait at any decision of a time."""
        found = set()
        for farm, decided in zip(self.seen, self.plans, strict=True):
            for row in np.flatnonzero(farm.steps.index == step):
                if since <= farm.now <= until and decided.waits is not None:
                    found.add(Reason(int(decided.waits.reason[row])))
        return found - {Reason.FINISHED}

    def stops(self) -> set[Reason]:
        """Return why anything was interrupted."""
        return {Reason(int(each)) for decided in self.plans for each in decided.stops.reason[decided.stops.now]}


def first_start(history: FarmHistory, step: int) -> float:
    """Return when the first frame of a step started."""
    return float(history.attempts.start[history.attempts.step == step].min(initial=np.inf))


def tardiness(world: FarmWorld, history: FarmHistory) -> Floats:
    """Return how late each job ended, seconds."""
    return np.maximum(history.job_end - world.jobs.deadline, 0.0)


def on_time_value(world: FarmWorld, history: FarmHistory) -> float:
    """Return the value of the jobs that ended by their deadlines."""
    return float(world.jobs.value[history.job_end <= world.jobs.deadline].sum())


def running_at(history: FarmHistory, time: float, step: int | None = None) -> int:
    """Return how many attempts, of a step or of all, run right after an instant."""
    past = history.attempts
    runs = (past.start <= time) & (time < past.end)
    return int((runs if step is None else runs & (past.step == step)).sum())


def with_outcome(history: FarmHistory, outcome: Outcome, step: int | None = None) -> int:
    """Return how many attempts ended so."""
    past = history.attempts
    which = past.outcome == outcome
    return int((which if step is None else which & (past.step == step)).sum())


def busy_share(world: FarmWorld, history: FarmHistory, until: float) -> float:
    """Return the share of all cores' time that attempts held from the start until an instant."""
    past = history.attempts
    seconds = np.clip(np.minimum(past.end, until) - past.start, 0, None)
    held = float(seconds @ world.steps.request[past.step, 0])
    return held / (until * float(world.classes.offer[world.fleet.node_class, 0].sum()))
