"""Why is this frame not running: each rule has a case of its own."""

import numpy as np
import pytest

from placement.farm.machines import NodeState
from placement.scheduling.plan import Reason
from placement.scheduling.reserving import NONE, Reservations
from placement.scheduling.waiting import Aftermath, waits
from placement.testing.planner_farms import clients_of, cost_of, snapshot_of

NOW = 500.0


def why(farm, **after):
    """Return the reason and until of the first step; by default nothing stands in its way but others."""
    steps = farm.steps.count
    plain = {
        "left": farm.steps.waiting,
        "used": np.zeros(farm.clients.count),
        "most": np.full(farm.clients.count, farm.worth()),
        "licences": farm.licences,
        "reservations": Reservations(step=np.full(farm.nodes.count, NONE), ready=np.full(farm.nodes.count, np.inf)),
        "held_until": np.full(steps, np.nan),
        "choosy": np.zeros(steps, bool),
        "kept": np.zeros(steps, bool),
        "capped": np.zeros(steps, bool),
    }
    found = waits(farm, cost_of(farm), Aftermath(**{**plain, **after}))
    return Reason(int(found.reason[0])), float(found.until[0])


def test_others_go_first_when_no_rule_is_in_the_way():
    assert why(snapshot_of(now=NOW)) == (Reason.OTHERS_FIRST, np.inf)


def test_a_node_that_suits_it_better_is_full():
    farm = snapshot_of(now=NOW, clients=clients_of(limit=[0.5]))
    assert why(farm, choosy=np.ones(1, bool))[0] == Reason.BETTER_NODE
    assert why(farm, choosy=np.ones(1, bool), used=np.array([4.0]))[0] == Reason.LIMIT


def test_nothing_is_left():
    assert why(snapshot_of(now=NOW), left=np.zeros(1, int))[0] == Reason.FINISHED


def test_another_step_is_not_finished():
    farm = snapshot_of(now=NOW, steps={"waiting": [0], "blocked": [3]})
    assert why(farm)[0] == Reason.DEPENDS


def test_the_owner_paused_it():
    assert why(snapshot_of(now=NOW, jobs={"held": [True]}))[0] == Reason.HELD


def test_no_node_of_the_farm_can_run_it():
    assert why(snapshot_of(now=NOW, steps={"request": [[99, 1, 0, 0, 0]]})) == (Reason.NO_NODE, np.inf)


@pytest.mark.parametrize(
    ("state", "reason", "until"),
    [
        (NodeState.DOWN, Reason.NODES_DOWN, 900.0),
        (NodeState.WAKING, Reason.WAKING, 900.0),
        (NodeState.ASLEEP, Reason.WAKING, np.inf),
        (NodeState.DRAINING, Reason.NODES_DOWN, np.inf),
    ],
)
def test_the_nodes_are_not_up(state, reason, until):
    farm = snapshot_of(now=NOW, nodes={"node_class": [0], "state": [int(state)], "ready": [900.0]})
    assert why(farm) == (reason, until)


def test_all_licences_are_taken():
    farm = snapshot_of(now=NOW, steps={"licence": [0]}, licences=[0])
    assert why(farm)[0] == Reason.LICENCE


def test_the_client_is_at_its_limit():
    farm = snapshot_of(now=NOW, clients=clients_of(limit=[0.5]))
    assert why(farm, used=np.array([4.0]))[0] == Reason.LIMIT


def test_the_client_above_is_at_its_limit():
    clients = clients_of(limit=[0.5, 0.5], parent=[-1, 0])
    farm = snapshot_of(now=NOW, clients=clients, jobs={"client": [1]})
    assert why(farm, used=np.array([4.0, 0.0]))[0] == Reason.LIMIT


def test_room_is_kept_for_what_others_never_lend():
    farm = snapshot_of(now=NOW)
    assert why(farm, used=np.array([4.0]), most=np.array([4.0]))[0] == Reason.PARTITION


def test_a_frame_is_more_than_others_ever_leave():
    farm = snapshot_of(now=NOW, steps={"request": [[6, 1, 0, 0, 0]]})
    assert why(farm, most=np.array([4.0])) == (Reason.TOO_WIDE, np.inf)
    assert why(farm, most=np.array([6.0]), used=np.array([1.0]))[0] == Reason.PARTITION
    assert why(farm, kept=np.ones(1, bool))[0] == Reason.PARTITION


def test_a_frame_is_more_than_the_limit_of_its_client():
    farm = snapshot_of(now=NOW, clients=clients_of(limit=[0.5]), steps={"request": [[6, 1, 0, 0, 0]]})
    assert why(farm, most=np.array([4.0])) == (Reason.TOO_WIDE, np.inf)


def test_room_is_being_cleared_for_it():
    farm = snapshot_of(now=NOW)
    kept = Reservations(step=np.zeros(1, np.int64), ready=np.array([700.0]))
    assert why(farm, reservations=kept) == (Reason.RESERVATION, 700.0)


def test_a_cheaper_hour_comes():
    assert why(snapshot_of(now=NOW), held_until=np.array([3600.0])) == (Reason.CHEAPER_LATER, 3600.0)


def test_the_power_cap_is_reached():
    assert why(snapshot_of(now=NOW), capped=np.ones(1, bool))[0] == Reason.POWER_CAP


def test_what_is_held_for_a_cheaper_hour_does_not_wait_for_nodes_that_sleep_until_then():
    farm = snapshot_of(now=NOW, nodes={"node_class": [0], "state": [NodeState.ASLEEP]})

    assert why(farm, held_until=np.array([9000.0])) == (Reason.CHEAPER_LATER, 9000.0)
