"""Record a training run: parameters, metrics, the model and its card, in MLflow when it is there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from placement.adapters.tracking import MlflowTracker, RunRecord, Tracker
from placement.errors import PlacementError
from placement.telemetry.table import Telemetry
from training.card import held_out_metrics
from training.target import Effort
from training.train import Trained

__all__ = ["MODEL_NAME", "record_run", "run_record"]

#: Name of the registered model.
MODEL_NAME = "render-placement"


def run_record(
    trained: Trained, telemetry: Telemetry, effort: Effort, folder: Path, plots: tuple[Path, ...] = ()
) -> RunRecord:
    """Return what a run leaves behind: effort and settings, held-out metrics, fingerprint, model folder and plots."""
    parameters: dict[str, str | float | int | bool] = {f"effort.{key}": value for key, value in asdict(effort).items()}
    metrics: dict[str, float] = {}
    for name, fitted in trained.targets.items():
        settings = asdict(fitted.held_out.settings)
        parameters |= {f"{name}.trees.{key}": value for key, value in settings.pop("trees").items()}
        parameters |= {f"{name}.{key}": value for key, value in settings.items()}
        metrics |= {f"{name}.{key}": value for key, value in held_out_metrics(fitted).items()}
        metrics |= {f"{name}.inflation.{level}": value for level, value in fitted.model.calibration.inflation.items()}
    return RunRecord(
        name="training",
        fingerprint=telemetry.fingerprint,
        parameters=parameters,
        metrics=metrics,
        tags={"targets": ",".join(trained.targets)},
        artifacts=plots,
        model=folder,
    )


def record_run(
    trained: Trained, telemetry: Telemetry, effort: Effort, folder: Path, *, store: str | None, alias: str
) -> str:
    """Record and register a run; return one line that says where.

    Parameters
    ----------
    store
        MLflow URI; None: ``sqlite:///mlflow.db`` when MLflow is installed, else nothing; ``"none"``: nothing.

    Raises
    ------
    PlacementError
        A store was asked for and cannot be used.
    """
    if store == "none":
        return "run not recorded, as asked"
    try:
        tracker: Tracker = MlflowTracker() if store is None else MlflowTracker(store)
    except PlacementError:
        if store is not None:
            raise
        return "run not recorded: MLflow is not installed (extra 'tracking')"
    run = tracker.record(run_record(trained, telemetry, effort, folder))
    version = tracker.register(MODEL_NAME, run, alias)
    return f"run {run} recorded, model {MODEL_NAME} version {version} is {alias!r}"
