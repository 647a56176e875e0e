"""True times: how long an attempt takes where it starts, and what becomes of it."""

from __future__ import annotations

import numpy as np

from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.running import Fate
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Timing", "kept_share"]

#: Loading saved never makes a frame shorter than this share of its time, so that it ends after it started.
_LEAST = 1e-3
_ROUNDING = 1e-9


def kept_share(done: Floats, whole: Floats, checkpoint: Floats, saved: Floats) -> Floats:
    """Return the share of frames that their last checkpoints hold.

    Parameters
    ----------
    done, saved
        Share that is done, and that an earlier checkpoint holds.
    whole
        Seconds of the whole frame.
    checkpoint
        Seconds of work between checkpoints; infinite: none.

    Examples
    --------
    >>> kept_share(np.array([0.55, 0.55]), np.array([100.0, 100.0]), np.array([10.0, np.inf]), np.zeros(2)).tolist()
    [0.5, 0.0]
    """
    some = np.isfinite(checkpoint)
    period = np.where(some, checkpoint, 1.0)
    kept = np.where(some, np.floor(done * whole / period + _ROUNDING) * period / whole, 0.0)
    return np.asarray(np.maximum(np.minimum(kept, done), saved))


class Timing:
    """True times of a world's attempts.

    Parameters
    ----------
    warmth
        Share of `WorldSteps.startup` that a warm node saves.

    Attributes
    ----------
    slow
        How many times as long frames take on each node for now, shape ``(nodes,)``.
    bad
        Probability with which frames fail on each node for now, shape ``(nodes,)``.
    corrupt
        Steps whose scene is corrupt, shape ``(steps,)``.
    """

    def __init__(self, world: FarmWorld, warmth: float) -> None:
        self._world = world
        self._warmth = warmth
        self.slow: Floats = np.ones(len(world.fleet.node_class))
        self.bad: Floats = np.zeros(len(world.fleet.node_class))
        self.corrupt: Bools = np.zeros(len(world.steps.job), bool)

    def attempts(  # noqa: PLR0913 - the columns of one table
        self, *, step: Ints, frame: Ints, node: Ints, mode: Ints, start: Floats, saved: Floats, memory: Floats,
        warm: Bools,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        """Return the columns of attempts that follow from where and when they start."""
        world = self._world
        klass = world.fleet.node_class[node]
        whole = world.steps.seconds[step, klass] * world.frames.factor[frame] * world.fleet.slowness[node]
        whole *= self.slow[node] / world.classes.speed[klass, mode]
        left = whole * (1 - saved)
        seconds = np.maximum(left - self._warmth * world.steps.startup[step] * warm, left * _LEAST)
        fate, event = self._fates(step, frame, node, start, seconds, memory)
        return {
            "step": step, "frame": frame, "node": node, "mode": mode, "start": start, "saved": saved,
            "memory": memory, "whole": whole, "end": start + seconds, "mark": start, "progress": saved, "fate": fate,
            "event": event, "loading": np.clip(world.steps.startup[step] - (left - seconds), 0.0, seconds),
        }  # fmt: skip

    def _fates(
        self, step: Ints, frame: Ints, node: Ints, start: Floats, seconds: Floats, memory: Floats
    ) -> tuple[Ints, Floats]:
        """Return what happens next to attempts, and when; a scene fails before a node, a node before memory."""
        frames = self._world.frames
        fate = np.where(frames.memory[frame] > memory, int(Fate.PEAKS), int(Fate.ENDS))
        bad, luck = self.bad[node], frames.luck[frame]
        fate = np.where(luck < bad, int(Fate.BREAKS), fate)
        fate = np.where(self.corrupt[step], int(Fate.CORRUPT), fate)
        if not fate.any():
            return fate, start + seconds
        part = np.where(fate == Fate.BREAKS, luck / np.where(bad > 0, bad, 1.0), luck)
        return fate, start + seconds * np.where(fate == Fate.ENDS, 1.0, part)

    def cold_seconds(self, node: Ints, mode: Ints, whole: Floats) -> Floats:
        """Return what attempts tell of their frames: seconds of a whole frame, cold, in the fastest mode."""
        speed: Seconds | Floats = self._world.classes.speed[self._world.fleet.node_class[node], mode]
        return np.asarray(whole * speed)
