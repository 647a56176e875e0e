"""`studio-day` and what is made of it: crunch, overnight, disaster, upgrade, a single client."""

from __future__ import annotations

from dataclasses import replace

from placement.evaluation.workloads.farm_faults import FaultSettings
from placement.evaluation.workloads.farm_machines import MachineKind
from placement.evaluation.workloads.farm_settings import ClientKind, DeadlineSettings, FarmSettings
from placement.evaluation.workloads.farm_shapes import ShapeSettings
from placement.farm.clients import Lending

__all__ = [
    "CRUNCH",
    "DISASTER",
    "OVERNIGHT",
    "SINGLE_CLIENT",
    "STUDIO_CLIENTS",
    "STUDIO_DAY",
    "STUDIO_MACHINES",
    "UPGRADE",
]

_OLD_SERVER = "HP ProLiant ML110 G5,Xeon 3075"
_R3950X, _R5950X, _R3900X, _R3600 = (f"AMD Ryzen {name} (CPU)" for name in ("9 3950X", "9 5950X", "9 3900X", "5 3600"))

#: 500 nodes: many-core, plain, big-memory, GPU, and old ones. Sizes are ASSUMED; how fast the classes are on each scene
#: is measured, the devices of the table standing for them core by core.
STUDIO_MACHINES = (
    MachineKind(name="many-core", nodes=120, cores=64, memory=240.0, device=_R3950X, device_cores=16),
    MachineKind(name="plain", nodes=160, cores=32, memory=120.0, device=_R5950X, device_cores=16),
    MachineKind(name="big-memory", nodes=40, cores=64, memory=720.0, device=_R3900X, device_cores=12),
    MachineKind(
        name="gpu", nodes=60, cores=16, memory=120.0, gpus=1, gpu_memory=24.0, device=_R5950X, device_cores=16,
        gpu_device="GeForce RTX 3090 (OPTIX)", gpu_power="A40",
    ),
    MachineKind(
        name="old-gpu", nodes=40, cores=12, memory=60.0, gpus=1, gpu_memory=11.0, device=_R3600, device_cores=6,
        gpu_device="GeForce RTX 2080 Ti (OPTIX)", gpu_power="RTX6000", idle_server=_OLD_SERVER,
    ),
    MachineKind(
        name="old", nodes=80, cores=12, memory=44.0, device=_R3600, device_cores=6, idle_server=_OLD_SERVER,
    ),
)  # fmt: skip

#: Four clients, one for each lending policy; the static partition asks for as much as it is.
STUDIO_CLIENTS = (
    ClientKind(
        name="feature", guarantee=0.4, limit=0.9, weight=3.0, lending=Lending.PREEMPT, demand=0.45, importance=2.0
    ),
    ClientKind(name="series", guarantee=0.2, limit=0.7, weight=2.0, lending=Lending.FRAME, demand=0.3),
    ClientKind(
        name="advert", guarantee=0.1, limit=0.5, lending=Lending.NEVER, demand=0.15, deadlines=(0.2, 0.5, 0.1)
    ),
    ClientKind(
        name="archive", guarantee=0.1, limit=0.1, lending=Lending.STATIC, demand=0.1, importance=0.5,
        deadlines=(0.0, 0.0, 0.4),
    ),
)  # fmt: skip

STUDIO_DAY = FarmSettings(name="studio-day", machines=STUDIO_MACHINES, clients=STUDIO_CLIENTS)

#: Deadlines as clients want them: tighter than those of `studio-day`, and nobody asked whether the farm can.
_WANTED = DeadlineSettings(promised=False, slack=(1.5, 3.0), allowance=3600.0)

#: In a crunch hardly any job can wait.
_PRESSED = tuple(
    replace(kind, deadlines=(0.0, 0.0, 0.4) if kind.lending is Lending.STATIC else (0.55, 0.3, 0.15))
    for kind in STUDIO_CLIENTS
)

CRUNCH = FarmSettings(
    name="crunch", machines=STUDIO_MACHINES, clients=_PRESSED, load=1.6, gpu_load=1.0,
    deadlines=_WANTED, notes=("Demand is over capacity: not all deadlines can be met, whatever is done.",),
)  # fmt: skip

DISASTER = FarmSettings(
    name="disaster", machines=STUDIO_MACHINES, clients=_PRESSED, load=1.6, gpu_load=1.0,
    deadlines=_WANTED, faults=FaultSettings(
        crashes=0.2, rack_losses=2, slow_share=0.05, bad_share=0.02, corrupt_share=0.005, licence_losses=1
    ),
    notes=("Two racks are lost, nodes crash, slow down and spoil frames, scenes are corrupt, licences go missing.",),
)  # fmt: skip

#: An evening's work that must be there in the morning, on little more than half of the farm.
OVERNIGHT = FarmSettings(
    name="overnight", machines=STUDIO_MACHINES, load=0.55, gpu_load=0.8, hours=14.0, start_hour=19.0, peak_hour=20.0,
    swing=1.0, backlog=7.0, warm_up=0.0,
    clients=tuple(replace(kind, deadlines=(0.85, 0.0, 0.0)) for kind in STUDIO_CLIENTS),
    deadlines=DeadlineSettings(emergencies=0.0, allowance=1800.0),
    shapes=ShapeSettings(previews=0.0, simulations=0.05, comps=0.2),
)  # fmt: skip

_HALF = 12 * 3600.0

#: Old machines leave at noon of the simulated day, and new ones join.
UPGRADE = FarmSettings(
    name="upgrade", clients=STUDIO_CLIENTS, load=0.85,
    machines=(
        *STUDIO_MACHINES[:4],
        MachineKind(
            name="old-gpu", nodes=40, cores=12, memory=60.0, gpus=1, gpu_memory=11.0, device=_R3600, device_cores=6,
            gpu_device="GeForce RTX 2080 Ti (OPTIX)", gpu_power="RTX6000", idle_server=_OLD_SERVER, leaves=_HALF,
        ),
        MachineKind(
            name="old", nodes=80, cores=12, memory=44.0, device=_R3600, device_cores=6, idle_server=_OLD_SERVER,
            leaves=_HALF,
        ),
        MachineKind(
            name="new", nodes=40, cores=64, memory=240.0, device=_R5950X, device_cores=16, joins=_HALF - 3600,
        ),
        MachineKind(
            name="new-gpu", nodes=40, cores=16, memory=120.0, gpus=1, gpu_memory=24.0, device=_R5950X, device_cores=16,
            gpu_device="GeForce RTX 3090 (OPTIX)", joins=_HALF - 3600,
        ),
    ),
    notes=("The classes old and old-gpu leave half-way; new and new-gpu join an hour before.",),
)  # fmt: skip

#: Degenerate: one client, equal one-slot nodes, equal plain jobs without deadlines, all there at once.
SINGLE_CLIENT = FarmSettings(
    name="single-client", machines=(MachineKind(name="node", nodes=50, cores=1, memory=8.0),),
    clients=(ClientKind(name="all", guarantee=1.0, demand=1.0, deadlines=(0.0, 0.0, 0.0)),),
    hours=8.0, load=1.0, backlog=8.0, warm_up=0.0, swing=0.0, deadlines=DeadlineSettings(emergencies=0.0),
    shapes=ShapeSettings(
        render_rows=(0,), comps=0.0, simulations=0.0, previews=0.0, checkpoints=0.0, scenes=1, declared_per_core=8.0,
    ),
    notes=("All work is released at once.",),
)  # fmt: skip
