"""Keep training runs and registered models in MLflow; by default in a local SQLite file.

A registered model is the exported folder of text and JSON, stored as files: nothing is pickled on the way in and
nothing unpickled on the way out. MLflow is imported when a tracker is made, not before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from placement.adapters.tracking.records import RunRecord
from placement.errors import InvalidInput, PlacementError

__all__ = ["MlflowTracker"]

_SQLITE = "sqlite:///"
_MODEL = "model"
_BATCH = 100  # MLflow takes no more parameters, metrics or tags at once
_Item = TypeVar("_Item")


class MlflowTracker:
    """A tracker on an MLflow store.

    Parameters
    ----------
    store
        MLflow tracking URI. With SQLite, artifacts lie in ``mlartifacts`` beside the file.
    experiment
        Name that runs are grouped under; made when it does not exist.

    Raises
    ------
    PlacementError
        MLflow is not installed, or the store cannot be opened.
    """

    def __init__(self, store: str = f"{_SQLITE}mlflow.db", experiment: str = "render-placement") -> None:
        self.store = store
        self.experiment = experiment
        self._client = _client(store)
        with _our_errors(f"cannot open experiment {experiment!r} in {store}"):
            found = self._client.get_experiment_by_name(experiment)
            self._experiment_id: str = (
                found.experiment_id if found else self._client.create_experiment(experiment, _artifacts_of(store))
            )

    def __repr__(self) -> str:
        return f"MlflowTracker({self.store!r}, experiment={self.experiment!r})"

    def record(self, run: RunRecord) -> str:
        """Keep the run with its files; return its MLflow id. A run cut short by an error is marked failed."""
        if lost := run.missing():
            raise InvalidInput(f"run {run.name!r} names files that do not exist: {[str(path) for path in lost]}")
        with _our_errors(f"cannot record run {run.name!r} in {self.store}"):
            run_id: str = self._client.create_run(self._experiment_id, run_name=run.name).info.run_id
            try:
                self._fill(run_id, run)
            except BaseException:
                self._client.set_terminated(run_id, "FAILED")
                raise
            self._client.set_terminated(run_id)
        return run_id

    def _fill(self, run_id: str, run: RunRecord) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        tags = {**run.tags, "data_fingerprint": run.fingerprint}
        for parameters in _batches([Param(key, str(value)) for key, value in run.parameters.items()]):
            self._client.log_batch(run_id, params=parameters)
        for metrics in _batches([Metric(key, float(value), now, 0) for key, value in run.metrics.items()]):
            self._client.log_batch(run_id, metrics=metrics)
        for labels in _batches([RunTag(key, value) for key, value in tags.items()]):
            self._client.log_batch(run_id, tags=labels)
        for path in run.artifacts:
            self._client.log_artifact(run_id, str(path))
        if run.model is not None:
            self._client.log_artifacts(run_id, str(run.model), _MODEL)

    def register(self, name: str, run_id: str, alias: str) -> str:
        """Make the run's model a new version of `name` that `alias` points at; return the version."""
        with _our_errors(f"cannot register run {run_id!r} as {name}@{alias}"):
            if not self._client.list_artifacts(run_id, _MODEL):
                raise InvalidInput(f"run {run_id!r} has no model to register as {name!r}")
            if not self._client.search_registered_models(f"name = '{_quotable(name)}'"):
                self._client.create_registered_model(name)
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{_MODEL}"
            version = str(self._client.create_model_version(name, source, run_id).version)
            self._client.set_registered_model_alias(name, alias, version)
        return version

    def fetch(self, name: str, alias: str, into: Path) -> Path:
        """Copy the model that `alias` of `name` points at below `into`; return its folder."""
        from mlflow.artifacts import download_artifacts

        with _our_errors(f"no model {name}@{alias} in {self.store}"):
            found = self._client.get_model_version_by_alias(name, alias)
            into.mkdir(parents=True, exist_ok=True)
            return Path(download_artifacts(artifact_uri=found.source, dst_path=str(into), tracking_uri=self.store))


def _client(store: str) -> Any:
    # MLflow reports its use over the network unless told not to, and is told only by the environment.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
    except ImportError as wrong:
        raise PlacementError(f"MLflow cannot be imported ({wrong}); install render-placement[tracking]") from wrong
    with _our_errors(f"cannot open MLflow store {store!r}"):
        return MlflowClient(tracking_uri=store, registry_uri=store)


@contextmanager
def _our_errors(doing: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as wrong:
        refused = wrong.error_code in {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "BAD_REQUEST"}
        raise (InvalidInput if refused else PlacementError)(f"{doing}: {wrong.message}") from wrong
    except (SQLAlchemyError, OSError) as wrong:
        raise PlacementError(f"{doing}: {wrong}") from wrong


def _artifacts_of(store: str) -> str | None:
    if not store.startswith(_SQLITE):
        return None
    return (Path(store.removeprefix(_SQLITE)).absolute().parent / "mlartifacts").as_uri()


def _quotable(name: str) -> str:
    if not name or set(name) & set("'\\/:%"):
        raise InvalidInput(f"model name {name!r} must not be empty or hold any of ' \\ / : %")
    return name


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
