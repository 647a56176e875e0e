"""What may start and wake under the farm's power cap: slower modes first, then the least important waits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.farm.machines import Classes
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.energy_modes import waking_watts, watts
from placement.scheduling.plan import Starts
from placement.units import Bools, Floats, Ints, Watts

__all__ = ["Fit", "fit_cap", "start_watts", "within_cap"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """What the cap allows.

    Parameters
    ----------
    mode
        Energy mode of each start, shape ``(starts,)``.
    starts, wakes
        Which starts, and which of the nodes to wake, may go ahead.
    """

    mode: Ints
    starts: Bools
    wakes: Bools

    def __post_init__(self) -> None:
        self.mode.setflags(write=False)
        self.starts.setflags(write=False)
        self.wakes.setflags(write=False)


def start_watts(farm: FarmSnapshot, starts: Starts, mode: Ints) -> Floats:
    """Return what each start would draw at most above its idle node in the given modes, W, shape ``(starts,)``."""
    kind, classes = farm.nodes.node_class[starts.node], farm.classes
    return np.asarray(classes.work_watts(farm.steps.request[starts.step], kind) * classes.draw[kind, mode])


def within_cap(farm: FarmSnapshot, starts: Starts, wakes: Ints) -> tuple[Bools, Bools]:
    """Return which starts, in the modes they ask for, and which wakes the cap allows.

    Starts come first, each list in its order, the most important first. The first that does not fit ends its list: what
    is small does not overtake what is important, and no node wakes while a start waits for power. The sum counts every
    node, waking power and the full draw of every frame, and nothing in it grows until the next decision: so the cap
    holds at every instant in between. A cap lowered below what runs stops nothing, and nothing starts.

    Parameters
    ----------
    wakes
        Rows of sleeping nodes, shape ``(wakes,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> farm = snapshot_of(nodes={"state": [0, 1]}, steps={"request": [[4, 0, 0, 0, 0]]}, power_cap=250.0)
    >>> starts = Starts.of(np.zeros(2, np.int64), np.zeros(2, np.int64), 0)
    >>> [each.tolist() for each in within_cap(farm, starts, np.array([1]))]
    [[True, False], [False]]
    """
    room = farm.power_cap - watts(farm)
    return _prefixes(farm, start_watts(farm, starts, starts.mode), wakes, room)


def fit_cap(farm: FarmSnapshot, starts: Starts, wakes: Ints) -> Fit:
    """Return what the cap allows when frames may be slowed: modes are lowered before a start is dropped.

    The least important starts are slowed first, each to the mode next in draw before any is slowed further; only when
    all run in their least mode and the cap is still broken are starts dropped, as in `within_cap`.

    Examples
    --------
    >>> from placement.testing.planner_farms import classes_of, snapshot_of
    >>> eco = classes_of(speed=[[1.0, 0.8]], draw=[[1.0, 0.5]])
    >>> farm = snapshot_of(classes=eco, steps={"request": [[4, 0, 0, 0, 0]]}, power_cap=250.0)
    >>> found = fit_cap(farm, Starts.of(np.zeros(2, np.int64), np.zeros(2, np.int64), 0), np.zeros(0, np.int64))
    >>> found.mode.tolist(), found.starts.tolist()
    ([0, 1], [True, True])
    """
    room = farm.power_cap - watts(farm)
    kind, classes = farm.nodes.node_class[starts.node], farm.classes
    dynamic, mode = classes.work_watts(farm.steps.request[starts.step], kind), starts.mode.copy()
    for _ in range(classes.modes - 1):
        drawn = dynamic * classes.draw[kind, mode]
        lower = _next_lower(classes)[kind, mode]
        saved = drawn - dynamic * classes.draw[kind, lower]
        after = np.cumsum(saved[::-1])[::-1] - saved  # what slowing all less important ones saves
        mode = np.where(after < drawn.sum() - room, lower, mode)
    keep_starts, keep_wakes = _prefixes(farm, dynamic * classes.draw[kind, mode], wakes, room)
    return Fit(mode=mode, starts=keep_starts, wakes=keep_wakes)


def _next_lower(classes: Classes) -> Ints:
    """Return, for each mode, the one that draws next less, itself if there is none, shape ``(classes, modes)``."""
    draw = classes.draw
    less = np.where(draw[:, None, :] < draw[:, :, None], draw[:, None, :], -np.inf)
    lower = less.argmax(axis=2)
    return np.where(np.isfinite(less.max(axis=2)), lower, np.arange(classes.modes))


def _prefixes(farm: FarmSnapshot, drawn: Floats, wakes: Ints, room: Watts) -> tuple[Bools, Bools]:
    kind = farm.nodes.node_class[wakes]
    keep = np.cumsum(drawn) <= room
    left = room - float(drawn[keep].sum()) if keep.all() else -np.inf
    return keep, np.cumsum((waking_watts(farm.classes) - farm.classes.asleep_watts)[kind]) <= left
