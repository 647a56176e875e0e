"""One attempt of a simulated engine: how far it is, what its checkpoints hold, when something happens to it."""

from __future__ import annotations

import math

from placement.farm.jobs import Checkpoint
from placement.runtime.ports import Report, Said, Start
from placement.simulator.fates import CAUSES, Fate, Run
from placement.units import Seconds

__all__ = ["Attempt"]

_ROUNDING = 1e-9


class Attempt:
    """An attempt that runs.

    Parameters
    ----------
    order, run
        What was ordered, and what is true of it.
    now
        Virtual time at which it begins.
    slow
        How many times as long work on its node takes now.

    Attributes
    ----------
    version
        Grows whenever the time of its next event changes.
    event
        When something happens to it, virtual time; infinite: never.
    """

    __slots__ = (
        "_begun", "_done", "_fails", "_goal", "_mark", "_rate", "_times_out", "cause", "event", "hung", "order", "run",
        "version",
    )  # fmt: skip

    def __init__(self, order: Start, run: Run, now: Seconds, slow: float) -> None:
        self.order, self.run = order, run
        self._begun = self._mark = now
        self._done = min(max(order.saved, 0.0), 1.0)
        self.hung = False
        self.version = 0
        self.cause = CAUSES.get(run.fate, "")
        if 0 < order.memory < run.memory:
            self.cause = "out of memory"
        self._fails = self.cause != "" or run.fate is not Fate.DONE
        self._goal = self._done + (1.0 - self._done) * run.at if self._fails else 1.0
        self.slow_down(now, slow)

    @property
    def seconds(self) -> Seconds:
        """How long it runs so far, up to the last instant it was looked at."""
        return self._mark - self._begun

    def slow_down(self, now: Seconds, slow: float) -> None:
        """Let work take `slow` times as long from now on."""
        self.look(now)
        self._rate = 1.0 / (self.run.seconds * slow)
        self._plan()

    def _plan(self) -> None:
        limit = math.inf if self.order.timeout is None else max(self._begun + self.order.timeout, self._mark)
        event = math.inf if self.hung else self._mark + max(self._goal - self._done, 0.0) / self._rate
        self._times_out = limit < event
        self.event = min(event, limit)
        self.version += 1

    def look(self, now: Seconds) -> None:
        """Move to `now`."""
        if not self.hung and now > self._mark:
            self._done = min(self._done + (now - self._mark) * self._rate, 1.0)
        self._mark = max(now, self._mark)

    def after_frame(self) -> None:
        """Let it end after its present frame, if it keeps finished frames; else after all of them."""
        frames = max(len(self.order.frames), 1)
        if self.order.checkpoint == Checkpoint.NONE or frames == 1:
            return
        goal = min(math.floor(self._done * frames + _ROUNDING) + 1, frames) / frames
        if goal < self._goal:
            self._goal, self._fails, self.cause = goal, True, "interrupted"
            self._plan()

    def happens(self, now: Seconds) -> Report | None:
        """Return what its event says; None: nothing, it hangs or is gone (`hung` tells which)."""
        self.look(now)
        if self._times_out:
            return self.end("timeout")
        self._done = max(self._done, self._goal)
        if self.cause or not self._fails or self.run.fate is Fate.ERROR:
            return self.end(self.cause)
        self.hung = self.run.fate is Fate.HANGS
        self._plan()
        return None

    def end(self, cause: str) -> Report:
        """Return the report of an end for this cause, now."""
        order, failed = self.order, bool(cause) or self._fails
        silent = cause in ("interrupted", "timeout", "out of memory", "licence", "node")
        memory = self.run.memory if self._done >= self._goal else self.run.memory * self._done
        limit = order.memory if order.memory > 0 else math.inf
        return Report(
            said=Said.ENDED, node=order.node, attempt=order.attempt, progress=1.0 if not failed else self._done,
            saved=1.0 if not failed else self.kept(), frames=self.frames(), seconds=self.seconds,
            memory=min(memory, limit), exit_code=None if silent else int(failed and cause != "no output"),
            signal=9 if cause in ("interrupted", "timeout", "out of memory") else None, cause=cause,
            outputs=() if failed else order.outputs, detail=cause or ("renderer failed" if failed else ""),
        )  # fmt: skip

    def progress(self) -> Report:
        """Return what it says of itself while it runs."""
        return Report(
            said=Said.PROGRESS, node=self.order.node, attempt=self.order.attempt, progress=self._done,
            saved=self.kept(), frames=self.frames(), seconds=self.seconds, memory=self.run.memory * self._done,
        )  # fmt: skip

    def kept(self) -> float:
        """Return the share of the task that can be gone on from."""
        order, run = self.order, self.run
        if order.checkpoint == Checkpoint.NONE:
            return order.saved
        whole = max(len(order.frames), 1)
        kept = math.floor(self._done * whole + _ROUNDING) / whole
        if order.checkpoint == Checkpoint.RESUMES and not math.isinf(run.checkpoint):
            points = math.floor(self._done * run.seconds / run.checkpoint + _ROUNDING)
            kept = max(kept, points * run.checkpoint / run.seconds)
        return max(min(kept, self._done), order.saved)

    def frames(self) -> tuple[int, ...]:
        """Return the numbers of its finished frames that are kept whatever becomes of it."""
        frames = self.order.frames
        if self.order.checkpoint == Checkpoint.NONE and self._done < 1.0:
            return ()
        return frames[: math.floor(self._done * len(frames) + _ROUNDING)]
