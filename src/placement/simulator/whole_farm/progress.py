"""How far jobs and steps are: what is released, ready, finished or failed."""

from __future__ import annotations

import numpy as np

from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.queues import Queues
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["Progress"]


class Progress:
    """Jobs and steps of a world as they go.

    Attributes
    ----------
    steps, jobs
        Rows that live: of jobs that are released, neither finished nor failed; steps that are not finished.
    row
        Place of each step of the world among `steps`, shape ``(all steps,)``; only that of living ones means anything.
    done
        Finished frames, shape ``(all steps,)``.
    ready, since, ended
        When frames could start; that, or when one started last; when a frame ended last. Shape ``(all steps,)``.
    """

    def __init__(self, world: FarmWorld, queues: Queues) -> None:
        steps, jobs = len(world.steps.job), world.jobs.count
        self._world, self._queues = world, queues
        self._first = np.searchsorted(world.steps.job, np.arange(jobs + 1))
        self._left = np.diff(self._first)
        self._released = 0
        self.steps: Ints = np.zeros(0, np.int64)
        self.jobs: Ints = np.zeros(0, np.int64)
        self.row: Ints = np.full(steps, -1)
        self.done: Ints = np.zeros(steps, np.int64)
        self.finished: Bools = np.zeros(steps, bool)
        self.ready: Floats = np.full(steps, np.inf)
        self.since: Floats = np.full(steps, np.inf)
        self.ended: Floats = np.full(steps, -np.inf)
        self.job_end: Floats = np.full(jobs, np.inf)
        self.job_failed: Bools = np.zeros(jobs, bool)

    @property
    def next_release(self) -> Seconds:
        """When the next job is released, seconds; infinite: none."""
        release = self._world.jobs.release
        return float(release[self._released]) if self._released < len(release) else float("inf")

    def release(self, now: Seconds) -> bool:
        """Let jobs live that are released by `now`; return whether there were any."""
        upto = int(np.searchsorted(self._world.jobs.release, now, side="right"))
        if upto == self._released:
            return False
        fresh = np.arange(self._released, upto)
        steps = np.arange(self._first[self._released], self._first[upto])
        self._released = upto
        self.jobs = np.concatenate([self.jobs, fresh[self._left[fresh] > 0]])
        self.job_end[fresh[self._left[fresh] == 0]] = self._world.jobs.release[fresh[self._left[fresh] == 0]]
        self.steps = np.concatenate([self.steps, steps])
        self._unlock(steps[self._world.steps.after[steps] < 0])
        self._count()
        return True

    def _unlock(self, steps: Ints) -> None:
        after, release = self._world.steps.after[steps], self._world.jobs.release[self._world.steps.job[steps]]
        self.ready[steps] = np.where(after < 0, release, self.ended[np.maximum(after, 0)])
        self.since[steps] = self.ready[steps]
        self._queues.waiting[steps] = self._world.steps.frames[steps]

    def _count(self) -> None:
        self.row[self.steps] = np.arange(len(self.steps))

    def finish(self, step: Ints, end: Floats) -> None:
        """Count frames that finished at `end`."""
        np.add.at(self.done, step, 1)
        np.maximum.at(self.ended, step, end)

    def settle(self) -> None:
        """Let steps that wait for finished ones become ready, and finished steps and jobs go."""
        over = self.done[self.steps] == self._world.steps.frames[self.steps]
        if not over.any():
            return
        steps = self.steps[over]
        self.finished[steps] = True
        after = self._world.steps.after[self.steps]
        self._unlock(self.steps[(after >= 0) & self.finished[after] & np.isinf(self.ready[self.steps])])
        jobs = self._world.steps.job[steps]
        np.subtract.at(self._left, jobs, 1)
        ends = np.full(len(self._left), -np.inf)
        gone = np.unique(jobs[self._left[jobs] == 0])
        for job in gone.tolist():
            ends[job] = self.ended[self._first[job] : self._first[job + 1]].max()
        self.job_end[gone] = ends[gone]
        self.jobs = self.jobs[self._left[self.jobs] > 0]
        self.steps = self.steps[~over]
        self._count()

    def fail(self, jobs: Ints) -> None:
        """Let jobs fail for good: their steps go, nothing of them waits."""
        self.job_failed[jobs] = True
        self.jobs = self.jobs[~self.job_failed[self.jobs]]
        out = self.job_failed[self._world.steps.job[self.steps]]
        self._queues.waiting[self.steps[out]] = 0
        self.steps = self.steps[~out]
        self._count()
