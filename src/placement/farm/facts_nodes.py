"""Facts about nodes."""

from __future__ import annotations

from dataclasses import dataclass

from placement.farm.facts_common import Fact
from placement.units import MiB, Seconds, Watts

__all__ = [
    "NodeDraining",
    "NodeLost",
    "NodePower",
    "NodeQuarantined",
    "NodeRegistered",
    "NodeRemoved",
    "NodeReturned",
    "NodeSpec",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """A node as it registers.

    Parameters
    ----------
    name
        Unique.
    node_class
        What forecasts are keyed by; nodes of a class have the same cores, memory, GPUs and powers.
    cores, memory, gpus, gpu_memory, scratch
        What it offers; MiB. Of GPUs all together.
    worth
        Normalised capacity in reference cores; 0: its cores.
    tags
        What steps may ask for.
    idle_watts, busy_watts, asleep_watts, wake_seconds, sleep_seconds
        Power and latencies; a node with `wake_seconds` of 0 never sleeps.
    gpu_watts
        What its GPUs draw at work beyond idling, part of `busy_watts`; 0: not known.
    """

    name: str
    node_class: str
    cores: float
    memory: MiB
    gpus: float = 0.0
    gpu_memory: MiB = 0.0
    scratch: MiB = 0.0
    worth: float = 0.0
    tags: tuple[str, ...] = ()
    rack: str = ""
    idle_watts: Watts = 100.0
    busy_watts: Watts = 300.0
    asleep_watts: Watts = 5.0
    wake_seconds: Seconds = 0.0
    sleep_seconds: Seconds = 0.0
    gpu_watts: Watts = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRegistered(Fact):
    """A node is there, or there again with another specification."""

    node: NodeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDraining(Fact):
    """The node takes no new work."""

    node: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRemoved(Fact):
    """The node is gone for good."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLost(Fact):
    """Nothing was heard of the node for a lease; its attempts are lost."""

    node: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReturned(Fact):
    """The node takes work (again): after a loss, a drain or a quarantine; not before `trusted` if it flaps."""

    node: str
    trusted: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeQuarantined(Fact):
    """Too many different jobs failed there: the node takes no work until somebody returns it."""

    node: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePower(Fact):
    """A node was told to sleep (`up` False) or to wake, or says that it does now (`settled`)."""

    node: str
    up: bool
    settled: bool = False
    reason: str = ""
