"""Checks of single values that a user gave: kind, range and spelling; whatever comes, only `InvalidInput` goes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from math import inf

from placement.errors import InvalidInput

__all__ = [
    "FARTHEST",
    "MOST_NAME",
    "MOST_NAMES",
    "MOST_TEXT",
    "choice",
    "close_to",
    "many",
    "mapping",
    "noun",
    "number",
    "several",
    "shown",
    "text",
    "whole",
]

#: Frame numbers lie between this and its negative; what is counted does not exceed it.
FARTHEST = 2**31 - 1
#: Steps, arguments, tags, dependencies of one step, entries of a mapping.
MOST_NAMES = 100_000
#: Characters in one text: a name, an argument, a path.
MOST_TEXT = 100_000
#: Characters in what a journal looks things up by: keys, names of clients and users.
MOST_NAME = 500
_SHOWN = 80


def shown(value: object) -> str:
    """Return a value as a message shows it: short, and whatever it is.

    Examples
    --------
    >>> shown("sh010"), shown(float("nan"))
    ("'sh010'", 'nan')
    >>> shown(10**5000)
    'a whole number of 16610 bits'
    """
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a whole number of {value.bit_length()} bits"
    try:
        said = repr(value)
    except Exception:  # a stranger's object, or one nested too deeply
        return f"something of type {type(value).__name__}"
    said = said.encode("utf-8", "backslashreplace").decode()
    return said if len(said) <= _SHOWN else said[: _SHOWN - 1] + "…"


def close_to(name: str, known: Collection[str]) -> str:
    """Return what somebody may have meant, to be put behind the name in a message; empty: nothing is close.

    Examples
    --------
    >>> close_to("lgiht", ["light", "comp"])
    " (did you mean 'light'?)"
    >>> close_to("x", ["light", "comp"])
    ''
    """
    close = get_close_matches(name[:_SHOWN], known, n=1)
    return f" (did you mean {shown(close[0])}?)" if close else ""


def text(value: object, where: str, *, empty: bool = False, without: str = "", most: int = MOST_TEXT) -> str:
    """Return a text that can be stored and handed to a program.

    Parameters
    ----------
    where
        Path to the value, as the message begins.
    empty
        Whether it may be empty.
    without
        Characters that it must not hold.
    most
        Characters that it may have.

    Raises
    ------
    InvalidInput
        It is no text, empty, too long, or holds a NUL, half of a surrogate pair or one of `without`.

    Examples
    --------
    >>> text("a/b", "job.name", without="/")
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: job.name: 'a/b' must not hold '/'
    """
    if not isinstance(value, str):
        raise InvalidInput(f"{where}: must be a text, got {shown(value)}")
    if not empty and not value.strip():
        raise InvalidInput(f"{where}: must not be empty, got {shown(value)}")
    if len(value) > most:
        raise InvalidInput(f"{where}: {len(value):,} characters, expected at most {most:,}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as wrong:
            raise InvalidInput(f"{where}: {shown(value)} is no valid Unicode ({wrong.reason})") from wrong
    for each in "\0" + without:
        if each in value:
            raise InvalidInput(f"{where}: {shown(value)} must not hold {each!r}")
    return value


def number(value: object, where: str, low: float = 0.0, high: float = 1e15, *, above: bool = False) -> float:
    """Return a finite number in ``[low, high]``, or in ``(low, high]`` if it must lie `above` the lower bound.

    Raises
    ------
    InvalidInput
        It is no number, not finite or outside.

    Examples
    --------
    >>> number(float("nan"), "job.importance", above=True)
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: job.importance: must be a number above 0, got nan
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if (low < value if above else low <= value) and value <= high:
            return value
        if low < value < inf:
            raise InvalidInput(f"{where}: {shown(value)} is too large, expected at most {high:g}")
    least = f" {'above' if above else '>='} {low:g}" if low > -1e15 else ", finite"
    raise InvalidInput(f"{where}: must be a number{least}, got {shown(value)}")


def whole(value: object, where: str, low: int, high: int) -> int:
    """Return a whole number in ``[low, high]``.

    Raises
    ------
    InvalidInput
        It is no whole number, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidInput(f"{where}: must be a whole number from {low:,} to {high:,}, got {shown(value)}")
    return value


def choice(value: object, where: str, kind: type[Enum]) -> None:
    """Refuse what is no member of an enumeration; its value as a text is none either.

    Raises
    ------
    InvalidInput
        It is not.
    """
    if not isinstance(value, kind):
        known = ", ".join(f"{kind.__name__}.{each.name}" for each in kind)
        raise InvalidInput(f"{where}: must be one of {known}, got {shown(value)}")


def noun(value: object, where: str, kind: type) -> None:
    """Refuse what is not of a class.

    Raises
    ------
    InvalidInput
        It is not.
    """
    if not isinstance(value, kind):
        raise InvalidInput(f"{where}: must be a {kind.__name__}, got {shown(value)}")


def many(value: object, where: str, most: int) -> tuple[object, ...]:
    """Return a tuple of at most `most` values; a list is none, as it could change later.

    Raises
    ------
    InvalidInput
        It is no tuple, or too long.
    """
    if not isinstance(value, tuple):
        raise InvalidInput(f"{where}: must be a tuple, got {shown(value)}")
    if len(value) > most:
        raise InvalidInput(f"{where}: {len(value):,} of them, expected at most {most:,}")
    return value


def several(value: object, where: str, most: int) -> tuple[object, ...]:
    """Return what a sequence of at most `most` values holds; a text is none.

    Raises
    ------
    InvalidInput
        It is no sequence, or too long.

    Examples
    --------
    >>> several([1, 2], "tasks", 10)
    (1, 2)
    >>> several(3, "tasks", 10)
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: tasks: must be a sequence, got 3
    """
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidInput(f"{where}: must be a sequence, got {shown(value)}")
    try:
        count = len(value)
    except OverflowError:  # a range longer than memory
        count = FARTHEST + 1
    if count > most:
        raise InvalidInput(f"{where}: more than {most:,} of them, got {shown(value)}")
    return tuple(value)


def mapping(value: object, where: str, most: int) -> Mapping[object, object]:
    """Return a mapping of at most `most` entries.

    Raises
    ------
    InvalidInput
        It is none, or too long.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: must be a mapping, got {shown(value)}")
    if len(value) > most:
        raise InvalidInput(f"{where}: {len(value):,} entries, expected at most {most:,}")
    return value
