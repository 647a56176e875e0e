"""Train on any number of rows: a sample of whole shots settles everything but the trees, which learn from all others.

Linear part, search, correction and calibration need thousands of jobs, not millions. So a seeded sample of shots goes
through `training.target.fit_target`; then trees grow on all rows *outside* the sample, which therefore judges them as
honestly as held-out folds do: it stops their growth, mixes them with the linear part, and calibrates the result.
"""

from __future__ import annotations

import gzip
import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from placement.adapters.formats.sources import telemetry_files
from placement.adapters.stores.boosters import TextBooster
from placement.errors import InvalidInput
from placement.forecast.model import ColdModel
from placement.telemetry.features import Feature
from placement.units import Floats
from training.chunks import Chunk, Chunks
from training.cold import ColdSettings, TrainingData, increasing_columns, tree_inputs
from training.heldout import HeldOut
from training.spool import Hashes, Spool, among
from training.target import (
    CENSORED_WEIGHT,
    FEWEST_ROWS,
    Disturbed,
    Effort,
    FittedTarget,
    beyond_bounds,
    fit_target,
    offsets,
    weights,
)
from training.trees import TreeSettings

__all__ = ["LARGE_ROWS", "LargeSettings", "fit_large", "grown", "is_large", "slices"]

#: Beyond this many rows telemetry is large: a sample settles all but the trees.
LARGE_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeSettings:
    """How large telemetry is learned from.

    Parameters
    ----------
    share, most
        The sample is at most this share of the rows, and at most about so many.
    tree_rows
        Rows that one tree looks at, drawn anew for each (stochastic gradient boosting, Friedman 2002).
    rounds, patience
        Trees at most; growth stops when so many in a row make the sample's forecasts no better.
    chunk_rows
        Rows that are in memory at once.
    """

    share: float = 0.2
    most: int = 20_000
    tree_rows: int = 500_000
    rounds: int = 150
    patience: int = 10
    chunk_rows: int = 250_000


def fit_large(
    spool: Spool,
    targets: tuple[str, ...],
    features: tuple[Feature, ...],
    settings: tuple[ColdSettings, LargeSettings],
    effort: Effort,
) -> tuple[dict[str, FittedTarget], pd.DataFrame]:
    """Train targets on spooled rows; return them with the rows of the sample.

    Parameters
    ----------
    spool
        Clean rows; its folder takes the working files too.
    targets
        Of `training.train.LEARNED`; any but the run time is left out when the sample does not measure it.
    """
    large = settings[1]
    chosen = spool.draw(large.share, large.most)
    sample = spool.rows_of(chosen)
    fitted = {}
    for name in targets:
        if name != "run_time" and sample[name].notna().sum() < FEWEST_ROWS:
            continue
        grow = _Growing(spool, chosen, large, effort)
        fitted[name] = fit_target(sample, name, features, settings[0], effort, grow)
    return fitted, sample


def is_large(path: Path, rows: int = LARGE_ROWS) -> bool:
    """Return whether the telemetry files at `path` hold more than so many rows, without reading further than that.

    Parquet files say how many they have; of text, lines are counted. A file that cannot be read counts none here: the
    reader will say what is wrong with it.

    Raises
    ------
    InvalidInput
        There is no telemetry at `path`.
    """
    left = rows
    for file in telemetry_files(path):
        try:
            left -= _rows_in(file, left + 2)
        except (OSError, EOFError, pa.ArrowException):
            continue
        if left < 0:
            return True
    return False


def _rows_in(file: Path, most: int) -> int:
    if file.name.lower().endswith(".parquet"):
        return int(pq.read_metadata(file).num_rows)
    with gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb") as lines:
        return sum(1 for _, _ in zip(range(most), lines, strict=False))


def slices(rows: pd.DataFrame, most: int) -> Iterator[pd.DataFrame]:
    """Yield rows that are in memory in slices of at most `most`."""
    for start in range(0, len(rows), most):
        yield rows.iloc[start : start + most]


