"""Nodes of the state as the planner's columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement.control.holdings import Holdings
from placement.control.nouns_farm import Node
from placement.control.suiting import offers
from placement.control.transitions import NodeLife, Power
from placement.farm.facts import NodeSpec
from placement.farm.machines import RESOURCES, Classes, Nodes, NodeState
from placement.units import Floats, Ints, Seconds

__all__ = ["Fleet", "fleet_of", "nodes_of", "state_of"]

_POWERS = {
    Power.UP: NodeState.UP,
    Power.ASLEEP: NodeState.ASLEEP,
    Power.WAKING: NodeState.WAKING,
    Power.FALLING_ASLEEP: NodeState.FALLING_ASLEEP,
}
_NOBODY = NodeSpec(name="", node_class="no node", cores=1.0, memory=1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """What does not change about the nodes from one decision to the next.

    Parameters
    ----------
    version
        `Holdings.fleet_version` that it was made of.
    specs
        One node of each class, as forecasts are asked for.
    tags
        Of each class.
    rows
        Node name -> row.
    """

    version: int
    classes: Classes
    specs: tuple[NodeSpec, ...]
    tags: tuple[frozenset[str], ...]
    rows: dict[str, int]
    node_class: Ints
    rack: Ints


def fleet_of(farm: Holdings) -> Fleet:
    """Return the nodes' classes: nodes that are alike in all but name and rack are of one class.

    Where nodes of a class by name differ, the further ones are named ``"name#2"`` and so on.
    """
    found = farm.fleet
    if isinstance(found, Fleet) and found.version == farm.fleet_version:
        return found
    kinds: dict[tuple[object, ...], int] = {}
    specs: list[NodeSpec] = []
    node_class, racks, rack = [], {"": 0}, []
    for node in farm.nodes.values():
        key = _kind(node.spec)
        if key not in kinds:
            kinds[key] = len(kinds)
            specs.append(node.spec)
        node_class.append(kinds[key])
        rack.append(racks.setdefault(node.spec.rack, len(racks)))
    fleet = Fleet(
        version=farm.fleet_version,
        classes=_classes(specs or [_NOBODY]),
        specs=tuple(specs or [_NOBODY]),
        tags=tuple(frozenset(spec.tags) for spec in specs or [_NOBODY]),
        rows={name: row for row, name in enumerate(farm.nodes)},
        node_class=np.array(node_class, np.int64),
        rack=np.array(rack, np.int64),
    )
    farm.fleet = fleet
    return fleet


def _kind(spec: NodeSpec) -> tuple[object, ...]:
    return (spec.node_class, offers(spec), spec.worth, frozenset(spec.tags), spec.idle_watts, spec.busy_watts,
            spec.asleep_watts, spec.wake_seconds, spec.sleep_seconds, spec.gpu_watts)  # fmt: skip


def _classes(specs: list[NodeSpec]) -> Classes:
    names: dict[str, None] = {}
    for spec in specs:
        name, number = spec.node_class, 1
        while name in names:
            number += 1
            name = f"{spec.node_class}#{number}"
        names[name] = None

    def column(name: str) -> Floats:
        return np.array([getattr(spec, name) for spec in specs], float)

    sleeps, one = column("wake_seconds") > 0, np.ones((len(specs), 1))
    return Classes(
        names=tuple(names),
        offer=np.array([offers(spec) for spec in specs], float),
        worth=np.array([spec.worth or spec.cores for spec in specs], float),
        idle_watts=column("idle_watts"),
        busy_watts=np.maximum(column("busy_watts"), column("idle_watts")),
        asleep_watts=np.where(sleeps, np.minimum(column("asleep_watts"), column("idle_watts")), column("idle_watts")),
        wake_seconds=column("wake_seconds"),
        sleep_seconds=column("sleep_seconds"),
        wake_joules=np.zeros(len(specs)),
        gpu_watts=column("gpu_watts"),
        speed=one,
        draw=one.copy(),
    )


def state_of(node: Node, now: Seconds) -> NodeState:
    """Return what a node is doing, as planners call it.

    Examples
    --------
    >>> node = Node(spec=NodeSpec(name="a", node_class="c", cores=8, memory=1024.0), row=0, trusted=60.0)
    >>> state_of(node, 0.0).name, state_of(node, 60.0).name
    ('DOWN', 'UP')
    """
    if node.life is NodeLife.DRAINING:
        return NodeState.DRAINING
    if node.life is not NodeLife.IN or node.trusted > now:
        return NodeState.DOWN
    return _POWERS[node.power]


def nodes_of(farm: Holdings, fleet: Fleet, now: Seconds, taken: Floats) -> Nodes:
    """Return the nodes at `now`.

    Parameters
    ----------
    taken
        What attempts hold there, shape ``(nodes, resources)``.
    """
    nodes = list(farm.nodes.values())
    state = np.array([state_of(node, now) for node in nodes], np.int64)
    ready = np.array([max(node.ready, node.trusted) for node in nodes], float)
    silent = np.array([node.life is not NodeLife.IN for node in nodes], bool)
    offer = fleet.classes.offer[fleet.node_class] if nodes else np.zeros((0, RESOURCES))
    return Nodes(
        node_class=fleet.node_class.copy(),
        state=state,
        ready=np.where(silent & (state == NodeState.DOWN), np.inf, ready),
        free=np.maximum(offer - taken, 0.0),
        idle_since=np.array([node.idle_since for node in nodes], float),
        warm_job=np.array([node.warm_job for node in nodes], np.int64),
        rack=fleet.rack.copy(),
    )
