"""Laws of whole runs that say how long: guarantees, waiting work, urgent work; the power cap; one seed, one history.

Unlike those in `run_laws` not every policy keeps them: a planner promises them. docs/laws.md has all bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from placement.farm.clients import Lending
from placement.farm.machines import NodeState
from placement.scheduling.ranking import patience_of
from placement.scheduling.rules import Rules
from placement.simulator.farm_world import FarmWorld
from placement.simulator.whole_farm.energy import attempt_watts, span_watts
from placement.simulator.whole_farm.history import FarmHistory
from placement.testing.history_columns import attempt_worth, farm_worth, held_over_time, waiting_at
from placement.units import Floats, Seconds

__all__ = [
    "gives_one_history",
    "honours_guarantees",
    "keeps_power_cap_throughout",
    "longest_frame",
    "loses_little_by_a_node",
    "serves_within_patience",
    "with_one_node_more",
]

Run = Callable[[FarmWorld], FarmHistory]

_ROUNDING = 1e-6


def keeps_power_cap_throughout(world: FarmWorld, history: FarmHistory) -> None:
    """Check that at no instant at which something runs or wakes the farm draws more than its power cap.

    What nodes draw in their states, what attempts draw on top, and the energy of each waking spread over it. A farm
    whose idle nodes alone draw more than the cap breaks it only by being there.
    """
    spans, past = history.spans, history.attempts
    kind = world.fleet.node_class[spans.node]
    waking = spans.state == NodeState.WAKING
    extra = world.classes.wake_joules[kind] / np.maximum(world.classes.wake_seconds[kind], 1.0)
    watts = np.concatenate([span_watts(world, spans) + waking * extra, attempt_watts(world, past)])
    work = np.concatenate([waking, np.ones(past.count)])
    start, end = np.concatenate([spans.start, past.start]), np.concatenate([spans.end, past.end])
    time, _, drawn = held_over_time(start, end, watts)
    works = held_over_time(start, end, work)[2] > 0.5
    over = works & (drawn > world.power_cap * (1 + _ROUNDING))
    assert not over.any(), f"{drawn[over].max():g} W drawn at {time[over][0]:g} s, the cap is {world.power_cap:g} W"


def gives_one_history(world: FarmWorld, run: Run) -> None:
    """Check that running a world twice gives the same history byte for byte, but for `DecisionLog.latency`."""
    one, other = run(world), run(world)
    for part in ("attempts", "spans", "decisions"):
        for each in fields(getattr(one, part)):
            first, second = (getattr(getattr(history, part), each.name) for history in (one, other))
            same = first.tobytes() == second.tobytes()
            assert same or each.name == "latency", f"{part}.{each.name} differs"
    for name in ("job_end", "job_failed", "step_ready", "step_end"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), f"{name} differs"
    assert one.end == other.end, f"ends at {one.end} and at {other.end}"


def longest_frame(history: FarmHistory) -> Seconds:
    """Return the longest time that an attempt took, 0 without attempts."""
    return float((history.attempts.end - history.attempts.start).max(initial=0.0))


def honours_guarantees(world: FarmWorld, history: FarmHistory, rules: Rules) -> None:
    """Check that no client is without what it is guaranteed, and could use, for longer than it takes to give it back.

    A client without projects is owed while a frame of it could start and would not take it above its guarantee. That
    lasts at most three times `Rules.interval` (to be seen, to be cleared, to be started), the time to fall asleep and
    to wake where nodes do, and besides: for `Lending.PREEMPT` the client's `Clients.reclaim`, for `Lending.FRAME`
    the longest frame of the history, for `Lending.NEVER` and `Lending.STATIC` nothing.

    Promised where room is room: frames of one size that fits any node a whole number of times. Otherwise what is
    given back may lie on nodes where nothing of the client's fits. Steps that need licences are not looked at; the farm
    has no power cap, nothing breaks, nothing is held for a cheaper hour, and no victim has been interrupted
    `Rules.preempt_most` times.
    """
    past, clients = history.attempts, world.clients
    time = np.unique(np.concatenate([past.start, past.end, history.decisions.time,
                                     history.step_ready[np.isfinite(history.step_ready)]]))  # fmt: skip
    time = time[time < history.end]
    waiting = waiting_at(world, history, time)
    waiting[:, world.steps.licence >= 0] = 0
    whole, worth = farm_worth(world, history, time), attempt_worth(world, past)
    least = np.where(np.isfinite(world.steps.seconds), _frame_worth(world), np.inf).min(axis=1)
    slow = (world.classes.sleep_seconds + world.classes.wake_seconds).max() if _slept(history) else 0.0
    for client in np.setdiff1d(np.flatnonzero(clients.guarantee > 0), clients.parent).tolist():
        own = np.flatnonzero(world.jobs.client[world.steps.job] == client)
        rows = np.isin(past.step, own)
        held = _at(time, *held_over_time(past.start[rows], past.end[rows], worth[rows]))
        next_ = np.where(waiting[:, own] > 0, least[own], np.inf).min(axis=1, initial=np.inf)
        owed = held + next_ <= clients.guarantee[client] * whole * (1 + _ROUNDING)
        lends = {Lending.PREEMPT: float(clients.reclaim[client]), Lending.FRAME: longest_frame(history)}
        bound = 3 * rules.interval + slow + lends.get(Lending(clients.lending[client]), 0.0)
        longest, since = _longest(owed, time, history.end)
        assert longest <= bound + _ROUNDING, (
            f"client {clients.names[client]} is owed for {longest:g} s from {since:g} s on, promised are {bound:g} s"
        )


def serves_within_patience(world: FarmWorld, history: FarmHistory, rules: Rules) -> None:
    """Check that no step without a deadline waits longer for its next frame than patience and a turn of all others.

    Between two starts of a step that has frames waiting, or before its first, lie at most `patience_of` its job's work
    (`Rules.ageing` times the binary logarithm of the job's work in frames, at least one `Rules.ageing`), and then for
    each step of the world, itself too, the longest frame of the history and a decision's `Rules.interval`: all who wait
    longer get one frame each, if need be on one and the same node, which a wide frame needs for itself.

    Promised in worlds in which nothing goes first for ever: no deadlines, emergencies or previews; one client or
    guarantees that leave room; no limits, no licences, no power cap, and nothing breaks. Frames that go back to the
    queue begin the wait anew.
    """
    past, steps = history.attempts, world.steps
    best = np.where(np.isfinite(steps.seconds), steps.seconds * _frame_worth(world), np.inf).min(axis=1)
    total = np.bincount(steps.job, best * steps.frames, world.jobs.count)[steps.job]
    # Work is believed, not known: twice as much of it is one ageing more.
    patience = patience_of(rules, 2 * total / best)
    most = patience + len(steps.job) * (longest_frame(history) + rules.interval)
    for step in np.flatnonzero(np.isfinite(history.step_ready)).tolist():
        begun = np.sort(past.start[past.step == step])
        gap = np.diff(np.concatenate([[history.step_ready[step]], begun]))
        if len(begun) < steps.frames[step]:
            gap = np.append(gap, history.end - max(begun.max(initial=0.0), history.step_ready[step]))
        assert (gap <= most[step] + _ROUNDING).all(), f"step {step} waited {gap.max():g} s, promised {most[step]:g} s"


def with_one_node_more(world: FarmWorld, like: int) -> FarmWorld:
    """Return the world with another node like the one in row `like`, there from the start and to the end."""
    columns = {each.name: np.append(getattr(world.fleet, each.name), getattr(world.fleet, each.name)[like])
               for each in fields(world.fleet)}  # fmt: skip
    columns["joins"][-1], columns["leaves"][-1] = 0.0, np.inf
    return replace(world, fleet=replace(world.fleet, **columns))


def loses_little_by_a_node(world: FarmWorld, run: Run, rules: Rules, like: int = 0) -> None:
    """Check that one more node, of a class that is there, makes no emergency end later than by a stated time.

    For each step of the longest chain of the job: twice the longest time that any of the world's frames can take on any
    class that takes it, and twice `Rules.interval`. More nodes can make a list schedule later (Graham, "Bounds on
    multiprocessing timing anomalies", SIAM Journal on Applied Mathematics 17, 1969), but who goes first everywhere
    waits at most for the frames that run when it comes and for its own last wave; both differ by a frame at most, once
    for every step that waits for another, and each is seen a decision later at most.

    Promised of emergencies that do not compete with each other, in worlds without limits, licences, caps and faults.
    """
    one, other = run(world), run(with_one_node_more(world, like))
    factor = np.maximum.reduceat(world.frames.factor, world.steps.first[:-1])
    seconds = np.where(np.isfinite(world.steps.seconds), world.steps.seconds, 0.0).max(axis=1) * factor
    frame = float((seconds * world.fleet.slowness.max()).max() / world.classes.speed.min())
    bound = _chain(world) * 2 * (frame + rules.interval)
    urgent = np.flatnonzero(world.jobs.importance >= rules.emergency)
    ends = [np.where(np.isfinite(each.job_end), each.job_end, each.end)[urgent] for each in (one, other)]
    later = ends[1] - ends[0]
    assert not (later > bound[urgent] + _ROUNDING).any(), f"jobs {urgent} end {later} s later, at most {bound[urgent]}"


def _chain(world: FarmWorld) -> Floats:
    """Return the number of steps in the longest chain of each job, shape ``(jobs,)``."""
    depth = np.ones(len(world.steps.job))
    for step, after in enumerate(world.steps.after.tolist()):
        if after >= 0:
            depth[step] = depth[after] + 1
    most = np.zeros(world.jobs.count)
    np.maximum.at(most, world.steps.job, depth)
    return most


def _frame_worth(world: FarmWorld) -> Floats:
    """Return what a frame of each step is worth on each class, with the memory that was forecast."""
    request = world.steps.request[:, None, :].copy()
    request[:, 0, 1] = world.forecasts.memory
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(request > 0, request / world.classes.offer, 0.0).max(axis=2)
    return np.asarray(share * world.classes.worth)


def _slept(history: FarmHistory) -> bool:
    return bool(np.isin(history.spans.state, [NodeState.ASLEEP, NodeState.FALLING_ASLEEP]).any())


def _at(time: Floats, when: Floats, before: Floats, after: Floats) -> Floats:
    """Return what is held right after each instant."""
    return np.concatenate([[0.0], after])[np.searchsorted(when, time, side="right")]


def _longest(holds: np.ndarray, time: Floats, end: Seconds) -> tuple[Seconds, Seconds]:
    """Return how long something held at a stretch at most, and since when."""
    until = np.append(time[1:], end)
    longest, since, began = 0.0, 0.0, None
    for now, then, here in zip(time.tolist(), until.tolist(), holds.tolist(), strict=True):
        began = (now if began is None else began) if here else None
        if began is not None and then - began > longest:
            longest, since = then - began, began
    return longest, since
