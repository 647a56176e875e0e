"""What the cold model says of shots it did not see, and the search for its settings on that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from placement.telemetry.features import Encoder
from placement.units import Bools, Floats, Ints
from training.cold import ColdSettings, TrainingData, fit_cold, with_trees
from training.splits import check_no_leak, folds_of

__all__ = ["HeldOut", "candidates", "search"]

_MIXES = tuple(round(0.1 * tenth, 1) for tenth in range(2, 9))
_ALPHAS = (0.7, 0.0)
#: Standard errors by which a weight must be better than even weights to be preferred.
_CLEARLY = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """The settings found, and how they did on shots not trained on.

    Parameters
    ----------
    settings
        The best of the search.
    location
        Log forecast of every row by a model that saw no row of its shot, shape ``(rows,)``.
    trials
        (settings, mean absolute log error on quiet held-out rows), best first.
    linear
        The same as `location` by the linear part alone.
    """

    settings: ColdSettings
    location: Floats
    trials: tuple[tuple[ColdSettings, float], ...]
    linear: Floats

    def with_trees(self, data: TrainingData, trees: Floats) -> HeldOut:
        """Return what it would be with other held-out forecasts of the trees, the mix read off anew."""
        error, mix = _best_mix(data, self.linear, trees)
        settings = replace(self.settings, mix=mix)
        return HeldOut(settings, mix * self.linear + (1 - mix) * trees, ((settings, error), *self.trials), self.linear)


def candidates(start: ColdSettings, draws: int, seed: int, *, adds_up: bool = False) -> list[ColdSettings]:
    """Return `draws` settings: three fixed starts, then seeded draws from a bounded grid.

    The starts are trees on what the work leaves (run time multiplies with it), finer trees on the target itself (memory
    adds up), and many trees that only know what must not fall (few shots that differ widely); `adds_up` puts the second
    first.
    """
    plain = replace(
        start.trees,
        alpha=0.0,
        monotone=False,
        leaves=15,
        leaf_rows=4,
        l2=1.0,
        column_share=0.6,
        rounds=150,
        rate=0.06,
        ensemble=2,
    )
    bound = replace(
        start.trees,
        alpha=0.0,
        monotone=True,
        rounds=400,
        rate=0.05,
        leaves=15,
        leaf_rows=20,
        column_share=0.5,
    )
    found = [*([plain, start.trees] if adds_up else [start.trees, plain]), bound]
    grid = list(product(_ALPHAS, (6, 10, 15), (4, 12, 20), (1.0, 5.0), (0.4, 0.6)))
    for pick in np.random.default_rng(seed).permutation(len(grid)):
        alpha, leaves, leaf_rows, l2, share = grid[pick]
        found.append(
            replace(
                start.trees,
                alpha=alpha,
                monotone=alpha > 0,
                leaves=leaves,
                leaf_rows=leaf_rows,
                l2=l2,
                column_share=share,
            )
        )
    return [replace(start, trees=trees) for trees in found[: max(draws, 1)]]


def search(  # noqa: PLR0913 - what to learn, from what, how widely and how fast are all the caller's
    data: TrainingData,
    encoder: Encoder,
    tried: Sequence[ColdSettings],
    *,
    folds: int,
    seed: int,
    jobs: int = 1,
    progress: bool = False,
) -> HeldOut:
    """Judge settings on held-out shots and return the best with its held-out forecasts.

    Every fold fits the linear part once and the trees once per setting; the mix is read off afterwards.
    """
    fold = folds_of(data.group, folds, seed)
    numbers = np.unique(fold)
    run = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
    done = run(delayed(_fold)(data, encoder, tried, fold == number, seed) for number in numbers)
    linear = np.empty(len(data.value))
    trees = np.empty((len(tried), len(data.value)))
    label = f"held-out {data.target}"
    for number, (straight, boosted) in zip(numbers, tqdm(done, label, len(numbers), disable=not progress), strict=True):
        linear[fold == number], trees[:, fold == number] = straight, boosted
    trials = []
    for setting, boosted in zip(tried, trees, strict=True):
        error, mix = _best_mix(data, linear, boosted)
        trials.append((error, replace(setting, mix=mix), mix * linear + (1 - mix) * boosted))
    trials.sort(key=lambda one: one[0])
    return HeldOut(trials[0][1], trials[0][2], tuple((setting, error) for error, setting, _ in trials), linear)


def _fold(
    data: TrainingData, encoder: Encoder, tried: Sequence[ColdSettings], test: Bools, seed: int
) -> tuple[Floats, Floats]:
    check_no_leak(data.group, ~test, test)
    train, held = data.take(~test), data.take(test)
    model = fit_cold(train, encoder, _one_tree(tried[0]), seed)
    boosted = np.empty((len(tried), len(held.value)))
    for position, setting in enumerate(tried):
        if position:
            model = with_trees(model, train, _one_tree(setting), seed)
        straight, boosted[position] = model.parts_at(model.cold(held.rows), *model.nodes(held.rows))
    return straight, boosted


def _one_tree(settings: ColdSettings) -> ColdSettings:
    return replace(settings, trees=replace(settings.trees, ensemble=1))


def _best_mix(data: TrainingData, linear: Floats, trees: Floats) -> tuple[float, float]:
    """Return the mean absolute log error on quiet rows at the weight that the linear part should have, and the weight.

    It stays at one half unless held-out shots clearly say otherwise: of the weights that are not worse than the best by
    more than two standard errors, the one nearest to one half (the rule of Breiman et al. 1984). The best weight of few
    shots is mostly chance, and even weights then forecast better than estimated ones (Smith and Wallis 2009).
    """
    judged = data.weight >= 1.0
    if not judged.any():
        judged = np.ones(len(data.value), dtype=bool)
    misses = np.array([np.abs(mix * linear + (1 - mix) * trees - data.value)[judged] for mix in _MIXES])
    mean = misses.mean(axis=1)
    worse = misses - misses[mean.argmin()]
    good = worse.mean(axis=1) <= _CLEARLY * _standard_error(worse, data.group[judged]) + 1e-12
    chosen = min(np.flatnonzero(good), key=lambda number: abs(_MIXES[number] - 0.5))
    return float(mean[chosen]), _MIXES[chosen]


def _standard_error(values: Floats, group: Ints) -> Floats:
    """Return the standard error of the mean of each line of `values`, rows of a shot not being independent."""
    shot = np.unique(group, return_inverse=True)[1]
    shots = int(shot.max()) + 1
    if shots < 2:
        return np.full(len(values), np.inf)
    away = values - values.mean(axis=1, keepdims=True)
    summed = np.array([np.bincount(shot, one) for one in away])
    return np.asarray(np.sqrt((summed**2).sum(axis=1) * shots / (shots - 1)) / values.shape[1])
