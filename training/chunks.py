"""What trees learn from, on disk in single precision: LightGBM reads it a chunk at a time and keeps a byte a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from placement.units import Floats

__all__ = ["Chunk", "Chunks"]

_Singles = NDArray[np.float32]


class Chunk(NamedTuple):
    """Features ``(rows, columns)``, what they should give and what each row counts, both ``(rows,)``."""

    matrix: Floats
    target: Floats
    weight: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Chunks:
    """Matrices in files, targets and weights in memory: 8 bytes a row.

    Parameters
    ----------
    paths
        Matrices ``(rows, columns)``, float32, in NumPy's format.
    targets, weights
        Of each file's rows.
    """

    paths: tuple[Path, ...]
    targets: tuple[_Singles, ...]
    weights: tuple[_Singles, ...]

    @classmethod
    def write(cls, chunks: Iterable[Chunk], folder: Path, most: int) -> Chunks:
        """Write chunks to files of at most `most` rows."""
        paths: list[Path] = []
        targets, weights = [], []
        for chunk in chunks:
            for start in range(0, len(chunk.target), most):
                matrix, target, weight = (np.asarray(one[start : start + most], dtype=np.float32) for one in chunk)
                paths.append(folder / f"matrix-{len(paths):05d}.npy")
                np.save(paths[-1], matrix)
                targets.append(target)
                weights.append(weight)
        return cls(tuple(paths), tuple(targets), tuple(weights))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.targets))

    def dataset(self, params: dict[str, object]) -> lightgbm.Dataset:
        """Return LightGBM's binned data; no more than one chunk is in memory beside it."""
        shelf = _Shelf()
        parts = [_Part(path, len(target), shelf) for path, target in zip(self.paths, self.targets, strict=True)]
        target, weight = np.concatenate(self.targets), np.concatenate(self.weights)
        return lightgbm.Dataset(parts, target, weight=weight, params=params).construct()

    def delete(self) -> None:
        """Remove the files."""
        for path in self.paths:
            path.unlink()


class _Shelf:
    """The one chunk that is in memory."""

    def __init__(self) -> None:
        self._path = Path()
        self._matrix: _Singles = np.zeros((0, 0), np.float32)

    def matrix(self, path: Path) -> _Singles:
        if path != self._path:
            self._path, self._matrix = path, np.load(path)
        return self._matrix


class _Part(lightgbm.Sequence):
    """A file as LightGBM wants it: single rows in rising order for the bins, then all of them."""

    batch_size = 65_536

    def __init__(self, path: Path, rows: int, shelf: _Shelf) -> None:
        self._path, self._rows, self._shelf = path, rows, shelf

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, index: int | slice | list[int]) -> Floats:
        return self._shelf.matrix(self._path)[index].astype(float)
