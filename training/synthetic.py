"""Make telemetry of any size: jobs, frames and node classes with known causes, for load tests and benchmarks.

Nothing here is measured: the numbers only have the shape of a farm's (Zipf-like job types, jobs whose frames are alike,
cost that multiplies with pixels and samples, memory that adds up, classes that suit some job types better than others,
disturbed and cut-short attempts), so that reading, cleaning and training meet what they meet in earnest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from placement.errors import InvalidInput
from placement.units import Floats, Ints

__all__ = ["SyntheticFarm", "write_synthetic"]

_CHUNK_ROWS = 250_000
_RENDERERS = ("arnold", "cycles", "mantra", "renderman", "vray")
_SIZES = ((960, 540), (1280, 720), (1920, 1080), (2048, 858), (3840, 2160))
_THREADS = (4, 8, 16, 32, 64)
_EPOCH = 1.75e9


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticFarm:
    """What the telemetry is drawn from.

    Parameters
    ----------
    frames
        Mean frames of a job; each has at least one.
    shots
        Jobs of one shot.
    job_types, node_classes
        How many there are.
    job_spread
        Standard deviation of what no feature tells about a job, in the log of the run time.
    frame_spread
        The same of what neighbouring frames share.
    noise
        The same of a quiet measurement.
    disturbed, cut_short
        Shares of attempts with other work beside them, and of attempts that were killed.
    seed
        Of everything that is drawn; equal seeds give equal files.

    Raises
    ------
    InvalidInput
        A count is below 1, or a share is not in [0, 1).
    """

    frames: float = 40.0
    shots: int = 2
    job_types: int = 12
    node_classes: int = 8
    job_spread: float = 0.25
    frame_spread: float = 0.06
    noise: float = 0.04
    disturbed: float = 0.1
    cut_short: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("frames", "shots", "job_types", "node_classes"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("disturbed", "cut_short"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}, expected a share in [0, 1)")

    def chunks(self, rows: int, most: int = _CHUNK_ROWS) -> Iterator[pd.DataFrame]:
        """Yield exactly `rows` attempts, at most `most` at a time, each time in whole jobs but for the last one.

        Examples
        --------
        >>> [len(chunk) for chunk in SyntheticFarm(seed=1).chunks(1000, 600)]
        [600, 400]
        """
        world = _World.draw(self)
        first_job = 0
        for number, start in enumerate(range(0, rows, most)):
            count = min(most, rows - start)
            chunk = _chunk(self, world, count, first_job, np.random.default_rng([self.seed, 1, number]))
            first_job += int(chunk["job"].iloc[-1]) + 1 - first_job
            yield chunk.drop(columns="job")


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """What stays the same over all jobs: speed of types, of classes, and of each type on each class, in logs."""

    job_type: Floats
    node_class: Floats
    pair: Floats

    @classmethod
    def draw(cls, farm: SyntheticFarm) -> _World:
        rng = np.random.default_rng([farm.seed, 0])
        types, classes = farm.job_types, farm.node_classes
        return cls(rng.normal(0, 0.6, types), rng.normal(0, 0.2, classes), rng.normal(0, 0.12, (types, classes)))


def write_synthetic(path: str | Path, rows: int, farm: SyntheticFarm | None = None, *, progress: bool = False) -> Path:
    """Write `rows` attempts to a Parquet file, a chunk at a time: memory does not grow with their number.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_synthetic(Path(folder) / "farm.parquet", 2000)
    ...     pq.read_metadata(path).num_rows
    2000
    """
    if rows < 1:
        raise InvalidInput(f"{rows} rows, expected at least 1")
    path, writer = Path(path), None
    bar = tqdm(total=rows, desc="synthetic", unit=" rows", disable=not progress)
    try:
        for chunk in (farm or SyntheticFarm()).chunks(rows):
            table = pa.Table.from_pandas(chunk, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            bar.update(len(chunk))
    finally:
        bar.close()
        if writer is not None:
            writer.close()
    return path


def _chunk(farm: SyntheticFarm, world: _World, rows: int, first_job: int, rng: np.random.Generator) -> pd.DataFrame:
    lengths = 1 + rng.poisson(farm.frames - 1, max(1, int(2 * rows / farm.frames) + 8))
    while lengths.sum() < rows:
        lengths = np.append(lengths, 1 + rng.poisson(farm.frames - 1, len(lengths)))
    ends = np.cumsum(lengths)
    jobs = int(np.searchsorted(ends, rows)) + 1
    job = np.repeat(np.arange(jobs), lengths[:jobs])[:rows]
    frame = np.arange(rows) - (ends - lengths)[job]
    table = _jobs(farm, jobs, first_job, lengths[:jobs], rng).iloc[job].reset_index(drop=True)
    node_class = rng.integers(farm.node_classes, size=rows)
    table["job"] = first_job + job
    table["frame"] = table["first_frame"] + frame
    table["node_class"] = _categorical(node_class, [f"node-{number:02d}" for number in range(farm.node_classes)])
    table["threads"] = table["cores"] = np.array(_THREADS, dtype=float)[node_class % len(_THREADS)]
    table["start_time"] = _EPOCH + 600.0 * table["job"] + frame
    return _measured(farm, world, table, _along(job, frame, lengths, rng), rng)


def _jobs(farm: SyntheticFarm, jobs: int, first: int, lengths: Ints, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per job: what is known before the render and what no feature tells (``hidden``)."""
    number = first + np.arange(jobs)
    common = 1 / np.arange(1, farm.job_types + 1)
    kind = rng.choice(farm.job_types, jobs, p=common / common.sum())
    family = kind % len(_RENDERERS)
    size = np.array(_SIZES, dtype=float)[rng.integers(len(_SIZES), size=jobs)]
    scale = rng.normal(0, 1, jobs)
    triangles = np.exp(13 + 1.2 * scale + rng.normal(0, 0.5, jobs))
    instances = np.where(rng.random(jobs) < 0.4, np.round(np.exp(rng.normal(4, 1.5, jobs))), 0.0)
    textures = np.round(np.exp(2.5 + 0.5 * scale + rng.normal(0, 0.5, jobs)))
    volume = np.where(rng.random(jobs) < 0.2, 1, 0)
    types = [f"{_RENDERERS[each % len(_RENDERERS)]}/type-{each:02d}" for each in range(farm.job_types)]
    return pd.DataFrame(
        {
            "job_id": [f"job-{each:08d}" for each in number],
            "show": [f"show-{each // 4000:04d}" for each in number],
            "shot": [f"shot-{each // farm.shots:08d}" for each in number],
            "kind": kind,
            "hidden": farm.job_spread * rng.standard_t(6, jobs),
            "job_type": _categorical(kind, types),
            "renderer": _categorical(family, list(_RENDERERS)),
            "volume": _categorical(volume, ["none", "smoke"]),
            "first_frame": 1001.0,
            "frames_in_job": lengths.astype(float),
            "width": size[:, 0],
            "height": size[:, 1],
            "spp": 2.0 ** np.clip(np.round(7 - 0.4 * scale + rng.normal(0, 1.2, jobs)), 2, 12),
            "max_depth": 2.0 + rng.poisson(6, jobs),
            "triangles": np.round(triangles),
            "triangles_total": np.round(triangles * (1 + 0.1 * instances)),
            "instances": instances,
            "lights": 1.0 + rng.poisson(5, jobs),
            "texture_count": textures,
            "texture_size": textures * np.exp(rng.normal(2.5, 0.5, jobs)),
            "scene_file_size": triangles * 5e-5,
            "transmissive_fraction": np.clip(rng.normal(0.05, 0.1, jobs), 0, 1),
            "motion_blur": (rng.random(jobs) < 0.5).astype(float),
            "depth_of_field": (rng.random(jobs) < 0.3).astype(float),
            "denoise": (rng.random(jobs) < 0.6).astype(float),
            "camera_distance": np.exp(rng.normal(2, 1, jobs)),
        }
    )


