"""`maestro-farm`: a published farm of 1,553 hosts and its frame mix."""

from __future__ import annotations

from placement.evaluation.workloads.farm_machines import MachineKind
from placement.evaluation.workloads.farm_settings import ClientKind, FarmSettings
from placement.evaluation.workloads.farm_shapes import FRAME_MIX, ShapeSettings
from placement.farm.clients import Lending

__all__ = ["MAESTRO_FARM"]

_USABLE = 3.75
_ALL = tuple(range(len(FRAME_MIX)))

#: Hosts, cores and frame mix are those of OpenCue Maestro's farm simulator (4 GB per core nominal, of which 3.5 to 3.9
#: are usable: 3.75 here). It gives no speeds: a core is as fast on every class. Clients are ASSUMED.
MAESTRO_FARM = FarmSettings(
    name="maestro-farm",
    machines=(
        MachineKind(name="128-core", nodes=246, cores=128, memory=128 * _USABLE),
        MachineKind(name="32-core", nodes=303, cores=32, memory=32 * _USABLE),
        MachineKind(name="16-core", nodes=1004, cores=16, memory=16 * _USABLE),
    ),
    clients=(
        ClientKind(name="show-a", guarantee=0.35, weight=3.0, lending=Lending.PREEMPT, demand=0.4, importance=2.0),
        ClientKind(name="show-b", guarantee=0.25, weight=2.0, lending=Lending.FRAME, demand=0.3),
        ClientKind(name="show-c", guarantee=0.15, weight=1.0, lending=Lending.FRAME, demand=0.2),
        ClientKind(name="show-d", guarantee=0.05, weight=1.0, lending=Lending.FRAME, demand=0.1),
    ),
    shapes=ShapeSettings(
        render_rows=_ALL, comp_rows=_ALL, simulations=0.0, previews=0.0, comps=0.4, times_spread=0.6, scenes=8
    ),
    notes=(
        "Cores, shares, memory and minutes of frames are published with OpenCue Maestro's farm simulator; how they "
        "vary about those means, arrivals and deadlines are assumed.",
    ),
)
