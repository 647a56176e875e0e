"""Laws that every whole run of a farm keeps, whoever decided; each looks at a world and what happened in it.

Each raises AssertionError where the law is broken.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placement.farm.clients import Lending
from placement.farm.machines import RESOURCES, Resource
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.history import FarmHistory, Outcome
from placement.testing.history_columns import attempt_worth, belongs, farm_worth, held_over_time
from placement.units import Seconds

__all__ = [
    "RUN_LAWS",
    "RunLaw",
    "conserves_frames",
    "keeps_capacity_throughout",
    "keeps_licences_throughout",
    "keeps_limits_throughout",
    "keeps_order_of_steps",
    "starves_nothing",
]

RunLaw = Callable[[FarmWorld, FarmHistory], None]

_ROUNDING = 1e-6


def conserves_frames(world: FarmWorld, history: FarmHistory) -> None:
    """Check that no frame is forgotten, finished twice, run twice at once, or run before its job is released."""
    past = history.attempts
    frames = len(world.frames.factor)
    done = np.bincount(past.frame[past.outcome == Outcome.DONE], minlength=frames)
    assert (done <= 1).all(), f"frames {np.flatnonzero(done > 1)} were finished more than once"
    finished = np.isfinite(history.job_end) & ~history.job_failed
    of_job = np.repeat(world.steps.job, world.steps.frames)
    assert (done[finished[of_job]] == 1).all(), "a job ended without one of its frames"
    assert (past.start >= world.jobs.release[world.steps.job[past.step]] - _ROUNDING).all(), "started before release"
    order = np.lexsort((past.start, past.frame))
    frame, start, end = past.frame[order], past.start[order], past.end[order]
    twice = (frame[1:] == frame[:-1]) & (start[1:] < end[:-1] - _ROUNDING)
    assert not twice.any(), f"frames {frame[1:][twice]} ran twice at once"


def keeps_order_of_steps(world: FarmWorld, history: FarmHistory) -> None:
    """Check that no frame started before the step that its own waits for was finished."""
    past, after = history.attempts, world.steps.after[history.attempts.step]
    early = (after >= 0) & (past.start < history.step_end[after] - _ROUNDING)
    assert not early.any(), f"steps {np.unique(past.step[early])} started before what they wait for"


def keeps_capacity_throughout(world: FarmWorld, history: FarmHistory) -> None:
    """Check that at no instant a node was asked for more than it has, of any resource."""
    past = history.attempts
    offer = world.classes.offer[world.fleet.node_class]
    for resource in range(RESOURCES):
        asked = past.memory if resource == Resource.MEMORY else world.steps.request[past.step, resource]
        most = _most_at_once(past.node, past.start, past.end, asked, len(offer))
        over = most > offer[:, resource] * (1 + _ROUNDING) + _ROUNDING
        assert not over.any(), f"nodes {np.flatnonzero(over)} gave more {Resource(resource).name} than they have"


def keeps_licences_throughout(world: FarmWorld, history: FarmHistory) -> None:
    """Check that at no instant more licences were held than there are."""
    past, licence = history.attempts, world.steps.licence[history.attempts.step]
    held = licence >= 0
    most = _most_at_once(licence[held], past.start[held], past.end[held], np.ones(int(held.sum())), len(world.licences))
    assert (most <= world.licences + _ROUNDING).all(), f"{most} licences held of {world.licences}"


def keeps_limits_throughout(world: FarmWorld, history: FarmHistory) -> None:
    """Check that no client, nor one it is a project of, comes above its limit, at decisions and between them.

    Whenever a frame of a client begins, the client then holds no more than its limit, a share of what the farm was
    worth at the last decision (nodes that are neither down nor draining), or no more than it held just before: a farm
    that lost nodes leaves clients where they are. A frame counts as the largest share of its node that it takes, with
    the memory that was kept for it, times the node's worth. A limit of 1 is no limit; a static partition is limited to
    its guarantee.
    """
    past, clients = history.attempts, world.clients
    limit = np.where(clients.lending == Lending.STATIC, clients.guarantee, clients.limit)
    worth, decided = attempt_worth(world, past), history.decisions.time
    whole = farm_worth(world, history, decided)
    for client in np.flatnonzero(limit < 1).tolist():
        rows = np.flatnonzero(belongs(clients.parent, client)[world.jobs.client[world.steps.job[past.step]]])
        time, before, after = held_over_time(past.start[rows], past.end[rows], worth[rows])
        begins = np.isin(time, past.start[rows])
        most = limit[client] * whole[np.maximum(np.searchsorted(decided, time, side="right") - 1, 0)]
        over = begins & (after > np.maximum(most, before) * (1 + _ROUNDING) + _ROUNDING)
        assert not over.any(), (
            f"client {clients.names[client]} holds {after[over][0]:g} at {time[over][0]:g} s of {most[over][0]:g}"
        )


def starves_nothing(world: FarmWorld, history: FarmHistory, most: Seconds = np.inf) -> None:
    """Check that every step that could start did, within `most` seconds, unless its job failed.

    Steps that became ready less than `most` before the history ended are not judged.
    """
    first = np.full(len(world.steps.job), np.inf)
    np.minimum.at(first, history.attempts.step, history.attempts.start)
    ready = np.isfinite(history.step_ready) & ~history.job_failed[world.steps.job]
    bound = most if np.isfinite(most) else 0.0
    judged = ready & (history.step_ready <= history.end - bound) & ~world.jobs.held[world.steps.job]
    waited = np.where(judged, first - history.step_ready, 0.0)
    limit = most if np.isfinite(most) else np.finfo(float).max
    assert (waited <= limit).all(), f"steps {np.flatnonzero(waited > limit)} starved"


#: The laws of a whole run.
RUN_LAWS: tuple[RunLaw, ...] = (
    conserves_frames,
    keeps_order_of_steps,
    keeps_capacity_throughout,
    keeps_licences_throughout,
    keeps_limits_throughout,
    starves_nothing,
)


def _most_at_once(where: np.ndarray, start: np.ndarray, end: np.ndarray, asked: np.ndarray, places: int) -> np.ndarray:
    """Return the most that was asked for at one instant in each place; what ends makes room for what starts then."""
    place = np.concatenate([where, where])
    change = np.concatenate([-asked, asked])
    order = np.lexsort((np.arange(len(place)), np.concatenate([end, start]), place))
    place, held = place[order], np.cumsum(change[order])
    most = np.zeros(places)
    first = np.flatnonzero(np.diff(place, prepend=-1))
    before = np.concatenate([[0.0], held])[first]
    np.maximum.at(most, place, held - np.repeat(before, np.diff(first, append=len(place))))
    return most
