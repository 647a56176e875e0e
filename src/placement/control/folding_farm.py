"""What facts about nodes, clients, rules and decisions do to the state."""

from __future__ import annotations

from placement.control.holdings import Holdings
from placement.control.nouns_farm import Client, Node
from placement.control.transitions import NODE_MOVES, POWER_MOVES, NodeLife, Power, check_move
from placement.errors import JournalError
from placement.farm.facts import (
    ClientSet,
    Decided,
    Elected,
    GroupSet,
    LicencesSet,
    NodeDraining,
    NodeLost,
    NodePower,
    NodeQuarantined,
    NodeRegistered,
    NodeRemoved,
    NodeReturned,
    PolicySet,
)

__all__ = [
    "client_set",
    "decided",
    "draining",
    "elected",
    "group_set",
    "licences_set",
    "lost",
    "policy_set",
    "power",
    "quarantined",
    "registered",
    "removed",
    "returned",
]

_MOST_LOSSES = 16


def elected(farm: Holdings, fact: Elected) -> None:
    """Note who leads."""
    if fact.term <= farm.term:
        raise JournalError(f"term {fact.term} after term {farm.term}: the facts do not fit together")
    farm.term, farm.leader, farm.elected = fact.term, fact.leader, fact.at


def client_set(farm: Holdings, fact: ClientSet) -> None:
    """Add a client, or change its terms."""
    client = farm.clients.get(fact.name)
    if client is None:
        client = farm.clients[fact.name] = Client(name=fact.name, since=fact.at)
    client.parent, client.guarantee, client.limit = fact.parent, fact.guarantee, fact.limit
    client.weight, client.lending, client.reclaim = fact.weight, fact.lending, fact.reclaim


def policy_set(farm: Holdings, fact: PolicySet) -> None:
    """Change the rules that are named."""
    farm.rules = {**farm.rules, **fact.rules}


def licences_set(farm: Holdings, fact: LicencesSet) -> None:
    """Change how many there are of a licence."""
    farm.licences[fact.name] = fact.count
    farm.licence_peak[fact.name] = max(fact.count, farm.licences_held.get(fact.name, 0))


def group_set(farm: Holdings, fact: GroupSet) -> None:
    """Change how important a group is."""
    farm.groups.pop(fact.group, None)
    if fact.importance != 1:
        farm.groups[fact.group] = fact.importance


def registered(farm: Holdings, fact: NodeRegistered) -> None:
    """Add a node, or change its specification."""
    farm.fleet_version += 1
    node = farm.nodes.get(fact.node.name)
    if node is None:
        farm.nodes[fact.node.name] = Node(
            spec=fact.node, row=farm.next_node, since=fact.at, ready=fact.at, idle_since=fact.at
        )
        farm.next_node += 1
        return
    node.spec = fact.node
    if node.life is NodeLife.LOST:
        node.life, node.since = node.before, fact.at
    node.power, node.ready = Power.UP, fact.at


def _live(node: Node, life: NodeLife, fact: NodeDraining | NodeQuarantined) -> None:
    """Change a node's life; that of a lost one when it returns."""
    node.why = fact.why
    if node.life is NodeLife.LOST:
        node.before = life
        return
    check_move(node.life is life or life in NODE_MOVES[node.life], f"node {node.name!r}", node.life, life)
    node.life, node.since = life, fact.at


def draining(farm: Holdings, fact: NodeDraining) -> None:
    """Let a node take no new work."""
    _live(farm.node(fact.node), NodeLife.DRAINING, fact)


def quarantined(farm: Holdings, fact: NodeQuarantined) -> None:
    """Let a node take no work, and take what failed there off the tasks' budgets."""
    node = farm.node(fact.node)
    _live(node, NodeLife.QUARANTINED, fact)
    for mishap in node.recent:
        entry = farm.entry(mishap.job)
        if not mishap.fault or entry is None:
            continue
        trouble = entry.steps[mishap.step].troubles.get(mishap.task)
        if trouble is not None:
            trouble.failures = [each for each in trouble.failures if each.node != node.name]
    node.recent = []


def removed(farm: Holdings, fact: NodeRemoved) -> None:
    """Drop a node."""
    node = farm.node(fact.node)
    if node.attempts:
        raise JournalError(
            f"node {fact.node!r} is removed while attempts {list(node.attempts)[:5]} run there: the facts do not fit "
            "together"
        )
    del farm.nodes[fact.node]
    farm.fleet_version += 1
    farm.senses.nodes.pop(fact.node, None)


def lost(farm: Holdings, fact: NodeLost) -> None:
    """Count on a node no more."""
    node = farm.node(fact.node)
    check_move(
        NodeLife.LOST in NODE_MOVES[node.life] and not node.attempts, f"node {fact.node!r}", node.life, NodeLife.LOST
    )
    node.before, node.life, node.why, node.since = node.life, NodeLife.LOST, fact.why, fact.at
    node.losses = [*node.losses[1 - _MOST_LOSSES :], fact.at]
    node.power = Power.UP


def returned(farm: Holdings, fact: NodeReturned) -> None:
    """Count on a node again: on a lost one as before it was lost, on another one as on any."""
    node = farm.node(fact.node)
    if node.life is NodeLife.LOST:
        node.life = node.before
    else:
        node.life, node.recent = NodeLife.IN, []
        node.why = ""
    node.since, node.trusted = fact.at, fact.trusted
    node.power, node.ready = (node.power, node.ready) if node.power is not Power.WAKING else (Power.UP, fact.at)
    node.idle_since = max(node.idle_since, fact.at)


def power(farm: Holdings, fact: NodePower) -> None:
    """Send a node to sleep or wake it, or note that it sleeps or is awake."""
    node = farm.node(fact.node)
    if node.life is NodeLife.LOST and fact.up and not fact.settled:
        node.ready = fact.at  # in case it sleeps; what it does is known when it is heard
        return
    if fact.settled:
        after, ready = (Power.UP if fact.up else Power.ASLEEP), fact.at
    elif fact.up:
        after, ready = Power.WAKING, fact.at + node.spec.wake_seconds
    else:
        after, ready = Power.FALLING_ASLEEP, fact.at + node.spec.sleep_seconds
    allowed = after in POWER_MOVES[node.power] and not (node.attempts and after is not Power.UP)
    check_move(allowed, f"node {fact.node!r}", node.power, after)
    node.power, node.ready = after, ready
    if after is Power.UP:
        node.idle_since = fact.at


def decided(farm: Holdings, fact: Decided) -> None:
    """Take over what a decision worked out: what clients are owed, when jobs end."""
    farm.round, farm.decided, farm.model = fact.round, fact.at, fact.model
    for name, client in farm.clients.items():
        client.area, client.since = 0.0, fact.at
        client.history = fact.history.get(name, 0.0)
        client.short_since = fact.short_since.get(name)
    for name, outlook in fact.outlooks.items():
        if name in farm.jobs:
            farm.outlooks[name] = outlook
