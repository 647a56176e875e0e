"""The laws themselves: a policy that breaks one is caught."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from placement.scheduling.snapshot import WAIT, Choice, Policy, Snapshot
from placement.testing.farms import farm_of, world_of
from placement.testing.laws import POLICY_LAWS, conserves_tasks
from placement.units import Floats

FARM = farm_of(node_class=[0, 1], task_node=[0, WAIT, WAIT, WAIT], task_since=[0.0, np.nan, np.nan, np.nan])
COST = np.array([[1.0, 2.0], [np.inf, 2.0], [1.0, 2.0], [1.0, 2.0]])
BROKEN: dict[str, Policy] = {
    "answers_every_task": lambda farm, cost: Choice(np.full(farm.tasks + 1, WAIT)),
    "within_slots": lambda farm, cost: Choice(np.array([WAIT, 1, 1, WAIT])),
    "chooses_the_possible": lambda farm, cost: Choice(np.array([WAIT, 0, WAIT, WAIT])),
    "ignores_absent_classes": lambda farm, cost: Choice(np.full(farm.tasks, cost.shape[1] - 2)),
    "starts_something": lambda farm, cost: Choice(np.full(farm.tasks, WAIT)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_policy_that_breaks_a_law_is_caught_by_it(name: str) -> None:
    law = next(each for each in POLICY_LAWS if each.__name__ == name)

    with pytest.raises(AssertionError):
        law(BROKEN[name], FARM, COST)


def test_a_policy_that_changes_its_mind_is_caught() -> None:
    law, calls = next(each for each in POLICY_LAWS if each.__name__ == "repeats_itself"), count()

    def fickle(farm: Snapshot, cost: Floats) -> Choice:
        return Choice(np.array([WAIT, 1, WAIT, WAIT]) if next(calls) % 2 else np.full(4, WAIT))

    with pytest.raises(AssertionError):
        law(fickle, FARM, COST)


def test_a_policy_that_forgets_tasks_is_refused_by_the_farm() -> None:
    world = world_of(true_time=[[1.0]], node_class=[0])

    with pytest.raises(ValueError, match="left 1 tasks waiting for ever"):
        conserves_tasks(lambda farm, cost: Choice(np.full(farm.tasks, WAIT)), world)
