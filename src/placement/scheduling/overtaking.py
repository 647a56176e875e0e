"""Who may have room cleared: whose turn it is, and who waits because of its size while work that ranks lower begins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["first_ones", "in_turn", "overtaken", "owed"]

_SOON = 300.0  #: seconds of the farm's work; docs/urgency.md has others


def first_ones(order: Ints, pressing: Bools) -> Bools:
    """Tell which steps in `order` come before the first of those that are `pressing`, shape ``(steps,)``.

    Parameters
    ----------
    order
        Rows of steps, first ones first.
    pressing
        Narrow steps in danger, shape ``(steps,)``: room that is cleared keeps them waiting.

    Examples
    --------
    >>> first_ones(np.array([3, 0, 1]), np.array([True, True, False, False])).tolist()
    [False, False, False, True]
    """
    first = np.zeros(len(pressing), bool)
    first[order] = ~np.logical_or.accumulate(pressing[order])
    return first


def in_turn(order: Ints, seconds: Floats) -> Bools:
    """Tell of which steps the farm is through with all that waits before them in five minutes, ``(steps,)``.

    Parameters
    ----------
    order
        Rows of the steps that may start something, first ones first; of the others it is not the turn.
    seconds
        That the whole farm takes for what waits of each step, shape ``(steps,)``.

    Examples
    --------
    >>> in_turn(np.array([2, 0, 1]), np.array([200.0, 200.0, 200.0, 0.0])).tolist()
    [True, False, True, False]
    """
    turn = np.zeros(len(seconds), bool)
    turn[order] = np.cumsum(seconds[order]) - seconds[order] <= _SOON
    return turn


def overtaken(farm: FarmSnapshot, able: Bools, key: Floats, claim: Bools) -> Bools:
    """Tell of which steps work that ranks lower has begun since they wait, where they could have run.

    A wide frame behind work that is more urgent than it is waits for its turn, as any other does, and room that is
    cleared for it is lost. One that others pass does not find a place, and never will. Within a client the order of
    work is all that counts. Between clients guarantees count besides: others overtake only who is `owed` room.

    Parameters
    ----------
    able
        Where steps can run, shape ``(steps, classes)``.
    key
        As `Ranking.key`, shape ``(steps,)``.
    claim
        Who has one on others' room: what `owed` says, shape ``(steps,)``.

    Returns
    -------
    Bools
        Shape ``(steps,)``.

    Examples
    --------
    The second step ranks first and waits since 0 s; of the first a frame began at 50 s.

    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm = snapshot_of(now=90.0, steps={"waiting": [9, 9], "since": [50.0, 0.0]},
    ...                    attempts={"node": [0], "step": [0], "started": [50.0]})
    >>> able, nobody = np.ones((2, 1), bool), np.zeros(2, bool)
    >>> overtaken(farm, able, np.array([1.0, 0.0]), nobody).tolist()
    [False, True]
    >>> overtaken(farm, able, np.array([0.0, 1.0]), nobody).tolist()
    [False, False]
    """
    client = farm.jobs.client[farm.steps.job]
    by_client = np.lexsort((key, client))
    bounds = np.searchsorted(client[by_client], np.arange(farm.clients.count + 1)).tolist()
    passed = _passed(farm, able, by_client, bounds)
    if claim.any():
        passed |= claim & _passed(farm, able, np.argsort(key, kind="stable"), [0, farm.steps.count])
    return passed


def owed(farm: FarmSnapshot, guaranteed: Floats, used: Floats, patience: Seconds) -> Bools:
    """Tell which steps have a right to room before others' work, whatever ranks first, shape ``(steps,)``.

    Those of clients that hold nothing, or lack a frame of it, or half, of what they are guaranteed; and all that waited
    for `patience`.

    Parameters
    ----------
    guaranteed, used
        Worth that clients are guaranteed and hold, shape ``(clients,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm = snapshot_of(now=9000.0, steps={"waiting": [1, 1], "since": [8000.0, 1000.0]})
    >>> owed(farm, np.array([2.0]), np.array([2.0]), 3600.0).tolist()
    [False, True]
    >>> owed(farm, np.array([2.0]), np.array([0.5]), 3600.0).tolist()
    [True, True]
    """
    there, client = farm.capacity() > 0, farm.jobs.client[farm.steps.job]
    worth = np.where(there, farm.share_of_node() * farm.classes.worth, np.inf).min(axis=1, initial=np.inf)
    lacks = np.minimum(worth, guaranteed[client] / 2) <= (guaranteed - used)[client]
    return np.asarray(lacks | (farm.now - farm.steps.since >= patience))


def _passed(farm: FarmSnapshot, able: Bools, order: Ints, bounds: list[int]) -> Bools:
    """Tell of which steps one behind, between the same two of `bounds` in `order`, has begun since, ``(steps,)``."""
    place, passed = np.empty(len(order), np.int64), np.empty(len(order), bool)
    place[order] = np.arange(len(order))
    latest = np.full((len(order), able.shape[1]), -np.inf)
    at = place[farm.attempts.step], farm.nodes.node_class[farm.attempts.node]
    np.maximum.at(latest, at, farm.attempts.started)
    for first, last in pairwise(bounds):
        behind = np.maximum.accumulate(latest[first + 1 : last][::-1], axis=0)[::-1]
        latest[first : max(last - 1, first)] = behind
        latest[max(last - 1, first) : last] = -np.inf
    passed[order] = (able[order] & (latest > farm.steps.since[order, None])).any(axis=1)
    return passed
