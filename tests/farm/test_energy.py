"""Energy modes check themselves."""

import pytest

from placement.errors import InvalidInput
from placement.farm.energy import MODES, EnergyMode


def test_the_default_modes_allow_more_and_more_time() -> None:
    assert [mode.name for mode in MODES] == ["performance", "balanced", "eco"]
    assert [mode.slowdown for mode in MODES] == sorted(mode.slowdown for mode in MODES)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "x", "power_limit": 0.0}, "power limit 0.0"),
        ({"name": "x", "power_limit": 1.1}, "power limit 1.1"),
        ({"name": "x", "slowdown": -0.1}, "slowdown -0.1"),
        ({"name": "x", "slowdown": float("nan")}, "slowdown nan"),
    ],
)
def test_an_impossible_mode_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        EnergyMode(**values)  # type: ignore[arg-type]
