"""`mixed-renders`: real frames on a farm of measured and composed classes, forecast by models that saw other shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from placement.errors import InvalidInput
from placement.evaluation.case import Case, Shares, Trainer
from placement.evaluation.workloads.composition import CLASSES, MEASURED, NodeClass, device_ratios
from placement.evaluation.workloads.device_table import DeviceTable, split_log_normal
from placement.evaluation.workloads.frames import Frames, measured_frames
from placement.forecast.distribution import Forecast
from placement.simulator.streams import stream
from placement.simulator.world import World
from placement.telemetry.schema import COLUMNS
from placement.units import Floats, Ints

__all__ = ["MixedRenders", "Truth", "mixed_telemetry", "shot_folds"]

_COMPOSED_PER_FRAME = 3
#: Log spread of one frame rendered again: quiet repeats in the shipped renders differ by 2 to 5 %.
_REPEAT_SPREAD = 0.035
#: What a composed row takes over from the measured frame: what was known before, and whose it is.
_KEPT = [
    each.name for each in COLUMNS if each.role != "measured" and each.name not in ("node_id", "record_id", "attempt")
]


@dataclass(frozen=True, eq=False)
class Truth:
    """How long every measured frame takes on every class, before noise.

    Parameters
    ----------
    seconds
        Infinite where the class cannot run the frame, shape ``(frames, classes)``.
    below, above
        Log spread between machines of the class, 0 where the frame itself was measured, same shape.
    """

    frames: Frames
    classes: tuple[NodeClass, ...]
    seconds: Floats
    below: Floats
    above: Floats

    @classmethod
    def compose(
        cls, telemetry: pd.DataFrame, table: DeviceTable, classes: tuple[NodeClass, ...], *, whole: bool
    ) -> Truth:
        """Put measured renders and measured device ratios together.

        Parameters
        ----------
        whole
            The device ratio scales the whole run time; else rendering proper only.

        Raises
        ------
        InvalidInput
            A column, device, scene or scene family is not as expected.
        """
        frames = measured_frames(telemetry)
        ratios = device_ratios(table, tuple(each for each in classes if each.device))
        family = pd.Index(ratios.families).get_indexer(pd.Index(frames.rows["scene_family"]))
        if (family < 0).any():
            unknown = sorted(frames.rows["scene_family"][family < 0].astype(str).unique())
            raise InvalidInput(f"no scene of the device table stands for the scene families {unknown}")
        fixed = np.zeros(len(family)) if whole else frames.overhead
        scaled = frames.seconds[:, MEASURED.index("cpu-2t")] - fixed
        seconds = np.empty((len(frames.rows), len(classes)))
        below, above = np.zeros_like(seconds), np.zeros_like(seconds)
        device = 0
        for c, each in enumerate(classes):
            if not each.device:
                seconds[:, c] = frames.seconds[:, MEASURED.index(each.name)]
                continue
            seconds[:, c] = fixed + scaled * ratios.ratio[device, family]
            below[:, c], above[:, c] = ratios.below[device, family], ratios.above[device, family]
            if ratios.gpu[device]:
                seconds[(frames.rows["renderer"] != "cycles").to_numpy(), c] = np.inf
            device += 1
        return cls(frames, classes, seconds, below, above)

    def run(self, frames: Ints, z: Floats) -> Floats:
        """Return seconds of `frames` on specimens `z`, standard normal, shape ``(len(frames), classes)``."""
        return self.seconds[frames] * split_log_normal(z, self.below[frames], self.above[frames])


def mixed_telemetry(telemetry: pd.DataFrame, truth: Truth, seed: int) -> pd.DataFrame:
    """Return what a farm of these classes would have logged: the measured rows, and rows on composed classes.

    Every frame that succeeded gets rows on three composed classes that can run it, drawn by chance, each on a machine
    of its own. Measured columns other than `run_time` are missing there.
    """
    chance = stream(seed, "telemetry")
    run = truth.run(np.arange(len(truth.seconds)), chance.standard_normal(truth.seconds.shape))
    composed = np.array([bool(each.device) for each in truth.classes])
    order = np.where(composed & np.isfinite(run), chance.random(run.shape), np.inf)
    ranked = np.argsort(order, axis=1, kind="stable")[:, :_COMPOSED_PER_FRAME]
    parts = [telemetry]
    for klass in ranked.T:
        there = np.flatnonzero(np.isfinite(order[np.arange(len(order)), klass]))
        rows = truth.frames.rows.iloc[there][[name for name in truth.frames.rows if name in _KEPT]].copy()
        rows["node_class"] = [truth.classes[c].name for c in klass[there]]
        rows["cores"] = rows["threads"] = [float(truth.classes[c].cores) for c in klass[there]]
        rows["run_time"] = run[there, klass[there]]
        rows["status"], rows["quiet"] = "ok", 1.0
        if len(rows):
            parts.append(rows.reindex(columns=telemetry.columns).astype(telemetry.dtypes.to_dict()))
    return pd.concat(parts, ignore_index=True)


def shot_folds(shots: pd.Series, folds: int) -> dict[str, int]:
    """Divide shots evenly into folds by chance, the same way always: shot -> fold.

    Examples
    --------
    >>> sorted(shot_folds(pd.Series(["a", "b", "a"]), 2).values())
    [0, 1]
    """
    names = np.sort(shots.unique())
    return dict(zip(names.tolist(), (stream(0, "shot folds").permutation(len(names)) % folds).tolist(), strict=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedRenders:
    """Draw worlds of real frames; each is forecast by a model trained without its shot.

    A seed draws which jobs are there, their frames, the order of arrival, how good a specimen each composed class has
    (the quartiles of the device table are over many machines of a model), and the luck of each frame, the same on every
    class. Jobs were submitted with 20 to 250 frames, of which a few were measured: a job's frames are drawn from
    its measured ones with replacement. Forecasts are corrected by what the job's finished frames have in common, never
    by recognising a frame.

    Parameters
    ----------
    telemetry
        Rows in telemetry columns.
    trainer
        Learns from `mixed_telemetry` of the shots outside a fold.
    classes
        The farm; with `MEASURED` classes alone nothing is composed.
    whole
        Device ratios scale the whole run time; else start, load and save take as long everywhere.
    jobs, frames_per_job
        How many jobs a world holds, and how many frames of each; 0 frames: every measured frame once.
    """

    telemetry: pd.DataFrame
    table: DeviceTable
    trainer: Trainer
    classes: tuple[NodeClass, ...] = CLASSES
    jobs: int = 24
    frames_per_job: int = 20
    whole: bool = True
    folds: int = 3

    @cached_property
    def truth(self) -> Truth:
        """True times of all frames."""
        return Truth.compose(self.telemetry, self.table, self.classes, whole=self.whole)

    @cached_property
    def forecast(self) -> Forecast:
        """Forecast of every frame by the model that was trained without its shot."""
        rows, names = self.truth.frames.rows, [each.name for each in self.classes]
        learned = mixed_telemetry(self.telemetry, self.truth, seed=0)
        fold_of = shot_folds(learned["shot"], self.folds)
        fold, learned_fold = (each["shot"].map(fold_of).to_numpy() for each in (rows, learned))
        parts, places = [], []
        for held in range(self.folds):
            place = np.flatnonzero(fold == held)
            forecaster = self.trainer(learned[learned_fold != held].reset_index(drop=True))
            parts.append(forecaster(rows.iloc[place].reset_index(drop=True), names))
            places.append(place)
        return _joined(parts, np.concatenate(places))

    def __call__(self, seed: int) -> Case:
        """Draw the case of one seed."""
        rows, order = self.truth.frames.rows, self._drawn(seed)
        specimen = stream(seed, "specimens").standard_normal((1, len(self.classes)))
        luck = np.exp(_REPEAT_SPREAD * stream(seed, "frame noise").standard_normal((len(order), 1)))
        true_time = self.truth.run(order, specimen) * luck
        world = World(
            classes=tuple(each.name for each in self.classes),
            class_cores=np.array([float(each.cores) for each in self.classes]),
            node_class=np.repeat(np.arange(len(self.classes)), [each.nodes for each in self.classes]),
            node_slots=np.ones(sum(each.nodes for each in self.classes), np.int64),
            task_group=pd.factorize(rows["job_id"].iloc[order])[0].astype(np.int64),
            task_release=np.zeros(len(order)),
            task_deadline=np.full(len(order), np.inf),
            task_chance=stream(seed, "coins").random(len(order)),
            true_time=true_time,
        )
        return Case(
            world=world,
            forecast=_taken(self.forecast, order),
            runnable=np.isfinite(true_time),
            task_type=pd.factorize(rows["job_type"].iloc[order])[0].astype(np.int64),
            shares=Shares(group=0.9, node_class=0.02, cell=0.02, attempt=0.06),
            notes=self._notes(),
        )

    def _drawn(self, seed: int) -> Ints:
        """Return the frames of the world in order of arrival."""
        job, names = pd.factorize(self.truth.frames.rows["job_id"])
        present = stream(seed, "jobs").permutation(len(names))[: self.jobs]
        if not self.frames_per_job:
            return stream(seed, "order").permutation(np.flatnonzero(np.isin(job, present)))
        chance = stream(seed, "frames")
        drawn = [chance.choice(np.flatnonzero(job == each), self.frames_per_job) for each in present]
        return stream(seed, "order").permutation(np.concatenate(drawn))

    def _scaled(self) -> str:
        return "run time" if self.whole else "render time (start, load and save stay as measured)"

    def _notes(self) -> tuple[str, ...]:
        composed = [each.name for each in self.classes if each.device]
        frames, filled = len(self.truth.frames.rows), self.truth.frames.filled
        return (
            f"{frames} frames were measured; {filled} of their {2 * frames} times on {' and '.join(MEASURED)} were "
            "filled with the ratio of the two classes on frames of the same job or job type.",
            f"Times on {', '.join(composed)} are composed: measured two-core {self._scaled()} × measured device ratio "
            "of a scene that stands for the scene family."
            if composed
            else "No time is composed.",
        )


def _joined(parts: Sequence[Forecast], places: Ints) -> Forecast:
    """Put the forecasts of folds together and in the order of the frames; each keeps its own quantile tables."""
    if any((part.probabilities != parts[0].probabilities).any() for part in parts):
        raise InvalidInput("the forecasts of the folds have different quantile levels")
    offsets = np.cumsum([0, *(len(part.z) for part in parts[:-1])])
    back = np.argsort(places)
    tables = [np.asarray(part.table) + offset for part, offset in zip(parts, offsets, strict=True)]
    return Forecast(
        location=np.concatenate([part.location for part in parts])[back],
        scale=np.concatenate([part.scale for part in parts])[back],
        probabilities=parts[0].probabilities,
        z=np.concatenate([part.z for part in parts]),
        level=np.concatenate([part.level for part in parts])[back],
        table=np.concatenate(tables)[back],
    )


def _taken(forecast: Forecast, rows: Ints) -> Forecast:
    """Return the forecast of some tasks, in the order given."""
    return Forecast(
        location=forecast.location[rows],
        scale=forecast.scale[rows],
        probabilities=forecast.probabilities,
        z=forecast.z,
        level=forecast.level[rows],
        table=np.asarray(forecast.table)[rows],
    )
