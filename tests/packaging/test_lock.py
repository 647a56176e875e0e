"""The lock file pins what pyproject.toml asks for, with hashes and without naming anybody's index."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

packaging = pytest.importorskip("packaging.requirements")


@pytest.fixture(scope="module")
def pinned(repository: Path) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for line in (repository / "requirements.lock").read_text().splitlines():
        if found := re.match(r"([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", line):
            pins.setdefault(found[1], set()).add(found[2])
    return pins


def test_every_declared_dependency_is_pinned_within_its_range(repository: Path, pinned: dict[str, set[str]]) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]

    asked = [packaging.Requirement(text) for text in declared if not text.startswith(project["name"])]

    assert [str(each) for each in asked if not pinned.get(each.name)] == []
    outside = [str(each) for each in asked for version in pinned[each.name] if not each.specifier.contains(version)]
    assert outside == []


def test_every_pin_has_a_hash(repository: Path, pinned: dict[str, set[str]]) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (repository / "requirements.lock").read_text())

    assert [block.splitlines()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block] == []


def test_no_index_is_named(repository: Path) -> None:
    lock = (repository / "requirements.lock").read_text()

    assert not re.search(r"https?://|file:|--(extra-)?index-url \S|--find-links", lock)
