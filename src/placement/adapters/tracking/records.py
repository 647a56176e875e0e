"""What a training run leaves behind, and the port through which it is kept."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from placement.errors import InvalidInput

__all__ = ["NoTracker", "RunRecord", "Tracker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One finished training run.

    Parameters
    ----------
    name
        What the run is called; need not be unique.
    fingerprint
        Hash of the telemetry learned from.
    parameters
        What was set, by name.
    metrics
        What was measured, by name; every value finite: leave out what was not measured.
    tags
        Short texts to find the run by.
    artifacts
        Files to keep: plots, tables, the model card.
    model
        Folder of the exported model, text and JSON; a run without one cannot be registered.

    Raises
    ------
    InvalidInput
        The name is empty, or a metric is not finite.

    Examples
    --------
    >>> RunRecord(name="nightly", fingerprint="9f3a", metrics={"coverage": float("nan")})
    Traceback (most recent call last):
    ...
    placement.errors.InvalidInput: metric 'coverage' of run 'nightly' is nan, expected a finite number
    """

    name: str
    fingerprint: str
    parameters: Mapping[str, str | float | int | bool] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Path, ...] = ()
    model: Path | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidInput(f"a run needs a name, got {self.name!r}")
        for metric, value in self.metrics.items():
            if not math.isfinite(value):
                raise InvalidInput(f"metric {metric!r} of run {self.name!r} is {value}, expected a finite number")

    def missing(self) -> list[Path]:
        """Return the artifacts and the model folder that do not exist."""
        there = [path.is_file() for path in self.artifacts]
        lost = [path for path, exists in zip(self.artifacts, there, strict=True) if not exists]
        return lost if self.model is None or self.model.is_dir() else [*lost, self.model]


class Tracker(Protocol):
    """Keeps runs and the models that came of them."""

    def record(self, run: RunRecord) -> str:
        """Keep the run; return its id. Raise `InvalidInput` when one of its files is missing."""
        ...

    def register(self, name: str, run_id: str, alias: str) -> str:
        """Make the run's model a new version of `name` that `alias` points at; return the version.

        Raise `InvalidInput` when there is no such run or it has no model.
        """
        ...

    def fetch(self, name: str, alias: str, into: Path) -> Path:
        """Copy the model that `alias` of `name` points at below `into`; return its folder.

        Raise `InvalidInput` when no version has the alias.
        """
        ...


class NoTracker:
    """Keeps records in memory for as long as it lives, and nothing on disk.

    Examples
    --------
    >>> tracker = NoTracker()
    >>> tracker.record(RunRecord(name="nightly", fingerprint="9f3a", metrics={"coverage": 0.81}))
    'run-1'
    >>> tracker.runs["run-1"].metrics
    {'coverage': 0.81}
    """

    def __init__(self) -> None:
        self.runs: dict[str, RunRecord] = {}
        self._versions: dict[str, list[Path]] = {}
        self._aliases: dict[tuple[str, str], Path] = {}

    def record(self, run: RunRecord) -> str:
        """Keep the run in memory; return its id."""
        if lost := run.missing():
            raise InvalidInput(f"run {run.name!r} names files that do not exist: {[str(path) for path in lost]}")
        run_id = f"run-{len(self.runs) + 1}"
        self.runs[run_id] = run
        return run_id

    def register(self, name: str, run_id: str, alias: str) -> str:
        """Point `alias` of `name` at the run's model; return the version."""
        if run_id not in self.runs:
            raise InvalidInput(f"no run {run_id!r}; have {sorted(self.runs)}")
        model = self.runs[run_id].model
        if model is None:
            raise InvalidInput(f"run {run_id!r} has no model to register as {name!r}")
        self._versions.setdefault(name, []).append(model)
        self._aliases[name, alias] = model
        return str(len(self._versions[name]))

    def fetch(self, name: str, alias: str, into: Path) -> Path:
        """Copy the model that `alias` points at below `into`."""
        if (name, alias) not in self._aliases:
            known = sorted(f"{model}@{alias}" for model, alias in self._aliases)
            raise InvalidInput(f"no model {name}@{alias}; have {known}")
        return Path(shutil.copytree(self._aliases[name, alias], into / "model"))
