"""What is left of each step: frames to start, running frames, where they fit, how many can run at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from placement.farm.machines import Resource
from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.cost import Cost
from placement.units import Bools, Floats, Ints

__all__ = ["Pace", "Remaining", "Running", "frames_per_node", "pace", "remaining_of", "running_of"]

_LEAST_SPREAD = 1e-3
_MOST_PER_NODE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Running:
    """What is expected of the frames that run, shape ``(attempts,)``.

    Parameters
    ----------
    elapsed, residual
        Seconds since the attempt began; expected seconds until it ends, given that it has not.
    mu, spread
        Its run time is lognormal with these: mean and standard deviation of the log of its seconds.
    alive
        Probability, as seen from its start, that it would run as long as it has.
    """

    elapsed: Floats
    residual: Floats
    mu: Floats
    spread: Floats
    alive: Floats

    def __post_init__(self) -> None:
        seal(self)

    def quantile(self, level: Floats | float) -> Floats:
        """Return seconds from now by which each attempt has ended with probability `level`."""
        until = np.exp(self.mu - self.spread * ndtri(np.maximum((1 - level) * self.alive, 1e-300)))
        return np.asarray(np.maximum(until - self.elapsed, 0.0))

    def chance(self, seconds: Floats) -> Floats:
        """Return the probability that each attempt has ended by `seconds` from now."""
        beyond = ndtr((self.mu - np.log(np.maximum(self.elapsed + seconds, 1e-9))) / self.spread)
        return np.asarray(1 - beyond / np.maximum(self.alive, 1e-300))

    def of(self, rows: Ints) -> Running:
        """Return some of the attempts."""
        return Running(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remaining:
    """What is left of each step, and the classes it can run on, fastest first.

    Parameters
    ----------
    frames, running
        Frames to start and frames that run, shape ``(steps,)``.
    residual, held
        Expected seconds until the running frames end, summed; the same times the worth they hold.
    speed, seconds, slots, hold
        By class, fastest first: frames per second, seconds of a frame (0 where it cannot run), frames that fit on all
        its nodes, and worth one frame holds there, that of cores (`Classes.core_worth`) if it needs no GPU. Shape
        ``(steps, classes)``.
    room
        Worth of the nodes it can run on, shape ``(steps,)``.
    licences
        Frames its licence allows at once; infinite: none needed.
    able
        Classes that have nodes which can run it, in the order of the farm, shape ``(steps, classes)``.
    attempts
        What is expected of the attempts.
    """

    frames: Floats
    running: Floats
    residual: Floats
    held: Floats
    speed: Floats
    seconds: Floats
    slots: Floats
    hold: Floats
    room: Floats
    licences: Floats
    able: Bools
    attempts: Running

    def __post_init__(self) -> None:
        wide = (len(self.frames), self.able.shape[1])
        seal(self, dict.fromkeys(("speed", "seconds", "slots", "hold", "able"), wide))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pace:
    """How fast each step can go, shape ``(steps,)``.

    Parameters
    ----------
    parallel
        Frames at once.
    seconds, hold
        Mean run time of a frame, and worth it holds as in `Remaining`, on the nodes it gets.
    variation
        Standard deviation over mean of one frame's time: its own spread, and that of the classes it gets.
    """

    parallel: Floats
    seconds: Floats
    hold: Floats
    variation: Floats

    def __post_init__(self) -> None:
        seal(self)


def frames_per_node(request: Floats, offer: Floats) -> Floats:
    """Return how many frames of each step an empty node of each class has room for, fractions included.

    One over it is the share of the node that a frame takes.

    Examples
    --------
    >>> frames_per_node(np.array([[2.0, 1024.0]]), np.array([[8.0, 3072.0], [4.0, 9216.0]])).tolist()
    [[3.0, 2.0]]
    """
    most = np.full((len(request), len(offer)), _MOST_PER_NODE)
    per, part = 1 / np.maximum(request, 1e-9), np.empty((len(request), len(offer)))
    for resource in np.flatnonzero((request > 0).any(axis=0)).tolist():
        np.multiply(per[:, resource, None], offer[:, resource], out=part)
        part[request[:, resource] <= 0] = _MOST_PER_NODE
        np.minimum(most, part, out=most)
    return most


def running_of(farm: FarmSnapshot, cost: Cost) -> Running:
    """Forecast the frames that run, given how long they already have.

    A frame's log time is normal about its step's with `Cost.spread`. Where the oldest frame of a step runs for longer
    than the slowest of so many frames should, the whole step is taken to be that much slower than forecast.
    """
    tasks, steps = farm.attempts, farm.steps.count
    node_class = farm.nodes.node_class[tasks.node]
    total = cost.seconds[tasks.step, node_class] / farm.classes.speed[node_class, tasks.mode]
    total = np.where(np.isfinite(total), total, 1.0) * np.maximum(1 - tasks.saved, 1e-6)
    spread = np.maximum(cost.spread[tasks.step], _LEAST_SPREAD)
    elapsed = np.maximum(farm.now - tasks.started, 0.0)
    mu, aged = np.log(total) - spread**2 / 2, np.log(np.maximum(elapsed, 1e-9))
    beyond = np.zeros(steps)
    count = np.bincount(tasks.step, minlength=steps)
    slowest = -ndtri(0.5 / np.maximum(count, 1))
    np.maximum.at(beyond, tasks.step, aged - mu - spread * slowest[tasks.step])
    mu = mu + beyond[tasks.step]
    ahead = (mu - aged) / spread
    alive = log_ndtr(ahead)
    longer = np.exp(mu + spread**2 / 2 + log_ndtr(ahead + spread) - alive)
    residual = np.maximum(longer - elapsed, 0.0)
    return Running(elapsed=elapsed, residual=residual, mu=mu, spread=spread, alive=np.exp(alive))


def remaining_of(farm: FarmSnapshot, cost: Cost) -> Remaining:
    """Count what is left of each step and where it fits.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, steps={"waiting": [40]}, attempts={"node": [1]})
    >>> left = remaining_of(farm, cost_of(farm, 60.0))
    >>> left.frames.tolist(), left.residual.round(6).tolist(), left.slots.tolist()
    ([40.0], [60.0], [[16.0]])
    """
    steps, tasks, nodes = farm.steps, farm.attempts, farm.capacity()
    fit = frames_per_node(steps.request, farm.classes.offer)
    slots = np.floor(fit + 1e-9) * nodes
    slots[~np.isfinite(cost.seconds)] = 0.0
    on_gpus = (steps.request[:, Resource.GPUS] > 0)[:, None]
    worth = np.where(on_gpus, farm.classes.worth, farm.classes.core_worth)
    able, hold = slots > 0, worth / np.maximum(fit, 1e-9)
    order = np.argsort(np.where(able, cost.seconds, np.inf), axis=1)
    sorted_able = np.take_along_axis(able, order, axis=1)
    seconds = np.where(sorted_able, np.take_along_axis(cost.seconds, order, axis=1), 0.0)
    running = running_of(farm, cost)
    on = hold[tasks.step, farm.nodes.node_class[tasks.node]]
    return Remaining(
        frames=(steps.waiting + steps.blocked).astype(float),
        running=np.bincount(tasks.step, minlength=steps.count).astype(float),
        residual=np.bincount(tasks.step, running.residual, minlength=steps.count).astype(float),
        held=np.bincount(tasks.step, running.residual * on, minlength=steps.count).astype(float),
        speed=np.divide(1.0, seconds, out=np.zeros_like(seconds), where=sorted_able),
        seconds=seconds,
        slots=np.take_along_axis(slots, order, axis=1),
        hold=np.where(sorted_able, np.take_along_axis(hold, order, axis=1), 0.0),
        room=able @ (nodes * farm.classes.worth),
        licences=_licences(farm),
        able=able,
        attempts=running,
    )


def pace(left: Remaining, cost: Cost, worth: Floats) -> Pace:
    """Return how fast each step goes with `worth` of the farm for itself, spread evenly over the classes it can use.

    It takes the fastest of them first. A step that gets less than one frame at a time gets one.

    Parameters
    ----------
    worth
        Normalised capacity, shape ``(steps,)``; infinite: all of the farm.

    Examples
    --------
    >>> from placement.testing.planner_farms import cost_of, snapshot_of
    >>> farm = snapshot_of(nodes={"node_class": [0, 0]}, steps={"waiting": [40]})
    >>> cost = cost_of(farm, 60.0)
    >>> pace(remaining_of(farm, cost), cost, np.array([4.0])).parallel.tolist()
    [4.0]
    """
    there = left.room > 0
    share = np.divide(worth, left.room, out=np.zeros(len(worth)), where=there)
    slots = left.slots * np.minimum(share, 1.0)[:, None]
    wanted = np.minimum(left.frames + left.running, left.licences)
    before = np.cumsum(slots, axis=1)
    before -= slots
    take = np.clip(wanted[:, None] - before, 0.0, slots)
    total = take.sum(axis=1)
    empty = np.flatnonzero((total <= 0) & there)
    take[empty, 0], total[empty] = 1e-9, 1e-9
    rate = np.maximum(np.einsum("ij,ij->i", take, left.speed), 1e-300)
    among = np.maximum(total, 1e-300)
    seconds = total / rate
    squares = np.einsum("ij,ij->i", take, left.seconds) / rate
    between = np.divide(squares, seconds**2, out=np.ones(len(total)), where=seconds > 0)
    return Pace(
        parallel=np.where(there & (worth > 0), np.maximum(total, 1.0), 0.0),
        seconds=seconds,
        hold=np.einsum("ij,ij->i", take, left.hold) / among,
        variation=np.sqrt(np.maximum(np.exp(cost.spread**2) * between - 1, _LEAST_SPREAD**2)),
    )


def _licences(farm: FarmSnapshot) -> Floats:
    """Return how many frames of each step its licence allows at once if no other step took any."""
    needs = farm.steps.licence >= 0
    total = farm.licences.astype(float)
    held = farm.steps.licence[farm.attempts.step]
    total = total + np.bincount(held[held >= 0], minlength=len(total))
    allowed = np.full(farm.steps.count, np.inf)
    allowed[needs] = total[farm.steps.licence[needs]]
    return allowed
