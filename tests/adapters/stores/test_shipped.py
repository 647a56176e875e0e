"""Shipped data is found in a checkout and in an installed package, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement.adapters.stores import shipped as module
from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput


def test_a_checkout_finds_its_data(repository: Path) -> None:
    assert shipped("data") == repository / "data"


def test_an_installed_package_looks_inside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "placement"
    (package / "_shipped" / "models").mkdir(parents=True)
    (tmp_path / "models").mkdir()

    monkeypatch.setattr(module, "_PACKAGE", package)

    assert shipped("models") == package / "_shipped" / "models"


@pytest.mark.parametrize("name", ["", "pyproject.toml", "../data", "/etc/passwd"])
def test_what_is_not_shipped_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="does not start with one of"):
        shipped(name)


def test_a_name_that_climbs_out_is_refused() -> None:
    with pytest.raises(InvalidInput, match="leads out of the shipped folders"):
        shipped("data/../pyproject.toml")


def test_an_absent_file_is_named() -> None:
    with pytest.raises(InvalidInput, match="nothing shipped under 'data/of-nobody'"):
        shipped("data/of-nobody")
