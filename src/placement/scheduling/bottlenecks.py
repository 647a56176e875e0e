"""What limits jobs together: the farm, what each client may use, and groups of classes that few steps can leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import Resource
from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.scheduling.remaining import Pace, Remaining
from placement.units import Bools, Floats, Ints

__all__ = ["Bottlenecks", "bottlenecks_of"]

_MOST_GROUPS = 16
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bottlenecks:
    """Capacities that jobs share, one row each: the farm first, then clients, then groups of node classes.

    Parameters
    ----------
    room
        Worth, or that of the cores (`bottlenecks_of` says where), shape ``(bottlenecks,)``.
    work, variance
        Worth-seconds of each job that can be done nowhere else: expected, and variance of it, shape ``(bottlenecks,
        jobs)``.
    client
        Row of the client whose entitlement it is, -1: none.
    classes
        The classes it consists of, shape ``(bottlenecks, classes)``.
    """

    room: Floats
    work: Floats
    variance: Floats
    client: Ints
    classes: Bools

    def __post_init__(self) -> None:
        wide = self.work.shape
        seal(self, {"work": wide, "variance": wide, "classes": self.classes.shape})

    def ends(self, order: Ints, deviations: float = 0.0) -> Floats:
        """Return seconds until all work up to each job in `order` is done, if every bottleneck takes it in that order.

        Parameters
        ----------
        order
            Rows of jobs, first ones first; the others get nothing and end never.
        deviations
            How many standard deviations of the work ahead to add.

        Returns
        -------
        Floats
            Shape ``(jobs,)``.
        """
        there = self.room > 0
        work, room = self.work[:, order], np.where(there, self.room, 1.0)[:, None]
        until = np.cumsum(work, axis=1)
        if deviations:
            until += deviations * np.sqrt(np.cumsum(self.variance[:, order], axis=1))
        until /= room
        until[~there] = np.inf
        until[work <= 0] = 0.0
        end = np.full(self.work.shape[1], np.inf)
        end[order] = until.max(axis=0, initial=0.0)
        return end

    def spare(self, order: Ints, due: Floats, span: Floats, deviations: float = 0.0) -> Floats:
        """Return the least share of its time that each job in `order`, and everybody behind it, has to spare.

        Who stands in front of a job that cannot wait cannot wait either, if both need the same bottleneck.

        Parameters
        ----------
        order
            Rows of jobs, earliest `due` first.
        due
            Seconds from now, shape ``(jobs,)``.
        span
            The whole time of each job, of which the share is taken, shape ``(jobs,)``.
        deviations
            As in `ends`.

        Returns
        -------
        Floats
            1 and less, infinite for jobs that are not in `order` or have no work left, shape ``(jobs,)``.
        """
        work, room = self.work[:, order], np.maximum(self.room, _LEAST)[:, None]
        until = np.cumsum(work, axis=1) + deviations * np.sqrt(np.cumsum(self.variance[:, order], axis=1))
        share = np.where(work > 0, (due[order] - until / room) / np.maximum(span[order], _LEAST), np.inf)
        least = np.minimum.accumulate(share[:, ::-1], axis=1)[:, ::-1]
        spare = np.full(self.work.shape[1], np.inf)
        spare[order] = np.where(work > 0, least, np.inf).min(axis=0, initial=np.inf)
        return spare


def bottlenecks_of(farm: FarmSnapshot, cost: Cost, left: Remaining, at: Pace, entitled: Floats) -> Bottlenecks:
    """Return the capacities that jobs share and how much of each they need.

    A set of classes is a bottleneck for the work that can run on no class outside it: by Hall's theorem work fits if
    it fits into every such set. Of the sets that steps really have, the `_MOST_GROUPS` most loaded are looked at.
    Jobs that are held need nothing.

    The farm, and sets that have classes without GPUs, are counted by their cores: what a GPU adds to a node's worth is
    of no use to other work, and a frame on one takes nothing of that from them. Counted in worth, giving up work on
    GPUs would seem to make room for work on cores. Clients are counted in worth, as their contracts are.

    Parameters
    ----------
    entitled
        Worth that each client may use while others want theirs, shape ``(clients,)``.
    """
    job, jobs = farm.steps.job, farm.jobs.count
    awake = ~farm.jobs.held[job]
    frame = at.seconds * at.hold
    work = np.where(awake, left.frames * frame + left.held, 0.0)
    variance = np.where(awake, (np.expm1(cost.common) * work) ** 2 + left.frames * (at.variation * frame) ** 2, 0.0)
    worth, core_worth = farm.capacity() * farm.classes.worth, farm.capacity() * farm.classes.core_worth
    groups, inside = _groups(left.able, work, worth)
    has_gpus = farm.classes.offer[:, Resource.GPUS] > 0
    on_gpus = np.asarray((groups <= has_gpus).all(axis=1))
    masks = np.concatenate([np.ones((2, len(job)), bool), inside])
    part = masks * np.where(np.concatenate([[False, True], on_gpus])[:, None], 1.0, _cores(farm))
    by_job = np.array(
        [[np.bincount(job, row, minlength=jobs) for row in rows] for rows in (part * work, part**2 * variance)],
        float,
    )
    clients = np.unique(farm.jobs.client)
    theirs = clients[:, None] == farm.jobs.client
    table = np.concatenate([by_job[:, :1], by_job[:, 1:2] * theirs, by_job[:, 2:]], axis=1)
    some = np.where(on_gpus, groups @ worth, groups @ core_worth)
    return Bottlenecks(
        room=np.concatenate([[core_worth.sum()], entitled[clients], some]),
        work=table[0],
        variance=table[1],
        client=np.concatenate([[-1], clients, np.full(len(groups), -1)]),
        classes=np.concatenate([np.ones((1 + len(clients), len(worth)), bool), groups]),
    )


def _cores(farm: FarmSnapshot) -> Floats:
    """Return what part of the worth that a frame of each step holds is that of cores, shape ``(steps,)``.

    1 for work that needs no GPU; else the mean over nodes that have any.
    """
    needs = np.flatnonzero(farm.steps.request[:, Resource.GPUS] > 0)
    part = np.ones(farm.steps.count)
    if not len(needs):
        return part
    has = farm.classes.offer[:, Resource.GPUS] > 0
    request, offer = farm.steps.request[needs], farm.classes.offer[has]
    cores = request[:, Resource.CORES, None] / np.maximum(offer[:, Resource.CORES], 1.0)
    whole = np.maximum(request[:, Resource.GPUS, None] / offer[:, Resource.GPUS], cores)
    nodes = farm.capacity()[has]
    held = np.maximum(whole @ (nodes * farm.classes.worth[has]), _LEAST)
    part[needs] = np.minimum(cores @ (nodes * farm.classes.core_worth[has]) / held, 1.0)
    return part


def _groups(able: Bools, work: Floats, worth: Floats) -> tuple[Bools, Bools]:
    """Return sets of classes, shape ``(sets, classes)``, and which steps cannot leave them, ``(sets, steps)``."""
    there = worth > 0
    busy = np.flatnonzero((work > 0) & able.any(axis=1))
    packed = np.packbits(able[busy], axis=1)
    whole = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel() if len(busy) else np.zeros(0, "V1")
    _, first, kind = np.unique(whole, return_index=True, return_inverse=True)
    sets = able[busy[first]]
    load = np.bincount(kind, work[busy], minlength=len(sets))
    apart = (~sets).astype(float)
    within = sets.astype(float) @ apart.T <= 0
    full = within.T @ load / np.maximum(sets @ worth, 1e-12)
    scarce = np.flatnonzero(~sets[:, there].all(axis=1))
    chosen = np.sort(scarce[np.argsort(-full[scarce], kind="stable")[:_MOST_GROUPS]])
    inside = np.zeros((len(chosen), len(work)), bool)
    inside[:, busy] = within[:, chosen].T[:, kind]
    return sets[chosen], inside
