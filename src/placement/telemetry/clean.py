"""Rows to learn from: duplicates out, retries stitched, failures out, what was cut short marked as a lower bound."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from placement.errors import InvalidInput
from placement.telemetry.schema import TARGETS
from placement.telemetry.stitch import stitch

__all__ = ["CENSORED", "NOISY_WEIGHT", "Cleaner", "clean"]

#: Weight of a row that other work disturbed; repeats of a frame spread 2 to 5 % on a quiet machine, about 9 % beside
#: other work, and the weight of least variance is somewhere below the ratio of the variances' roots.
NOISY_WEIGHT = 0.4

#: Statuses whose run time and memory are lower bounds.
CENSORED = ("timeout", "oom", "killed")

_KEY = ("job_id", "frame", "attempt", "node_id", "node_class", "start_time")
_Hashes = NDArray[np.uint64]


def clean(rows: pd.DataFrame, *, noisy_weight: float = NOISY_WEIGHT) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of `rows` that a model may learn run time and memory from, and how many were dropped, by reason.

    Parameters
    ----------
    rows
        Canonical rows, as `read_telemetry` gives them.
    noisy_weight
        Weight of a row with ``quiet`` 0, in (0, 1]; others weigh 1.

    Returns
    -------
    rows
        In their order, with ``censored`` (bool: run time and peak memory are lower bounds) and ``weight`` (float).
    counts
        Reason → rows dropped.

    Examples
    --------
    >>> from placement.telemetry.canonical import canonical
    >>> table = pd.DataFrame({"job_id": ["a", "a", "b"], "status": ["ok", "ok", "error"], "run_time": [1.0, 1.0, 2.0]})
    >>> rows, counts = clean(canonical(table)[0])
    >>> len(rows), counts
    (1, {'duplicate of another row': 1, 'error': 1})
    """
    cleaner = Cleaner(noisy_weight=noisy_weight)
    parts = [cleaner.add(rows.reset_index(drop=True)), cleaner.finish()]
    kept = pd.concat([part for part in parts if len(part)] or parts[:1])
    return kept.sort_index(kind="stable").reset_index(drop=True), cleaner.dropped


class Cleaner:
    """`clean` for telemetry that comes in batches: duplicates and retries are found across them.

    Keeps 16 bytes a row to know duplicates (64-bit hashes: among 10 million rows two different ones are taken for
    duplicates once in some 100,000 runs), and the unfinished attempts themselves until `finish`.

    Examples
    --------
    >>> from placement.telemetry.canonical import canonical
    >>> batch = canonical(pd.DataFrame({"job_id": ["a"], "status": ["ok"], "run_time": [1.0]}))[0]
    >>> cleaner = Cleaner()
    >>> len(cleaner.add(batch)), len(cleaner.add(batch)), len(cleaner.finish()), cleaner.dropped
    (1, 0, 0, {'duplicate of another row': 1})
    """

    def __init__(self, *, noisy_weight: float = NOISY_WEIGHT) -> None:
        if not 0 < noisy_weight <= 1:
            raise InvalidInput(f"noisy_weight {noisy_weight} is not in (0, 1]")
        self.noisy_weight = noisy_weight
        self._dropped: Counter[str] = Counter()
        self._seen_rows = _Seen()
        self._seen_attempts = _Seen()
        self._held: list[pd.DataFrame] = []

    @property
    def dropped(self) -> dict[str, int]:
        """Reason → rows dropped so far."""
        return {reason: count for reason, count in sorted(self._dropped.items()) if count}

    def add(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what of `rows` can be learned from now; attempts that others may continue are held back."""
        rows = self._without_duplicates(rows)
        part_of_more = rows["status"].isin(("interrupted", *CENSORED)) | (rows["checkpoint_fraction"] > 0)
        self._held.append(rows[part_of_more])
        return self._usable(rows[~part_of_more].assign(censored=False))

    def finish(self) -> pd.DataFrame:
        """Return what the held attempts amount to, each chain of retries that kept work as one row."""
        held = pd.concat(self._held) if self._held else pd.DataFrame()
        self._held = []
        if held.empty:
            return held
        stitched, dropped = stitch(held)
        self._dropped.update(dropped)
        stitched["censored"] |= stitched["status"].isin(CENSORED)
        return self._usable(stitched)

    def _without_duplicates(self, rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows[self._first("duplicate of another row", rows, self._seen_rows)]
        keyed = rows[["job_id", "frame", "start_time"]].notna().all(axis=1).to_numpy()
        first = np.ones(len(rows), dtype=bool)
        first[keyed] = self._first("duplicate of another attempt", rows.loc[keyed, list(_KEY)], self._seen_attempts)
        return rows[first]

    def _first(self, reason: str, rows: pd.DataFrame, seen: _Seen) -> NDArray[np.bool_]:
        first = seen.first(pd.util.hash_pandas_object(rows, index=False).to_numpy().astype(np.uint64))
        self._dropped[reason] += int((~first).sum())
        return first

    def _usable(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Failures out, weights on."""
        warned = rows["warning_class"].notna()
        measured = rows[list(TARGETS)].notna().any(axis=1)
        reasons = {
            "interrupted": rows["status"] == "interrupted",
            "error": rows["status"] == "error",
            "failed, though it ended well": warned & (rows["status"] == "ok"),
            "nothing measured": ~measured,
        }
        out = np.zeros(len(rows), dtype=bool)
        for reason, where in reasons.items():
            fresh = where.to_numpy(dtype=bool) & ~out
            self._dropped[reason] += int(fresh.sum())
            out |= fresh
        kept = rows[~out]
        return kept.assign(weight=np.where(kept["quiet"] == 0.0, self.noisy_weight, 1.0))


class _Seen:
    """A growing set of hashes in sorted runs, merged when they are alike in size: O(log) runs, 8 bytes a hash."""

    def __init__(self) -> None:
        self._runs: list[_Hashes] = []

    def first(self, hashes: _Hashes) -> NDArray[np.bool_]:
        """Return which `hashes` are met for the first time, here or before, and remember them."""
        unique, at = np.unique(hashes, return_index=True)
        new = np.ones(len(unique), dtype=bool)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, unique), len(run) - 1)
            new &= run[place] != unique
        self._remember(unique[new])
        first = np.zeros(len(hashes), dtype=bool)
        first[at[new]] = True
        return first

    def _remember(self, run: _Hashes) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)
