"""Late work goes where it delays no deadline that can be met, most important for its work first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from placement.scheduling.admission import Admission, admit
from placement.scheduling.bottlenecks import Bottlenecks
from placement.scheduling.turns import turns


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


jobs = st.lists(
    st.tuples(st.floats(0.1, 50.0), st.floats(0.1, 100.0), st.floats(0.1, 9.0)), min_size=1, max_size=90
)


@given(jobs)
def test_no_deadline_that_can_be_met_is_missed_for_late_work(drawn):
    work, due, value = map(list, zip(*drawn, strict=True))
    found = chosen(work, due, value)

    turn = turns(found, np.array(value))

    order = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.array(work)[order])
    assert (ends <= turn[order] * (1 + 1e-6) + 1e-6).all()
    assert (turn[~found.given_up] == np.array(due)[~found.given_up]).all()
