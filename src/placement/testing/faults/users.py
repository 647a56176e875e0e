"""Users of a farm: they change things, and ask again with the same key when they do not know what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias

from placement.control.state import FarmState
from placement.control.transitions import JobLife, NodeLife
from placement.errors import InvalidInput, NotFound, Refused
from placement.farm.facts import NodeSpec
from placement.orchestrator.farm import Farm
from placement.testing.faults.drawn import CLIENTS, GROUPS, LICENCE, job_of
from placement.testing.faults.kinds import Case, Fault, Luck, chance
from placement.testing.faults.process import Crash, DiskTrouble
from placement.testing.faults.witness import Broken, Witness
from placement.units import Seconds

__all__ = ["Users"]

_Call: TypeAlias = Callable[[Farm, str, str], object]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody wants; `call` takes the farm, the key and who asks."""

    what: str
    call: _Call
    key: str
    by: str
    unknown: bool = False


class Users:
    """Everybody who uses the farm.

    Parameters
    ----------
    case, luck
        What they do, and what does not befall them.
    nodes
        As they were bought.
    witness
        Hears what users are told.
    """

    def __init__(self, case: Case, luck: Luck, nodes: Sequence[NodeSpec], witness: Witness) -> None:
        self._case, self._luck = case, luck
        self._nodes = {node.name: node for node in nodes}
        self._witness = witness
        self._draw = chance(case, "users")
        self._work = chance(case, "jobs")
        self._asked, self._handed_in = 0, 0
        self._open: list[_Wish] = []
        self._told: list[_Wish] = []
        self.jobs: list[str] = []

    def wish(self, what: str, call: _Call, *, keyed: bool = True) -> _Wish:
        """Return a wish of somebody who wants nothing else."""
        self._asked += 1
        return _Wish(what, call, f"k{self._asked}" if keyed else "", f"u{self._asked}")

    def begin(self) -> list[_Wish]:
        """Return what a new farm is told first."""
        wishes = [
            self.wish("client", lambda farm, key, by: farm.set_client("studio", key=key, by=by)),
            self.wish("client", lambda farm, key, by: farm.set_client("film", parent="studio", key=key, by=by)),
            self.wish("client", lambda farm, key, by: farm.set_client("lab", guarantee=0.2, key=key, by=by)),
            self.wish("client", lambda farm, key, by: farm.set_client("ads", key=key, by=by)),
            self.wish("licence", lambda farm, key, by: farm.set_licence(LICENCE, 2, key=key, by=by)),
        ]
        wishes += [self._register(node) for node in self._nodes.values()]
        self._open += wishes
        return wishes

    def _register(self, node: NodeSpec) -> _Wish:
        return self.wish("register", lambda farm, key, by: farm.register_node(node, key=key, by=by))

    def act(self, farm: Farm, now: Seconds) -> None:
        """Let somebody ask for something: what was not answered, what was, or something new.

        Raises
        ------
        Broken
            A wish was not met as promised.
        """
        luck = self._draw.random()
        if self._open and (luck < 0.5 or self._asked == len(self._open)):
            self.ask(farm, self._open.pop(0))
        elif self._told and luck < 0.6:
            self.ask(farm, replace(self._draw.choice(self._told), unknown=True))
        else:
            self.ask(farm, self._new(farm.state, now))

    def ask(self, farm: Farm, wish: _Wish) -> None:
        """Ask for something once; it stays open where the answer does not come.

        Raises
        ------
        Broken
            A wish was not met as promised.
        """
        durable = bool(wish.key) and wish.unknown and self._is_durable(wish)
        try:
            wish.call(farm, wish.key, wish.by)
        except (Crash, DiskTrouble):
            if wish.key:
                self._open.append(replace(wish, unknown=True))
            raise
        except (InvalidInput, NotFound, Refused) as refused:
            if durable:
                raise Broken(f"{wish.what} was done with {wish.key}, and refused when asked again: {refused}") from None
            return
        self._witness.acknowledged(wish.by, wish.key)
        if wish.key:
            self._told.append(wish)

    def _is_durable(self, wish: _Wish) -> bool:
        self._witness.catch_up()
        return wish.key in self._witness.keys

    def _new(self, state: FarmState, now: Seconds) -> _Wish:
        draw = self._draw
        if self._handed_in < self._case.jobs and draw.random() < 0.6:
            return self._submit(now)
        pool = _FARM_WISHES if draw.random() < 0.4 or not self.jobs else _JOB_WISHES
        what = draw.choice(sorted(pool))
        call = pool[what](draw, self, now)
        return self.wish(what, call, keyed=draw.random() < 0.8)

    def _submit(self, now: Seconds) -> _Wish:
        self._handed_in += 1
        job = job_of(self._work, f"j{self._handed_in}", self.jobs, now)
        self.jobs.append(job.name)
        return self.wish("submit", lambda farm, key, by: farm.submit(job, key=key, by=by))

    def a_job(self) -> str:
        """Return a job, there or not."""
        return self._draw.choice(self.jobs)

    def a_node(self) -> NodeSpec:
        """Return a node, there or not."""
        return self._nodes[self._draw.choice(list(self._nodes))]

    def licences(self) -> int:
        """Return how many licences there are from now on."""
        return 3 - self._draw.randint(1, 3) * self._luck.strikes(Fault.LICENCE, 0.8)

    def mend(self, farm: Farm) -> None:
        """Once all is calm, let everything go on that somebody stopped, and take every node back."""
        while self._open:
            self.ask(farm, self._open.pop(0))
        state = farm.state
        for name, spec in self._nodes.items():
            node = state.nodes.get(name)
            if node is None:
                self.ask(farm, self._register(spec))
            elif node.life in (NodeLife.DRAINING, NodeLife.QUARANTINED):
                self.ask(farm, self.wish("give back", _give_back(name)))
        if state.licences.get(LICENCE, 0) < 1:
            self.ask(farm, self.wish("licence", lambda farm, key, by: farm.set_licence(LICENCE, 2, key=key, by=by)))
        for name in CLIENTS:
            if name in state.clients and state.clients[name].limit < 1:
                self.ask(farm, self.wish("client", _client(name, limit=1.0)))
        for name, entry in list(state.jobs.items()):
            if entry.life is JobLife.PAUSED:
                self.ask(farm, self.wish("resume", _resume(name)))


