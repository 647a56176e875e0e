"""Jobs as plain data, such as JSON or TOML hold, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, TypeAlias

from placement.errors import InvalidInput
from placement.farm.given import MOST_NAMES, choice, close_to, mapping, shown
from placement.farm.graph import check
from placement.farm.jobs import After, Checkpoint, Frames, Job, Milestone, Preview, Requirements, Step, Waits

__all__ = ["Plain", "as_data", "job_of"]

#: What JSON can hold.
Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None

_Noun: TypeAlias = type[Any]

#: Fields that are nouns, tuples of nouns, and enumerations.
_NOUNS: Mapping[str, _Noun] = {"frames": Frames, "requirements": Requirements, "preview": Preview}
_LISTS: Mapping[str, _Noun] = {"steps": Step, "after": After, "milestones": Milestone}
_CHOICES: Mapping[str, type[Enum]] = {"waits": Waits, "checkpoint": Checkpoint}
_TUPLES = ("command", "outputs", "formats", "tags")
_MAPPINGS = ("quality", "notes")
_FIELDS: Mapping[_Noun, Mapping[str, Field[Any]]] = {
    noun: {field.name: field for field in fields(noun)}
    for noun in (After, Frames, Job, Milestone, Preview, Requirements, Step)
}


def job_of(data: Mapping[str, object]) -> Job:
    """Make a job of plain data, and `check` it.

    Keys are the names of the fields; lists stand for tuples, values of enumerations for their members.

    Raises
    ------
    InvalidInput
        A key is unknown or missing, or the job is refused; the message begins with the path to the fault.

    Examples
    --------
    >>> job = job_of({"name": "sh010", "client": "film", "steps": [{"name": "light", "frames": {"last": 10}}]})
    >>> job.steps[0].frames.tasks
    10
    >>> job_of({"name": "sh010", "client": "film", "steps": [{"name": "light", "framse": {"last": 10}}]})
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: job 'sh010': steps[0] 'light': unknown key 'framse' (did you mean 'frames'?); \
known are after, budget, checkpoint, checkpoint_seconds, command, formats, frames, job_type, name, outputs, preview, \
quality, requirements, seconds, timeout
    """
    job = _noun(Job, data, "job")
    assert isinstance(job, Job)
    check(job)
    return job


def as_data(job: Job) -> dict[str, Plain]:
    """Return a job as plain data; what is as the default is left out.

    Examples
    --------
    >>> as_data(Job(name="sh010", client="film", steps=(Step(name="light", frames=Frames(last=10)),)))
    {'name': 'sh010', 'client': 'film', 'steps': [{'name': 'light', 'frames': {'last': 10}}]}
    """
    return _plain_noun(job)


def _noun(kind: _Noun, data: object, where: str) -> object:
    if isinstance(data, kind):
        return data
    given = mapping(data, where, MOST_NAMES)
    if "name" in given:
        where = f"{where} {shown(given['name'])}"
    known = _FIELDS[kind]
    _check_keys(given, known, where)
    values = {name: _value(name, given[name], f"{where}: {name}") for name in known if name in given}
    try:
        return kind(**values)
    except InvalidInput as wrong:
        raise InvalidInput(f"{where}: {str(wrong).removeprefix('frames: ')}") from wrong


def _check_keys(given: Mapping[object, object], known: Mapping[str, Field[Any]], where: str) -> None:
    for key in given:
        if not isinstance(key, str) or key not in known:
            hint = close_to(key, known) if isinstance(key, str) else ""
            raise InvalidInput(f"{where}: unknown key {shown(key)}{hint}; known are {', '.join(sorted(known))}")
    for name, field in known.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise InvalidInput(f"{where}: {name} is not given")


def _value(name: str, value: object, where: str) -> object:
    if name in _NOUNS:
        return None if value is None and name == "preview" else _noun(_NOUNS[name], value, where)
    if name in _LISTS:
        return tuple(_noun(_LISTS[name], each, f"{where}[{row}]") for row, each in enumerate(_listed(value, where)))
    if name in _TUPLES:
        return tuple(_listed(value, where))
    if name in _MAPPINGS:
        return dict(mapping(value, where, MOST_NAMES))
    if name in _CHOICES:
        return _choice(value, where, _CHOICES[name])
    return value


def _listed(value: object, where: str) -> Collection[object]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{where}: must be a list, got {shown(value)}")
    return value


def _choice(value: object, where: str, kind: type[Enum]) -> object:
    if isinstance(value, str):
        known = {str(each.value): each for each in kind}
        if value not in known:
            raise InvalidInput(
                f"{where}: {shown(value)} is unknown{close_to(value, known)}; known are {', '.join(known)}"
            )
        return known[value]
    choice(value, where, kind)
    return value


def _plain_noun(noun: object) -> dict[str, Plain]:
    said: dict[str, Plain] = {}
    for name, field in _FIELDS[type(noun)].items():
        value = getattr(noun, name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if default is MISSING or value != default or type(value) is not type(default):
            said[name] = _plain(value)
    return said


def _plain(value: Any) -> Plain:
    if type(value) in _FIELDS:
        return dict(_plain_noun(value))
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    plain: Plain = value.value if isinstance(value, Enum) else value
    return plain
