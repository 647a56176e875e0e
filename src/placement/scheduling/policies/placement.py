"""Placement: every class of node works on what it is relatively best at, long tasks first, planned anew each time."""

from __future__ import annotations

import numpy as np

from placement.scheduling.class_mix import class_mix
from placement.scheduling.slot_plan import SlotPlan, improve, longest_first
from placement.scheduling.snapshot import WAIT, Choice, Snapshot
from placement.units import Bools, Floats, Ints

__all__ = ["placement"]

#: Tasks of a group are told apart by length in steps of a quarter of a factor of e. Measured on `mixed-renders` with
#: true times: the relaxation over whole groups is 3 % longer than over single tasks, over such parts 1 %.
_LENGTHS = 4.0


def placement(farm: Snapshot, cost: Floats, *, thrift: float = 0.05) -> Choice:
    """Start what a tentative plan of all waiting work puts first on the slots that are free.

    A linear program shares groups of tasks among classes of nodes (comparative advantage); its shares are rounded,
    laid out longest first on the slots and improved by moves and swaps. Nothing of the plan is kept: the next call
    plans again with what is known then.

    Parameters
    ----------
    thrift
        Seconds of makespan given up for one second less on every slot.

    Examples
    --------
    >>> from placement.testing.farms import farm_of
    >>> farm = farm_of(node_class=[0, 1], task_group=[0, 1])
    >>> placement(farm, np.array([[1.0, 2.0], [1.0, 9.0]])).node.tolist()
    [1, 0]
    """
    choice = np.full(farm.tasks, WAIT, np.int64)
    waiting = farm.waiting()
    usable = np.zeros(cost.shape[1], bool)
    usable[farm.node_class] = True
    waiting = waiting[(np.isfinite(cost[waiting]) & usable).any(axis=1)]
    if not len(waiting) or not farm.free_slots().any():
        return Choice(choice)
    seconds = np.where(usable, cost[waiting], np.inf)
    slot_node, free_at = farm.slot_free_at(cost)
    slot_class, ahead = farm.node_class[slot_node], free_at - farm.now
    task_class = _classes(farm.task_group[waiting], seconds, slot_class, ahead, thrift)
    plan = longest_first(task_class, seconds, slot_class, ahead)
    plan = improve(plan, seconds, slot_class, rounds=2 * len(slot_node))
    known = farm.task_siblings[waiting] > 0
    for row, slot in _first_on_free_slots(plan, seconds, slot_class, known, int(farm.free_slots().sum())):
        choice[waiting[row]] = slot_node[slot]
    return Choice(choice)


def _classes(task_group: Ints, seconds: Floats, slot_class: Ints, ahead: Floats, thrift: float) -> Ints:
    """Return the class each task goes to: the linear program's shares of its group, rounded."""
    classes = seconds.shape[1]
    feasible = np.isfinite(seconds)
    # One row of the program: tasks of one group that run on the same classes and are about as long.
    length = np.round(np.log(seconds.min(axis=1)) * _LENGTHS)
    _, group = np.unique(np.column_stack([task_group, length, feasible]), axis=0, return_inverse=True)
    count = np.bincount(group).astype(float)
    mean = np.column_stack([np.bincount(group, seconds[:, c]) for c in range(classes)]) / count[:, None]
    slots = np.bincount(slot_class, minlength=classes).astype(float)
    backlog: Floats = np.bincount(slot_class, ahead, minlength=classes).astype(float)
    used = slots > 0
    mix = class_mix(count, mean[:, used], slots[used], backlog[used], thrift)
    shares = np.zeros_like(mean)
    shares[:, used] = mix.count
    chosen = np.empty(len(task_group), np.int64)
    size = np.where(feasible, seconds, 0.0).sum(axis=1)
    for each in range(len(count)):
        rows = np.flatnonzero(group == each)
        # The longest tasks of a group go to its fastest classes: a long task on a slow node is what ends last.
        chosen[rows[np.argsort(-size[rows], kind="stable")]] = _rounded(shares[each], mean[each], len(rows))
    return chosen


def _rounded(share: Floats, mean: Floats, count: int) -> Ints:
    """Turn fractional shares into `count` classes, fastest first, by largest remainder."""
    whole = np.floor(share + 1e-6).astype(np.int64)
    for c in np.argsort(whole - share, kind="stable")[: count - int(whole.sum())]:
        whole[c] += 1
    fastest = np.argsort(mean, kind="stable")
    return np.repeat(fastest, whole[fastest])


def _first_on_free_slots(
    plan: SlotPlan, seconds: Floats, slot_class: Ints, known: Bools, free: int
) -> list[tuple[int, int]]:
    """Return (task, slot) of what each of the first `free` slots starts: unknown groups first, then the longest."""
    length = seconds[np.arange(len(plan.slot)), slot_class[plan.slot]]
    order = np.lexsort((-length, known, plan.slot))
    slots, first = np.unique(plan.slot[order], return_index=True)
    return [(int(order[i]), int(slot)) for slot, i in zip(slots, first, strict=True) if slot < free]
