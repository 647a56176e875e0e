"""What users may ask about nodes, clients, licences, groups and rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from placement.control.clients import clients_of, in_order
from placement.control.holdings import Holdings, not_found
from placement.control.nouns_farm import Client, Node
from placement.control.suiting import asks, offers
from placement.control.transitions import NodeLife
from placement.errors import InvalidInput, Refused
from placement.farm.clients import Lending
from placement.farm.facts import (
    ClientSet,
    Fact,
    GroupSet,
    LicencesSet,
    NodeDraining,
    NodeRegistered,
    NodeRemoved,
    NodeReturned,
    NodeSpec,
    PolicySet,
)
from placement.scheduling.rules import Aim, Rules
from placement.units import Seconds

__all__ = ["drain", "give_back", "register_node", "remove", "rules_of", "set_client", "set_group", "set_licence",
           "set_policy"]  # fmt: skip

_NUMBERS = ("cores", "memory", "gpus", "gpu_memory", "scratch", "worth", "idle_watts", "busy_watts", "asleep_watts",
            "wake_seconds", "sleep_seconds")  # fmt: skip
_RULES = {each.name for each in fields(Rules)}
_POWER_CAP = "power_cap"


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 1000 or not value.isprintable():
        raise InvalidInput(f"{what}: expected a name of printable characters, got {value!r:.80}")
    return value


def _number(value: object, what: str, most: float = 1e15) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise InvalidInput(f"{what} must be a number from 0 to {most:g}, got {value!r:.80}")
    return float(value)


def register_node(state: Holdings, node: NodeSpec, at: Seconds, by: str) -> list[Fact]:
    """Add a node, or change what is known of one.

    Raises
    ------
    InvalidInput
        The specification is impossible.
    Refused
        The node has work that would no longer fit.
    """
    where = f"node {_name(node.name, 'node: name')!r}"
    _name(node.node_class, f"{where}: node_class")
    for name in _NUMBERS:
        _number(getattr(node, name), f"{where}: {name}")
    if not (node.cores > 0 and node.memory > 0):
        raise InvalidInput(f"{where}: cores {node.cores:g} and memory {node.memory:g} MiB must be above 0")
    if not isinstance(node.tags, tuple) or not all(isinstance(tag, str) and tag for tag in node.tags):
        raise InvalidInput(f"{where}: tags must be a tuple of names, got {node.tags!r:.80}")
    if not isinstance(node.rack, str):
        raise InvalidInput(f"{where}: rack must be a name, got {node.rack!r:.80}")
    there = state.nodes.get(node.name)
    if there is not None and there.attempts:
        taken = np.sum([asks(state.attempts[each].step.step.requirements, state.attempts[each].memory)
                        for each in there.attempts], axis=0)  # fmt: skip
        if (taken > np.array(offers(node)) + 1e-6).any() or not set(there.spec.tags) <= set(node.tags):
            raise Refused(f"{where}: {len(there.attempts)} tasks run there that would no longer fit; drain it first")
    return [NodeRegistered(at=at, by=by, node=node)]


def _node(state: Holdings, name: str) -> Node:
    found = state.nodes.get(name)
    if found is None:
        raise not_found("node", name, state.nodes)
    return found


def drain(state: Holdings, node: str, at: Seconds, by: str, why: str = "") -> list[Fact]:
    """Let a node take no new work; what runs there goes on.

    Raises
    ------
    NotFound
        There is no such node.
    Refused
        It is draining.
    """
    there = _node(state, node)
    if NodeLife.DRAINING in (there.life, there.before if there.life is NodeLife.LOST else None):
        raise Refused(f"node {node!r} is draining already")
    return [NodeDraining(at=at, by=by, node=node, why=why)]


def remove(state: Holdings, node: str, at: Seconds, by: str) -> list[Fact]:
    """Take a node on which nothing runs off the farm.

    Raises
    ------
    NotFound
        There is no such node.
    Refused
        Something runs there.
    """
    there = _node(state, node)
    if there.attempts:
        raise Refused(f"node {node!r}: {len(there.attempts)} tasks run there; drain it first")
    return [NodeRemoved(at=at, by=by, node=node)]


def give_back(state: Holdings, node: str, at: Seconds, by: str) -> list[Fact]:
    """Let a node that was drained or quarantined, or that is not trusted yet, take work again.

    Raises
    ------
    NotFound
        There is no such node.
    Refused
        It takes work, or is silent and returns by itself when it is heard.
    """
    there = _node(state, node)
    if there.life is NodeLife.LOST:
        raise Refused(f"node {node!r} is lost: it returns by itself as soon as it is heard")
    if there.life is NodeLife.IN and there.trusted <= at:
        raise Refused(f"node {node!r} takes work already")
    return [NodeReturned(at=at, by=by, node=node)]


def set_client(state: Holdings, client: ClientSet) -> list[Fact]:
    """Add a client, or change its terms.

    Raises
    ------
    InvalidInput
        The terms are impossible, alone or with those of others.
    NotFound
        Its parent is not there.
    Refused
        Its parent has jobs of its own, which only clients without projects may have.
    """
    where = f"client {_name(client.name, 'client: name')!r}"
    for name in ("guarantee", "limit", "weight", "reclaim"):
        _number(getattr(client, name), f"{where}: {name}")
    ways = [lending.name.lower() for lending in Lending]
    if client.lending not in ways:
        raise InvalidInput(f"{where}: lending {client.lending!r} is none of {ways}")
    if client.parent:
        if client.parent not in state.clients:
            raise not_found("client", client.parent, state.clients)
        own = [entry.name for entry in state.jobs.values() if entry.job.client == client.parent]
        if own:
            raise Refused(f"{where}: client {client.parent!r} has jobs of its own, such as {own[0]!r}")
    terms = {each: getattr(client, each) for each in ("parent", "guarantee", "limit", "weight", "lending", "reclaim")}
    clients_of(in_order({**state.clients, client.name: Client(name=client.name, **terms)}))
    return [client]


def set_licence(state: Holdings, name: str, count: int, at: Seconds, by: str) -> list[Fact]:
    """Say how many there are of a licence; what runs with one too many goes on.

    Raises
    ------
    InvalidInput
        The count is not a whole number, 0 or more.
    """
    _name(name, "licence: name")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 2**31:
        raise InvalidInput(f"licence {name!r}: count must be a whole number, 0 or more, got {count!r:.80}")
    return [LicencesSet(at=at, by=by, name=name, count=count)]


def set_group(state: Holdings, group: str, importance: float, at: Seconds, by: str) -> list[Fact]:
    """Say how important a group is: a factor on the importance of all jobs in it and below it, there or to come.

    Raises
    ------
    InvalidInput
        The group is no path, or the importance not a number above 0.
    """
    _name(group, "group")
    if not all(part.strip() for part in group.split("/")):
        raise InvalidInput(f"group {group!r} has an empty part, expected a path such as 'show/seq010/sh0040'")
    if not _number(importance, f"group {group!r}: importance", 1e6) > 0:
        raise InvalidInput(f"group {group!r}: importance must be above 0, got {importance!r}")
    return [GroupSet(at=at, by=by, group=group, importance=float(importance))]


def set_policy(state: Holdings, rules: Mapping[str, float | int | str], at: Seconds, by: str) -> list[Fact]:
    """Change rules by the names of `placement.scheduling.rules.Rules`, and ``power_cap`` in W; others stay.

    Raises
    ------
    InvalidInput
        There is no such rule, or a number makes no sense.
    """
    rules_of({**state.rules, **rules})
    return [PolicySet(at=at, by=by, rules=dict(rules))]


def rules_of(given: Mapping[str, float | int | str]) -> tuple[Rules, float]:
    """Return rules, and the farm's power cap in W, from what is kept of them.

    Raises
    ------
    InvalidInput
        There is no such rule, or a number makes no sense.

    Examples
    --------
    >>> rules, cap = rules_of({"aim": "cost", "power_cap": 5000.0})
    >>> rules.aim.value, rules.confidence, cap
    ('cost', 0.9, 5000.0)
    """
    unknown = [name for name in given if name not in _RULES and name != _POWER_CAP]
    if unknown:
        raise InvalidInput(f"no rule {unknown[0]!r:.80}; there are {sorted(_RULES | {_POWER_CAP})}")
    cap = given.get(_POWER_CAP, math.inf)
    if isinstance(cap, bool) or not isinstance(cap, int | float) or not cap > 0:
        raise InvalidInput(f"power_cap must be a number of watts above 0, got {cap!r:.80}")
    values: dict[str, object] = {name: value for name, value in given.items() if name != _POWER_CAP}
    if "aim" in values:
        known = [aim.value for aim in Aim]
        if values["aim"] not in known:
            raise InvalidInput(f"aim {values['aim']!r:.80} is none of {known}")
        values["aim"] = Aim(str(values["aim"]))
    for name, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name != "aim" and not (number and math.isfinite(value)):  # type: ignore[arg-type]
            raise InvalidInput(f"rule {name} must be a finite number, got {value!r:.80}")
        if name == "preempt_most" and value != int(value):  # type: ignore[call-overload]
            raise InvalidInput(f"rule preempt_most must be a whole number, got {value!r}")
    return Rules(**values), float(cap)  # type: ignore[arg-type]
