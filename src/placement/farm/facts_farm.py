"""Facts about the farm as a whole: who leads, clients, rules, licences, the journal itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from placement.farm.facts_common import Fact
from placement.units import Seconds

__all__ = ["BodiesDropped", "ClientSet", "Elected", "LicencesSet", "NameRedacted", "PolicySet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elected(Fact):
    """A process leads from now on; attempts of earlier terms are the farm's, orders of earlier terms are void."""

    term: int
    leader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSet(Fact):
    """A client, or its terms, are new. Fields as in `placement.farm.clients.Clients`; `parent` is a name."""

    name: str
    parent: str = ""
    guarantee: float = 0.0
    limit: float = 1.0
    weight: float = 1.0
    lending: str = "frame"
    reclaim: Seconds = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet(Fact):
    """The farm's rules, by the names of `placement.scheduling.rules.Rules`, and ``power_cap`` in W."""

    rules: Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicencesSet(Fact):
    """How many of a licence there are."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRedacted(Fact):
    """The name behind a pseudonym was erased; the journal holds the pseudonym alone."""

    pseudonym: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BodiesDropped(Fact):
    """What facts of some kinds said was dropped by retention, entries `first` to `last`; their hashes stay."""

    first: int
    last: int
    kinds: tuple[str, ...]
