"""Mapping files: TOML from a path, or one of those this package ships."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from placement.errors import InvalidInput
from placement.telemetry.mapping import Mapping
from placement.telemetry.mapping_file import mapping_from

__all__ = ["fitting_mapping", "load_mapping", "shipped_mappings"]


@cache
def shipped_mappings() -> dict[str, Mapping]:
    """Return the mappings that this package ships, by name.

    Examples
    --------
    >>> sorted(shipped_mappings())
    ['blender_render_time', 'renders']
    """
    folder = files("placement.adapters.formats").joinpath("mappings")
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return {each.name.removesuffix(".toml"): _parsed(each.read_bytes(), each.name) for each in found}


def load_mapping(mapping: str | Path) -> Mapping:
    """Return the mapping in a TOML file, or the shipped one of that name.

    Raises
    ------
    InvalidInput
        No such file or name, not TOML, or a declaration that is wrong; the message names file, key and value.
    """
    path = Path(mapping)
    if path.is_file():
        return _parsed(path.read_bytes(), str(path))
    if str(mapping) in shipped_mappings():
        return shipped_mappings()[str(mapping)]
    raise InvalidInput(f"no mapping {str(mapping)!r}: neither a file nor one of {sorted(shipped_mappings())}")


def fitting_mapping(names: list[str]) -> Mapping | None:
    """Return the one shipped mapping whose columns all are among `names`; None where none or several fit."""
    fitting = [each for each in shipped_mappings().values() if set(each.needs) <= set(names)]
    return fitting[0] if len(fitting) == 1 else None


def _parsed(raw: bytes, name: str) -> Mapping:
    try:
        content = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise InvalidInput(f"{name} is not a TOML file in UTF-8: {wrong}") from wrong
    return mapping_from(content, where=name)
