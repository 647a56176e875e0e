"""Where training runs and registered models are kept: the port, MLflow, and memory."""

from placement.adapters.tracking.mlflow_runs import MlflowTracker
from placement.adapters.tracking.records import NoTracker, RunRecord, Tracker

__all__ = ["MlflowTracker", "NoTracker", "RunRecord", "Tracker"]