def grown(settings: TreeSettings, rows: int, large: LargeSettings) -> TreeSettings:
    """Return settings for more rows than they were searched on: more and larger leaves, and only one booster.

    Leaves grow with the square root of the rows, so that rows per leaf grow as well.

    Examples
    --------
    >>> few, many = (grown(TreeSettings(), rows, LargeSettings()) for rows in (50_000, 10_000_000))
    >>> few.leaves, many.leaves, few.row_share, many.row_share
    (15, 31, 0.7, 0.05)
    """
    return replace(
        settings,
        rounds=large.rounds,
        rate=0.12,
        leaves=int(np.clip(15 * np.sqrt(rows / LARGE_ROWS), settings.leaves, 31)),
        leaf_rows=max(settings.leaf_rows, min(200, rows // 2_500)),
        column_share=max(settings.column_share, 0.6),
        row_share=min(settings.row_share, large.tree_rows / rows),
        ensemble=1,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Growing:
    """Grows the trees of one target on the spooled rows that are not in the sample."""

    spool: Spool
    sample: Hashes
    large: LargeSettings
    effort: Effort

    def __call__(
        self, cold: ColdModel, found: HeldOut, data: TrainingData, disturbed: Disturbed
    ) -> tuple[ColdModel, HeldOut]:
        alpha = found.settings.trees.alpha
        folder = self.spool.parts[0].parent
        chunk_rows = int(np.clip(self.spool.rows // 8, 1_000, self.large.chunk_rows))
        chunks = Chunks.write(self._chunks(cold, alpha, data.target, disturbed), folder, chunk_rows)
        trees = grown(found.settings.trees, max(chunks.rows, 1), self.large)
        matrix, given = tree_inputs(cold, data.rows, alpha)
        params = trees.params(increasing_columns(cold), self.effort.seed, chunks.rows)
        judge = Chunk(matrix, data.value - given, data.weight)
        if self.effort.cluster:
            text = _on_cluster(chunks, params, trees.rounds, self.effort.cluster)
        else:
            text = _on_this_machine(chunks, params | {"num_threads": self.effort.jobs}, judge, trees.rounds, self)
        chunks.delete()
        booster = TextBooster(text)
        judged = replace(found, settings=replace(found.settings, trees=trees))
        held_out = judged.with_trees(data, booster.predict(matrix) + given)
        return replace(cold, boosters=(booster,), mix=held_out.settings.mix), held_out

    def _chunks(self, cold: ColdModel, alpha: float, target: str, disturbed: Disturbed) -> Iterable[Chunk]:
        bar = tqdm(total=self.spool.rows, desc=f"rows of {target}", unit=" rows", disable=not self.effort.progress)
        with bar:
            for rows, group, job_rows in self.spool.batches():
                value = rows[target].to_numpy(dtype=float, na_value=np.nan)
                use = np.isfinite(value) & (value > 0) & ~among(group, self.sample)
                if use.any():
                    yield _chunk(cold, alpha, rows[use], job_rows[use], (target, disturbed))
                bar.update(len(rows))


def _on_cluster(chunks: Chunks, params: dict[str, object], rounds: int, cluster: str) -> str:
    try:
        dask_trees = importlib.import_module("training.dask_trees")
    except ImportError as wrong:
        raise InvalidInput(f"trees cannot grow on cluster {cluster!r} without the extra 'dask': {wrong}") from wrong
    return str(dask_trees.grow_on_cluster(chunks, params, rounds, cluster))


def _chunk(
    cold: ColdModel, alpha: float, rows: pd.DataFrame, job_rows: Floats, of: tuple[str, Disturbed]
) -> Chunk:
    """Return what trees learn from some rows, as `training.target` would have it of all of them."""
    target, disturbed = of
    censored = rows["censored"].to_numpy(bool)
    log = np.log(rows[target].to_numpy(float))
    if target == "run_time":
        log -= offsets(rows, disturbed.busy)
    if censored.any():
        log[censored] = beyond_bounds(cold, rows[censored], target, disturbed.variance)
    weight = np.where(censored, CENSORED_WEIGHT, weights(rows, target)) / np.sqrt(job_rows)
    matrix, given = tree_inputs(cold, rows, alpha)
    return Chunk(matrix, log - given, weight)


def _on_this_machine(
    chunks: Chunks, params: dict[str, object], judge: Chunk, rounds: int, growing: _Growing
) -> str:
    binning = {"verbose": -1, "num_threads": params["num_threads"], "feature_pre_filter": False}
    data = chunks.dataset(binning)
    against = lightgbm.Dataset(judge.matrix, judge.target, weight=judge.weight, reference=data, params=binning)
    with tqdm(total=rounds, desc="trees", disable=not growing.effort.progress) as bar:
        booster = lightgbm.train(
            params | {"metric": "l1"},
            data,
            rounds,
            valid_sets=[against],
            callbacks=[
                lightgbm.early_stopping(growing.large.patience, verbose=False),
                lambda state: bar.update(1) and None,
            ],
            keep_training_booster=True,
        )
    return str(booster.model_to_string(num_iteration=booster.best_iteration))
