"""Honest splits: by shot and never by row, or by shot in time order; and the alarm for a split that leaks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.units import Bools, Ints

__all__ = ["check_no_leak", "folds_of", "group_names", "groups_of", "leave_one_out", "time_split"]


def groups_of(rows: pd.DataFrame) -> Ints:
    """Return numbers of the groups that no split may divide: shots where they are named, else jobs; ``(rows,)``.

    Two jobs of one shot share the scene, so a shot of the same show is one group.
    """
    return np.asarray(pd.factorize(group_names(rows))[0], dtype=np.int64)


def group_names(rows: pd.DataFrame) -> pd.Series:
    """Name the groups that `groups_of` numbers: the same in every batch of rows."""
    job = rows["job_id"].astype(object)
    if "shot" in rows and rows["shot"].notna().any():
        show = rows["show"].astype(object).fillna("") if "show" in rows else ""
        named = rows["shot"].notna()
        job = job.where(
            ~named, "shot:" + pd.Series(show, index=rows.index).astype(str) + "/" + rows["shot"].astype(str)
        )
    return job


def folds_of(groups: Ints, folds: int, seed: int) -> Ints:
    """Deal whole groups into `folds` of nearly equal numbers of groups; shape ``(rows,)``.

    Examples
    --------
    >>> groups = np.array([0, 0, 1, 2, 2, 3])
    >>> fold = folds_of(groups, 2, seed=0)
    >>> bool(fold[0] == fold[1] and fold[3] == fold[4])
    True
    """
    if folds < 2:
        raise InvalidInput(f"{folds} folds, expected at least 2")
    unique, inverse = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(unique))
    dealt = np.empty(len(unique), dtype=np.int64)
    dealt[order] = np.arange(len(unique)) % min(folds, len(unique))
    return dealt[inverse]


def leave_one_out(labels: Ints) -> Iterator[tuple[Bools, Bools]]:
    """Yield (train, test) masks that leave out one label at a time."""
    for label in np.unique(labels):
        yield labels != label, labels == label


def time_split(groups: Ints, start_time: np.ndarray, test_share: float) -> tuple[Bools, Bools]:
    """Train on the groups that started first, test on those that started last; masks of shape ``(rows,)``.

    A group that straddles the boundary is dropped from training: its later frames were not known yet, and its
    earlier ones would give the test away.

    Raises
    ------
    InvalidInput
        `test_share` is not between 0 and 1, or a start time is missing.
    """
    if not 0 < test_share < 1:
        raise InvalidInput(f"test share {test_share} is not between 0 and 1")
    if not np.isfinite(start_time).all():
        raise InvalidInput(
            f"{int((~np.isfinite(start_time)).sum())} rows have no start_time; a split in time order needs it"
        )
    frame = pd.DataFrame({"group": groups, "start": start_time})
    first = frame.groupby("group")["start"].transform("min").to_numpy()
    last = frame.groupby("group")["start"].transform("max").to_numpy()
    starts = np.sort(frame.groupby("group")["start"].min().to_numpy())
    learned = max(1, min(int(np.ceil(len(starts) * (1 - test_share))), len(starts) - 1))
    boundary = starts[learned - 1]
    return np.asarray(last <= boundary), np.asarray(first > boundary)


def check_no_leak(groups: Ints, train: Bools, test: Bools) -> None:
    """Raise when a group has rows on both sides of a split.

    Raises
    ------
    InvalidInput
        Naming how many groups are divided.
    """
    shared = np.intersect1d(groups[train], groups[test])
    if len(shared):
        raise InvalidInput(f"the split leaks: {len(shared)} shots have rows both in training and in test")