def _give_back(node: str) -> _Call:
    return lambda farm, key, by: farm.give_back(node, key=key, by=by)


def _resume(job: str) -> _Call:
    return lambda farm, key, by: farm.resume(job, key=key, by=by)


def _client(name: str, **terms: float | str) -> _Call:
    return lambda farm, key, by: farm.set_client(name, key=key, by=by, **terms)


def _cancel(draw: Random, users: Users, now: Seconds) -> _Call:
    job = users.a_job()
    return lambda farm, key, by: farm.cancel(job, key=key, by=by)


def _pause(draw: Random, users: Users, now: Seconds) -> _Call:
    job = users.a_job()
    return lambda farm, key, by: farm.pause(job, key=key, by=by)


def _reprioritise(draw: Random, users: Users, now: Seconds) -> _Call:
    job, importance = users.a_job(), draw.uniform(0.5, 5.0)
    return lambda farm, key, by: farm.reprioritise(job, importance, key=key, by=by)


def _deadline(draw: Random, users: Users, now: Seconds) -> _Call:
    job, deadline = users.a_job(), draw.choice((None, now + draw.uniform(100, 500)))
    return lambda farm, key, by: farm.move_deadline(job, deadline, key=key, by=by)


def _retry(draw: Random, users: Users, now: Seconds) -> _Call:
    job = users.a_job()
    step, tasks = draw.choice((("", ()), ("s0", ()), ("s0", (0,)), ("s1", (0, 1))))
    return lambda farm, key, by: farm.retry(job, step, tasks, key=key, by=by)


def _node_wish(name: str) -> Callable[[Random, Users, Seconds], _Call]:
    def of(draw: Random, users: Users, now: Seconds) -> _Call:
        node = users.a_node().name
        return lambda farm, key, by: getattr(farm, name)(node, key=key, by=by)

    return of


def _register(draw: Random, users: Users, now: Seconds) -> _Call:
    node = users.a_node()
    return lambda farm, key, by: farm.register_node(node, key=key, by=by)


def _terms(draw: Random, users: Users, now: Seconds) -> _Call:
    terms = draw.choice(({"guarantee": 0.3}, {"weight": 2.0}, {"limit": 0.6}, {"guarantee": 0.0}, {"lending": "node"}))
    return _client(draw.choice(CLIENTS), **terms)


def _policy(draw: Random, users: Users, now: Seconds) -> _Call:
    rules = draw.choice(({"aim": "cost"}, {"aim": "balanced"}, {"confidence": 0.8}, {"preempt_most": 1}))
    return lambda farm, key, by: farm.set_policy(key=key, by=by, **rules)


def _licences(draw: Random, users: Users, now: Seconds) -> _Call:
    count = users.licences()
    return lambda farm, key, by: farm.set_licence(LICENCE, count, key=key, by=by)


def _group(draw: Random, users: Users, now: Seconds) -> _Call:
    group, importance = draw.choice(GROUPS[1:]), draw.uniform(0.5, 3.0)
    return lambda farm, key, by: farm.set_group(group, importance, key=key, by=by)


_Drawn: TypeAlias = Mapping[str, Callable[[Random, Users, Seconds], _Call]]

_JOB_WISHES: _Drawn = {
    "cancel": _cancel, "pause": _pause, "resume": lambda draw, users, now: _resume(users.a_job()),
    "reprioritise": _reprioritise, "move_deadline": _deadline, "retry": _retry,
}  # fmt: skip
_FARM_WISHES: _Drawn = {
    "drain": _node_wish("drain"), "give_back": _node_wish("give_back"), "remove": _node_wish("remove"),
    "register_node": _register, "set_client": _terms, "set_policy": _policy, "set_licence": _licences,
    "set_group": _group,
}  # fmt: skip
