"""A tentative timetable: tasks on slots, longest first, then moved and swapped off the slot that ends last."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from placement.units import Floats, Ints

__all__ = ["SlotPlan", "improve", "longest_first"]


@dataclass(frozen=True, slots=True, eq=False)
class SlotPlan:
    """Which slot each task gets, and when each slot is done.

    Parameters
    ----------
    slot
        Shape ``(tasks,)``.
    end
        Seconds, shape ``(slots,)``.
    """

    slot: Ints
    end: Floats


def longest_first(task_class: Ints, cost: Floats, slot_class: Ints, free_at: Floats) -> SlotPlan:
    """Give each task a slot of its class, the longest task first, always the slot that is free first.

    Graham, "Bounds on multiprocessing timing anomalies", SIAM Journal on Applied Mathematics 17 (1969).

    Parameters
    ----------
    task_class
        Class of node each task goes to, shape ``(tasks,)``.
    cost
        Seconds, shape ``(tasks, classes)``.
    slot_class, free_at
        Class of each slot and when it is free in seconds, shape ``(slots,)``.

    Examples
    --------
    >>> zeros = np.zeros(2, int)
    >>> longest_first(np.zeros(3, int), np.array([[1.0], [2.0], [3.0]]), zeros, np.zeros(2)).end.tolist()
    [3.0, 3.0]
    """
    seconds = cost[np.arange(len(task_class)), task_class]
    chosen, end = np.empty(len(task_class), np.int64), free_at.copy()
    heaps = {
        int(each): [(float(end[slot]), int(slot)) for slot in np.flatnonzero(slot_class == each)]
        for each in np.unique(slot_class)
    }
    for heap in heaps.values():
        heapq.heapify(heap)
    for row in np.argsort(-seconds, kind="stable").tolist():
        heap = heaps[int(task_class[row])]
        until, slot = heap[0]
        heapq.heapreplace(heap, (until + float(seconds[row]), slot))
        chosen[row] = slot
    for heap in heaps.values():
        for until, slot in heap:
            end[slot] = until
    return SlotPlan(chosen, end)


def improve(plan: SlotPlan, cost: Floats, slot_class: Ints, rounds: int) -> SlotPlan:
    """Take work off the slot that ends last, by the best move or swap, until none helps or `rounds` are over.

    Parameters
    ----------
    cost
        Seconds, shape ``(tasks, classes)``.

    Examples
    --------
    >>> plan = SlotPlan(np.zeros(2, int), np.array([4.0, 0.0]))
    >>> improve(plan, np.full((2, 1), 2.0), np.zeros(2, int), rounds=5).end.tolist()
    [2.0, 2.0]
    """
    slot, end = plan.slot.copy(), plan.end.copy()
    on_slot = cost[:, slot_class]
    for _ in range(rounds if len(slot) else 0):
        last = int(end.argmax())
        movable = np.flatnonzero(slot == last)
        if not len(movable):
            break
        best = min(_best_move(movable, on_slot, end, last), _best_swap(movable, slot, on_slot, end, last))
        worst, row, other, target = best
        if not worst < end[last] * (1 - 1e-9):
            break
        end[last] -= on_slot[row, last]
        end[target] += on_slot[row, target]
        slot[row] = target
        if other >= 0:
            end[target] -= on_slot[other, target]
            end[last] += on_slot[other, last]
            slot[other] = last
    return SlotPlan(slot, end)


_Step = tuple[float, int, int, int]


def _best_move(movable: Ints, on_slot: Floats, end: Floats, last: int) -> _Step:
    """Return (the later of both ends, task, -1, target slot) of the best single move."""
    reached = end + on_slot[movable]
    reached[:, last] = np.inf
    which, target = np.unravel_index(int(reached.argmin()), reached.shape)
    left = end[last] - on_slot[movable[which], last]
    return float(max(reached[which, target], left)), int(movable[which]), -1, int(target)


def _best_swap(movable: Ints, slot: Ints, on_slot: Floats, end: Floats, last: int) -> _Step:
    """Return (the later of both ends, task, the task it changes with, target slot) of the best swap."""
    others = np.flatnonzero(slot != last)
    if not len(others):
        return np.inf, -1, -1, -1
    there = slot[others]
    target_end = end[there] - on_slot[others, there] + on_slot[movable][:, there]
    own_end = end[last] - on_slot[movable, last][:, None] + on_slot[others, last]
    reached = np.maximum(target_end, own_end)
    which, other = np.unravel_index(int(reached.argmin()), reached.shape)
    return float(reached[which, other]), int(movable[which]), int(others[other]), int(there[other])
