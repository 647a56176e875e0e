"""Weighted max-min fairness: a divisible good is poured to those who ask for it, at the same level per weight."""

from __future__ import annotations

import numpy as np

from placement.units import Floats

__all__ = ["water_fill"]


def water_fill(capacity: float, ask: Floats, weight: Floats) -> Floats:
    """Divide a capacity by weighted max-min fairness.

    Nobody gets more than it asks for, and who gets less has at least as much per weight as anybody else (Bertsekas and
    Gallager, "Data Networks", 1992, section 6.5.2). Exact: the level at which all is poured out lies between two of the
    sorted ``ask / weight``.

    Parameters
    ----------
    capacity
        What there is to divide, 0 or more.
    ask
        What each can use, 0 or more, in the unit of `capacity`, shape ``(askers,)``.
    weight
        Above 0, same shape.

    Returns
    -------
    Floats
        What each gets, shape ``(askers,)``; sums to the smaller of `capacity` and what is asked.

    Examples
    --------
    >>> water_fill(10.0, np.array([1.0, 9.0, 9.0]), np.array([1.0, 1.0, 2.0])).tolist()
    [1.0, 3.0, 6.0]
    """
    if capacity <= 0 or not len(ask):
        return np.zeros(len(ask))
    if ask.sum() <= capacity:
        return ask.astype(float)
    full = ask / weight
    order = np.argsort(full, kind="stable")
    asked, weighs = ask[order], weight[order]
    satisfied = np.concatenate([[0.0], np.cumsum(asked)[:-1]])
    thirsty = np.cumsum(weighs[::-1])[::-1]
    poured = satisfied + full[order] * thirsty
    first = min(int(np.searchsorted(poured, capacity, side="left")), len(ask) - 1)
    level = max((capacity - satisfied[first]) / thirsty[first], 0.0)
    return np.asarray(np.minimum(ask, level * weight))
