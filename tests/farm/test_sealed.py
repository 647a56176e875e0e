"""Sealed tables: as long as each other, and read-only."""

from dataclasses import dataclass

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.farm.sealed import seal


@dataclass(frozen=True)
class Table:
    name: str
    left: np.ndarray
    right: np.ndarray


def test_columns_become_read_only_and_the_rest_is_left_alone() -> None:
    table = Table("a", np.zeros(2), np.zeros((2, 3)))

    seal(table, {"right": (2, 3)})

    assert not table.left.flags.writeable
    assert not table.right.flags.writeable
    assert table.name == "a"


@pytest.mark.parametrize("right", [np.zeros(3), np.zeros((2, 1)), np.zeros(())])
def test_a_column_of_another_shape_is_named(right: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"Table.right has shape .*, expected \(2,\)"):
        seal(Table("a", np.zeros(2), right))


def test_a_table_without_columns_is_fine() -> None:
    @dataclass(frozen=True)
    class Bare:
        name: str

    seal(Bare("a"))
