"""Attempts that run, as columns that grow."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

from placement.units import Bools, Floats, Ints

__all__ = ["Fate", "Running"]

_INTS = ("index", "frame", "step", "node", "mode", "fate", "follow", "reason")
_FLOATS = ("start", "event", "end", "mark", "progress", "saved", "whole", "memory", "worth", "loading")
_BOOLS = ("stopping", "continued")
_ROOM = 1024


class Fate(IntEnum):
    """What happens to an attempt at its next event."""

    ENDS = 0  #: it finishes
    PEAKS = 1  #: it uses more memory than its node keeps for it
    BREAKS = 2  #: its bad node fails it
    CORRUPT = 3  #: its scene fails it


class Running:
    """One row for each attempt that runs, in the order in which their slots were taken.

    Attributes
    ----------
    index
        Name of the attempt.
    frame, step, node, mode
        Rows in the world; energy mode.
    fate, event
        A `Fate` and when it comes, seconds; infinite: the row is closed and goes with the next `drop`.
    follow
        Step whose next frame takes the slot when the attempt ends, -1: none.
    start, end
        When it began, when it would finish, seconds.
    mark, progress
        An instant and the share of the frame that was done then; from there on work is even until `end`.
    saved
        Share of the frame that was done when it began.
    whole
        Seconds that the whole frame takes cold on this node in this mode.
    memory
        What the node keeps for it, MiB.
    worth
        Normalised capacity that it holds.
    loading
        Seconds in which it loads its scene.
    """

    index: Ints
    frame: Ints
    step: Ints
    node: Ints
    mode: Ints
    fate: Ints
    follow: Ints
    reason: Ints
    start: Floats
    event: Floats
    end: Floats
    mark: Floats
    progress: Floats
    saved: Floats
    whole: Floats
    memory: Floats
    worth: Floats
    loading: Floats
    stopping: Bools
    continued: Bools

    def __init__(self) -> None:
        self.count = 0
        self._room = _ROOM
        for names, kind in ((_INTS, np.int64), (_FLOATS, np.float64), (_BOOLS, np.bool_)):
            for name in names:
                setattr(self, name, np.zeros(self._room, kind))

    def append(self, columns: Mapping[str, np.ndarray]) -> None:
        """Add rows; every column must be there."""
        rows = len(columns["index"])
        if self.count + rows > self._room:
            self._room = max(2 * self._room, self.count + rows)
            for name in (*_INTS, *_FLOATS, *_BOOLS):
                old = getattr(self, name)
                wider = np.zeros(self._room, old.dtype)
                wider[: self.count] = old[: self.count]
                setattr(self, name, wider)
        self.count += rows
        self.put(slice(self.count - rows, self.count), columns)

    def put(self, rows: Ints | slice, columns: Mapping[str, np.ndarray]) -> None:
        """Write other attempts over rows."""
        for name, column in columns.items():
            getattr(self, name)[rows] = column

    def drop(self) -> None:
        """Remove closed rows; the others keep their order."""
        keep = np.flatnonzero(self.event[: self.count] < np.inf)
        if len(keep) == self.count:
            return
        for name in (*_INTS, *_FLOATS, *_BOOLS):
            column = getattr(self, name)
            column[: len(keep)] = column[: self.count][keep]
        self.count = len(keep)

    def done_share(self, rows: Ints, time: Floats | float) -> Floats:
        """Return the share of each frame that is done at `time`, seconds."""
        mark, end, done = self.mark[rows], self.end[rows], self.progress[rows]
        span = np.where(end > mark, end - mark, 1.0)
        return np.asarray(np.where(end > mark, done + (1 - done) * np.clip((time - mark) / span, 0, 1), 1.0))

    def stretch(self, rows: Ints, time: float, factor: Floats) -> None:
        """Let what is left of attempts take `factor` times as long from `time` on."""
        self.progress[rows] = self.done_share(rows, time)
        self.mark[rows] = time
        for column in (self.end, self.event):
            column[rows] = time + np.maximum(column[rows] - time, 0) * factor
