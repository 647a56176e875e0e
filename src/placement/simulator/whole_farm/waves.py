"""Between decisions: attempts end, and nodes go on by themselves, in waves that keep exact times."""

from __future__ import annotations

import numpy as np

from placement.simulator.farm_world import Fault
from placement.simulator.whole_farm.farm import Farm
from placement.simulator.whole_farm.history import Outcome
from placement.simulator.whole_farm.running import Fate
from placement.simulator.whole_farm.troubles import Trouble
from placement.units import Ints, Seconds

__all__ = ["advance"]


def advance(farm: Farm, until: Seconds) -> None:
    """Let time pass to `until`, seconds: all that happens by then happens at its own instant."""
    while farm.troubles.next_time <= until:
        time, trouble, rows = farm.troubles.pop()
        _waves(farm, time)
        farm.machines.settle(time, farm.busy() if farm.machines.draining else None)
        _happen(farm, time, trouble, rows)
        farm.changed = True
    _waves(farm, until)
    farm.running.drop()
    farm.changed |= farm.machines.settle(until, farm.busy() if farm.machines.draining else None)


def _happen(farm: Farm, now: Seconds, trouble: Trouble, rows: Ints) -> None:
    if trouble == Trouble.JOIN:
        farm.machines.join(rows, now)
    elif trouble == Trouble.LEAVE:
        farm.machines.leave(rows, now, farm.busy())
        farm.hold_places()
    else:
        _fault(farm, now, rows, starts=trouble == Trouble.FAULT)


def _fault(farm: Farm, now: Seconds, rows: Ints, *, starts: bool) -> None:
    faults, fleet = farm.world.faults, farm.world.fleet
    for row in rows.tolist():
        kind, target, until = Fault(faults.kind[row]), int(faults.target[row]), faults.time[row] + faults.seconds[row]
        if starts and kind in (Fault.CRASH, Fault.RACK_LOSS):
            nodes = np.array([target]) if kind == Fault.CRASH else np.flatnonzero(fleet.rack == target)
            farm.down(nodes, now, np.full(len(nodes), until), Outcome.LOST)
        if starts and kind == Fault.CORRUPT_SCENE:
            farm.timing.corrupt[target] = True
    farm.timing.bad = farm.troubles.bad(now)[0]
    slow = farm.troubles.slow(now)
    if (changed := slow != farm.timing.slow).any():
        running = farm.running
        node = running.node[: running.count]
        hit = np.flatnonzero(changed[node] & (running.event[: running.count] < np.inf))
        running.stretch(hit, now, (slow / farm.timing.slow)[node[hit]])
        farm.timing.slow = slow


def _waves(farm: Farm, until: Seconds) -> None:
    """Let everything end that ends by `until`, and what follows it, until nothing is left that does."""
    while len(rows := np.flatnonzero(farm.running.event[: farm.running.count] <= until)):
        rows = _mishaps(farm, rows)
        if not len(rows):
            continue
        running, waiting = farm.running, farm.queues.waiting
        step = running.follow[rows]
        own = running.step[rows]
        step = np.where((step >= 0) & (waiting[step] == 0), own, step)
        over = (step < 0) | (waiting[step] == 0)
        if over.any():
            _finish(farm, rows[over])
            farm.end(rows[over], Outcome.DONE, running.event[rows[over]], np.zeros(int(over.sum())))
            rows, step = rows[~over], step[~over]
        if len(rows):
            _go_on(farm, rows, step)


def _mishaps(farm: Farm, rows: Ints) -> Ints:
    """End attempts that do not finish, and return the rows of those that do."""
    running = farm.running
    fate = running.fate[rows]
    if not fate.any():
        return rows
    peaks = rows[fate == Fate.PEAKS]
    over = farm.world.frames.memory[running.frame[peaks]] - running.memory[peaks] > farm.unused[running.node[peaks]]
    spared = peaks[~over]
    running.event[spared], running.fate[spared] = running.end[spared], Fate.ENDS
    for outcome, which in ((Outcome.OOM, peaks[over]), (Outcome.FAILED, rows[fate >= Fate.BREAKS])):
        if len(which):
            _fail(farm, which, outcome)
    return np.asarray(rows[fate == Fate.ENDS])


