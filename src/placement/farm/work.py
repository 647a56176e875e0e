"""Work as columns: jobs, their steps (frames that cost nearly the same), and the attempts that run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.farm.machines import RESOURCES
from placement.farm.sealed import seal
from placement.units import Bools, Floats, Ints

__all__ = ["Attempts", "Jobs", "Steps"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jobs:
    """Jobs that are released and not finished, one row each.

    Parameters
    ----------
    index
        Name of the job, the same in every snapshot.
    client
        Row in `Clients`; a leaf.
    release, deadline
        Seconds; no deadline is infinity.
    importance
        What a second of tardiness costs; above 0.
    value
        What the job is worth when it ends by its deadline.
    priority
        What a user asked for, 1 to 100; only peers' policies look at it.
    held
        The job may not start anything now (paused by its owner).
    """

    index: Ints
    client: Ints
    release: Floats
    deadline: Floats
    importance: Floats
    value: Floats
    priority: Floats
    held: Bools

    def __post_init__(self) -> None:
        seal(self)
        if not (self.importance > 0).all():
            raise InvalidInput(f"job {int(self.index[self.importance.argmin()])}: importance must be above 0")

    @property
    def count(self) -> int:
        """Number of jobs."""
        return len(self.index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """Steps of those jobs that are not finished, one row each, a job's steps in the order they depend on each other.

    Parameters
    ----------
    index
        Name of the step, the same in every snapshot.
    job
        Row in `Jobs`.
    after
        Row of the step that must be finished before frames of this one start, -1: none. Frames of a step that is
        waited for are `blocked`.
    waiting, blocked, running
        Frames that could start now; that wait for another step; that run.
    request
        What a frame takes, memory being the forecast's chosen quantile, shape ``(steps, resources)``.
    declared_memory, declared_seconds
        What the submitter wrote: MiB; user estimate of run time in seconds on the reference class (NaN: none).
    licence
        Row of the licence a frame holds, -1: none.
    checkpoint
        Seconds of work between checkpoints; infinity: an interrupted frame starts anew.
    startup
        Seconds of a frame spent loading, which a warm node saves by the share `Cost.warmth`.
    preview_due
        When the preview must be there, seconds; NaN: the step is not a preview.
    since
        When frames of this step became ready and none was started since, seconds.
    done
        Frames that finished.
    """

    index: Ints
    job: Ints
    after: Ints
    waiting: Ints
    blocked: Ints
    running: Ints
    done: Ints
    request: Floats
    declared_memory: Floats
    declared_seconds: Floats
    licence: Ints
    checkpoint: Floats
    startup: Floats
    preview_due: Floats
    since: Floats

    def __post_init__(self) -> None:
        seal(self, {"request": (len(self.index), RESOURCES)})
        late = self.after >= np.arange(len(self.after))
        if late.any():
            row = int(late.argmax())
            raise InvalidInput(
                f"step {int(self.index[row])} waits for row {int(self.after[row])}, which is not before it"
            )

    @property
    def count(self) -> int:
        """Number of steps."""
        return len(self.index)

    @property
    def left(self) -> Ints:
        """Frames not finished, shape ``(steps,)``."""
        return np.asarray(self.waiting + self.blocked + self.running)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempts:
    """Frames that run, one row each.

    Parameters
    ----------
    index
        Name of the attempt.
    step, node
        Rows in `Steps` and `Nodes`.
    mode
        Energy mode it runs in.
    started
        Seconds.
    saved
        Share of the frame that was done when this attempt began, from an earlier one's checkpoint.
    interrupted
        How often this frame was interrupted before.
    stopping
        It was already told to stop after this frame, or to checkpoint and leave.
    """

    index: Ints
    step: Ints
    node: Ints
    mode: Ints
    started: Floats
    saved: Floats
    interrupted: Ints
    stopping: Bools

    def __post_init__(self) -> None:
        seal(self)

    @property
    def count(self) -> int:
        """Number of attempts."""
        return len(self.index)
