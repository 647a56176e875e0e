"""Late work delays no deadline that can be met; deadlines count by worth where nothing is to spare."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.admission import Admission, admit
from placement.scheduling.bottlenecks import Bottlenecks
from placement.scheduling.turns import SPARE, turns, weighed


def chosen(work: list[float], due: list[float], value: list[float], hopeless: list[bool] | None = None) -> Admission:
    jobs = len(work)
    sets = Bottlenecks(
        room=np.ones(1), work=np.array([work]), variance=np.zeros((1, jobs)), client=np.array([-1]),
        classes=np.ones((1, 1), bool),
    )  # fmt: skip
    none = np.zeros(jobs, bool)
    return admit(sets, np.array(due), none if hopeless is None else np.array(hopeless), np.array(value), none)


def test_a_late_job_uses_the_room_that_deadlines_leave():
    found = chosen([6.0, 5.0, 2.0], [10.0, 10.0, 13.0], [3.0, 1.0, 3.0])

    assert found.given_up.tolist() == [False, True, False]
    assert turns(found, np.ones(3)).tolist() == [10.0, 11.0, 13.0]


def test_a_late_job_that_fits_nowhere_comes_last():
    found = chosen([6.0, 9.0, 6.0], [10.0, 10.0, 13.0], [3.0, 1.0, 3.0])

    assert turns(found, np.ones(3))[1] == 21.0


def test_the_more_important_late_job_goes_first():
    found = chosen([2.0, 2.0], [-5.0, -5.0], [1.0, 1.0], [True, True])

    assert turns(found, np.array([1.0, 4.0])).tolist() == [4.0, 2.0]


def test_a_job_that_is_late_even_alone_goes_on():
    found = chosen([1.0, 8.0], [-50.0, 20.0], [1.0, 1.0], [True, False])

    assert turns(found, np.ones(2)).tolist() == [1.0, 20.0]


def test_jobs_without_a_deadline_have_no_turn():
    assert np.isinf(turns(chosen([1.0], [np.inf], [1.0]), np.ones(1))).all()


jobs = st.lists(st.tuples(st.floats(0.1, 50.0), st.floats(0.1, 100.0), st.floats(0.1, 9.0)), min_size=1, max_size=90)


@given(jobs)
def test_no_deadline_that_can_be_met_is_missed_for_late_work(drawn):
    work, due, value = map(list, zip(*drawn, strict=True))
    found = chosen(work, due, value)

    turn = turns(found, np.array(value))

    order = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.array(work)[order])
    assert (ends <= turn[order] * (1 + 1e-6) + 1e-6).all()
    assert (turn[~found.given_up] == np.array(due)[~found.given_up]).all()


def test_where_nothing_is_to_spare_what_is_worth_more_for_its_work_counts_as_due_sooner():
    found = chosen([4.0, 4.0, 8.0], [30.0, 30.0, 30.0], [2.0, 6.0, 8.0])

    by = weighed(np.full(3, 30.0), found, np.zeros(3), np.array([4.0, 4.0, 8.0]))

    assert by.tolist() == [60.0, 20.0, 30.0]


def test_a_deadline_that_was_given_up_or_has_passed_counts_as_it_is():
    found = chosen([9.0, 1.0, 9.0], [10.0, 10.0, 10.0], [1.0, 9.0, 9.0])
    within = np.array([12.0, -5.0, 12.0])

    assert found.given_up.tolist() == [True, False, False]
    assert weighed(within, found, np.zeros(3), np.array([9.0, 1.0, 9.0]))[:2].tolist() == [12.0, -5.0]


@given(jobs, st.floats(-1.0, 1.0))
def test_deadlines_count_by_worth_within_bounds_and_less_the_more_there_is_to_spare(drawn, spare):
    work, due, value = (np.array(column) for column in zip(*drawn, strict=True))
    found = chosen(list(work), list(due), list(value))

    by, at_ease = (weighed(due, found, np.full(len(due), each), work) for each in (spare, max(spare, SPARE)))

    assert (at_ease == due).all()
    assert (by >= due / 4.5 - 1e-9).all()
    assert (by <= due * 4.5 + 1e-9).all()
    assert (
        np.abs(np.log(by / due)) <= np.abs(np.log(weighed(due, found, np.zeros(len(due)), work) / due)) + 1e-9
    ).all()
    kept = np.flatnonzero(~found.given_up)
    order = kept[np.argsort(-(value / work)[kept], kind="stable")]
    assert (np.diff((by / due)[order]) >= -1e-9).all()


def test_a_deadline_counts_less_by_worth_the_further_beyond_half_a_day_it_is():
    for hours, times in ((6.0, 4.0), (12.0, 4.0), (24.0, 2.0), (48.0, 2**0.5)):
        found = chosen([4.0, 4.0], [hours * 3600] * 2, [1.0, 7.0])
        by = weighed(np.full(2, hours * 3600), found, np.zeros(2), np.array([4.0, 4.0]))
        assert by[0] == pytest.approx(hours * 3600 * times)
