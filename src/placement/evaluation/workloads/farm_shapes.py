"""Shapes of generated jobs: simulation, preview, render and comp steps, their frames, requests and times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from placement.errors import InvalidInput
from placement.farm.machines import RESOURCES, Resource
from placement.simulator.streams import stream
from placement.units import MIB_PER_GIB, Bools, Floats, Ints

__all__ = ["FRAME_MIX", "Role", "ShapeSettings", "Shapes", "draw_shapes"]

#: Frames of a large farm by the cores they take: cores, share, mean GB, mean minutes. Facts published with the farm
#: simulator of OpenCue Maestro (AcademySoftwareFoundation/OpenCue, Apache-2.0).
FRAME_MIX = (
    (1, 22.89, 0.52, 2.31),
    (2, 25.54, 1.38, 4.70),
    (4, 34.22, 6.44, 11.38),
    (8, 14.55, 27.27, 30.14),
    (16, 1.88, 63.85, 52.43),
    (32, 0.28, 109.0, 47.98),
    (64, 0.03, 233.12, 40.26),
)


#: Row of the mix whose times and memory frames on GPUs have: they take 4 cores beside the GPU.
_GPU_ROW = 2


class Role:
    """What a step is in its job, in the order in which they stand there."""

    SIMULATION, PREVIEW, RENDER, COMP = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeSettings:
    """What jobs look like. All but the frame mix is ASSUMED unless it says otherwise.

    Parameters
    ----------
    frames, frames_spread, frames_most
        Median frames of a shot, standard deviation of its log, and most: 72 and 0.56 are those of ``data/renders``.
    times_spread
        Standard deviation of the log of steps' times about the mix's mean.
    memory_spread
        Of steps' memory about the mix's mean: 0.5, published with the mix.
    simulations, comps, previews
        Share of shots that begin with a simulation, end with a comp, and have a preview.
    simulation_rows, comp_rows, render_rows
        Rows of `FRAME_MIX` that steps of a role are drawn from.
    simulation_frames, simulation_longer
        Most frames of a simulation, and how much longer than the mix's each takes.
    comp_shorter
        Share of the mix's time that a comp takes.
    preview_every
        A preview shows one of so many frames; shorter shots have none.
    preview_share
        Share of the render's samples, as of its time without start-up, that a preview takes.
    startup_share
        Share of a frame's time spent loading: 0.2 is the median of ``data/renders``.
    startup_most
        Longest start-up, seconds.
    checkpoints, checkpoint_seconds
        Share of renders that can save their state, and how often they do.
    gpu_cores
        Cores beside each GPU: 4, published with the mix.
    gpu_memory
        GiB on the GPU that frames which use one request.
    declared_per_core
        GiB of memory per core that submitters reserve, whatever they use: 4, published with the mix.
    declared_over, declared_spread
        User estimates of run time: median over the truth and standard deviation of the log.
    scenes
        How many kinds of scene there are: job types of renders.
    """

    frames: float = 72.0
    frames_spread: float = 0.56
    frames_most: int = 400
    times_spread: float = 0.6
    memory_spread: float = 0.5
    simulations: float = 0.15
    comps: float = 0.4
    previews: float = 1.0
    simulation_rows: tuple[int, ...] = (3, 4)
    comp_rows: tuple[int, ...] = (0, 1)
    render_rows: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    simulation_frames: int = 3
    simulation_longer: float = 2.0
    comp_shorter: float = 1.0
    preview_every: int = 16
    preview_share: float = 0.03
    startup_share: float = 0.2
    startup_most: float = 120.0
    checkpoints: float = 0.3
    checkpoint_seconds: float = 300.0
    gpu_cores: int = 4
    gpu_memory: float = 8.0
    declared_per_core: float = 4.0
    declared_over: float = 2.0
    declared_spread: float = 0.5
    scenes: int = 5

    def __post_init__(self) -> None:
        for name in ("simulations", "comps", "previews", "preview_share", "startup_share", "checkpoints"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"{name} {getattr(self, name):g} must be a share, 0 to 1")
        for name in ("frames", "frames_most", "simulation_frames", "simulation_longer", "comp_shorter", "gpu_cores",
                     "gpu_memory", "preview_every", "declared_per_core", "declared_over", "checkpoint_seconds",
                     "scenes"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} {getattr(self, name):g} must be above 0")
        for name in ("simulation_rows", "comp_rows", "render_rows"):
            rows = getattr(self, name)
            if not rows or not set(rows) <= set(range(len(FRAME_MIX))):
                raise InvalidInput(f"{name} {rows} must be rows of FRAME_MIX, 0 to {len(FRAME_MIX) - 1}, at least one")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shapes:
    """Steps of jobs in order, one row each; columns as in `placement.simulator.farm_world.WorldSteps`.

    Parameters
    ----------
    role
        See `Role`.
    base
        Mean seconds of a frame on reference cores, start-up included, shape ``(steps,)``.
    memory
        Median peak of a frame, MiB.
    declared_over
        User estimate over the true time.
    gpu
        Whether frames use a GPU.
    """

    job: Ints
    after: Ints
    role: Ints
    kind: Ints
    frames: Ints
    request: Floats
    base: Floats
    memory: Floats
    startup: Floats
    checkpoint: Floats
    declared_over: Floats
    gpu: Bools

    def take(self, jobs: Ints) -> Shapes:
        """Return the steps of some jobs, numbered as they are given: row ``i`` of `jobs` becomes job ``i``."""
        place = np.full(int(self.job.max(initial=-1)) + 1, -1)
        place[jobs] = np.arange(len(jobs))
        rows = np.flatnonzero(place[self.job] >= 0)
        rows = rows[np.argsort(place[self.job[rows]], kind="stable")]
        new = np.full(len(self.job) + 1, -1)
        new[rows] = np.arange(len(rows))
        picked = {name: getattr(self, name)[rows] for name in self.__slots__}
        return Shapes(**{**picked, "job": place[self.job[rows]], "after": new[self.after[rows]]})

    def longer(self, factor: float) -> Shapes:
        """Return the same steps with all times multiplied."""
        return replace(self, base=self.base * factor, startup=self.startup * factor)


def draw_shapes(jobs: int, gpu: Bools, settings: ShapeSettings, seed: int) -> Shapes:
    """Draw the steps of jobs with streams ``shapes``, ``times``, ``memory``, ``renderers`` and ``user estimates``.

    The first jobs of a longer drawing are those of a shorter one.

    Parameters
    ----------
    gpu
        Whether a job's renders use a GPU, shape ``(jobs,)``.
    """
    uniform, normal = _per_job(jobs, seed)
    roles, counts, mix = _steps(uniform("shapes of shots", 8), normal("shapes", 1)[:, 0], gpu, settings)
    kind = (uniform("scenes", 1)[:, 0] * settings.scenes).astype(np.int64)
    table = np.array(FRAME_MIX)
    longer = np.array([settings.simulation_longer, 1.0, 1.0, settings.comp_shorter])
    width = settings.times_spread
    own = np.exp(width * normal("times", 4) - width**2 / 2)
    own[:, Role.PREVIEW] = own[:, Role.RENDER]
    seconds = table[mix, 3] * 60 * longer * own
    startup = np.minimum(settings.startup_share * seconds, settings.startup_most)
    shorter = settings.preview_share * (seconds - startup)
    seconds[:, Role.PREVIEW] = (startup + shorter)[:, Role.PREVIEW]
    heavy = settings.memory_spread
    peak = np.exp(heavy * normal("memory", 4) - heavy**2 / 2)
    peak[:, Role.PREVIEW] = peak[:, Role.RENDER]
    memory = table[mix, 2] * 1e9 / 2**20 * peak
    saves = uniform("renderers", 1)[:, 0] < settings.checkpoints
    period = np.full((jobs, 4), np.inf)
    period[saves, Role.RENDER] = settings.checkpoint_seconds
    over = settings.declared_over * np.exp(settings.declared_spread * normal("user estimates", 4))
    job, role = np.nonzero(roles)
    on_gpu = gpu[job] & ((role == Role.RENDER) | (role == Role.PREVIEW))
    types = np.where(role == Role.SIMULATION, 2 * settings.scenes, 2 * settings.scenes + 1)
    types = np.where((role == Role.PREVIEW) | (role == Role.RENDER), kind[job] + settings.scenes * on_gpu, types)
    return Shapes(
        job=job, after=_after(roles), role=role, kind=types, frames=counts[job, role], gpu=on_gpu,
        request=_requests(table[mix[job, role], 0], on_gpu, settings), base=seconds[job, role],
        memory=memory[job, role], startup=startup[job, role], checkpoint=period[job, role],
        declared_over=over[job, role],
    )  # fmt: skip


def _steps(uniform: Floats, normal: Floats, gpu: Bools, settings: ShapeSettings) -> tuple[Bools, Ints, Ints]:
    """Return which steps jobs have, their frames, and their rows of the mix, each ``(jobs, roles)``."""
    shot = np.exp(np.log(settings.frames) + settings.frames_spread * normal)
    shot = np.clip(np.rint(shot), 1, settings.frames_most).astype(np.int64)
    every = settings.preview_every
    shown = (uniform[:, 1] < settings.previews) & (shot >= every)
    first, last = uniform[:, 0] < settings.simulations, uniform[:, 2] < settings.comps
    some = 1 + (uniform[:, 6] * settings.simulation_frames).astype(np.int64)
    render = np.where(gpu, _GPU_ROW, _rows(uniform[:, 4], settings.render_rows))
    mix = [_rows(uniform[:, 3], settings.simulation_rows), render, render, _rows(uniform[:, 5], settings.comp_rows)]
    counts = [some, -(-shot // every), shot, shot]
    return np.stack([first, shown, np.ones(len(shot), bool), last], axis=1), np.stack(counts, 1), np.stack(mix, 1)


def _per_job(jobs: int, seed: int) -> tuple[Callable[[str, int], Floats], Callable[[str, int], Floats]]:
    """Return what draws uniform and normal numbers, some for each job: those of a job do not depend on how many."""

    def uniform(name: str, columns: int) -> Floats:
        return stream(seed, name).random((jobs, columns))

    def normal(name: str, columns: int) -> Floats:
        return stream(seed, name).standard_normal((jobs, columns))

    return uniform, normal


def _rows(uniform: Floats, rows: tuple[int, ...]) -> Ints:
    """Choose rows of the mix by their shares of all frames."""
    share = np.cumsum([FRAME_MIX[row][1] for row in rows])
    place = np.minimum(np.searchsorted(share, uniform * share[-1], side="right"), len(rows) - 1)
    return np.asarray(np.array(rows)[place], np.int64)


def _after(roles: Bools) -> Ints:
    """Return the row each step waits for: previews and renders for the simulation, comps for the render."""
    row = np.where(roles, np.cumsum(roles).reshape(roles.shape) - 1, -1)
    waits = np.full(roles.shape, -1)
    waits[:, Role.PREVIEW] = waits[:, Role.RENDER] = row[:, Role.SIMULATION]
    waits[:, Role.COMP] = row[:, Role.RENDER]
    return waits[roles]


def _requests(cores: Floats, gpu: Bools, settings: ShapeSettings) -> Floats:
    request = np.zeros((len(cores), RESOURCES))
    request[:, Resource.CORES] = np.where(gpu, settings.gpu_cores, cores)
    request[:, Resource.MEMORY] = request[:, Resource.CORES] * settings.declared_per_core * MIB_PER_GIB
    request[:, Resource.GPUS] = gpu
    request[:, Resource.GPU_MEMORY] = np.where(gpu, settings.gpu_memory * MIB_PER_GIB, 0.0)
    return request
