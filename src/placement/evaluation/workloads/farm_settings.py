"""Named parameters of generated farms: clients, deadlines, arrivals, load; documented numbers, not code."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement.errors import InvalidInput
from placement.evaluation.workloads.farm_chance import Uncertainty
from placement.evaluation.workloads.farm_faults import FaultSettings
from placement.evaluation.workloads.farm_machines import FleetSettings, MachineKind
from placement.evaluation.workloads.farm_shapes import ShapeSettings
from placement.farm.clients import Clients, Lending
from placement.units import Seconds

__all__ = ["ClientKind", "DeadlineSettings", "FarmSettings", "clients_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKind:
    """A client of a generated farm.

    Parameters
    ----------
    guarantee, limit, weight, lending, reclaim
        As in `placement.farm.clients.Clients`.
    demand
        Share of the offered load.
    importance
        Factor on the importance of its jobs.
    deadlines
        Shares of its jobs that are dailies, deliveries and soft; the rest has no deadline.
    """

    name: str
    guarantee: float = 0.0
    limit: float = 1.0
    weight: float = 1.0
    lending: Lending = Lending.FRAME
    reclaim: Seconds = 300.0
    demand: float
    importance: float = 1.0
    deadlines: tuple[float, float, float] = (0.35, 0.2, 0.2)

    def __post_init__(self) -> None:
        if not 0 <= self.demand <= 1 or not self.importance > 0:
            raise InvalidInput(
                f"client {self.name!r}: demand {self.demand:g} must be a share, importance {self.importance:g} above 0"
            )
        if min(self.deadlines) < 0 or sum(self.deadlines) > 1 + 1e-9:
            raise InvalidInput(f"client {self.name!r}: shares of deadlines {self.deadlines} must sum to at most 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineSettings:
    """How deadlines are set; all ASSUMED.

    A job's span is the sum over its chain of steps of its longest frame, or of its work at `job_share` of the farm
    where
    that is longer. Deliveries and soft deadlines come `slack` spans and the `allowance` after the release, dailies at
    the first `daily_hour` by which half of that has passed. Where `promised`, no deadline is earlier than `margin`
    times the time that a fluid farm of `efficiency` times the capacity would need for it, serving the earliest deadline
    first, plus the allowance: what a producer who plans would promise.

    Parameters
    ----------
    daily_hour
        Local hour of the next morning by which dailies must be there.
    slack
        Least and most.
    allowance
        Seconds for waiting in the queue.
    longest
        A frame's longest time over its step's mean.
    importance
        Of dailies, deliveries, soft deadlines and jobs without one.
    priority
        What users ask for, of the same.
    emergencies
        Share of the jobs that are emergencies: importance 100, a tenth of the allowance.
    value_spread
        Standard deviation of the log of a job's value about importance × normalised capacity-hours.
    """

    daily_hour: float = 9.0
    slack: tuple[float, float] = (2.0, 5.0)
    allowance: Seconds = 5400.0
    longest: float = 1.5
    job_share: float = 0.1
    promised: bool = True
    efficiency: float = 0.85
    margin: float = 1.25
    importance: tuple[float, float, float, float] = (3.0, 10.0, 1.0, 1.0)
    priority: tuple[float, float, float, float] = (60.0, 80.0, 50.0, 30.0)
    emergencies: float = 0.002
    value_spread: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.slack[0] <= self.slack[1] or not 0 < self.job_share <= 1 or not 0 < self.efficiency <= 1:
            raise InvalidInput(
                f"slack {self.slack} must be above 0 and in order; job_share {self.job_share:g} and efficiency "
                f"{self.efficiency:g} must lie in (0, 1]"
            )
        if not (0 <= self.daily_hour < 24 and self.allowance >= 0 and self.margin >= 1 and self.longest >= 1):
            raise InvalidInput(
                f"daily_hour {self.daily_hour:g} must be an hour of the day, allowance {self.allowance:g} s not "
                f"negative, margin {self.margin:g} and longest {self.longest:g} at least 1"
            )
        if not 0 <= self.emergencies <= 1:
            raise InvalidInput(f"emergencies {self.emergencies:g} must be a share, 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmSettings:
    """A generated farm.

    Parameters
    ----------
    machines, clients
        What there is at full size, and who uses it; demands of clients sum to 1.
    scale
        Share of the nodes, and with them of the work.
    load
        All work released over `hours`, as a share of what the farm can do in them, placement being free
        (`placement.evaluation.workloads.farm_load.offered_load`); met exactly.
    gpu_load
        Work for GPUs as a share of what the GPU classes could do at this load.
    hours
        How long work is released.
    start_hour, peak_hour
        Local hours at which the world begins and at which most is submitted.
    swing
        How far the rate of submission goes up and down about its mean over the day, as a share of it.
    backlog
        Hours of the load that are there when the world begins.
    warm_up
        Hours before measuring begins; it ends with the releases.
    notes
        Sentences for the reader.
    """

    name: str
    machines: tuple[MachineKind, ...]
    clients: tuple[ClientKind, ...]
    scale: float = 1.0
    load: float = 0.95
    gpu_load: float = 0.8
    hours: float = 24.0
    start_hour: float = 6.0
    peak_hour: float = 17.0
    swing: float = 0.5
    backlog: float = 2.0
    warm_up: float = 2.0
    shapes: ShapeSettings = field(default_factory=ShapeSettings)
    deadlines: DeadlineSettings = field(default_factory=DeadlineSettings)
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
    fleet: FleetSettings = field(default_factory=FleetSettings)
    faults: FaultSettings = field(default_factory=FaultSettings)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in (("scale", 0, 100), ("load", 0, 100), ("hours", 0, 24 * 366)):
            if not low < getattr(self, name) <= high:
                raise InvalidInput(f"{name} {getattr(self, name):g} must lie in ({low}, {high}]")
        for name, least, most in (("gpu_load", 0, 1), ("swing", 0, 1), ("start_hour", 0, 24), ("peak_hour", 0, 24),
                                ("backlog", 0, self.hours), ("warm_up", 0, self.hours)):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise InvalidInput(f"{name} {getattr(self, name):g} must lie in [{least}, {most:g}]")
        if not self.machines or abs(sum(client.demand for client in self.clients) - 1) > 1e-6:
            raise InvalidInput(
                f"a farm needs machines, has {len(self.machines)}; demands of its clients must sum to 1, not to "
                f"{sum(client.demand for client in self.clients):g}"
            )


def clients_of(kinds: tuple[ClientKind, ...]) -> Clients:
    """Return the clients as columns, none over another and none owed anything."""
    rows = len(kinds)
    return Clients(
        names=tuple(kind.name for kind in kinds),
        parent=np.full(rows, -1),
        guarantee=np.array([kind.guarantee for kind in kinds]),
        limit=np.array([kind.limit for kind in kinds]),
        weight=np.array([kind.weight for kind in kinds]),
        lending=np.array([int(kind.lending) for kind in kinds]),
        reclaim=np.array([kind.reclaim for kind in kinds]),
        history=np.zeros(rows),
    )
