"""Grow trees on a Dask cluster: telemetry of more than one machine's worth (extra ``dask``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from lightgbm import DaskLGBMRegressor

from placement.errors import InvalidInput
from training.chunks import Chunks

__all__ = ["grow_on_cluster"]

#: Of `TreeSettings.params`: what the estimator calls by other names, or sets itself.
_RENAMED = {"seed": "random_state", "verbose": "verbosity"}
_OWN = ("num_threads",)
_PATIENCE_SECONDS = 30


def grow_on_cluster(chunks: Chunks, params: dict[str, object], rounds: int, cluster: str) -> str:
    """Return the booster that the workers grow together, as LightGBM text.

    Parameters
    ----------
    chunks
        Every worker must see their files under the same paths.
    params
        What `training.trees.TreeSettings.params` returns.
    cluster
        Address of a scheduler, or ``local`` for two workers on this machine.

    Raises
    ------
    InvalidInput
        No scheduler answers at the address.
    """
    settings = {_RENAMED.get(name, name): value for name, value in params.items() if name not in _OWN}
    with _client(cluster) as client:
        model = DaskLGBMRegressor(client=client, n_estimators=rounds, **settings)
        model.fit(_matrix(chunks), _column(chunks, chunks.targets), sample_weight=_column(chunks, chunks.weights))
        return str(model.to_local().booster_.model_to_string())


@contextmanager
def _client(cluster: str) -> Iterator[Client]:
    if cluster == "local":
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local, Client(local) as client:
            yield client
        return
    try:
        client = Client(cluster, timeout=_PATIENCE_SECONDS)
    except (OSError, ValueError) as wrong:
        raise InvalidInput(f"no Dask scheduler answers at {cluster!r}: {wrong}") from wrong
    with client:
        yield client


def _matrix(chunks: Chunks) -> Any:
    columns = np.load(chunks.paths[0], mmap_mode="r").shape[1]
    parts = [
        da.from_delayed(dask.delayed(np.load)(str(path)), (len(target), columns), np.float32)
        for path, target in zip(chunks.paths, chunks.targets, strict=True)
    ]
    return da.concatenate(parts)


def _column(chunks: Chunks, values: tuple[Any, ...]) -> Any:
    return da.concatenate([da.from_array(each, chunks=len(each)) for each in values])
