"""Facts as JSON text and back: of every fact its kind, its version and its body are stored.

A body is plain JSON of the fact's fields. Numbers that JSON has no word for (infinite, not a number) stand beside it::

    {"~": [["outlooks", "job-1", 0, "inf"]], "fact": {…}}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from placement.errors import IncompatibleJournal, InvalidInput, Tampered
from placement.farm.facts import FACTS, Fact, Kind
from placement.farm.given import shown

__all__ = ["UPGRADES", "Codec", "Upgrade"]

Upgrade: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

#: (kind, version) -> what turns a body of that version into one of the next.
UPGRADES: Mapping[tuple[str, int], Upgrade] = MappingProxyType({})

_MARK = '{"~":'
_REFUSED = (TypeError, ValueError, OverflowError, RecursionError)


class Codec:
    """Writes facts down and reads them back, whatever version of this package wrote them.

    Parameters
    ----------
    kinds
        Kind -> class.
    upgrades
        (kind, version) -> what turns a body of that version into one of the next.

    Examples
    --------
    >>> from placement.farm.facts import JobPaused
    >>> codec = Codec()
    >>> codec.encode(JobPaused(at=5.0, by="mia", job="job-1"))
    ('JobPaused', 1, '{"at":5.0,"by":"mia","job":"job-1"}')
    >>> codec.decode("JobPaused", 1, '{"at":5.0,"by":"mia","job":"job-1"}')
    JobPaused(at=5.0, by='mia', job='job-1')
    """

    def __init__(
        self, kinds: Mapping[str, Kind] = FACTS, upgrades: Mapping[tuple[str, int], Upgrade] = UPGRADES
    ) -> None:
        self._kinds = kinds
        self._upgrades = upgrades
        self._write = msgspec.json.Encoder(enc_hook=_plain).encode
        self._read: dict[tuple[str, int], Callable[[str], Fact]] = {
            (name, kind.version): msgspec.json.Decoder(kind).decode for name, kind in kinds.items()
        }

    def encode(self, fact: Fact) -> tuple[str, int, str]:
        """Return kind, version and body of a fact.

        Raises
        ------
        InvalidInput
            The fact holds something that could not be read back.
        """
        kind = type(fact).__name__
        read = self._read.get((kind, fact.version))
        if read is None or type(fact) is not self._kinds[kind]:
            raise InvalidInput(f"{kind!r} is no kind of fact that a journal keeps; it keeps {', '.join(self._kinds)}")
        try:
            body = self._write(fact).decode()
            if not _reads_back(read, body, fact):
                body = self._marked(fact)
        except _REFUSED as wrong:
            raise InvalidInput(f"{shown(fact)} cannot be written down: {wrong}") from wrong
        return kind, fact.version, body

    def decode(self, kind: str, version: int, body: str) -> Fact:
        """Return the fact, upgraded to the version of today.

        Raises
        ------
        IncompatibleJournal
            A later version of this package wrote it.
        Tampered
            The body is no fact of its kind.
        """
        read = self._read.get((kind, version))
        try:
            if read is not None and not body.startswith(_MARK):
                return read(body)
            return msgspec.convert(self._upgraded(kind, version, _unmarked(body)), self._kinds[kind])
        except (ValueError, TypeError, LookupError, AttributeError) as wrong:
            if isinstance(wrong, IncompatibleJournal):
                raise
            raise Tampered(f"a body is no {kind} of version {version}: {wrong}; it is {body[:200]!r}") from wrong

    def _upgraded(self, kind: str, version: int, fields: dict[str, Any]) -> dict[str, Any]:
        known = self._kinds.get(kind)
        if known is None:
            raise IncompatibleJournal(f"fact of kind {kind!r}: not known here, a later release wrote it")
        if version > known.version:
            raise IncompatibleJournal(
                f"fact of kind {kind!r} has version {version}, this release reads up to {known.version}"
            )
        for older in range(version, known.version):
            if (kind, older) not in self._upgrades:
                raise IncompatibleJournal(f"fact of kind {kind!r}: this release cannot read version {older}")
            fields = self._upgrades[kind, older](fields)
        return fields

    def _marked(self, fact: Fact) -> str:
        """Write a fact with numbers that JSON has no word for."""
        fields = msgspec.to_builtins(fact, enc_hook=_plain)
        marks = [[*path, repr(value)] for path, value in _unusual(fields)]
        body = self._write({"~": marks, "fact": fields}).decode()
        again = msgspec.to_builtins(msgspec.convert(_unmarked(body), type(fact)))
        if not marks or repr(again) != repr(msgspec.to_builtins(msgspec.convert(fields, type(fact)))):
            raise InvalidInput("it would be read back as another fact")
        return body


def _plain(value: object) -> object:
    """Return the plain form of what a caller may use instead of it, such as NumPy's numbers."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"{shown(value)} is a {type(value).__name__}, expected a number, a string, a tuple or a mapping")


def _reads_back(read: Callable[[str], Fact], body: str, fact: Fact) -> bool:
    try:
        return bool(read(body) == fact)
    except msgspec.ValidationError:
        return False


def _unusual(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """Yield every number in a tree that is not finite, with the way to it."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _unusual(part, (*path, key))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _unusual(part, (*path, index))


def _unmarked(body: str) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(body)
    if not body.startswith(_MARK):
        return content
    fields: dict[str, Any] = content["fact"]
    for *way, last, value in content["~"]:
        place: Any = fields
        for step in way:
            place = place[step]
        place[last] = float(value)
    return fields
