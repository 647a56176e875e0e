"""Node classes of generated farms: what a kind of machine offers and draws, from measured devices and servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from placement.adapters.stores.shipped import shipped
from placement.errors import InvalidInput
from placement.farm.machines import Classes
from placement.matching.power import ServerCurve
from placement.simulator.farm_world import Fleet
from placement.simulator.streams import stream
from placement.units import MIB_PER_GIB, Floats

__all__ = ["FleetSettings", "MachineKind", "fleet", "node_classes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineKind:
    """One node class of a generated farm.

    Parameters
    ----------
    nodes
        How many there are at full size.
    cores, memory, gpus, gpu_memory
        What a node offers to frames; memory in GiB, as an operating system leaves it.
    worth
        Reference cores a node stands for; 0 takes its cores.
    device, gpu_device
        Rows of the shipped device table whose render times the cores and the GPUs have; empty: the reference class's.
    device_cores
        Cores of `device`.
    idle_server
        Server of ``data/power`` whose idle share of full-load watts the node has.
    gpu_power
        GPU model of ``data/power`` whose watts and time against the power limit the GPUs have.
    joins, leaves
        Seconds.
    """

    name: str
    nodes: int
    cores: int
    memory: float
    gpus: int = 0
    gpu_memory: float = 0.0
    worth: float = 0.0
    device: str = ""
    gpu_device: str = ""
    device_cores: int = 1
    idle_server: str = "IBM x3550 M3,Xeon X5675"
    gpu_power: str = "A40"
    joins: float = 0.0
    leaves: float = float("inf")

    def __post_init__(self) -> None:
        if not (self.nodes >= 1 and self.cores >= 1 and self.memory > 0 and self.gpus >= 0):
            raise InvalidInput(
                f"node class {self.name!r}: {self.nodes} nodes of {self.cores} cores, {self.memory:g} GiB and "
                f"{self.gpus} GPUs; expected at least 1 node, 1 core, more than 0 GiB and 0 GPUs"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """What is assumed of machines beyond the measured.

    Parameters
    ----------
    per_rack
        Nodes that fail together.
    slowness
        Standard deviation of the log of a node's times against its class: quartiles of equal devices in Blender Open
        Data are 8.6 % of the median apart at the middle cell, which is 0.064.
    wake_seconds, sleep_seconds, asleep_watts
        ASSUMED, measured nowhere here: a start from power-off and a shut-down of a server, and its service processor.
    gpu_idle
        ASSUMED: share of a GPU's full-load watts that it draws idle.
    wake_share
        ASSUMED: share of dynamic power drawn, on top of idle, while waking up.
    scratch
        GiB of local disk of a node.
    cpu_speeds
        Speeds of the CPU's energy modes. Dynamic power goes with their square: the law of
        `placement.matching.power.ServerCurve.limited`, MODELLED.
    gpu_slowdowns
        Largest median slow-down of each mode of a GPU node; its limit is the measured one of least energy within it.
    """

    per_rack: int = 20
    slowness: float = 0.064
    wake_seconds: float = 120.0
    sleep_seconds: float = 20.0
    asleep_watts: float = 6.0
    gpu_idle: float = 0.1
    wake_share: float = 0.5
    scratch: float = 500.0
    cpu_speeds: tuple[float, ...] = (1.0, 0.9, 0.75)
    gpu_slowdowns: tuple[float, ...] = (0.0, 0.05, 0.5)

    def __post_init__(self) -> None:
        if self.per_rack < 1 or self.slowness < 0 or self.wake_seconds < 0 or self.sleep_seconds < 0:
            raise InvalidInput(
                f"per_rack {self.per_rack} must be 1 or more; slowness {self.slowness:g}, wake_seconds "
                f"{self.wake_seconds:g} s and sleep_seconds {self.sleep_seconds:g} s must not be negative"
            )
        if len(self.cpu_speeds) != len(self.gpu_slowdowns) or self.cpu_speeds[:1] != (1.0,):
            raise InvalidInput("cpu_speeds and gpu_slowdowns must be as many, the first speed 1")


def node_classes(kinds: Sequence[MachineKind], settings: FleetSettings) -> Classes:
    """Return the node classes: watts by the line of log peak watts on log cores of the measured servers.

    Examples
    --------
    >>> found = node_classes([MachineKind(name="cpu", nodes=1, cores=12, memory=48.0)], FleetSettings())
    >>> bool(150 < found.busy_watts[0] < 300), found.speed.tolist()
    (True, [[1.0, 0.9, 0.75]])
    """
    servers = pd.read_csv(shipped("data/power/server_load_watts.csv"))
    slope, base = np.polyfit(np.log(servers["cores"]), np.log(servers["watts_at_100pct"]), 1)
    cores = np.array([kind.cores for kind in kinds], float)
    peak = np.exp(base + slope * np.log(cores))
    idle = peak * np.array([_idle_share(servers, kind.idle_server) for kind in kinds])
    modes = [_modes(kind, settings) for kind in kinds]
    full = np.array([watts for _, _, watts in modes]) * [kind.gpus for kind in kinds]
    busy = peak + full
    idle = idle + full * settings.gpu_idle
    rows = len(kinds)
    return Classes(
        names=tuple(kind.name for kind in kinds),
        offer=np.array([_offer(kind, settings.scratch) for kind in kinds]),
        worth=np.array([kind.worth or float(kind.cores) for kind in kinds]),
        idle_watts=idle,
        busy_watts=busy,
        asleep_watts=np.full(rows, settings.asleep_watts),
        wake_seconds=np.full(rows, settings.wake_seconds),
        sleep_seconds=np.full(rows, settings.sleep_seconds),
        wake_joules=settings.wake_share * (busy - idle) * settings.wake_seconds,
        gpu_watts=full * (1 - settings.gpu_idle),
        speed=np.array([speed for speed, _, _ in modes]),
        draw=np.array([draw for _, draw, _ in modes]),
    )


def fleet(kinds: Sequence[MachineKind], settings: FleetSettings, seed: int, scale: float = 1.0) -> Fleet:
    """Return the nodes, class by class in racks of their own, with the stream ``node slowness``.

    The mean speed of all nodes is that of their class. Of a small farm (`scale` below 1) every class keeps a node.
    """
    counts = [max(1, round(kind.nodes * scale)) for kind in kinds]
    of_class = np.repeat(np.arange(len(kinds)), counts)
    within = np.concatenate([np.arange(count) for count in counts])
    racks = np.concatenate([[0], np.cumsum([-(-count // settings.per_rack) for count in counts])])
    slowness = np.exp(settings.slowness * stream(seed, "node slowness").standard_normal(len(of_class)))
    for row in range(len(kinds)):
        slowness[of_class == row] *= (1 / slowness[of_class == row]).mean()
    return Fleet(
        node_class=of_class,
        rack=(racks[of_class] + within // settings.per_rack).astype(np.int64),
        joins=np.array([kind.joins for kind in kinds])[of_class],
        leaves=np.array([kind.leaves for kind in kinds])[of_class],
        slowness=slowness,
    )


def _offer(kind: MachineKind, scratch: float) -> list[float]:
    gib = MIB_PER_GIB
    return [float(kind.cores), kind.memory * gib, float(kind.gpus), kind.gpu_memory * gib, scratch * gib]


def _idle_share(servers: pd.DataFrame, name: str) -> float:
    found = servers[servers["server"] + "," + servers["cpu"] == name]
    if found.empty:
        raise InvalidInput(
            f"no server {name!r} in data/power; have {(servers['server'] + ',' + servers['cpu']).tolist()}"
        )
    return float(found["watts_at_0pct"].iloc[0] / found["watts_at_100pct"].iloc[0])


def _modes(kind: MachineKind, settings: FleetSettings) -> tuple[Floats, Floats, float]:
    """Return speed and dynamic draw of each mode, and the watts of one GPU at its highest limit."""
    if not kind.gpus:
        speed = np.array(settings.cpu_speeds)
        _, _, draw = ServerCurve.limited(speed**2, np.array(0.0))
        return speed, draw, 0.0
    rows = pd.read_csv(shipped("data/power/gpu_power_limits.csv"))
    rows = rows[rows["gpu"] == kind.gpu_power]
    if rows.empty:
        raise InvalidInput(f"no GPU {kind.gpu_power!r} in data/power")
    job = ["dataset", "network", "batch_size", "optimizer"]
    full = rows[rows["power_limit_watts"] == rows["power_limit_watts"].max()].set_index(job)
    joined = rows.join(full[["seconds_per_epoch", "average_power_watts"]].add_suffix("_full"), on=job)
    joined["speed"] = joined["seconds_per_epoch_full"] / joined["seconds_per_epoch"]
    joined["draw"] = joined["average_power_watts"] / joined["average_power_watts_full"]
    table = joined.groupby("power_limit_watts")[["speed", "draw"]].median().clip(upper=1.0)
    energy = (table["draw"] / table["speed"]).to_numpy()
    speed, draw = table["speed"].to_numpy(), table["draw"].to_numpy()
    rows_of = [int(np.where(1 / speed - 1 <= most, energy, np.inf).argmin()) for most in settings.gpu_slowdowns[1:]]
    picked = [len(table) - 1, *rows_of]
    first = np.arange(len(picked)) == 0
    speeds, draws = np.where(first, 1.0, speed[picked]), np.where(first, 1.0, draw[picked])
    return speeds, draws, float(full["average_power_watts"].median())
