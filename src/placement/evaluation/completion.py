"""Fill a device × scene table of run times: additive in logs, plus a shrunken low-rank interaction, with its spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.errors import InvalidInput
from placement.units import Bools, Floats

__all__ = ["Completed", "complete"]

_ROUNDS = 60
_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Completed:
    """Log seconds of every cell and the standard error of the cells that were filled.

    Parameters
    ----------
    log
        Shape ``(devices, scenes)``; known cells keep their value.
    error
        Root mean square log error of cells predicted from the others, by cross-validation over known cells.
    """

    log: Floats
    error: float


def complete(log: Floats, kind: Bools, *, ridge: float = 0.1, shrink: float = 0.3) -> Completed:
    """Fill the NaN cells of `log`.

    Scene effects differ between the two kinds of device, device effects are shrunken by `ridge`, and what is left is
    filled by singular values soft-thresholded at `shrink` (Mazumder, Hastie and Tibshirani, "Spectral regularization
    algorithms for learning large incomplete matrices", JMLR 11, 2010).

    Parameters
    ----------
    log
        Log seconds, NaN where unknown, shape ``(devices, scenes)``.
    kind
        Two kinds of device, such as GPU or not, shape ``(devices,)``.
    ridge
        Prior observations at zero behind every effect.
    shrink
        How much every singular value of the interaction is lowered, log seconds.

    Raises
    ------
    InvalidInput
        Fewer cells are known than there are folds of the cross-validation.

    Examples
    --------
    >>> log = np.log([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0], [3.0, 6.0, np.nan]])
    >>> bool(abs(np.exp(complete(log, np.zeros(3, bool)).log[2, 2]) - 12) < 2)
    True
    """
    known = np.argwhere(np.isfinite(log))
    if len(known) < _FOLDS:
        raise InvalidInput(f"{len(known)} known cells, expected {_FOLDS} or more")
    squares = 0.0
    for fold in range(_FOLDS):
        rows, columns = known[fold::_FOLDS].T
        partial = log.copy()
        partial[rows, columns] = np.nan
        squares += float(((_fill(partial, kind, ridge, shrink) - log)[rows, columns] ** 2).sum())
    return Completed(_fill(log, kind, ridge, shrink), float(np.sqrt(squares / len(known))))


def _fill(log: Floats, kind: Bools, ridge: float, shrink: float) -> Floats:
    known = np.isfinite(log)
    effects = _effects(log, known, kind, ridge)
    rest = np.where(known, log - effects, 0.0)
    interaction = np.zeros_like(rest)
    for _ in range(_ROUNDS):
        left, values, right = np.linalg.svd(np.where(known, rest, interaction), full_matrices=False)
        interaction = (left * np.maximum(values - shrink, 0.0)) @ right
    return np.where(known, log, effects + interaction)


def _effects(log: Floats, known: Bools, kind: Bools, ridge: float) -> Floats:
    """Return device effect + scene effect + scene effect of the kind, fitted in turns."""
    value = np.where(known, log, 0.0)
    device, scene = np.zeros((len(log), 1)), np.full((1, log.shape[1]), value.sum() / known.sum())
    by_kind = np.zeros_like(log)
    for _ in range(_ROUNDS):
        device = (value - known * (scene + by_kind)).sum(1, keepdims=True) / (known.sum(1, keepdims=True) + ridge)
        scene = (value - known * (device + by_kind)).sum(0, keepdims=True) / np.maximum(known.sum(0, keepdims=True), 1)
        for each in (kind, ~kind):
            left = (value - known * (device + scene))[each].sum(0)
            by_kind[each] = left / (known[each].sum(0) + ridge)
    return np.asarray(device + scene + by_kind)
