"""Frames that wait, step by step: those that come back first, then those that never ran."""

from __future__ import annotations

import numpy as np

from placement.simulator.farm_world import FarmWorld
from placement.units import Floats, Ints

__all__ = ["Queues"]


class Queues:
    """Waiting frames of every step of the world.

    Attributes
    ----------
    waiting
        Frames that could start, shape ``(steps,)``.
    saved
        Share of each frame that a checkpoint holds, shape ``(frames,)``.
    interrupted
        How often each frame was interrupted, shape ``(frames,)``.
    """

    def __init__(self, world: FarmWorld) -> None:
        self.waiting: Ints = np.zeros(len(world.steps.job), np.int64)
        self.saved: Floats = np.zeros(len(world.frames.factor))
        self.interrupted: Ints = np.zeros(len(world.frames.factor), np.int64)
        self._next = world.steps.first[:-1].copy()
        self._back_step: Ints = np.zeros(0, np.int64)
        self._back_frame: Ints = np.zeros(0, np.int64)

    def look(self, step: Ints, rank: Ints) -> Ints:
        """Return which frames would be the `rank`-th next ones of their steps; nothing is taken."""
        fresh = self._next[step] + rank
        if not len(self._back_step):
            return np.asarray(fresh)
        low = np.searchsorted(self._back_step, step, side="left")
        high = np.searchsorted(self._back_step, step, side="right")
        row = low + rank
        back = self._back_frame[np.minimum(row, len(self._back_frame) - 1)]
        return np.where(row < high, back, fresh - (high - low))

    def take(self, step: Ints) -> None:
        """Take the next frame of each step named, as often as it is named."""
        steps, counts = np.unique(step, return_counts=True)
        self.waiting[steps] -= counts
        if len(self._back_step):
            own = np.arange(len(self._back_step)) - np.searchsorted(self._back_step, self._back_step, side="left")
            where = np.searchsorted(steps, self._back_step)
            named = steps[np.minimum(where, len(steps) - 1)] == self._back_step if len(steps) else own < 0
            gone = named & (own < counts[np.minimum(where, len(steps) - 1)]) if len(steps) else named
            came_back = np.bincount(where[gone], minlength=len(steps))
            self._back_step, self._back_frame = self._back_step[~gone], self._back_frame[~gone]
            counts = counts - came_back
        self._next[steps] += counts

    def put_back(self, step: Ints, frame: Ints) -> None:
        """Let frames wait again, behind those of their steps that came back before."""
        if not len(step):
            return
        np.add.at(self.waiting, step, 1)
        steps = np.concatenate([self._back_step, step])
        order = np.argsort(steps, kind="stable")
        self._back_step = steps[order]
        self._back_frame = np.concatenate([self._back_frame, frame])[order]