def _along(job: Ints, frame: Ints, lengths: Ints, rng: np.random.Generator) -> Floats:
    """Return a slow wave along the frames of each job, of unit variance, shape ``(rows,)``."""
    phase, turns = rng.random(len(lengths)), rng.uniform(0.2, 1.5, len(lengths))
    return np.asarray(np.sqrt(2.0) * np.sin(2 * np.pi * (phase[job] + turns[job] * frame / lengths[job])))


def _measured(
    farm: SyntheticFarm, world: _World, table: pd.DataFrame, along: Floats, rng: np.random.Generator
) -> pd.DataFrame:
    rows, kind = len(table), table["kind"].to_numpy()
    node_class = np.asarray(table["node_class"].cat.codes)
    work = np.log((table["width"] * table["height"] * table["spp"]).to_numpy())
    speed = world.job_type[kind] + world.node_class[node_class] + world.pair[kind, node_class]
    scene = 0.12 * np.log(table["triangles_total"]) + 0.35 * np.log(table["max_depth"]) + 0.04 * table["lights"]
    effects = 0.25 * table["motion_blur"] + 0.4 * (table["volume"] == "smoke") + 1.5 * table["transmissive_fraction"]
    parallel = 0.85 * np.log(table["threads"])
    log = (0.95 * work + scene + effects - parallel + table["hidden"]).to_numpy() - 16.5 + speed
    log += farm.frame_spread * along + farm.noise * rng.standard_t(5, rows)
    quiet = rng.random(rows) >= farm.disturbed
    log += np.where(quiet, 0.0, np.abs(rng.normal(0.1, 0.08, rows)))
    cut = rng.random(rows) < farm.cut_short
    start_up = 1.0 + 2e-7 * table["triangles_total"].to_numpy() + 0.002 * table["texture_size"].to_numpy()
    render = np.clip(np.exp(np.clip(log, -5, 13)), 0.05, 1e6) * np.where(cut, rng.random(rows), 1.0)
    memory = 300 + 2.5e-4 * table["triangles"] + 1.3 * table["texture_size"] + 3e-5 * table["width"] * table["height"]
    table["render_time"] = render
    table["run_time"] = render + start_up
    table["end_time"] = table["start_time"] + table["run_time"]
    table["peak_memory"] = np.minimum(memory * np.exp(rng.normal(0, 0.05, rows)), 1e7)
    table["quiet"] = quiet.astype(float)
    table["status"] = _categorical(cut.astype(int), ["ok", "killed"])
    return table.drop(columns=["kind", "hidden"])


def _categorical(codes: Ints, names: list[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object))
