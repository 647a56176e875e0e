"""Train everything a `Placer` needs from telemetry, as one call."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from placement.adapters.formats import TelemetryStream, iter_telemetry, read_telemetry
from placement.adapters.stores.models import write_model
from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.matching import PowerModel
from placement.placer import Placer
from placement.telemetry.clean import Cleaner
from placement.telemetry.features import FEATURES, Feature
from placement.telemetry.mapping import Mapping
from placement.telemetry.table import Telemetry, fingerprint
from training.card import model_card
from training.cold import ColdSettings
from training.large import LARGE_ROWS, LargeSettings, fit_large, is_large, slices
from training.power import fit_power
from training.spool import Spool
from training.target import FEWEST_ROWS, Effort, FittedTarget, fit_target

__all__ = ["LEARNED", "Trained", "features_of", "train", "train_path"]

#: Targets learned from telemetry; power comes from `training.power`.
LEARNED = ("run_time", "peak_memory")


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

    targets: Dict[str, FittedTarget]
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
    telemetry: Telemetry,
    *,
    settings: ColdSettings | None = None,
    effort: Effort | None = None,
    targets: tuple[str, ...] = LEARNED,
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
    _insist_on_run_time(targets)
    settings, effort = settings or ColdSettings(), effort or Effort()
    clean = telemetry.cleaned()
    features = features_of(clean)
    if effort.cluster or len(clean.rows) > LARGE_ROWS:
        batches = slices(clean.rows, LargeSettings().chunk_rows)
        fitted, sample, note = _spooled(batches, targets, lambda: features, settings, effort)
        report = replace(clean.report, notes=(*clean.report.notes, note))
        return _with_power(replace(clean, rows=sample, report=report), fitted, effort)
    fitted = {
        name: fit_target(clean.rows, name, features, settings, effort)
        for name in targets
        if name == "run_time" or clean.rows[name].notna().sum() >= FEWEST_ROWS
    }
    return _with_power(clean, fitted, effort)


def train_path(  # noqa: PLR0913 - where telemetry is, how it is read, how it is learned from
    path: str | Path,
    *,
    mapping: str | Path | Mapping | None = None,
    quarantine: str | Path | None = None,
    settings: ColdSettings | None = None,
    effort: Effort | None = None,
    targets: tuple[str, ...] = LEARNED,
    in_batches: bool | None = None,
) -> tuple[Trained, Telemetry]:
    """Read and train, whatever the size: more than `training.large.LARGE_ROWS` rows are never whole in memory.

    Parameters
    ----------
    path, mapping, quarantine
        As in `placement.adapters.formats.read_telemetry`.
    in_batches
        Treat telemetry as large, or not; None: if it is.

    Returns
    -------
    trained, telemetry
        The telemetry's rows are the sample where it is large; its report and fingerprint are those of all of it.

    Raises
    ------
    InvalidInput
        As `train`, or nothing to read.
    """
    _insist_on_run_time(targets)
    settings, effort = settings or ColdSettings(), effort or Effort()
    large = bool(effort.cluster) or is_large(Path(path)) if in_batches is None else in_batches
    if not large:
        telemetry = read_telemetry(path, mapping=mapping, quarantine=quarantine, progress=effort.progress)
        return train(telemetry, settings=settings, effort=effort, targets=targets), telemetry
    stream = iter_telemetry(path, mapping=mapping, quarantine=quarantine, progress=effort.progress)
    cleaned = _Cleaned(stream)
    fitted, sample, note = _spooled(cleaned, targets, lambda: (*FEATURES, *stream.features), settings, effort)
    report = replace(stream.report, dropped=cleaned.dropped, notes=(*stream.report.notes, note))
    telemetry = Telemetry(rows=sample, features=stream.features, report=report, fingerprint=cleaned.fingerprint)
    return _with_power(telemetry, fitted, effort), telemetry


class _Cleaned:
    """Clean batches of a stream; what was dropped and the fingerprint of all rows are known at its end."""

    def __init__(self, stream: TelemetryStream) -> None:
        self._stream = stream
        self._cleaner = Cleaner()
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for batch in self._stream:
            self._digest.update(fingerprint(batch).encode())
            yield self._cleaner.add(batch)
        yield self._cleaner.finish()

    @property
    def dropped(self) -> dict[str, int]:
        return self._cleaner.dropped

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of the batches: another name than that of the same rows read at once."""
        return self._digest.hexdigest()


def _spooled(
    batches: Iterable[pd.DataFrame],
    targets: tuple[str, ...],
    features: Callable[[], tuple[Feature, ...]],
    settings: ColdSettings,
    effort: Effort,
) -> tuple[dict[str, FittedTarget], pd.DataFrame, str]:
    """Train on clean batches by way of the disk; `features` is asked when all were read."""
    with tempfile.TemporaryDirectory(prefix="training-", dir=effort.scratch or None) as folder:
        spool = Spool.write(batches, Path(folder), effort.seed)
        fitted, sample = fit_large(spool, targets, features(), (settings, LargeSettings()), effort)
        note = (
            f"large telemetry: trees learned from {spool.rows - len(sample)} rows, all else from a sample of "
            f"{len(sample)} rows of {sample['job_id'].nunique()} jobs, which judged the trees"
        )
    return fitted, sample, note


def _insist_on_run_time(targets: tuple[str, ...]) -> None:
    if "run_time" not in targets:
        raise InvalidInput(f"targets {targets} leave out run_time, which every placement needs")


def _with_power(clean: Telemetry, fitted: dict[str, FittedTarget], effort: Effort) -> Trained:
    gpus, servers = (
        pd.read_csv(shipped(f"data/power/{name}.csv")) for name in ("gpu_power_limits", "server_load_watts")
    )
    power = fit_power(gpus, servers, clean.rows, seed=effort.seed)
    return Trained(fitted, power, model_card(clean, fitted, power))


def features_of(telemetry: Telemetry) -> tuple[Feature, ...]:
    """Return the schema's features and those that a mapping declared."""
    return (*FEATURES, *telemetry.features)


def _text(booster: object) -> str:
    text = getattr(booster, "text", None)
    return str(text) if text is not None else str(booster.model_to_string())  # type: ignore[attr-defined]
