"""Clean rows on disk: telemetry larger than memory is checked once and read again a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from placement.errors import InvalidInput
from placement.units import Bools, Floats, Ints
from training.splits import group_names

__all__ = ["Hashes", "Spool", "among"]

Hashes = NDArray[np.uint64]

_GROUP, _JOB = "group hash", "job hash"
#: Values of these are in the sample as long as it has room.
_STRATA = ("job_type", "node_class")
_SHOTS_PER_VALUE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Spool:
    """Clean rows in Parquet files, and what was counted on the way there.

    Parameters
    ----------
    parts
        The files, in order.
    rows
        How many rows they hold.
    groups, group_rows
        Hashes of the groups that no split may divide, sorted, and the rows of each.
    jobs, job_rows
        The same of the jobs.
    rank
        Place of each group, by its hash, among the groups that share its rarest job type or node class, from 0.
    """

    parts: tuple[Path, ...]
    rows: int
    groups: Hashes
    group_rows: Ints
    jobs: Hashes
    job_rows: Ints
    rank: Ints

    @classmethod
    def write(cls, batches: Iterable[pd.DataFrame], folder: Path, seed: int) -> Spool:
        """Write clean batches to `folder`, one file each, and count.

        Parameters
        ----------
        seed
            Of the hashes that draw the sample.

        Raises
        ------
        InvalidInput
            There is no row.
        """
        parts: list[Path] = []
        groups, jobs, strata, rows = [], [], [], 0
        for batch in (each for each in batches if len(each)):
            group, job = _hashes(group_names(batch), seed), _hashes(batch["job_id"], seed)
            groups.append(np.unique(group, return_counts=True))
            jobs.append(np.unique(job, return_counts=True))
            strata += [_pairs(group, _hashes(batch[name], seed)) for name in _STRATA]
            parts.append(folder / f"rows-{len(parts):05d}.parquet")
            table = pa.Table.from_pandas(batch.assign(**{_GROUP: group, _JOB: job}), preserve_index=False)
            pq.write_table(table, parts[-1], compression="lz4")
            rows += len(batch)
        if not rows:
            raise InvalidInput("not one row is left after cleaning; training needs finished ones")
        names, counts = _summed(groups)
        return cls(tuple(parts), rows, names, counts, *_summed(jobs), _rank(names, pd.concat(strata)))

    def batches(self) -> Iterator[tuple[pd.DataFrame, Hashes, Ints]]:
        """Yield rows, the hashes of their groups, and how many rows their jobs have."""
        for part in self.parts:
            rows = pd.read_parquet(part)
            group, job = rows.pop(_GROUP).to_numpy(), rows.pop(_JOB).to_numpy()
            yield rows, group, self.job_rows[np.searchsorted(self.jobs, job)]

    def draw(self, share: float, most: int) -> Hashes:
        """Choose whole groups, at most `share` of the rows and `most` rows, but two groups at least.

        A few of every job type and node class come first, then others at random. The choice depends on
        the names of the groups and the seed of their hashes, not on the order of the rows.
        """
        order = np.lexsort((self.groups, np.minimum(self.rank, _SHOTS_PER_VALUE)))
        budget = min(most, share * self.rows)
        kept = max(2, int(np.searchsorted(np.cumsum(self.group_rows[order]), budget, side="right")))
        return np.sort(self.groups[order[:kept]])

    def rows_of(self, groups: Hashes) -> pd.DataFrame:
        """Return the rows of some groups."""
        parts = [rows[among(group, groups)] for rows, group, _ in self.batches()]
        return pd.concat(parts, ignore_index=True)


def among(hashes: Hashes, chosen: Hashes) -> Bools:
    """Return which hashes are among the chosen, sorted ones."""
    place = np.minimum(np.searchsorted(chosen, hashes), len(chosen) - 1)
    return np.asarray(chosen[place] == hashes)


def _hashes(names: pd.Series, seed: int) -> Hashes:
    codes, unique = pd.factorize(names.astype(object).to_numpy(), use_na_sentinel=False)
    known = np.array([str(name) for name in unique], dtype=object)
    return np.asarray(pd.util.hash_array(known, hash_key=f"{seed % 10**16:016d}")[codes], dtype=np.uint64)


def _pairs(group: Hashes, value: Hashes) -> pd.DataFrame:
    return pd.DataFrame({"group": group, "value": value}).drop_duplicates()


def _summed(parts: list[tuple[Hashes, Ints]]) -> tuple[Hashes, Ints]:
    names, place = np.unique(np.concatenate([names for names, _ in parts]), return_inverse=True)
    weights: Floats = np.concatenate([counts for _, counts in parts]).astype(float)
    return names, np.bincount(place, weights).astype(np.int64)


def _rank(groups: Hashes, strata: pd.DataFrame) -> Ints:
    strata = strata.drop_duplicates().sort_values("group", kind="stable")
    place = strata.groupby("value").cumcount().groupby(strata["group"]).min()
    return np.asarray(place.reindex(groups).to_numpy(), dtype=np.int64)
