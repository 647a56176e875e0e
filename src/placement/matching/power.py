"""What power costs in time: server curves, GPU limit curves and measured watts, held as data and boosters.

Measured: watts of servers against load, and watts and time of GPU jobs against the power limit.
Modelled: how a CPU slows under a power limit, since no measurement of that is at hand (see `ServerCurve.limited`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from placement.errors import CorruptModel, IncompatibleModel
from placement.farm.nodes import NodeTable
from placement.units import Floats, Ints

__all__ = ["GPU_BOOSTERS", "POWER_SCHEMA", "Booster", "GpuCurve", "Measured", "PowerModel", "ServerCurve"]

POWER_SCHEMA = 1

#: Names of the boosters that a power model is made of.
GPU_BOOSTERS = ("gpu_time", "gpu_power")

Row: TypeAlias = tuple[float, ...]

#: Dynamic CPU power grows as speed to this power: 1 is duty cycling (what the server curves show at
#: partial load), 3 ideal voltage scaling; the spread of a forecast covers both.
_SPEED_EXPONENT, _EXPONENT_LOW, _EXPONENT_HIGH = 2.0, 1.0, 3.0
_SLOWEST = 0.5
_Z80 = 1.2816


class Booster(Protocol):
    """A boosted regression that is already learned."""

    def predict(self, matrix: Floats, /) -> Floats:
        """Return one value per row of a matrix ``(rows, features)``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCurve:
    """Watts of a server against load, and of servers against cores, as logs of measured watts.

    Parameters
    ----------
    load, dynamic
        Load 0 to 1, and the share of (peak - idle) drawn there, increasing from 0 to 1.
    dynamic_spread
        Standard deviation of `dynamic` between servers.
    log_peak, log_peak_per_log_cores, peak_spread
        Line of log peak watts on log cores, and the standard deviation around it.
    idle_share, idle_spread
        Median of idle over peak watts, and the standard deviation of its log.
    """

    load: Row
    dynamic: Row
    dynamic_spread: float
    log_peak: float
    log_peak_per_log_cores: float
    peak_spread: float
    idle_share: float
    idle_spread: float

    def watts(self, nodes: NodeTable) -> tuple[Floats, Floats, Floats]:
        """Return idle watts, peak watts and the log spread of both, each ``(classes,)``, estimating what is unknown."""
        guess = np.exp(self.log_peak + self.log_peak_per_log_cores * np.log(nodes.cores))
        declared = nodes.idle_power / self.idle_share
        peak = np.where(np.isnan(nodes.peak_power), np.where(np.isnan(declared), guess, declared), nodes.peak_power)
        idle = np.where(np.isnan(nodes.idle_power), self.idle_share * peak, nodes.idle_power)
        unknown = np.where(np.isnan(declared), self.peak_spread, self.idle_spread)
        spread = np.where(np.isnan(nodes.peak_power), unknown, 0.0)
        return idle, peak, np.hypot(spread, self.dynamic_spread)

    def dynamic_at(self, load: Floats) -> Floats:
        """Return the share of (peak - idle) drawn at a load, any shape."""
        return np.asarray(np.interp(load, self.load, self.dynamic), dtype=float)

    @staticmethod
    def limited(limit: Floats, idle_share: Floats) -> tuple[Floats, Floats, Floats]:
        """Return what a power limit does to a fully loaded CPU node; MODELLED.

        The limit leaves ``r = (limit - idle) / (1 - idle)`` of the dynamic power, and the speed is
        ``r ** (1 / 2)``, never below half.

        Parameters
        ----------
        limit, idle_share
            Shares of peak watts, broadcast against each other.

        Returns
        -------
        tuple
            Log time ratio, its spread, and the share of dynamic power left.

        Examples
        --------
        >>> log_time, spread, dynamic = ServerCurve.limited(np.array([1.0, 0.7]), np.array(0.4))
        >>> np.exp(log_time).round(3).tolist(), dynamic.round(3).tolist()
        ([1.0, 1.414], [1.0, 0.5])
        """
        left = np.clip((limit - idle_share) / np.maximum(1 - idle_share, 1e-9), _SLOWEST**_SPEED_EXPONENT, 1.0)
        log_left = -np.log(left)
        half_range = (1 / _EXPONENT_LOW - 1 / _EXPONENT_HIGH) / 2
        return log_left / _SPEED_EXPONENT, log_left * half_range / _Z80, left

    @staticmethod
    def limits(idle_share: Floats, steps: int) -> Floats:
        """Return the power limits worth trying, ``(classes, steps)``, ending at 1."""
        dynamic = np.linspace(_SLOWEST, 1.0, steps) ** _SPEED_EXPONENT
        return np.asarray(idle_share[:, None] + (1 - idle_share[:, None]) * dynamic, dtype=float)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuCurve:
    """Time and watts of GPU jobs against the power limit.

    Parameters
    ----------
    models, watts, lowest
        Measured GPU models; their highest limit in W; the lowest measured limit as a share of it.
    draw
        Share of the limit that a job of unknown intensity draws at full power (median over networks).
    shares
        Limits, increasing, at which the spreads below are known.
    time_spread, power_spread
        Standard deviation of the log of time ratio and of watts on networks not learned from, for jobs whose
        intensity is not known and for those where it is: shape ``(2, shares)``.
    """

    models: tuple[str, ...]
    watts: Row
    lowest: Row
    draw: float
    shares: Row
    time_spread: tuple[Row, Row]
    power_spread: tuple[Row, Row]

    def codes(self, names: Sequence[str]) -> Ints:
        """Return the place of each model's name, -1 for one that was not measured."""
        return np.array([self.models.index(each) if each in self.models else -1 for each in names], dtype=np.int64)

    def inputs(self, code: Ints, share: Floats, draw: Floats) -> Floats:
        """Return the boosters' matrix: limit share, draw share (NaN unknown), headroom, one column per model."""
        known = (code[:, None] == np.arange(len(self.models))).astype(float)
        known[code < 0] = np.nan
        return np.column_stack([share, draw, share / draw, known])

    def spread(self, share: Floats, draw: Floats) -> tuple[Floats, Floats]:
        """Return the log spreads of time ratio and watts for limits and (possibly unknown) draws of one shape."""
        known = ~np.isnan(draw)
        pairs = (self.time_spread, self.power_spread)
        time, power = (
            np.where(known, np.interp(share, self.shares, each[1]), np.interp(share, self.shares, each[0]))
            for each in pairs
        )
        return time, power


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Watts that telemetry measured for a job type on a node class: mean and spread of the log, and how many rows."""

    job_type: str
    node_class: str
    log_watts: float
    spread: float
    rows: int


@dataclass(frozen=True, slots=True)
class PowerModel:
    """Everything needed to forecast watts and the effect of energy modes.

    Parameters
    ----------
    server, gpu
        The curves.
    boosters
        One per name in `GPU_BOOSTERS`: log time ratio, and log of watts over the highest limit.
    measured
        What telemetry says, if it holds watts.
    shrinkage
        How many rows of telemetry the physical curve is worth.
    """

    server: ServerCurve
    gpu: GpuCurve
    boosters: Mapping[str, Booster]
    measured: tuple[Measured, ...] = ()
    shrinkage: float = 3.0

    def gpu_effect(self, code: Ints, share: Floats, draw: Floats) -> tuple[Floats, Floats]:
        """Return log time ratio and watts over the highest limit, under power limits.

        Parameters
        ----------
        code
            GPU models, shape ``(rows,)``, -1 for unmeasured.
        share
            Limits, shape ``(rows, limits)``.
        draw
            Share of the limit that the job draws at full power, NaN where unknown, shape ``(rows, 1)``.

        Returns
        -------
        tuple
            Two arrays ``(rows, limits)``. A lower limit is never faster, and 1 is neither slower nor faster.
        """
        tried = np.concatenate([share, np.ones((len(share), 1))], axis=1)
        flat = self.gpu.inputs(
            np.repeat(code, tried.shape[1]), tried.ravel(), np.broadcast_to(draw, tried.shape).ravel()
        )
        time, power = (np.asarray(self.boosters[name].predict(flat)).reshape(tried.shape) for name in GPU_BOOSTERS)
        anchored = np.log(draw) + power[:, :-1] - power[:, -1:]
        return (
            np.maximum(time[:, :-1] - time[:, -1:], 0.0),
            np.exp(np.where(np.isnan(draw), power[:, :-1], anchored)),
        )

    def to_data(self) -> dict[str, Any]:
        """Return all but the boosters as plain data for JSON."""
        return {
            "schema": POWER_SCHEMA,
            "server": asdict(self.server),
            "gpu": asdict(self.gpu),
            "measured": [asdict(each) for each in self.measured],
            "shrinkage": self.shrinkage,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], boosters: Mapping[str, Booster]) -> PowerModel:
        """Make a model of what `to_data` returned, before or after JSON.

        Raises
        ------
        IncompatibleModel
            It has another schema version.
        CorruptModel
            A part or a booster is missing or unknown.
        """
        if (version := data.get("schema")) != POWER_SCHEMA:
            raise IncompatibleModel(f"power model has schema {version!r}, expected {POWER_SCHEMA}")
        if lacking := sorted(set(GPU_BOOSTERS) - set(boosters)):
            raise CorruptModel(f"power model lacks the boosters {lacking}; have {sorted(boosters)}")
        try:
            server = ServerCurve(**{name: _tuples(each) for name, each in data["server"].items()})
            gpu = GpuCurve(**{name: _tuples(each) for name, each in data["gpu"].items()})
            measured = tuple(Measured(**each) for each in data["measured"])
            return cls(server, gpu, dict(boosters), measured, float(data["shrinkage"]))
        except (KeyError, TypeError, AttributeError, ValueError) as wrong:
            raise CorruptModel(f"power model is incomplete: {wrong!r}") from wrong


def _tuples(value: Any) -> Any:
    """Turn the lists of JSON back into tuples."""
    return tuple(_tuples(each) for each in value) if isinstance(value, (list, tuple)) else value
