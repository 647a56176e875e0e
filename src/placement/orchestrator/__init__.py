"""The long-running farm: submit, change, ask, run; everything is durable, and everything has a reason."""

from placement.orchestrator.farm import Farm
from placement.orchestrator.status import (
    ClientStatus,
    FarmStatus,
    Forecast,
    JobStatus,
    NodeStatus,
    StepStatus,
    Told,
    Why,
)

__all__ = ["ClientStatus", "Farm", "FarmStatus", "Forecast", "JobStatus", "NodeStatus", "StepStatus", "Told", "Why"]
