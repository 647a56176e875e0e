"""What starts where: clients' caps, prices, reservations and backfill, by named cases and on random farms."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.farm.machines import NodeState
from placement.scheduling.dispatching import Dispatch
from placement.scheduling.plan import Reason
from placement.scheduling.pricing import Prices
from placement.scheduling.reserving import NONE, Reservations
from placement.scheduling.shares import used
from placement.testing.planner_farms import classes_of, clients_of, cost_of, snapshot_of
from placement.testing.random_farms import random_snapshot

TWO = {"node_class": [0, 1]}


def dispatch(farm, cost, *, step=None, ready=None, drain=None, **rest):
    nodes, classes = farm.nodes.count, len(farm.classes.names)
    kept = Reservations(
        step=np.full(nodes, NONE) if step is None else np.array(step),
        ready=np.full(nodes, np.inf) if ready is None else np.array(ready, float),
    )
    prices = Prices(
        price=farm.classes.worth.astype(float),
        plain=farm.classes.worth.astype(float),
        drain=np.zeros(classes) if drain is None else np.array(drain, float),
        share=np.zeros((farm.steps.count, classes)),
    )
    modes = rest.get("modes", np.zeros((farm.steps.count, classes), np.int64))
    order, danger = np.arange(farm.steps.count), np.full(farm.steps.count, rest.get("danger", False))
    return Dispatch(farm, cost, prices, kept, modes, order, used(farm), danger, overdue=rest.get("overdue"))


def everything(farm):
    return np.full(farm.clients.count, farm.worth())


def test_a_step_goes_where_its_priced_node_seconds_are_least():
    farm = snapshot_of(classes=classes_of(names=["a", "b"]), nodes=TWO)
    one = dispatch(farm, cost_of(farm, [[60.0, 50.0]]))
    one.fill(everything(farm), Reason.SHARE)
    starts = one.starts()
    assert starts.node.tolist() == [1]
    assert starts.alternative[0] > starts.score[0]


def test_the_patient_wait_for_a_much_better_class_and_the_impatient_for_a_short_queue_only():
    farm = snapshot_of(classes=classes_of(names=["slow", "fast"]), nodes={"node_class": [0, 1]}, steps={"waiting": [9]})
    cost = cost_of(farm, [[100.0, 40.0]])
    for drain, expected in (([0, 30.0], 8), ([0, 70.0], 9)):
        one = dispatch(farm, cost, drain=drain)
        one.fill(everything(farm), Reason.SHARE)
        assert len(one.starts().step) == 8
        one.fill(everything(farm), Reason.IDLE, dearest=np.inf)
        assert len(one.starts().step) == expected


def test_a_better_class_that_sleeps_is_waited_for_no_longer_than_it_takes_to_wake():
    classes = classes_of(names=["asleep", "up"], wake_seconds=[120.0, 120.0])
    for seconds, started in ((150.0, [1]), (170.0, [])):
        farm = snapshot_of(classes=classes, nodes={**TWO, "state": [NodeState.ASLEEP, NodeState.UP]})
        one = dispatch(farm, cost_of(farm, [[40.0, seconds]]))

        one.fill(everything(farm), Reason.IDLE)
        one.fill(everything(farm), Reason.IDLE, dearest=np.inf)

        assert one.starts().node.tolist() == started
        assert one.wanted().tolist() == [[True, bool(started)]]


def test_a_client_stays_within_its_cap_and_its_parents():
    clients = clients_of(parent=[-1, 0])
    farm = snapshot_of(clients=clients, jobs={"client": [1]}, steps={"waiting": [9]}, nodes={"node_class": [0, 0]})
    one = dispatch(farm, cost_of(farm))
    one.fill(np.array([3.0, 16.0]), Reason.SHARE)
    assert len(one.starts().step) == 3
    assert one.used.tolist() == [3.0, 3.0]


def test_licences_are_counted():
    farm = snapshot_of(steps={"waiting": [9], "licence": [0]}, licences=[2])
    one = dispatch(farm, cost_of(farm))
    one.fill(everything(farm), Reason.SHARE)
    assert len(one.starts().step) == 2


def test_a_wide_frame_starts_on_the_node_kept_for_it_and_others_do_not():
    steps = {"request": [[1, 1024, 0, 0, 0], [8, 1024, 0, 0, 0]], "waiting": [9, 1]}
    farm = snapshot_of(steps=steps)
    one = dispatch(farm, cost_of(farm), step=[1], ready=[0.0])
    one.fill(everything(farm), Reason.SHARE)
    assert len(one.starts().step) == 0
    one.reserved(everything(farm))
    starts = one.starts()
    assert starts.step.tolist() == [1]
    assert starts.reason.tolist() == [Reason.RESERVED]


def test_backfill_ends_before_the_node_is_needed():
    steps = {"request": [[1, 1024, 0, 0, 0]] * 2 + [[8, 1024, 0, 0, 0]], "waiting": [1, 2, 1]}
    farm = snapshot_of(steps=steps)
    cost = cost_of(farm, [[90.0], [60.0], [60.0]], spread=[0.1] * 3, common=[0.2] * 3)
    one = dispatch(farm, cost, step=[2], ready=[85.0])
    one.backfill(everything(farm))
    starts = one.starts()
    assert starts.step.tolist() == [1, 1]
    assert set(starts.reason.tolist()) == {Reason.BACKFILL}


def test_warm_nodes_go_first():
    nodes = {"node_class": [0, 0, 0], "warm_job": [-1, 0, -1]}
    farm = snapshot_of(nodes=nodes, steps={"startup": [20.0]})
    one = dispatch(farm, cost_of(farm, warmth=1.0))
    one.fill(everything(farm), Reason.SHARE)
    assert one.starts().node.tolist() == [1]


def test_the_mode_of_step_and_class_is_taken():
    classes = classes_of(speed=[[1.0, 0.5]], draw=[[1.0, 0.4]])
    farm = snapshot_of(classes=classes)
    one = dispatch(farm, cost_of(farm), modes=np.array([[1]]))
    one.fill(everything(farm), Reason.SHARE)
    assert one.starts().mode.tolist() == [1]


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_nothing_is_overbooked_on_random_farms(seed):
    farm, cost = random_snapshot(seed)
    caps = np.random.default_rng(seed).uniform(0, 1, farm.clients.count) * farm.worth()
    before = used(farm)
    one = dispatch(farm, cost)
    one.fill(caps, Reason.SHARE)
    one.fill(caps, Reason.IDLE, dearest=np.inf)
    starts = one.starts()
    free = farm.nodes.free.copy()
    np.subtract.at(free, starts.node, farm.steps.request[starts.step])
    assert (free >= -1e-6).all()
    assert (np.bincount(starts.step, minlength=farm.steps.count) <= farm.steps.waiting).all()
    assert np.isfinite(cost.seconds[starts.step, farm.nodes.node_class[starts.node]]).all()
    assert (one.used <= np.maximum(caps, before) + 1e-6).all()


def test_calm_work_pays_no_more_than_it_may_to_end_sooner():
    farm = snapshot_of(classes=classes_of(names=["slow", "fast"]), nodes={"node_class": [0, 1]}, steps={"waiting": [9]})
    cost = cost_of(farm, [[100.0, 40.0]])
    for dearest, started in ((2.0, 8), (3.0, 9)):
        one = dispatch(farm, cost, drain=[0, 70.0])
        one.fill(everything(farm), Reason.SHARE)
        one.fill(everything(farm), Reason.IDLE, dearest=dearest)
        assert len(one.starts().step) == started
        assert one.wanted(dearest).tolist() == [[dearest > 2.5, True]]
        assert one.wanted(np.array([np.inf])).tolist() == [[True, True]]


def test_whose_clients_may_take_one_frame_more_is_told():
    farm = snapshot_of(
        clients=clients_of(guarantee=[0.25, 0.5]), jobs={"client": [0, 1]}, steps={"job": [0, 1], "waiting": [9, 9]}
    )
    one = dispatch(farm, cost_of(farm))
    assert one.within(np.array([2.0, 0.5])).tolist() == [True, False]
    one.fill(np.array([2.0, 0.5]), Reason.GUARANTEED)
    assert one.within(np.array([2.0, 4.0])).tolist() == [False, True]


def test_work_on_gpus_goes_before_what_would_take_the_cores_beside_them_unless_that_is_in_danger():
    offer = [[8, 65536, 0, 0, 0], [8, 65536, 1, 16384, 0]]
    farm = snapshot_of(
        classes=classes_of(offer=offer, worth=[8.0, 8.0]), nodes=TWO,
        steps={"job": [0, 1], "waiting": [16, 1], "request": [[1, 1024, 0, 0, 0], [1, 1024, 1, 1024, 0]]},
    )  # fmt: skip
    cost = cost_of(farm, [[60.0, 60.0], [np.inf, 60.0]])
    for danger, started in ((False, [15, 1]), (True, [16, 0])):
        one = dispatch(farm, cost, danger=danger)
        one.fill(np.full(farm.clients.count, np.inf), Reason.SHARE)
        assert np.bincount(one.starts().step, minlength=2).tolist() == started


def test_what_is_owed_for_too_long_starts_where_it_ends_later_than_where_it_is_best():
    farm = snapshot_of(classes=classes_of(names=["slow", "fast"]), nodes=TWO, steps={"waiting": [9]})
    for overdue, dearest, expected in (([False], np.inf, 8), ([True], np.inf, 9), ([True], 2.0, 8)):
        one = dispatch(farm, cost_of(farm, [[100.0, 40.0]]), overdue=np.array(overdue))
        one.fill(everything(farm), Reason.GUARANTEED, dearest=dearest)

        assert len(one.starts().step) == expected
