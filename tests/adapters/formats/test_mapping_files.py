"""Mapping files are found by path or by name, and a wrong one is told."""

from __future__ import annotations

import pytest

from placement.adapters.formats import load_mapping, shipped_mappings
from placement.adapters.formats.mapping_files import fitting_mapping
from placement.errors import InvalidInput


def test_a_mapping_is_found_by_its_path_or_its_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[columns]\nrun_time = { from = "took" }\n', encoding="utf-8")

    assert load_mapping(path).needs == ("took",)
    assert load_mapping("renders") is shipped_mappings()["renders"]


def test_an_unknown_mapping_lists_the_shipped_ones():
    with pytest.raises(InvalidInput, match=r"no mapping 'rendres': .* one of \['blender_render_time', 'renders'\]"):
        load_mapping("rendres")


@pytest.mark.parametrize("raw", [b"[columns", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_told(tmp_path, raw):
    (tmp_path / "mine.toml").write_bytes(raw)

    with pytest.raises(InvalidInput, match=r"mine.toml is not a TOML file in UTF-8"):
        load_mapping(tmp_path / "mine.toml")


def test_only_a_single_fit_is_a_fit():
    renders, blender = (shipped_mappings()[name] for name in ("renders", "blender_render_time"))

    assert fitting_mapping(list(renders.needs)) is renders
    assert fitting_mapping([*renders.needs, *blender.needs]) is None
    assert fitting_mapping(["engine"]) is None
