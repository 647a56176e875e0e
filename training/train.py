"""Train everything a `Placer` needs from telemetry, as one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from placement.adapters.stores.models import write_model
from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.matching import PowerModel
from placement.placer import Placer
from placement.telemetry.features import FEATURES, Feature
from placement.telemetry.table import Telemetry
from training.card import model_card
from training.cold import ColdSettings
from training.power import fit_power
from training.target import Effort, FittedTarget, fit_target

__all__ = ["LEARNED", "Trained", "features_of", "train"]

#: Targets learned from telemetry; power comes from `training.power`.
LEARNED = ("run_time", "peak_memory")
_RUN_TIME_ONLY = ColdSettings()
_FEWEST_MEMORY_ROWS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained model and what is worth telling about it.

    Parameters
    ----------
    targets
        Learned quantities by telemetry column.
    power
        Watts and energy modes.
    card
        The model card, Markdown.
    """

    targets: Mapping[str, FittedTarget]
    power: PowerModel
    card: str

    def placer(self) -> Placer:
        """Return what scores placements with it."""
        return Placer({name: fitted.model for name, fitted in self.targets.items()}, self.power, card=self.card)

    def save(self, folder: str | Path) -> str:
        """Write the model folder whole or not at all; return its digest.

        Raises
        ------
        InvalidInput
            The folder exists and is no model folder.
        """
        numbers = {
            "targets": {name: fitted.model.to_json() for name, fitted in self.targets.items()},
            "power": self.power.to_data(),
        }
        boosters = {name: _text(booster) for name, booster in self.power.boosters.items()}
        for name, fitted in self.targets.items():
            for number, booster in enumerate(fitted.model.cold.boosters):
                boosters[f"{name}.{number}"] = _text(booster)
        return write_model(Path(folder), numbers, boosters, self.card)


def train(
    telemetry: Telemetry, *, settings: ColdSettings | None = None, effort: Effort | None = None, targets: tuple[str, ...] = LEARNED
) -> Trained:
    """Clean telemetry, train every target it measures, and power; calibrated and ready to save.

    Parameters
    ----------
    telemetry
        What `placement.adapters.formats.read_telemetry` returned.
    targets
        Which of `LEARNED` to train; one that telemetry does not measure is left out, run time must be there.

    Raises
    ------
    InvalidInput
        Fewer than 4 finished rows measure the run time.

    Examples
    --------
    >>> from placement.adapters.formats import read_telemetry
    >>> few = read_telemetry(shipped("data/renders/renders.parquet"))
    >>> few = Telemetry(rows=few.rows[:40], features=(), report=few.report, fingerprint=few.fingerprint)
    >>> trained = train(few, effort=Effort(draws=1, folds=3, jobs=1, backoff=False), targets=("run_time",))
    >>> sorted(trained.targets)
    ['run_time']
    """
    if "run_time" not in targets:
        raise InvalidInput(f"targets {targets} leave out run_time, which every placement needs")
    effort = effort or Effort()
    clean = telemetry.cleaned()
    features = features_of(clean)
    fitted = {
        name: fit_target(clean.rows, name, features, settings or ColdSettings(), effort)
        for name in targets
        if name == "run_time" or clean.rows[name].notna().sum() >= _FEWEST_MEMORY_ROWS
    }
    tables = (pd.read_csv(shipped(f"data/power/{name}.csv")) for name in ("gpu_power_limits", "server_load_watts"))
    power = fit_power(*tables, clean.rows, seed=effort.seed)
    return Trained(fitted, power, model_card(clean, fitted, power))


def features_of(telemetry: Telemetry) -> tuple[Feature, ...]:
    """Return the schema's features and those that a mapping declared."""
    return (*FEATURES, *telemetry.features)


def _text(booster: object) -> str:
    text = getattr(booster, "text", None)
    return str(text) if text is not None else str(booster.model_to_string())  # type: ignore[attr-defined]
