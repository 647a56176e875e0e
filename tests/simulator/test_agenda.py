"""Virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.simulator.agenda import Agenda


@given(events=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2))))
def test_events_come_by_time_then_priority_then_arrival(events: list[tuple[int, int]]) -> None:
    agenda: Agenda[tuple[int, int, int]] = Agenda()
    for arrival, (time, priority) in enumerate(events):
        agenda.add(time, (time, priority, arrival), priority)

    taken = [agenda.take() for _ in range(len(agenda))]

    assert taken == sorted(taken)
    assert not agenda.due()


@pytest.mark.parametrize("time", [1.0, float("nan")])
def test_the_past_cannot_be_planned(time: float) -> None:
    agenda: Agenda[str] = Agenda()
    agenda.add(2.0, "now")
    agenda.take()

    with pytest.raises(InvalidInput, match=r"before now, 2.0 s"):
        agenda.add(time, "late")
