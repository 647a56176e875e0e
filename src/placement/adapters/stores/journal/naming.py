"""Names of clients and users: the journal's bodies hold pseudonyms, a table of its own tells who is behind them.

A pseudonym is a hash over the name and a salt of its own. Who changes the table is found out, and when the row is
deleted nothing leads from the pseudonym to the name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from sqlalchemy import Connection, insert, select

from placement.adapters.stores.journal.schema import names
from placement.adapters.stores.journal.store import in_parts
from placement.errors import InvalidInput
from placement.farm.facts import ClientSet, Decided, Fact, JobSubmitted

__all__ = [
    "NOBODY",
    "Salt",
    "looks_hidden",
    "named",
    "names_behind",
    "names_in",
    "pseudonym",
    "pseudonyms_of",
    "storable",
]

#: Makes 16 bytes that nobody can guess.
Salt: TypeAlias = Callable[[], bytes]

#: What stands for no person in `Fact.by`; written as it is.
NOBODY = frozenset({"", "planner", "engine", "controller"})

_LONGEST = 500
_SURROGATE = re.compile("[\ud800-\udfff]")


def pseudonym(name: str, salt: bytes) -> str:
    """Return the pseudonym of a name.

    Examples
    --------
    >>> pseudonym("mia", b"0123456789abcdef")
    '~974a3ad346a6433eec8f460ec3f92cfb'
    """
    return "~" + hashlib.sha256(salt + name.encode()).hexdigest()[:32]


def looks_hidden(name: str) -> bool:
    """Return whether a name may be a pseudonym."""
    return name[:1] == "~"


def names_in(fact: Fact) -> set[str]:
    """Return the names, or pseudonyms, of clients and users that a fact holds.

    Examples
    --------
    >>> sorted(names_in(ClientSet(at=0.0, by="mia", name="film", parent="studio")))
    ['film', 'mia', 'studio']
    >>> names_in(Fact(at=0.0, by="planner"))
    set()
    """
    found = {fact.by}
    if isinstance(fact, ClientSet):
        found |= {fact.name, fact.parent}
    elif isinstance(fact, JobSubmitted):
        found.add(fact.job.client)
    elif isinstance(fact, Decided):
        found.update(fact.history, fact.short_since)
    return found - NOBODY


def named(fact: Fact, others: Mapping[str, str]) -> Fact:
    """Return the fact with other names.

    Examples
    --------
    >>> named(Fact(at=0.0, by="mia"), {"mia": "~1"})
    Fact(at=0.0, by='~1')
    """
    by = others.get(fact.by, fact.by)
    if isinstance(fact, ClientSet):
        return replace(fact, by=by, name=others.get(fact.name, fact.name), parent=others.get(fact.parent, fact.parent))
    if isinstance(fact, JobSubmitted):
        client = fact.job.client
        return replace(fact, by=by, job=replace(fact.job, client=others.get(client, client)))
    if isinstance(fact, Decided):
        history = {others.get(client, client): value for client, value in fact.history.items()}
        short = {others.get(client, client): value for client, value in fact.short_since.items()}
        return replace(fact, by=by, history=history, short_since=short)
    return replace(fact, by=by)


def storable(what: str, value: object) -> None:
    """Check that a name or a key can be stored in any database.

    Raises
    ------
    InvalidInput
        It cannot.
    """
    if not isinstance(value, str):
        raise InvalidInput(f"{what} {value!r} must be a string")
    if len(value) > _LONGEST or "\0" in value or (not value.isascii() and _SURROGATE.search(value)):
        raise InvalidInput(f"{what} {value[:80]!r} must have at most {_LONGEST} characters that can be encoded, no NUL")


def pseudonyms_of(connection: Connection, wanted: Iterable[str], salt: Salt) -> dict[str, str]:
    """Return the pseudonym of every name; names that have none get one.

    Raises
    ------
    InvalidInput
        A name cannot be stored.
    """
    listed = sorted(wanted)
    for name in listed:
        storable("name", name)
    found: dict[str, str] = {}
    for part in in_parts(listed):
        rows = connection.execute(select(names.c.name, names.c.pseudonym).where(names.c.name.in_(part)))
        found.update((one[0], one[1]) for one in rows)
    for name in listed:
        if name not in found:
            grain = salt()
            found[name] = pseudonym(name, grain)
            connection.execute(insert(names).values(pseudonym=found[name], name=name, salt=grain))
    return found


def names_behind(connection: Connection, hidden: Iterable[str]) -> dict[str, str]:
    """Return the name behind every pseudonym that still has one."""
    found: dict[str, str] = {}
    for part in in_parts(hidden):
        rows = connection.execute(select(names.c.pseudonym, names.c.name).where(names.c.pseudonym.in_(part)))
        found.update((one[0], one[1]) for one in rows)
    return found
