"""A client's name taken out of a stored state, as it was taken out of the journal."""

from __future__ import annotations

from dataclasses import replace

from placement.control.nouns import JobEntry
from placement.control.state import FarmState

__all__ = ["renamed"]


def renamed(packed: bytes, name: str, pseudonym: str) -> bytes:
    """Return a dumped state in which a client, and every trace of its name, is called by its pseudonym.

    It is the state that folding the journal gives after `placement.farm.facts.NameRedacted`.

    Raises
    ------
    JournalError
        The bytes are no state.

    Examples
    --------
    >>> from placement.farm.facts import ClientSet
    >>> state = FarmState()
    >>> state.apply(ClientSet(at=0.0, name="film"))
    >>> list(FarmState.load(renamed(state.dump(), "film", "~1")).clients)
    ['~1']
    """
    state = FarmState.load(packed)

    def told(found: str) -> str:
        return pseudonym if found == name else found

    for client in state.clients.values():
        client.name, client.parent = told(client.name), told(client.parent)
    state.clients = {client.name: client for client in state.clients.values()}
    for past in state.past.values():
        past.client = told(past.client)
    entries = (*state.jobs.values(), *(past.entry for past in state.past.values() if past.entry is not None))
    for entry in entries:
        if entry.job.client == name:
            _rename(entry, pseudonym)
    for attempt in state.attempts.values():
        attempt.client = told(attempt.client)
    return state.dump()


def _rename(entry: JobEntry, pseudonym: str) -> None:
    entry.job, entry.whole = replace(entry.job, client=pseudonym), replace(entry.whole, client=pseudonym)
