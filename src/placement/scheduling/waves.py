"""How many frames of a step begin at once: those that follow each other on a node load its scene once.

A frame that begins where another of its job just ended finds the scene loaded; one that begins beside it, on another
node, loads it anew. A step that takes all the room there is loads its scene on as many nodes as it has frames. One that
can wait takes a part, goes on there in waves, and leaves the rest to others that do the same.
"""

from __future__ import annotations

import numpy as np

from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.plan import Outlooks
from placement.scheduling.ranking import Ranking
from placement.scheduling.rules import Rules
from placement.units import Floats, Ints

__all__ = ["abreast", "farm_seconds", "reach", "waves_of"]

_MOST, _MOST_UNDATED = 4.0, 8.0
_OF_SLACK = 0.5  #: waves for each time that a frame fits into the slack; docs/urgency.md measures
_NEAR = 900.0  #: seconds of the farm's work within which who goes first is no matter to work that can wait


def waves_of(farm: FarmSnapshot, cost: Cost, rules: Rules, outlooks: Outlooks, ranking: Ranking) -> Floats:
    """Return in how many waves each step may be done, 1: all its frames at once, shape ``(steps,)``.

    Work in danger has one more for each two frame times of slack, up to four: what one step leaves the next one in the
    order of deadlines takes. Late work, of which every second costs, previews, emergencies and calm work with a
    deadline are not slowed; nor is anything where nodes stay as cold as they were (`Cost.warmth`).

    Work without a deadline is to end soon, but all of it ends sooner where less is loaded. With a queue of *B* seconds
    of the farm, of which loading is the share *r*, *w* waves save (1 - 1/*w*) *r B* / 2 on average and cost a step that
    takes *s* seconds alone, a frame's or more, (*w* - 1) *s* / 2: they are sqrt(*r B* / *s*), up to eight.

    Parameters
    ----------
    outlooks
        Of each job: its slack, seconds.
    ranking
        Which steps are in danger, and which are previews.

    Examples
    --------
    >>> from placement.scheduling.urgency import assess
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"job": [0, 1], "waiting": [40, 40]}, jobs={"deadline": [900.0, 350.0]})
    >>> cost, rules = cost_of(farm, 60.0, warmth=1.0), Rules()
    >>> seen = assess(farm, cost, rules, farm.worth() * farm.clients.limit)
    >>> waves_of(farm, cost, rules, seen.outlooks, seen.ranking).round(1).tolist()
    [2.3, 1.0]
    """
    jobs, job = farm.jobs, farm.steps.job
    frame = np.where(cost.able, cost.seconds, np.inf).min(axis=1, initial=np.inf)
    slack = np.where(np.isfinite(jobs.deadline), np.maximum(outlooks.slack, 0.0), np.inf)[job]
    spread = np.isfinite(frame) & ranking.danger & ~ranking.preview & (jobs.importance < rules.emergency)[job]
    if not cost.warmth:
        spread[:] = False
    some = np.minimum(1 + _OF_SLACK * slack / np.where(spread, frame, 1.0), _MOST)
    undated = np.isfinite(frame) & np.isinf(jobs.deadline)[job] & ~ranking.danger & ~ranking.preview & ~jobs.held[job]
    own = farm_seconds(farm, cost, farm.steps.waiting)
    loads = cost.warmth * farm.steps.startup / np.where(undated, frame, np.inf)
    even = np.sqrt(loads * own[undated].sum() / np.maximum(own, np.where(undated, frame, np.inf)))
    return np.where(spread, some, np.where(undated, np.clip(even, 1.0, _MOST_UNDATED), 1.0))


def abreast(waves: Floats, waiting: Ints, running: Ints) -> Ints:
    """Return how many more frames of each step may begin now, so that it is done in its waves, shape ``(steps,)``.

    Parameters
    ----------
    waves
        As `waves_of` says, 1 and more.
    waiting, running
        Frames that wait for a node, and that have one.

    Examples
    --------
    >>> abreast(np.array([1.0, 4.0, 4.0]), np.array([9, 40, 30]), np.array([0, 0, 10])).tolist()
    [9, 10, 0]
    """
    most = np.ceil((waiting + running) / waves).astype(np.int64) - running
    return np.where(waves > 1, np.clip(most, 0, waiting), waiting)


def farm_seconds(farm: FarmSnapshot, cost: Cost, waiting: Ints) -> Floats:
    """Return the seconds that the whole farm takes for `waiting` frames of each step, shape ``(steps,)`` both.

    Counted by cores, each frame where it holds the fewest; 0 for what can run nowhere, since nobody waits for that.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(steps={"request": [[1, 0, 0, 0, 0], [99, 0, 0, 0, 0]], "waiting": [16, 9]})
    >>> farm_seconds(farm, cost_of(farm, 60.0), farm.steps.waiting).tolist()
    [120.0, 0.0]
    """
    hold = farm.share_of_node() * farm.classes.core_worth / max(float(farm.capacity() @ farm.classes.core_worth), 1e-9)
    frame = np.where(cost.able, cost.seconds * hold, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(frame), frame, 0.0) * waiting


def reach(order: Ints, seconds: Floats, waves: Floats) -> Ints:
    """Return the place in `order` from which on each step may take others' places, shape ``(steps,)``.

    It goes before all that rank behind it. With time for more than one wave it leaves alone who has its turn in the
    next quarter of an hour: a node goes on with a scene that it has loaded.

    Parameters
    ----------
    order
        Rows of steps, first ones first; the others may take none.
    seconds
        That the whole farm takes for what waits of each step, shape ``(steps,)``.

    Examples
    --------
    >>> order, seconds = np.array([2, 0, 1]), np.full(3, 600.0)
    >>> reach(order, seconds, np.ones(3)).tolist(), reach(order, seconds, np.full(3, 2.0)).tolist()
    ([1, 2, 0], [3, 3, 2])
    """
    places = np.arange(len(order))
    until = np.cumsum(seconds[order])
    near = np.searchsorted(until, until + _NEAR, side="right")
    first = np.full(len(seconds), len(order), np.int64)
    first[order] = np.where(waves[order] > 1, near, places)
    return first
