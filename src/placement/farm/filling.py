"""Commands and outputs of a task: placeholders filled in, argument by argument, no shell anywhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from placement.errors import InvalidInput
from placement.farm.given import close_to
from placement.farm.jobs import Step

__all__ = ["PLACEHOLDERS", "check_placeholders", "fill"]

#: Placeholders of every step; names of its `quality` come beside them.
PLACEHOLDERS = ("frame", "first", "last", "frames", "attempt", "node")

# Doubled braces are themselves; braces around anything but a name are left alone, so that `{}` and `{"a": 1}` survive.
_FIELD = re.compile(r"\{\{([^\W\d][\w.-]*(?::[^{}]*)?)\}\}|\{([^\W\d][\w.-]*)(?::([^{}]*))?\}")
_PADDED = re.compile(r"0([1-9][0-9]?)d?", re.ASCII)
_NUMBERS = ("frame", "first", "last", "attempt")


def check_placeholders(text: str, where: str, quality: Collection[str]) -> None:
    """Refuse placeholders that nobody fills in.

    Parameters
    ----------
    text
        An argument or a path, such as ``"beauty.{frame:04}.exr"``; ``{{name}}`` stands for ``{name}`` itself.
    where
        Path to it, as the message begins.
    quality
        Names that are filled in beside `PLACEHOLDERS`.

    Raises
    ------
    InvalidInput
        A name is unknown, or something else than a whole number is to be padded.

    Examples
    --------
    >>> check_placeholders("-f {frmae}", "command[1]", ())
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: command[1]: unknown placeholder '{frmae}' (did you mean 'frame'?); known are \
frame, first, last, frames, attempt, node
    """
    if "{" not in text:
        return
    for found in _FIELD.finditer(text):
        name, padding = found[2], found[3]
        if name is None:
            continue
        if name not in PLACEHOLDERS and name not in quality:
            known = [*PLACEHOLDERS, *sorted(quality)]
            raise InvalidInput(
                f"{where}: unknown placeholder {'{' + name + '}'!r}{close_to(name, known)}; "
                f"known are {', '.join(known)}"
            )
        if padding is not None and (name not in _NUMBERS or not _PADDED.fullmatch(padding)):
            raise InvalidInput(
                f"{where}: {found[0]!r}: only {', '.join(_NUMBERS)} can be padded, to 1 to 99 digits such as "
                "'{frame:04}'; write '{{' and '}}' for braces themselves"
            )


def fill(step: Step, task: int, attempt: int, node: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the command of an attempt and the files that it must write.

    ``{frame}`` and ``{first}`` are the first frame of the task, ``{last}`` the last, ``{frames}`` all of them with
    commas between. An output that names ``{frame}`` is one file for each frame.

    Parameters
    ----------
    step
        As `placement.farm.graph.check` let it pass.
    task
        Counted from 0.

    Raises
    ------
    InvalidInput
        There is no such task, or a placeholder is unknown.

    Examples
    --------
    >>> from placement.farm.jobs import Frames
    >>> step = Step(
    ...     name="light",
    ...     frames=Frames(first=1, last=4, chunk=2),
    ...     command=("render", "-s", "{first}", "-e", "{last}", "--spp={samples}", "a scene; rm -rf {{x}}.blend"),
    ...     outputs=("light.{frame:04}.exr",),
    ...     quality={"samples": 64},
    ... )
    >>> command, outputs = fill(step, 1, 7, "node1")
    >>> command
    ('render', '-s', '3', '-e', '4', '--spp=64', 'a scene; rm -rf {x}.blend')
    >>> outputs
    ('light.0003.exr', 'light.0004.exr')
    """
    frames = step.frames.of(task)
    known: dict[str, int | str] = {name: _said(value) for name, value in step.quality.items()}
    known |= {"first": frames[0], "last": frames[-1], "attempt": attempt, "node": node}
    known |= {"frame": frames[0], "frames": ",".join(map(str, frames))}
    command = tuple(_filled(each, known) for each in step.command)
    outputs: dict[str, None] = {}
    for each in step.outputs:
        for frame in frames if _names_frame(each) else frames[:1]:
            outputs[_filled(each, known | {"frame": frame})] = None
    return command, tuple(outputs)


def _names_frame(text: str) -> bool:
    return any(found[2] == "frame" for found in _FIELD.finditer(text))


def _said(value: float | int | str | bool) -> str:
    """Write a value as JSON would: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(text: str, known: Mapping[str, int | str]) -> str:
    if "{" not in text:
        return text

    def of(found: re.Match[str]) -> str:
        if found[1] is not None:
            return "{" + found[1] + "}"
        check_placeholders(found[0], "placeholder", known)
        value, padding = known[found[2]], found[3]
        return str(value) if padding is None else format(int(value), "0" + padding.strip("d").lstrip("0"))

    return _FIELD.sub(of, text)
