"""Commands that try many cases refuse to try none."""

from collections.abc import Callable

import pytest

from placement.testing import crashes, fuzz
from placement.testing.faults.__main__ import main as faults


@pytest.mark.parametrize("number", ["0", "-3", "1.5", "many"])
@pytest.mark.parametrize(
    ("command", "option"),
    [(faults, "--seeds"), (faults, "--jobs"), (fuzz.main, "--examples"), (crashes.main, "--runs")],
)
def test_no_case_is_no_success(
    command: Callable[[list[str]], int], option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command([option, number])

    assert f"{option}: '{number}' is not a whole number of 1 or more" in capsys.readouterr().err
