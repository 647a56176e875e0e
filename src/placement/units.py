"""One unit per quantity: seconds, watts, joules, MiB; and the factors that bring foreign units to them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from placement.errors import InvalidInput

__all__ = ["MIB_PER_GIB", "Bools", "Floats", "Ints", "Joules", "MiB", "Seconds", "Watts", "factor", "quantity_of"]

Seconds: TypeAlias = float
Watts: TypeAlias = float
Joules: TypeAlias = float
MiB: TypeAlias = float

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

MIB_PER_GIB = 1024.0
_MIB = 1024.0**2

#: quantity -> unit -> how many of the quantity's own unit (the one with factor 1) it holds.
_FACTORS: dict[str, dict[str, float]] = {
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "memory": {
        "MiB": 1.0,
        "B": 1 / _MIB,
        "KiB": 1024 / _MIB,
        "kB": 1e3 / _MIB,
        "MB": 1e6 / _MIB,
        "GB": 1e9 / _MIB,
        "GiB": MIB_PER_GIB,
    },
    "power": {"W": 1.0, "mW": 1e-3, "kW": 1e3},
    "energy": {"J": 1.0, "kJ": 1e3, "Wh": 3600.0, "kWh": 3.6e6},
    "share": {"1": 1.0, "%": 0.01},
}


def quantity_of(unit: str) -> str:
    """Name the quantity that `unit` measures.

    Raises
    ------
    InvalidInput
        The unit is not known.

    Examples
    --------
    >>> quantity_of("GiB")
    'memory'
    """
    for quantity, units in _FACTORS.items():
        if unit in units:
            return quantity
    known = sorted(unit for units in _FACTORS.values() for unit in units)
    raise InvalidInput(f"unknown unit {unit!r}; known units are {known}")


def factor(source: str, target: str) -> float:
    """Return the number that turns a value in `source` units into `target` units.

    Raises
    ------
    InvalidInput
        A unit is unknown, or the two measure different quantities.

    Examples
    --------
    >>> factor("ms", "s")
    0.001
    >>> factor("GiB", "MiB")
    1024.0
    """
    quantity = quantity_of(source)
    if quantity_of(target) != quantity:
        raise InvalidInput(f"cannot turn {source!r} ({quantity}) into {target!r} ({quantity_of(target)})")
    return _FACTORS[quantity][source] / _FACTORS[quantity][target]
