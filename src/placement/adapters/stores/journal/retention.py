"""What leaves a journal while its chain stays whole: bodies of high-volume kinds, names, old states.

Each of them is itself an entry. A writer that has the journal open finds its next append `Moved`, and reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlalchemy import Connection, delete, func, select, update

from placement.adapters.stores.journal.chain import GENESIS, hashed_state
from placement.adapters.stores.journal.entries import Entries
from placement.adapters.stores.journal.naming import storable
from placement.adapters.stores.journal.schema import events, names, states
from placement.adapters.stores.journal.store import Store, digest_at
from placement.errors import InvalidInput, NotFound, Refused
from placement.farm.facts import FACTS, BodiesDropped, NameRedacted
from placement.units import Seconds

__all__ = ["HIGH_VOLUME", "Rewrite", "compact", "drop_bodies", "redact"]

#: Kinds whose bodies are dropped unless others are named.
HIGH_VOLUME = ("AttemptProgressed",)
_NEEDED = {BodiesDropped.__name__, NameRedacted.__name__}

#: (state, name, pseudonym) -> the state with the pseudonym in place of the name.
Rewrite: TypeAlias = Callable[[bytes, str, str], bytes]


def drop_bodies(store: Store, entries: Entries, until: int, kinds: Sequence[str], *, at: Seconds, by: str) -> int:
    """Drop the bodies of entries up to `until`; see `SqlJournal.drop_bodies`."""
    if wrong := sorted(kind for kind in kinds if kind not in FACTS or kind in _NEEDED):
        raise InvalidInput(f"bodies of {', '.join(wrong)} are never dropped, or there is no such kind of fact")
    with store.writing() as (connection, head):
        kept = connection.execute(select(func.max(states.c.seq))).scalar() or 0
        if until > kept:
            raise Refused(
                f"bodies up to entry {until} cannot go: the youngest kept state is of entry {kept}, "
                "and what comes after it is read when a farm is opened"
            )
        gone = (
            events.c.seq <= until,
            events.c.kind.in_(kinds),
            events.c.key.is_(None),
            events.c.body.is_not(None),
        )
        first, last, count = connection.execute(
            select(func.min(events.c.seq), func.max(events.c.seq), func.count()).where(*gone)
        ).one()
        if not count:
            return 0
        connection.execute(update(events).where(*gone).values(body=None))
        # An older state would be folded on without what is gone now.
        connection.execute(delete(states).where(states.c.seq < last))
        fact = BodiesDropped(at=at, by=by, first=first, last=last, kinds=tuple(kinds))
        entries.write(connection, head, [fact])
        return int(count)


def redact(store: Store, entries: Entries, name: str, rewrite: Rewrite | None, *, at: Seconds, by: str) -> str:
    """Erase a name; see `SqlJournal.redact`."""
    storable("name", name)
    with store.writing() as (connection, head):
        found: str | None = connection.execute(select(names.c.pseudonym).where(names.c.name == name)).scalar()
        if found is None:
            raise NotFound(f"the journal has no client or user {name!r}")
        _redact_states(connection, name, found, rewrite)
        connection.execute(delete(names).where(names.c.pseudonym == found))
        entries.write(connection, head, [NameRedacted(at=at, by="" if by == name else by, pseudonym=found)])
    store.wipe()
    return found


def compact(store: Store) -> int:
    """Remove all kept states but the youngest; see `SqlJournal.compact`."""
    with store.writing() as (connection, _):
        youngest = select(func.max(states.c.seq)).scalar_subquery()
        removed = connection.execute(delete(states).where(states.c.seq < youngest)).rowcount
    store.reclaim()
    return int(removed)


def _redact_states(connection: Connection, name: str, hidden: str, rewrite: Rewrite | None) -> None:
    if rewrite is None:
        dropped = select(events.c.seq).where(events.c.kind == BodiesDropped.__name__).limit(1)
        if connection.execute(dropped).first() is not None:
            raise Refused(
                f"name {name!r} stands in kept states, which the journal cannot do without since bodies were "
                "dropped: give a function that rewrites them"
            )
        connection.execute(delete(states))
        return
    for seq, blob in connection.execute(select(states.c.seq, states.c.blob)).all():
        fresh = rewrite(blob, name, hidden)
        digest = hashed_state(digest_at(connection, seq) or GENESIS, fresh)
        connection.execute(update(states).where(states.c.seq == seq).values(blob=fresh, digest=digest))
