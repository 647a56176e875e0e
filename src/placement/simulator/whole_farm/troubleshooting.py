"""What the farm does about attempts that failed: more memory, quarantine, giving up."""

from __future__ import annotations

import numpy as np

from placement.simulator.whole_farm.farm import Farm
from placement.simulator.whole_farm.history import Outcome
from placement.simulator.whole_farm.running import Fate
from placement.units import Ints, Seconds

__all__ = ["troubleshoot"]

_MORE_THAN_SEEN, _MORE_THAN_ASKED = 1.1, 1.5
_FAILURES_IN_A_ROW, _JOBS = 3, 2
_NODES = 2


def troubleshoot(farm: Farm, now: Seconds) -> None:
    """Look at what went wrong since the last decision, and let the frames that can run again wait again.

    A step whose frame ran out of memory asks for 1.1 times the peak or 1.5 times what it had, whichever is more, up to
    the largest node that can run it; one that had as much fails for good. So does a step whose scene failed on 2 nodes.
    A job fails with its step. A node on which 3 attempts in a row failed, of 2 jobs or more, or of a step that finished
    frames elsewhere meanwhile, is in quarantine, DOWN, while its fault lasts.
    """
    if not farm.mishaps:
        return
    names = farm.mishaps[0]
    columns = {name: np.concatenate([each[name] for each in farm.mishaps]) for name in names}
    order = np.lexsort((columns["index"], columns["event"]))
    columns = {name: column[order] for name, column in columns.items()}
    farm.mishaps.clear()
    gone = np.concatenate([_out_of_memory(farm, columns), _corrupt(farm, columns)])
    again = columns["fate"] != Fate.ENDS
    farm.queues.put_back(columns["step"][again], columns["frame"][again])
    if len(gone):
        _fail_jobs(farm, np.unique(farm.world.steps.job[gone]), now)
    failed = farm.progress.job_failed[farm.world.steps.job]
    farm.queues.waiting[failed] = 0
    _quarantine(farm, columns, now)


def _out_of_memory(farm: Farm, columns: dict[str, np.ndarray]) -> Ints:
    """Raise what steps ask for; return those that no node is large enough for."""
    which = columns["fate"] == Fate.PEAKS
    step, had = columns["step"][which], columns["memory"][which]
    peak = farm.world.frames.memory[columns["frame"][which]]
    np.maximum.at(farm.floor, step, np.maximum(peak * _MORE_THAN_SEEN, had * _MORE_THAN_ASKED))
    return np.asarray(step[had >= farm.most_memory[step]])


def _corrupt(farm: Farm, columns: dict[str, np.ndarray]) -> Ints:
    """Return steps whose scene has failed on enough nodes."""
    gone = []
    for row in np.flatnonzero(columns["fate"] == Fate.CORRUPT).tolist():
        step = int(columns["step"][row])
        nodes = farm.scene_failures.setdefault(step, set())
        nodes.add(int(columns["node"][row]))
        if len(nodes) >= _NODES:
            gone.append(step)
    return np.array(gone, np.int64)


def _fail_jobs(farm: Farm, jobs: Ints, now: Seconds) -> None:
    farm.progress.fail(jobs)
    running = farm.running
    rows = np.flatnonzero(farm.progress.job_failed[farm.world.steps.job[running.step[: running.count]]])
    farm.end(rows, Outcome.FAILED, np.full(len(rows), now), now - running.start[rows])
    running.drop()
    farm.changed = True


def _quarantine(farm: Farm, columns: dict[str, np.ndarray], now: Seconds) -> None:
    """Count failures in a row per node, of scenes too: the farm cannot tell them apart at once."""
    failed = columns["fate"] >= Fate.BREAKS
    nodes = np.union1d(columns["node"][failed], np.array(sorted(farm.suspects), np.int64))
    rows = np.flatnonzero(np.isin(columns["node"], nodes) & (columns["fate"] != Fate.PEAKS))
    until = farm.troubles.bad(now)[1]
    for row in rows.tolist():
        node = int(columns["node"][row])
        if not failed[row]:
            farm.suspects.pop(node, None)
            continue
        failures = farm.suspects.setdefault(node, [])
        step = int(columns["step"][row])
        failures.append((step, int(farm.progress.done[step])))
        jobs = {int(farm.world.steps.job[each]) for each, _ in failures}
        elsewhere = any(farm.progress.done[each] > done for each, done in failures)
        many = len(failures) >= _FAILURES_IN_A_ROW and (len(jobs) >= _JOBS or elsewhere)
        if many and until[node] > now:
            farm.suspects.pop(node)
            farm.down(np.array([node]), now, until[[node]], Outcome.INTERRUPTED)
    farm.running.drop()
