"""A mapping from its TOML content: every key and value checked, every complaint naming where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence, Set
from typing import Any

from placement.errors import InvalidInput
from placement.telemetry.canonical import extra_columns
from placement.telemetry.features import Feature
from placement.telemetry.mapping import Mapping, Rule
from placement.telemetry.schema import COLUMNS, Column
from placement.units import factor

__all__ = ["mapping_from"]

_TOP = ("about", "columns", "features")
_SOURCE = {"from": "rename", "constant": "constant", "product": "product", "join": "join"}
_RULE = (*_SOURCE, "unit", "pattern", "values", "otherwise", "time", "separator", "optional")
_FEATURE = ("scale", "per_node", "increasing")
_SCALES = ("log", "linear", "category", "flag")
_SCHEMA = {each.name: each for each in COLUMNS}


def mapping_from(content: Dict[str, Any], *, where: str) -> Mapping:
    """Return the mapping that `content`, a parsed TOML file, declares.

    Parameters
    ----------
    where
        Name of the file, for complaints and as the mapping's name.

    Raises
    ------
    InvalidInput
        A key is unknown, a value is of the wrong kind, a unit does not fit.

    Examples
    --------
    >>> mapping = mapping_from({"columns": {"run_time": {"from": "ms", "unit": "ms"}}}, where="mine.toml")
    >>> mapping.rules[0].scale
    0.001
    """
    _known(content, _TOP, where)
    columns = _table(content, "columns", where)
    features = _table(content, "features", where)
    for name in columns:
        if name not in _SCHEMA:
            raise InvalidInput(
                f"{where}: columns.{name} is not a schema column; declare it under features, "
                f"or use one of {sorted(_SCHEMA)}"
            )
    declared = tuple(_feature(name, spec, f"{where}: features.{name}") for name, spec in features.items())
    targets = _SCHEMA | {each.name: each for each in extra_columns(declared)}
    rules = [_rule(targets[name], spec, f"{where}: columns.{name}", _RULE) for name, spec in columns.items()]
    rules += [
        _rule(targets[name], spec, f"{where}: features.{name}", (*_RULE, *_FEATURE)) for name, spec in features.items()
    ]
    _refuse_leaks(rules, {each.name for each in declared}, where)
    return Mapping(name=where, rules=tuple(rules), features=declared)


def _refuse_leaks(rules: Sequence[Rule], features: Set[str], where: str) -> None:
    """Complain of a feature that is read from a column in which something measured stands."""
    measured = {
        source: rule.target
        for rule in rules
        if rule.target in _SCHEMA and _SCHEMA[rule.target].role == "measured"
        for source in rule.sources
    }
    for rule in rules:
        for source in rule.sources:
            if rule.target in features and source in measured:
                raise InvalidInput(
                    f"{where}: features.{rule.target} is read from {source!r}, which is the measured "
                    f"{measured[source]}; expected columns known before the render"
                )


def _feature(name: str, spec: Any, where: str) -> Feature:
    spec = _is(spec, dict, where, "a table")
    scale = spec.get("scale")
    if scale not in _SCALES:
        raise InvalidInput(f"{where}.scale is {scale!r}; expected one of {_SCALES}")
    flags = {
        key: _is(spec.get(key, False), bool, f"{where}.{key}", "true or false") for key in ("per_node", "increasing")
    }
    unit = _is(spec.get("unit", ""), str, f"{where}.unit", "a unit")
    feature = Feature(name=name, scale=scale, unit=unit, **flags)
    try:
        extra_columns([feature])
    except InvalidInput as wrong:
        raise InvalidInput(f"{where}.unit: {wrong}") from wrong
    return feature


def _rule(target: Column, spec: Any, where: str, known: tuple[str, ...]) -> Rule:
    spec = _is(spec, dict, where, "a table")
    _known(spec, known, where)
    chosen = [key for key in _SOURCE if key in spec]
    if len(chosen) != 1:
        raise InvalidInput(f"{where} has {chosen or 'none'} of {list(_SOURCE)}; expected exactly one")
    values = _is(spec.get("values", {}), dict, f"{where}.values", "a table of text to text")
    for key, value in values.items():
        _is(value, str, f"{where}.values.{key}", "text")
    return Rule(
        target=target.name,
        sources=_sources(spec, chosen[0], where),
        how=_SOURCE[chosen[0]],
        constant=spec.get("constant"),
        separator=_is(spec.get("separator", "/"), str, f"{where}.separator", "text"),
        pattern=_pattern(spec.get("pattern"), f"{where}.pattern"),
        values=values,
        otherwise=_optional_text(spec.get("otherwise"), f"{where}.otherwise"),
        scale=_scale(target, spec.get("unit"), f"{where}.unit"),
        time=_optional_text(spec.get("time"), f"{where}.time"),
        optional=_is(spec.get("optional", False), bool, f"{where}.optional", "true or false"),
    )


def _sources(spec: Dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    if key == "constant":
        _is(spec[key], (str, int, float), f"{where}.constant", "text, a number, true or false")
        return ()
    if key == "from":
        return (_is(spec[key], str, f"{where}.from", "the name of a column"),)
    names = _is(spec[key], list, f"{where}.{key}", "a list of column names")
    if len(names) < 2 or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"{where}.{key} is {names!r}; expected a list of two or more column names")
    return tuple(names)


def _pattern(pattern: Any, where: str) -> str | None:
    if pattern is None:
        return None
    try:
        groups = re.compile(_is(pattern, str, where, "a regular expression")).groups
    except re.error as wrong:
        raise InvalidInput(f"{where} is {pattern!r}, not a regular expression: {wrong}") from wrong
    if groups != 1:
        raise InvalidInput(f"{where} is {pattern!r} with {groups} groups; expected one, the value")
    return str(pattern)


def _scale(target: Column, unit: Any, where: str) -> float:
    if unit is None:
        return 1.0
    if not target.unit:
        raise InvalidInput(f"{where} is {unit!r}, but {target.name} has no unit")
    try:
        return factor(_is(unit, str, where, "a unit"), target.unit)
    except InvalidInput as wrong:
        raise InvalidInput(f"{where}: {wrong}") from wrong


def _optional_text(value: Any, where: str) -> str | None:
    return None if value is None else str(_is(value, str, where, "text"))


def _table(content: Dict[str, Any], key: str, where: str) -> dict[str, Any]:
    return dict(_is(content.get(key, {}), dict, f"{where}: {key}", "a table"))


def _known(spec: Dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in spec:
        if key not in known:
            raise InvalidInput(f"{where} has unknown key {key!r}; expected some of {list(known)}")


def _is(value: Any, kind: type | tuple[type, ...], where: str, expected: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidInput(f"{where} is {value!r}; expected {expected}")
    return value
