"""Grow trees on a Dask cluster: telemetry of more than one machine's worth (extra ``dask``)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
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
    settings: dict[str, Any] = {_RENAMED.get(name, name): value for name, value in params.items() if name not in _OWN}
    with _client(cluster) as client:
        model = DaskLGBMRegressor(client=client, n_estimators=rounds, **settings)
        with warnings.catch_warnings():
            # The estimator sets its own number of threads to that of the workers, and then warns of it.
            warnings.filterwarnings("ignore", "Parameter n_jobs will be ignored")
            model.fit(_matrix(chunks), _column(chunks, chunks.targets), sample_weight=_column(chunks, chunks.weights))
        return str(model.to_local().booster_.model_to_string())


@contextmanager
def _client(cluster: str) -> Iterator[Client]:
    if cluster == "local":
        local = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0")  # type: ignore[no-untyped-call]
        with local, Client(local) as client:  # type: ignore[no-untyped-call]
            yield client
        return
    try:
        client = Client(cluster, timeout=_PATIENCE_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as wrong:
        raise InvalidInput(f"no Dask scheduler answers at {cluster!r}: {wrong}") from wrong
    with client:
        yield client


def _matrix(chunks: Chunks) -> Any:
    columns = np.load(chunks.paths[0], mmap_mode="r").shape[1]
    parts = [
        da.from_delayed(delayed(np.load)(str(path)), (len(target), columns), np.float32)  # type: ignore[no-untyped-call]
        for path, target in zip(chunks.paths, chunks.targets, strict=True)
    ]
    return da.concatenate(parts)  # type: ignore[no-untyped-call]


def _column(chunks: Chunks, values: tuple[Any, ...]) -> Any:
    parts = [da.from_array(each, chunks=len(each)) for each in values]  # type: ignore[no-untyped-call]
    return da.concatenate(parts)  # type: ignore[no-untyped-call]
