"""Truths and troubles drawn from a seed, for simulations that look for what breaks."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from placement.errors import InvalidInput
from placement.runtime.ports import Start
from placement.simulator.fates import Fate, Run, Trouble, TroubleKind
from placement.simulator.streams import stream
from placement.units import MiB, Seconds

__all__ = ["DrawnTruth", "drawn_troubles"]

_NORMAL = NormalDist()
_RANGE = 2.0**32


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTruth:
    """A truth in which every attempt has its own luck, drawn from the seed, its task and its number alone.

    Parameters
    ----------
    seconds, spread
        Median run time of a task of one frame, and the standard deviation of its logarithm; the task's on all nodes.
    memory
        Median peak memory, MiB, with the same spread.
    fates
        Fate -> its chance; the rest is done.
    scenes
        Share of the steps whose scene is corrupt, whoever tries.
    checkpoint
        Seconds between checkpoints.

    Examples
    --------
    >>> truth = DrawnTruth(seed=1, fates={Fate.HANGS: 1.0})
    >>> order = Start(attempt=1, task=("job", "step", 0), node="n1", command=(), frames=(1,))
    >>> truth(order, 0.0) == truth(order, 9.0), truth(order, 0.0).fate.value
    (True, 'hangs')
    """

    seed: int
    seconds: Seconds = 300.0
    spread: float = 0.5
    memory: MiB = 512.0
    fates: Mapping[Fate, float] = field(default_factory=dict)
    scenes: float = 0.0
    checkpoint: Seconds = 60.0

    def __post_init__(self) -> None:
        if not sum(self.fates.values()) <= 1 + 1e-9 or min(self.fates.values(), default=0.0) < 0:
            raise InvalidInput(f"chances of fates {dict(self.fates)} must be 0 or more and sum to at most 1")

    def __call__(self, order: Start, at: Seconds) -> Run:
        """Return the run of an order."""
        job, step, number = order.task
        task = f"{job}/{step}/{number}"
        time, peak = (math.exp(self.spread * _normal(self.seed, f"{name} {task}")) for name in ("time", "memory"))
        fate = self._fate(f"fate {task} {order.attempt}")
        if self.scenes > 0 and _uniform(self.seed, f"scene {job}/{step}") < self.scenes:
            fate = Fate.SCENE
        return Run(
            seconds=self.seconds * time * max(len(order.frames), 1), memory=self.memory * peak, fate=fate,
            at=_uniform(self.seed, f"at {task} {order.attempt}"), checkpoint=self.checkpoint,
        )  # fmt: skip

    def _fate(self, name: str) -> Fate:
        luck = _uniform(self.seed, name)
        for fate, chance in self.fates.items():
            if luck < chance:
                return fate
            luck -= chance
        return Fate.DONE


def _uniform(seed: int, name: str) -> float:
    """Return a number in (0, 1) that belongs to a name; cheaper than a stream for each."""
    return (zlib.crc32(name.encode(), zlib.crc32(seed.to_bytes(8, "big"))) + 0.5) / _RANGE


def _normal(seed: int, name: str) -> float:
    return _NORMAL.inv_cdf(_uniform(seed, name))


def drawn_troubles(
    nodes: Sequence[str], start: Seconds, seconds: Seconds, seed: int, *, each: Mapping[TroubleKind, float]
) -> tuple[Trouble, ...]:
    """Draw what befalls nodes within `seconds` of `start`; half of the deaths are for good.

    Parameters
    ----------
    each
        Kind -> how many of them are expected for all nodes together (Poisson).

    Examples
    --------
    >>> drawn_troubles(["a"], 0.0, 100.0, 3, each={TroubleKind.DIES: 0.0})
    ()
    """
    drawn = []
    for kind, expected in each.items():
        chance = stream(seed, f"trouble {kind}")
        for _ in range(int(chance.poisson(expected)) if nodes else 0):
            at, node = start + seconds * chance.random(), nodes[int(chance.integers(len(nodes)))]
            lasts = seconds * float(chance.exponential(0.1)) + 1.0
            if kind in (TroubleKind.DIES, TroubleKind.LEAVES) and chance.random() < 0.5:
                lasts = math.inf
            drawn.append(
                Trouble(at=at, node=node, kind=kind, seconds=lasts, factor=1.0 + float(chance.exponential(2.0)))
            )
    return tuple(sorted(drawn, key=lambda trouble: trouble.at))
