"""Clients check themselves: a forest of promises that can be kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.testing.planner_farms import clients_of


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"names": ["a", "a"]}, "must be unique"),
        ({"parent": [0]}, "parent 0 must be a row before its own"),
        ({"parent": [-1, 2, 0]}, "client 'client 1': parent 2"),
        ({"parent": [-2]}, "parent -2"),
        ({"guarantee": [-0.1]}, "guarantee -0.1"),
        ({"guarantee": [0.5], "limit": [0.4]}, "guarantee 0.5 and limit 0.4"),
        ({"limit": [1.1]}, "limit 1.1"),
        ({"guarantee": [np.nan]}, "guarantee nan"),
        ({"weight": [0.0]}, "weight 0 must be above 0"),
        ({"guarantee": [0.6, 0.6]}, "under the farm sum to 1.2, above 1"),
        ({"parent": [-1, 0, 0], "guarantee": [0.5, 0.3, 0.3]}, "under client 'client 0' sum to 0.6, above 0.5"),
    ],
)
def test_impossible_clients_are_refused(columns: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        clients_of(**columns)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8))
def test_guarantees_that_share_the_whole_farm_are_taken(parts: list[float]) -> None:
    shares = np.array(parts) / sum(parts)

    clients = clients_of(guarantee=np.minimum(shares, 1.0))

    assert clients.count == len(parts)
    assert not clients.guarantee.flags.writeable
