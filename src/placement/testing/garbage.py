"""Input that nobody should send: values of every kind, jobs as they should be, and jobs that were damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from math import inf, nan
from random import Random
from typing import Any

import numpy as np

from placement.farm.jobs import After, Checkpoint, Frames, Preview, Requirements, Waits

__all__ = ["Hostile", "damaged", "damaged_noun", "job_data", "odd", "odd_text"]

_TEXTS = (
    "", " ", "a", "light", "lgiht", "sh010", "a/b", "/", "//", "a//b", "show/seq010", "\0", "a\0b", "\ud800", "é🎬",
    "\n", "{", "}", "{}", "{{", "{frame}", "{frmae}", "{{frame}}", "{frame:04}", "{node:04}", "{frame:}", "{spp}",
    "{a.b}", "{frame!r}", "{0}", "{frame:099}", "{frame:0999}", "all", "same", "none", "resumes", "nan", "1", "-1",
    "1e999", "'; DROP TABLE entry; --", "$(reboot)", "../../etc", "\u202e", "a" * 300,
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 2, 3, 7, 10, 255, 2**31 - 1, 2**31, -(2**31), 2**63, -(2**63) - 1, 10**16, 10**400, -(10**5000), True,
    False,     0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e15, 1e16, 1.7e308, nan, inf, -inf,
)  # fmt: skip
_STEPS = ("light", "comp", "sim", "cache", "publish")


class Hostile:
    """Something that fails at whatever is asked of it."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __bool__(self) -> bool:
        raise RuntimeError("no")


_ENDLESS: list[Any] = []
_ENDLESS.append(_ENDLESS)
_THINGS: tuple[Callable[[], Any], ...] = (
    lambda: None, list, dict, tuple, set, object, Hostile, lambda: b"light", lambda: [1, 2], lambda: ("light",),
    lambda: {"a": 1}, lambda: {1: 2}, lambda: {"light": Hostile()}, lambda: _ENDLESS, lambda: np.int64(3),
    lambda: np.float64(nan), lambda: np.zeros(3), lambda: 1j, lambda: range(3), lambda: Waits.ANY, lambda: Waits,
    lambda: Checkpoint.RESUMES, lambda: Frames(last=7), lambda: After(step="light"), Requirements, Preview,
    lambda: "x" * 100_001, lambda: (None, "a", 3), lambda: (Hostile(),), lambda: (After(waits=Waits.PREVIOUS),),
)  # fmt: skip


def odd_text(chance: Random) -> str:
    """Return a text: a name that is known, one that nearly is, one that hurts, or noise."""
    if chance.random() < 0.9:
        return chance.choice(_TEXTS)
    return "".join(chr(chance.randrange(0x300)) for _ in range(chance.randrange(12)))


def odd(chance: Random) -> Any:
    """Return a value of any kind."""
    kind = chance.random()
    if kind < 0.35:
        return odd_text(chance)
    if kind < 0.65:
        return chance.choice(_NUMBERS)
    return chance.choice(_THINGS)()


def job_data(chance: Random) -> dict[str, Any]:
    """Return a job that is as it should be, as plain data."""
    names = _STEPS[: chance.randint(1, len(_STEPS))]
    steps = [_step(chance, names[:row], name) for row, name in enumerate(names)]
    job: dict[str, Any] = {"name": f"sh{chance.randrange(1000):03}", "client": "film", "steps": steps}
    if chance.random() < 0.3:
        job |= {"group": "show/seq010/sh0040", "release": 100.0, "deadline": 200.0, "notes": {"by": "td"}}
        job["milestones"] = [{"name": "wip", "step": names[0], "due": 150.0}]
    if chance.random() < 0.2:
        job["after"] = [{"group": "show/seq010"}, {"job": "sh999x"}]
    return job


def _step(chance: Random, before: tuple[str, ...], name: str) -> dict[str, Any]:
    last = chance.randint(1, 50)
    step: dict[str, Any] = {"name": name, "frames": {"first": 1, "last": last, "chunk": chance.randint(1, 8)}}
    step["command"] = ["render", "-f", "{first}", "{last}"]
    if before and chance.random() < 0.8:
        step["after"] = [{"step": chance.choice(before), "waits": chance.choice(("all", "same", "any", "previous"))}]
    if chance.random() < 0.3:
        step["requirements"] = {"cores": 4, "memory": 8192.0, "gpus": 1, "gpu_memory": 4096, "tags": ["linux"]}
        step |= {"quality": {"spp": 64}, "outputs": ["a.{frame:04}.exr"], "formats": ["exr"], "budget": 2}
    if chance.random() < 0.2:
        step |= {"checkpoint": "resumes", "checkpoint_seconds": 60.0, "timeout": 3600, "preview": {"every": 4}}
    return step


def damaged(chance: Random, data: Any) -> Any:
    """Return plain data with one place changed: replaced, removed, doubled, or under another key."""
    if chance.random() < 0.25 or not isinstance(data, dict | list) or not data:
        return odd(chance)
    if isinstance(data, dict):
        return _damaged_mapping(chance, data)
    place = chance.randrange(len(data))
    kind = chance.random()
    if kind < 0.1:
        return [*data[:place], *data[place + 1 :]]
    if kind < 0.2:
        return [*data, data[place]]
    return [*data[:place], damaged(chance, data[place]), *data[place + 1 :]]


def _damaged_mapping(chance: Random, data: dict[Any, Any]) -> dict[Any, Any]:
    key = chance.choice(list(data))
    kind = chance.random()
    if kind < 0.08:
        return {name: each for name, each in data.items() if name is not key}
    if kind < 0.16:
        return data | {odd_text(chance): data[key]}
    if kind < 0.2:
        return data | {chance.choice((None, 3, nan, (), b"name")): odd(chance)}
    return data | {key: damaged(chance, data[key])}


def damaged_noun(chance: Random, noun: Any) -> Any:
    """Return a frozen noun (a job, say) of which a field, or one of a noun within, is something else.

    Raises
    ------
    InvalidInput
        The noun refuses it at birth.
    """
    names = [field.name for field in fields(noun)]
    name = chance.choice(names)
    value = getattr(noun, name)
    if is_dataclass(value) and chance.random() < 0.8:
        value = damaged_noun(chance, value)
    elif isinstance(value, tuple) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        each = damaged_noun(chance, value[place]) if is_dataclass(value[place]) else odd(chance)
        value = (*value[:place], each, *value[place + 1 :])
    elif isinstance(value, dict) and chance.random() < 0.5:
        value = value | {odd_text(chance): odd(chance)}
    else:
        value = odd(chance)
    return type(noun)(**{each: getattr(noun, each) for each in names} | {name: value})
