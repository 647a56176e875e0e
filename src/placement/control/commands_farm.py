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
from placement.farm.given import FARTHEST, MOST_NAME, MOST_NAMES, many, mapping, noun, number, shown, text, whole
from placement.farm.job_checks import IMPORTANCES
from placement.scheduling.rules import Aim, Rules
from placement.units import Seconds

__all__ = ["drain", "give_back", "register_node", "remove", "rules_of", "set_client", "set_group", "set_licence",
           "set_policy"]  # fmt: skip

_NUMBERS = ("cores", "memory", "gpus", "gpu_memory", "scratch", "worth", "idle_watts", "busy_watts", "asleep_watts",
            "wake_seconds", "sleep_seconds", "gpu_watts")  # fmt: skip
_RULES = {each.name for each in fields(Rules)}
_POWER_CAP = "power_cap"
#: Numbers above 0 are at least this, so that what is divided by them does not overflow.
_LEAST = 1e-6
_WEIGHTS = (1e-6, 1e6)


def _name(value: object, what: str) -> str:
    name = text(value, what, most=MOST_NAME)
    if not name.isprintable():
        raise InvalidInput(f"{what}: expected a name of printable characters, got {shown(name)}")
    return name


def _measure(value: object, what: str) -> float:
    """Return a number that is 0, or not so little that what is divided by it overflows."""
    measured = number(value, what)
    if 0 < measured < _LEAST:
        raise InvalidInput(f"{what}: {measured:g} is too small, expected 0 or at least {_LEAST:g}")
    return measured


def register_node(state: Holdings, node: NodeSpec, at: Seconds, by: str) -> list[Fact]:
    """Add a node, or change what is known of one.

    Raises
    ------
    InvalidInput
        The specification is impossible.
    Refused
        The node has work that would no longer fit.
    """
    noun(node, "node", NodeSpec)
    where = f"node {shown(_name(node.name, 'node: name'))}"
    _name(node.node_class, f"{where}: node_class")
    for name in _NUMBERS:
        _measure(getattr(node, name), f"{where}: {name}")
    if not (node.cores > 0 and node.memory > 0):
        raise InvalidInput(f"{where}: cores {node.cores:g} and memory {node.memory:g} MiB must be above 0")
    if node.gpu_watts > max(node.busy_watts - node.idle_watts, 0.0):
        raise InvalidInput(
            f"{where}: gpu_watts {node.gpu_watts:g} W is part of what busy_watts is above idle_watts, expected at most "
            f"{max(node.busy_watts - node.idle_watts, 0.0):g} W"
        )
    for place, tag in enumerate(many(node.tags, f"{where}: tags", MOST_NAMES)):
        text(tag, f"{where}: tags[{place}]")
    text(node.rack, f"{where}: rack", empty=True)
    there = state.nodes.get(node.name)
    if there is not None and there.attempts:
        taken = np.sum([asks(state.attempts[each].step.step.requirements, state.attempts[each].memory)
                        for each in there.attempts], axis=0)  # fmt: skip
        if (taken > np.array(offers(node)) + 1e-6).any() or not set(there.spec.tags) <= set(node.tags):
            raise Refused(f"{where}: {len(there.attempts)} tasks run there that would no longer fit; drain it first")
    return [NodeRegistered(at=at, by=by, node=node)]


def _node(state: Holdings, name: str) -> Node:
    return state.node(text(name, "node"))


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
    text(why, f"node {node!r}: why", empty=True)
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
    where = f"client {shown(_name(client.name, 'client: name'))}"
    for name in ("guarantee", "limit", "reclaim"):
        number(getattr(client, name), f"{where}: {name}")
    number(client.weight, f"{where}: weight", *_WEIGHTS)
    ways = [lending.name.lower() for lending in Lending]
    if text(client.lending, f"{where}: lending", empty=True) not in ways:
        raise InvalidInput(f"{where}: lending {shown(client.lending)} is none of {ways}")
    if text(client.parent, f"{where}: parent", empty=True):
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
    many_of = whole(count, f"licence {shown(name)}: count", 0, FARTHEST)
    return [LicencesSet(at=at, by=by, name=name, count=many_of)]


def set_group(state: Holdings, group: str, importance: float, at: Seconds, by: str) -> list[Fact]:
    """Say how important a group is: a factor on the importance of all jobs in it and below it, there or to come.

    Raises
    ------
    InvalidInput
        The group is no path, or the importance not within `placement.farm.job_checks.IMPORTANCES`.
    """
    text(group, "group")
    if not all(part.strip() for part in group.split("/")):
        raise InvalidInput(f"group {shown(group)} has an empty part, expected a path such as 'show/seq010/sh0040'")
    factor = float(number(importance, f"group {shown(group)}: importance", *IMPORTANCES))
    return [GroupSet(at=at, by=by, group=group, importance=factor)]


def set_policy(state: Holdings, rules: Mapping[str, float | int | str], at: Seconds, by: str) -> list[Fact]:
    """Change rules by the names of `placement.scheduling.rules.Rules`, and ``power_cap`` in W; others stay.

    Raises
    ------
    InvalidInput
        There is no such rule, or a number makes no sense.
    """
    mapping(rules, "rules", MOST_NAMES)
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
    unknown = [name for name in given if not isinstance(name, str) or name not in _RULES | {_POWER_CAP}]
    if unknown:
        raise InvalidInput(f"no rule {shown(unknown[0])}; there are {sorted(_RULES | {_POWER_CAP})}")
    cap: object = given.get(_POWER_CAP, math.inf)
    if not (isinstance(cap, float) and cap == math.inf):
        number(cap, "power_cap", _LEAST)
    values: dict[str, object] = {name: value for name, value in given.items() if name != _POWER_CAP}
    if "aim" in values:
        known = [aim.value for aim in Aim]
        if text(values["aim"], "aim", empty=True) not in known:
            raise InvalidInput(f"aim {shown(values['aim'])} is none of {known}")
        values["aim"] = Aim(str(values["aim"]))
    for name, value in values.items():
        if name != "aim" and _measure(value, f"rule {name}") % 1 and name == "preempt_most":
            raise InvalidInput(f"rule preempt_most must be a whole number, got {shown(value)}")
    return Rules(**values), float(cap)  # type: ignore[arg-type]
