"""Judge the learner on shots it never saw: by folds of shots or in time order, before and after frames of the job.

Everything that learns sees the training shots only: the search, the correction and the calibration run anew in every
fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from placement.errors import InvalidInput
from placement.forecast.distribution import Forecast
from placement.forecast.evidence import quiet_rows
from placement.telemetry.features import Feature
from placement.units import Bools, Floats, Ints
from training.cold import ColdSettings
from training.noise import measured_rows
from training.splits import check_no_leak, folds_of, groups_of, time_split
from training.target import Effort, fit_target

__all__ = [
    "QUANTILES",
    "Backtest",
    "Plan",
    "coverage",
    "first_frames",
    "grouped_backtest",
    "learning_curve",
    "percentage_error",
    "time_backtest",
]

#: Column of a backtest's tables -> probability of that quantile.
QUANTILES = {"p2.5": 0.025, "p10": 0.1, "p50": 0.5, "p90": 0.9, "p97.5": 0.975, "p99": 0.99}

_KEPT = ("job_id", "frame", "shot", "job_type", "renderer", "node_class")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to judge.

    Parameters
    ----------
    folds
        Folds of held-out shots.
    seed
        Of the folds and of the draws of seen frames.
    seen
        Frames of a job that have finished when its others are forecast again.
    draws
        Choices of those frames: the first to finish, then seeded draws.
    settings, effort
        How every fold is trained.
    jobs
        Threads over folds.
    progress
        Show a progress bar.
    """

    folds: int = 15
    seed: int = 0
    seen: int = 3
    draws: int = 3
    settings: ColdSettings = field(default_factory=ColdSettings)
    effort: Effort = field(default_factory=lambda: Effort(draws=1, folds=10, jobs=1, backoff=False))
    jobs: int = 2
    progress: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Forecasts of rows that were held out, each on the node class it ran on, beside the truth.

    Both tables have the columns ``row`` (position in the rows judged), ``fold``, ``job_id``, ``frame``, ``shot``,
    ``job_type``, ``renderer``, ``node_class``, ``quiet`` (bool), ``truth``, ``location`` (of the log), ``mean`` and
    those of `QUANTILES`.

    Parameters
    ----------
    target
        Column that was forecast; its unit is that of ``truth``, ``mean`` and the quantiles.
    cold
        No frame of the job was seen.
    seen
        After `Plan.seen` frames: the job's other frames, repeats of the seen ones left out, with the column ``draw``,
        0 where the first to finish were seen. Jobs too small to have others are not in it.
    """

    target: str
    cold: pd.DataFrame
    seen: pd.DataFrame


def grouped_backtest(rows: pd.DataFrame, target: str, features: Sequence[Feature], plan: Plan) -> Backtest:
    """Hold out one fold of shots after the other.

    Parameters
    ----------
    rows
        What `placement.telemetry.clean` returns.

    Raises
    ------
    InvalidInput
        There are fewer than two shots, or too few rows to train on.
    """
    groups = groups_of(rows)
    if len(np.unique(groups)) < 2:
        raise InvalidInput(f"{len(np.unique(groups))} shots, a backtest needs at least 2 to hold one out")
    fold = folds_of(groups, plan.folds, plan.seed)
    return _judged(rows, target, features, plan, [(fold != number, fold == number) for number in np.unique(fold)])


def time_backtest(
    rows: pd.DataFrame, target: str, features: Sequence[Feature], plan: Plan, *, test_share: float = 0.3
) -> Backtest:
    """Train on the shots that started first and were over in time, judge on the last `test_share` of them.

    Raises
    ------
    InvalidInput
        A start time is missing, or too few rows are left to train on.
    """
    split = time_split(groups_of(rows), rows["start_time"].to_numpy(dtype=float, na_value=np.nan), test_share)
    return _judged(rows, target, features, plan, [split])


def learning_curve(
    rows: pd.DataFrame,
    target: str,
    features: Sequence[Feature],
    plan: Plan,
    shares: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
) -> pd.DataFrame:
    """Return the error on the same held-out shots against the share of the other shots that was trained on.

    Returns
    -------
    pandas.DataFrame
        One row per share: ``share``, ``shots`` (mean number trained on), ``cold`` and ``seen``: median absolute
        percentage error of quiet rows before and after frames of the job, as shares.
    """
    groups = groups_of(rows)
    fold = folds_of(groups, plan.folds, plan.seed)
    lines = []
    for share in shares:
        splits = [(_thinned(groups, fold != one, share, plan.seed), fold == one) for one in np.unique(fold)]
        found = _judged(rows, target, features, plan, splits)
        errors = [float(np.median(percentage_error(table[table["quiet"]]))) for table in (found.cold, found.seen)]
        shots = float(np.mean([len(np.unique(groups[train])) for train, _ in splits]))
        lines.append((share, shots, *errors))
    return pd.DataFrame(lines, columns=["share", "shots", "cold", "seen"])


def _thinned(groups: Ints, train: Bools, share: float, seed: int) -> Bools:
    """Keep a share of the training groups, the same order of groups for every share."""
    there = np.unique(groups[train])
    kept = np.random.default_rng(seed).permutation(there)[: max(1, round(share * len(there)))]
    return train & np.isin(groups, kept)


def percentage_error(table: pd.DataFrame) -> Floats:
    """Return |p50 - truth| / truth of each row of a backtest's table, shape ``(rows,)``.

    Examples
    --------
    >>> percentage_error(pd.DataFrame({"p50": [5.0, 30.0], "truth": [10.0, 20.0]})).tolist()
    [0.5, 0.5]
    """
    truth = table["truth"].to_numpy(float)
    return np.asarray(np.abs(table["p50"].to_numpy(float) - truth) / truth)


def coverage(table: pd.DataFrame, low: str, high: str) -> pd.Series:
    """Return the share of truths between two quantile columns, one value per node class.

    Examples
    --------
    >>> table = pd.DataFrame({"node_class": ["a", "a"], "truth": [1.0, 9.0], "p10": [0.5, 2.0], "p90": [2.0, 8.0]})
    >>> coverage(table, "p10", "p90").to_dict()
    {'a': 0.5}
    """
    inside = (table["truth"] >= table[low]) & (table["truth"] <= table[high])
    return inside.groupby(table["node_class"]).mean()


def first_frames(rows: pd.DataFrame, count: int, rng: np.random.Generator | None = None) -> tuple[Ints, Ints]:
    """Choose the finished frames of every job and the rows that are left to forecast.

    Parameters
    ----------
    rng
        Draws the frames; None: those that finished first, by ``end_time``.

    Returns
    -------
    seen, asked
        Positions of rows: one row for each of `count` different frames of a job, and every row of the job's other
        frames. Jobs with no more than `count` frames are in neither.
    """
    ends = rows["end_time"].to_numpy(dtype=float, na_value=np.nan)
    order = np.argsort(ends, kind="stable") if rng is None else rng.permutation(len(rows))
    frame = rows["frame"].to_numpy(dtype=float, na_value=np.nan)
    # A frame without a number is one of its own.
    numbered = np.where(np.isnan(frame), -1.0 - np.arange(len(rows)), frame)
    keys = pd.DataFrame({"job": rows["job_id"].to_numpy(), "frame": numbered})
    ranked = keys.iloc[order].drop_duplicates()
    enough = ranked.groupby("job")["frame"].transform("size") > count
    seen = ranked[enough].groupby("job").head(count)
    hidden = keys.merge(seen.assign(hidden=True), on=["job", "frame"], how="left")["hidden"].notna().to_numpy()
    asked = ~hidden & keys["job"].isin(seen["job"]).to_numpy()
    return np.sort(seen.index.to_numpy()), np.flatnonzero(asked)


def _judged(
    rows: pd.DataFrame, target: str, features: Sequence[Feature], plan: Plan, splits: Sequence[tuple[Bools, Bools]]
) -> Backtest:
    run = Parallel(n_jobs=plan.jobs, prefer="threads", return_as="generator")
    groups = groups_of(rows)
    for train, test in splits:
        check_no_leak(groups, train, test)
    numbered = rows.reset_index(drop=True).rename_axis("row").reset_index()
    done = run(
        delayed(_fold)(numbered[train], numbered[test], target, tuple(features), plan) for train, test in splits
    )
    found = list(tqdm(done, f"backtest {target}", len(splits), disable=not plan.progress))
    cold = [table.assign(fold=number) for number, (table, _) in enumerate(found)]
    seen = [table.assign(fold=number) for number, (_, table) in enumerate(found)]
    return Backtest(target, pd.concat(cold, ignore_index=True), pd.concat(seen, ignore_index=True))


def _fold(
    train: pd.DataFrame, held: pd.DataFrame, target: str, features: tuple[Feature, ...], plan: Plan
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train on one side, forecast the other before and after frames of its jobs."""
    model = fit_target(train.reset_index(drop=True), target, features, plan.settings, plan.effort).model
    held = measured_rows(held, target)
    nodes = pd.concat([train, held])[["node_class", "threads", "cores"]].drop_duplicates("node_class")
    nodes = nodes.reset_index(drop=True)
    cold = _table(held, target, nodes, model.forecast(held, nodes))
    after = []
    for draw, rng in enumerate(_draws(plan)):
        seen, asked = first_frames(held, plan.seen, rng)
        tasks = held.iloc[asked].reset_index(drop=True)
        forecast = model.forecast(tasks, nodes, held.iloc[seen].reset_index(drop=True))
        after.append(_table(tasks, target, nodes, forecast).assign(draw=draw))
    return cold, pd.concat(after, ignore_index=True)


def _draws(plan: Plan) -> Iterator[np.random.Generator | None]:
    yield None
    for draw in range(1, plan.draws):
        yield np.random.default_rng([plan.seed, draw])


def _table(tasks: pd.DataFrame, target: str, nodes: pd.DataFrame, forecast: Forecast) -> pd.DataFrame:
    own = np.arange(len(tasks)), pd.Index(nodes["node_class"]).get_indexer(pd.Index(tasks["node_class"]))
    told = {name: forecast.quantile(probability)[own] for name, probability in QUANTILES.items()}
    kept = {name: tasks[name].to_numpy() for name in ("row", *_KEPT)}
    truth = tasks[target].to_numpy(float)
    centre = {"location": forecast.location[own], "mean": forecast.mean()[own]}
    return pd.DataFrame({**kept, "quiet": quiet_rows(tasks), "truth": truth, **centre, **told})
