from __future__ import annotations

import os
import sys

import pytest

from benchmarks import alone, speed, timed
from benchmarks.registry import BENCHMARKS
from placement.errors import InvalidInput


def test_every_speed_that_is_promised_has_its_function():
    names = [each.where.split(":")[1] for each in BENCHMARKS if each.where.startswith("benchmarks.speed:")]

    assert sorted(names) == sorted(speed.__all__)


def test_a_child_that_fails_says_why():
    with pytest.raises(InvalidInput, match="no such thing"):
        speed._measured(["-c", "raise SystemExit('no such thing')"])
    with pytest.raises(InvalidInput, match="nor this"):
        alone.run("-c", "raise SystemExit('nor this')")


def test_the_peak_memory_of_a_child_is_told_after_its_end():
    filled = "block = bytearray(900 << 20); block[::4096] = b'1' * len(block[::4096]); print('held-out 3')"

    seconds, gib, told = speed._measured(["-c", filled])

    assert seconds > 0
    assert 0.85 < gib < 1.2
    assert told == "held-out 3"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its cores")
def test_cores_are_given_back():
    before = os.sched_getaffinity(0)

    with alone.cores(1):
        assert len(os.sched_getaffinity(0)) == 1

    assert os.sched_getaffinity(0) == before


def test_the_node_table_has_as_many_classes_as_promised():
    assert timed.node_table()["node_class"].nunique() == timed.CLASSES
