"""Clients of the state as the planner's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from placement.control.nouns_farm import Client
from placement.errors import InvalidInput
from placement.farm.clients import Clients, Lending

__all__ = ["clients_of", "in_order"]


def in_order(clients: Mapping[str, Client]) -> list[Client]:
    """Return clients, parents before children.

    Raises
    ------
    InvalidInput
        A client is under itself.

    Examples
    --------
    >>> [each.name for each in in_order({"b": Client(name="b", parent="a"), "a": Client(name="a")})]
    ['a', 'b']
    """
    placed: dict[str, Client] = {}
    for client in clients.values():
        chain: list[Client] = []
        while client.name not in placed:
            if client in chain:
                raise InvalidInput(f"client {client.name!r} is under itself: {[each.name for each in chain]}")
            chain.append(client)
            if not client.parent:
                break
            client = clients[client.parent]
        placed |= {each.name: each for each in reversed(chain)}
    return list(placed.values())


def clients_of(clients: Sequence[Client]) -> Clients:
    """Return the columns of some clients, parents first.

    Raises
    ------
    InvalidInput
        Their terms do not fit together.
    """
    rows = {client.name: row for row, client in enumerate(clients)}
    return Clients(
        names=tuple(rows),
        parent=np.array([rows[client.parent] if client.parent else -1 for client in clients], np.int64),
        guarantee=np.array([client.guarantee for client in clients], float),
        limit=np.array([client.limit for client in clients], float),
        weight=np.array([client.weight for client in clients], float),
        lending=np.array([Lending[client.lending.upper()] for client in clients], np.int64),
        reclaim=np.array([client.reclaim for client in clients], float),
        history=np.array([client.history for client in clients], float),
        short_since=np.array(
            [np.inf if client.short_since is None else client.short_since for client in clients], float
        ),
    )