def _fail(farm: Farm, rows: Ints, outcome: Outcome) -> None:
    names = ("index", "step", "frame", "node", "event", "fate", "memory")
    farm.mishaps.append({name: getattr(farm.running, name)[rows] for name in names})
    time = farm.running.event[rows]
    farm.end(rows, outcome, time, time - farm.running.start[rows])


def _finish(farm: Farm, rows: Ints) -> None:
    """Count frames that finished and learn from them."""
    running = farm.running
    step, node, frame = running.step[rows], running.node[rows], running.frame[rows]
    farm.progress.finish(step, running.event[rows])
    seconds = farm.timing.cold_seconds(node, running.mode[rows], running.whole[rows])
    farm.beliefs.learn(step, frame, farm.world.fleet.node_class[node], seconds)
    if farm.suspects or farm.mishaps:
        names = ("index", "step", "frame", "node", "event", "fate", "memory")
        farm.mishaps.append({name: getattr(running, name)[rows] for name in names})


def _go_on(farm: Farm, rows: Ints, step: Ints) -> None:
    """Give slots the next frames of steps in the order of time; those that this wave cannot serve stay for the next.

    A slot is served while a frame waits for it, and while no attempt that begins in this wave ends before it: that one
    would have to be served first.
    """
    running = farm.running
    order = np.lexsort((running.index[rows], running.event[rows], step))
    rows, step = rows[order], step[order]
    first = np.flatnonzero(np.diff(step, prepend=-1))
    size = np.diff(np.append(first, len(step)))
    rank = np.arange(len(step)) - np.repeat(first, size)
    served = rank < farm.queues.waiting[step]
    rows, step, rank = rows[served], step[served], rank[served]
    columns = _continuations(farm, rows, step, farm.queues.look(step, rank))
    first = np.flatnonzero(rank == 0)
    soonest = np.repeat(np.minimum.reduceat(columns["event"], first), np.diff(np.append(first, len(step))))
    take = (running.event[rows] <= soonest) | (rank == 0)
    if not take.all():
        rows, step, columns = rows[take], step[take], {name: column[take] for name, column in columns.items()}
    _replace(farm, rows, step, columns)


def _continuations(farm: Farm, rows: Ints, step: Ints, frame: Ints) -> dict[str, np.ndarray]:
    """Return the attempts that would follow those in `rows`."""
    running, world = farm.running, farm.world
    node, own = running.node[rows], running.step[rows]
    job = world.steps.job[step]
    warm = (job == world.steps.job[own]) | (job == farm.machines.warm_job[node])
    memory = running.memory[rows]
    if (other := step != own).any():
        memory = np.where(other, np.minimum(farm.asked[step], memory), memory)
    return farm.timing.attempts(
        step=step, frame=frame, node=node, mode=running.mode[rows], start=running.event[rows],
        saved=farm.queues.saved[frame], memory=memory, warm=warm,
    )  # fmt: skip


def _replace(farm: Farm, rows: Ints, step: Ints, columns: dict[str, np.ndarray]) -> None:
    """Record what ended, and let what follows take its rows."""
    running, world = farm.running, farm.world
    _finish(farm, rows)
    time, own = running.event[rows], running.step[rows]
    farm.record(rows, Outcome.DONE, time, np.zeros(len(rows)))
    farm.queues.take(step)
    order = np.argsort(time, kind="stable")
    farm.progress.since[step[order]] = time[order]
    farm.machines.warm_job[columns["node"][order]] = world.steps.job[step[order]]
    index = np.empty(len(rows), np.int64)
    index[order] = np.arange(farm.attempts, farm.attempts + len(rows))
    farm.attempts += len(rows)
    if (step != own).any():
        share = farm.worth(step, columns["node"], columns["memory"])
        columns["worth"] = np.where(step != own, share, running.worth[rows])
    running.put(rows, {**columns, "index": index, "continued": np.ones(len(rows), bool)})
    farm.changed = True
