"""Streams of chance."""

from __future__ import annotations

import pytest

from placement.errors import InvalidInput
from placement.simulator.streams import stream


def test_a_stream_is_its_seed_and_name_and_nothing_else() -> None:
    _ = stream(3, "faults").random(5)

    assert (stream(3, "arrivals").random(4) == stream(3, "arrivals").random(4)).all()
    assert (stream(3, "arrivals").random(4) != stream(4, "arrivals").random(4)).all()


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="seed -1 is negative"):
        stream(-1, "arrivals")
