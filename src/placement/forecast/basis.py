"""The linear part's basis: every block of columns that shares one prior variance.

A block is a matrix and, when its coefficients differ by category, the category's code of each row. Blocks are kept
apart instead of being multiplied out: a gated block costs its own columns, whatever the number of categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from placement.telemetry.features import Columns, Encoder, Feature
from placement.units import Bools, Floats, Ints

__all__ = ["SMOOTH", "SMOOTH_LENGTH", "Basis", "Block"]

#: What the names of smooth blocks end in, and how far their functions reach along features of relevance 1, in standard
#: deviations of every feature at once.
SMOOTH, SMOOTH_LENGTH = "smooth", 2.0
_CLIP = 5.0
_JOB_TYPE, _FAMILY = "job_type", "renderer"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Columns whose coefficients share one prior variance.

    Parameters
    ----------
    name
        What it is made of.
    matrix
        Shape ``(rows, columns)``.
    codes
        Category of each row, -1 where unknown, shape ``(rows,)``; None when one set of coefficients serves all.
    categories
        How many categories there are.
    prior
        Variance expected before any data, of the log of the target.
    """

    name: str
    matrix: Floats
    codes: Ints | None = None
    categories: int = 1
    prior: float = 0.05

    def value(self, coefficients: Floats) -> Floats:
        """Return each row's contribution, shape ``(rows,)``; coefficients are ``(categories, columns)``."""
        if self.codes is None:
            return np.asarray(self.matrix @ coefficients[0])
        if coefficients.shape[1] == 1:
            return np.append(coefficients[:, 0], 0.0)[self.codes] * self.matrix[:, 0]
        padded = np.vstack([coefficients, np.zeros((1, coefficients.shape[1]))])
        return np.asarray(np.einsum("ij,ij->i", self.matrix, padded[self.codes]))

    def gram(self) -> Floats:
        """Return the block's kernel over its rows, shape ``(rows, rows)``."""
        kernel = self.matrix @ self.matrix.T
        if self.codes is not None:
            kernel *= (self.codes[:, None] == self.codes) & (self.codes >= 0)
        return np.asarray(kernel)

    def coefficients(self, dual: Floats, variance: float) -> Floats:
        """Return the primal coefficients that dual weights ``(rows,)`` stand for, shape ``(categories, columns)``."""
        weighted = self.matrix * (variance * dual)[:, None]
        if self.codes is None:
            return np.asarray(weighted.sum(axis=0, keepdims=True))
        out = np.zeros((self.categories, self.matrix.shape[1]))
        known = self.codes >= 0
        np.add.at(out, self.codes[known], weighted[known])
        return out

    def take(self, rows: Ints | Bools) -> Block:
        """Return the block of some rows."""
        codes = None if self.codes is None else self.codes[rows]
        return Block(self.name, self.matrix[rows], codes, self.categories, self.prior)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Standardised features of tasks and the blocks made of them.

    Parameters
    ----------
    encoder
        Columns to numbers and codes.
    median, centre, spread
        Of the numeric task features in training, shape ``(task features,)``: filling, centring, scaling.
    support
        Standardised rows that the smooth part is spanned by, shape ``(support, task features)``.
    whiten
        Makes the smooth part's columns orthonormal under its kernel, shape ``(support, support)``.
    relevance
        How much faster the smooth part may change along each feature than it usually does, shape ``(task features,)``.
    """

    encoder: Encoder
    median: Floats
    centre: Floats
    spread: Floats
    support: Floats
    whiten: Floats
    relevance: Floats

    @classmethod
    def fit(cls, encoder: Encoder, rows: pd.DataFrame, support: int, seed: int) -> Basis:
        """Learn filling and scaling, and choose at most `support` distinct rows for the smooth part."""
        raw = encoder.numbers(rows, per_node=False)
        finite = np.where(np.isfinite(raw), raw, np.nan)
        median = np.array([np.median(v[~np.isnan(v)]) if (~np.isnan(v)).any() else 0.0 for v in finite.T])
        filled = np.where(np.isnan(finite), median, finite)
        spread = filled.std(axis=0)
        none = np.zeros((0, 0))
        alike, spread = np.ones(raw.shape[1]), np.where(spread > 1e-9, spread, 1.0)
        bare = cls(encoder, median, filled.mean(axis=0), spread, none, none, alike)
        distinct = np.unique(np.round(bare._standardise(raw), 2), axis=0) if raw.shape[1] else none
        chosen = np.random.default_rng(seed).permutation(len(distinct))[:support]
        return replace(bare, support=distinct[np.sort(chosen)]).with_relevance(alike)

    def with_relevance(self, relevance: Floats) -> Basis:
        """Return the basis whose smooth part changes by `relevance`, shape ``(task features,)``, times as fast."""
        if not len(self.support):
            return self
        kernel = _smooth(self.support * relevance, self.support * relevance) + 1e-3 * np.eye(len(self.support))
        return replace(self, relevance=relevance, whiten=np.linalg.inv(np.linalg.cholesky(kernel)).T)

    def _standardise(self, raw: Floats) -> Floats:
        return np.clip((np.where(np.isfinite(raw), raw, self.median) - self.centre) / self.spread, -_CLIP, _CLIP)

    def arrays(self, rows: pd.DataFrame | Columns) -> tuple[Floats, Floats, Ints]:
        """Return standardised task features, the same raw with NaN, and category codes."""
        raw = self.encoder.numbers(rows, per_node=False)
        return self._standardise(raw), raw, self.encoder.categories(rows)

    def work(self, raw: Floats) -> Floats:
        """Return the log of the work, missing factors at their median, shape ``(rows,)``."""
        use = [i for i, each in enumerate(self.numeric) if each.work]
        return np.asarray(np.where(np.isfinite(raw[:, use]), raw[:, use], self.median[use]).sum(axis=1))

    def nodes(self, rows: pd.DataFrame | Columns) -> Floats:
        """Return the numeric features of node classes, NaN where missing, shape ``(rows, node features)``."""
        return self.encoder.numbers(rows, per_node=True)

    @property
    def numeric(self) -> tuple[Feature, ...]:
        """Numeric features of tasks, in column order."""
        return tuple(each for each in self.encoder.numeric if not each.per_node)

    def task_blocks(self, x: Floats, raw: Floats, codes: Ints) -> list[Block]:
        """Return the blocks of what depends on the task alone."""
        ones = np.ones((len(x), 1))
        family, families = self._codes(codes, _FAMILY)
        blocks = [Block("one", ones, prior=1.0)]
        for position, feature in enumerate(self.encoder.categorical):
            own, size = codes[:, position], len(self.encoder.vocabulary[feature.name])
            blocks.append(Block(feature.name, ones, own, size, 0.1))
            if family is not None and feature.name not in (_FAMILY, _JOB_TYPE):
                both = np.where((own >= 0) & (family >= 0), family * size + own, -1)
                blocks.append(Block(f"{_FAMILY} × {feature.name}", ones, both, size * families, 0.05))
        for position, numeric in enumerate(self.numeric):
            column = x[:, [position]]
            blocks.append(Block(numeric.name, column, prior=0.1 if numeric.work else 0.03))
            if family is not None:
                blocks.append(Block(f"{_FAMILY} × {numeric.name}", column, family, families, 0.02))
        gaps = ~np.isfinite(raw)
        blocks.append(Block("missing", gaps.astype(float), prior=0.02))
        if len(self.support):
            smooth = _smooth(x * self.relevance, self.support * self.relevance) @ self.whiten
            blocks.append(Block(SMOOTH, smooth, prior=0.03))
            kind, kinds = self._codes(codes, _JOB_TYPE)
            if kind is not None:
                blocks.append(Block(f"{_JOB_TYPE} × {SMOOTH}", smooth, kind, kinds, 0.02))
        return blocks

    def effect_blocks(self, x: Floats, codes: Ints) -> list[Block]:
        """Return the blocks in which the effect of a node class, or of a node's size, may differ between tasks."""
        ones = np.ones((len(x), 1))
        blocks = [Block("one", ones, prior=0.02)]
        for position, feature in enumerate(self.encoder.categorical):
            size = len(self.encoder.vocabulary[feature.name])
            blocks.append(Block(feature.name, ones, codes[:, position], size, 0.01))
        work = [i for i, each in enumerate(self.numeric) if each.work]
        blocks.append(Block("work", x[:, work], prior=0.005))
        return blocks

    def _codes(self, codes: Ints, name: str) -> tuple[Ints | None, int]:
        for position, each in enumerate(self.encoder.categorical):
            if each.name == name:
                return codes[:, position], len(self.encoder.vocabulary[name])
        return None, 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        arrays = ("median", "centre", "spread", "support", "whiten", "relevance")
        return {"encoder": self.encoder.to_json(), **{name: getattr(self, name).tolist() for name in arrays}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Basis:
        """Read what `to_json` wrote."""
        names = ("median", "centre", "spread", "relevance")
        median, centre, spread, relevance = (np.asarray(data[name], float) for name in names)
        support = np.asarray(data["support"], float).reshape(len(data["support"]), len(median))
        whiten = np.asarray(data["whiten"], float).reshape(len(support), len(support))
        return cls(Encoder.from_json(data["encoder"]), median, centre, spread, support, whiten, relevance)


def _smooth(a: Floats, b: Floats) -> Floats:
    """Squared-exponential kernel on the mean squared distance over features, shape ``(rows of a, rows of b)``."""
    if not a.size or not b.size:
        return np.zeros((len(a), len(b)))
    squared = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
    return np.asarray(np.exp(-0.5 * np.maximum(squared, 0.0) / a.shape[1] / SMOOTH_LENGTH**2))
