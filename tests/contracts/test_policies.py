"""Every policy keeps every law on random farms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from placement.evaluation.contestants import CONTESTANTS
from placement.scheduling.snapshot import Policy, Snapshot
from placement.simulator.world import World
from placement.testing.laws import POLICY_LAWS, conserves_tasks
from placement.units import Floats
from tests.contracts.farms import farms, worlds

POLICIES = {each.policy.__name__: each.policy for each in CONTESTANTS.values()}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@pytest.mark.parametrize("law", POLICY_LAWS, ids=lambda law: law.__name__)
@settings(max_examples=40)
@given(farm=farms())
def test_every_policy_keeps_every_law(
    policy: Policy, law: Callable[[Policy, Snapshot, Floats], None], farm: tuple[Snapshot, Floats]
) -> None:
    law(policy, *farm)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@settings(max_examples=40)
@given(world=worlds())
def test_every_policy_runs_every_task_of_a_world_once(policy: Policy, world: World) -> None:
    conserves_tasks(policy, world)
