"""Whose guarantee should have been back by now."""

from __future__ import annotations

import numpy as np

from placement.farm.clients import Lending
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.rules import Rules
from placement.units import Bools

__all__ = ["overdue"]


def overdue(farm: FarmSnapshot, rules: Rules) -> Bools:
    """Tell of which steps a client, theirs or one above it, is short of its guarantee for too long, ``(steps,)``.

    As `Clients.short_since` says: under PREEMPT so long that it must be back by the next decision, under NEVER and
    STATIC for an interval. Under FRAME it is back when frames end, however long that takes.

    Examples
    --------
    >>> from placement.testing.planner_farms import clients_of, snapshot_of
    >>> never = clients_of(guarantee=[0.5], lending=[int(Lending.NEVER)], short_since=[10.0])
    >>> overdue(snapshot_of(now=20.0, clients=never), Rules()).tolist()
    [False]
    >>> overdue(snapshot_of(now=40.0, clients=never), Rules()).tolist()
    [True]
    """
    clients, interval = farm.clients, rules.interval
    back = np.where(clients.lending == Lending.PREEMPT, np.maximum(clients.reclaim - interval, 0.0), interval)
    since = np.where(np.isnan(clients.short_since), np.inf, clients.short_since)
    late = (clients.lending != Lending.FRAME) & (farm.now - since >= back)
    for row, parent in enumerate(clients.parent.tolist()):
        late[row] |= parent >= 0 and late[parent]
    return np.asarray(late[farm.jobs.client[farm.steps.job]])
