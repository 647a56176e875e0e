"""Who competes on whole farms."""

from __future__ import annotations

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.evaluation.farms.contestants import CONTESTANTS, KEEPING, PEERS, contestant, live
from placement.evaluation.farms.knowledge import recent_medians
from placement.simulator.whole_farm.beliefs import declared, learned, truth
from placement.testing.planner_farms import farm_world_of


@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_contestant_finishes_a_small_farm(name: str) -> None:
    world = farm_world_of(steps={"frames": [9, 2], "after": [-1, 0]})

    assert np.isfinite(live(world, name).job_end).all()


def test_what_they_know() -> None:
    known = {name: one.knowledge for name, one in CONTESTANTS.items()}

    assert known["clairvoyant"] is truth
    assert known["easy-backfill"] is declared
    assert known["epvm"] is recent_medians
    assert {known[name] for name in CONTESTANTS if name not in ("clairvoyant", "easy-backfill", "epvm")} == {learned}


def test_ours_are_no_peers() -> None:
    assert set(CONTESTANTS) - set(PEERS) - set(KEEPING) == {"placement", "clairvoyant"}
    assert not set(KEEPING) & set(PEERS)


def test_one_of_your_own() -> None:
    assert contestant("placement.scheduling.peers.random:random").knowledge is learned


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("best", r"no policy 'best'; have \['random', 'round-robin'"),
        ("no.such.module:plan", "no policy 'no.such.module:plan'"),
        ("placement.scheduling.planning:plans", "no policy .* has no attribute 'plans'"),
        (":plan", "no policy ':plan'"),
        ("placement.scheduling.rules:__all__", "cannot be called"),
    ],
)
def test_an_unknown_one_is_told(name: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        contestant(name)


def test_recent_medians_forget_all_but_the_last_32() -> None:
    peaks = np.concatenate([np.full(40, 100.0), np.full(33, 700.0)])
    world = farm_world_of(steps={"frames": [73]}, frames={"memory": peaks})
    beliefs, rows = recent_medians(world), np.zeros(73, np.int64)

    beliefs.learn(rows[:50], np.arange(50), rows[:50], np.full(50, 60.0))
    assert beliefs.memory(np.array([0])).tolist() == [100.0]

    beliefs.learn(rows[50:], np.arange(50, 73), rows[50:], np.full(23, 60.0))
    assert beliefs.memory(np.array([0])).tolist() == [700.0]
    assert beliefs.cost(np.array([0]), 1.0).seconds.tolist() == [[pytest.approx(60.0, rel=0.01)]]
