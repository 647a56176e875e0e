"""Fuzzing of a whole farm: people who ask for odd things, and mean them.

``python -m placement.testing.fuzz --also placement.testing.fuzz_farm:farm_targets``. Each example asks one thing of a
farm that examples before it have shaped, on which work runs and fails, and that is made anew now and then: ``--only``
may find another farm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from placement.farm.facts import NodeSpec
from placement.farm.job_data import job_of
from placement.orchestrator import Farm
from placement.runtime.ports import Start
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Fate, Run
from placement.testing.fuzz import Target
from placement.testing.garbage import damaged, damaged_noun, job_data, odd, odd_text

__all__ = ["farm_targets"]

_LIFE = 500
_JOBS = 60
_KNOWN = ("sh999", "film", "ads", "n1", "n2", "light", "comp", "show", "show/seq010", "")
_AWRY = 0.25
_RUNS = 0.05
_NODES = ("n1", "n2", "n3")

_Draw = Callable[[Random], Any]


def _key(chance: Random) -> Any:
    return f"k{chance.randrange(_JOBS)}" if chance.random() < 0.5 else odd(chance)


def _by(chance: Random) -> Any:
    return chance.choice(("mia", "tom", odd_text(chance), odd(chance)))


def _text(chance: Random) -> Any:
    known = chance.random()
    return chance.choice(_KNOWN) if known < 1.0 - _AWRY else odd_text(chance) if known < 0.9 else odd(chance)


def _job_name(chance: Random) -> Any:
    return f"sh{chance.randrange(_JOBS):03}" if chance.random() < 0.7 else _text(chance)


def _step_name(chance: Random) -> Any:
    return chance.choice(("", "light", "comp")) if chance.random() < 0.7 else _text(chance)


def _number(chance: Random) -> Any:
    return odd(chance) if chance.random() < _AWRY else chance.choice((0, 1, 2, 0.5, 1e3, 1e9))


def _texts(chance: Random) -> Any:
    return odd(chance) if chance.random() < _AWRY else (_text(chance),)


def _job(chance: Random) -> Any:
    data = job_data(chance) | {"name": f"sh{chance.randrange(_JOBS):03}"}
    data.pop("after", None)
    if chance.random() < _AWRY:
        return damaged_noun(chance, job_of(data))
    return odd(chance) if chance.random() < 0.05 else job_of(data)


def _node(chance: Random) -> Any:
    node = _big(chance.choice(_NODES))
    return damaged_noun(chance, node) if chance.random() < 0.5 else node


def _big(name: str) -> NodeSpec:
    tags = ("linux",)
    return NodeSpec(name=name, node_class="big", cores=8.0, memory=32768.0, gpus=2.0, gpu_memory=16384.0, tags=tags)


def _tasks(chance: Random) -> Any:
    return odd(chance) if chance.random() < _AWRY else tuple(chance.randrange(3) for _ in range(chance.randrange(3)))


def _task(chance: Random) -> Any:
    return odd(chance) if chance.random() < _AWRY else chance.choice((None, 0, 1))


def _rules(chance: Random) -> dict[str, Any]:
    known = ("aim", "power_cap", "confidence", "half_life", "preempt_most", "no_such_rule")
    return {chance.choice(known): odd(chance) for _ in range(chance.randrange(3))}


def _terms(chance: Random) -> dict[str, Any]:
    terms = {"guarantee": 0.1, "limit": 0.9, "weight": 2.0, "lending": "frame", "reclaim": 60.0, "parent": "film"}
    chosen: dict[Any, Any] = {name: terms[name] for name in terms if chance.random() < 0.3}
    damage = damaged(chance, chosen) if chance.random() < 0.5 else chosen
    return {name: each for name, each in damage.items() if isinstance(name, str)} if isinstance(damage, dict) else {}


#: Method -> what is drawn for its arguments, by position; those of `_NAMED` by name.
_ASKED: Mapping[str, tuple[_Draw, ...]] = {
    "submit": (_job,),
    "cancel": (_job_name,),
    "pause": (_job_name,),
    "resume": (_job_name,),
    "reprioritise": (_job_name, _number),
    "set_group": (_text, _number),
    "move_deadline": (_job_name, _number),
    "retry": (_job_name, _step_name, _tasks),
    "register_node": (_node,),
    "drain": (_text, _text),
    "give_back": (_text,),
    "remove": (_text,),
    "set_client": (_text,),
    "set_policy": (),
    "set_licence": (_text, _number),
    "status": (),
    "job": (_job_name,),
    "forecast": (_job_name,),
    "why": (_job_name, _step_name, _task),
    "jobs": (),
    "history": (),
    "subscribe": (_number,),
    "verify": (),
    "anchor": (),
    "redact": (_by,),
    "thin_out": (_texts,),
}
_NAMED: Mapping[str, Callable[[Random], dict[str, Any]]] = {
    "set_client": _terms,
    "set_policy": _rules,
    "jobs": lambda chance: {"client": _text(chance), "group": _text(chance)},
    "history": lambda chance: {"job": _job_name(chance), "kinds": _texts(chance), "after": _number(chance)},
    "subscribe": lambda chance: {"poll": _number(chance)},
    "verify": lambda chance: {"anchors": odd(chance)} if chance.random() < _AWRY else {},
}
_QUESTIONS = ("status", "job", "forecast", "why", "jobs", "history", "subscribe", "verify", "anchor")
_WITHOUT_KEY = ("redact", "thin_out")


def _truth(order: Start, at: float) -> Run:
    """Let every other attempt fail."""
    return Run(seconds=40.0 + order.attempt % 7, fate=Fate.ERROR if order.attempt % 2 else Fate.DONE)


class _Fuzzed:
    """A farm with something on it, made anew now and then."""

    def __init__(self) -> None:
        self._farm: Farm | None = None
        self._asked = 0

    def ask(self, method: str, chance: Random) -> None:
        """Ask one thing of the farm; after an answer it must still tell its state, and run."""
        if self._farm is None or self._asked >= _LIFE:
            self._renew()
        assert self._farm is not None
        self._asked += 1
        named = _NAMED[method](chance) if method in _NAMED else {}
        if method not in _QUESTIONS and chance.random() < 0.3:
            named |= {"by": _by(chance)} | ({} if method in _WITHOUT_KEY else {"key": _key(chance)})
        getattr(self._farm, method)(*(draw(chance) for draw in _ASKED[method]), **named)
        if method not in _QUESTIONS and chance.random() < _RUNS:
            self._farm.run(until=self._farm.status().now + chance.choice((1.0, 30.0, 120.0)), poll=60.0)

    def _renew(self) -> None:
        if self._farm is not None:
            self._farm.verify()
            self._farm.close()
        clock = SimulatedClock(1000.0)
        engine = SimulatedEngine(clock, _truth, [_big(name) for name in _NODES])
        self._farm, self._asked = Farm.open(":memory:", engine=engine, clock=clock, timer=lambda: 0.0), 0
        self._farm.set_client("film", guarantee=0.5)
        self._farm.set_client("ads", weight=2.0)
        for name in ("n1", "n2"):
            self._farm.register_node(_big(name))
        for number in range(0, _JOBS, 2):
            job: dict[str, Any] = job_data(Random(number)) | {"name": f"sh{number:03}", "after": []}
            job["steps"] = [step | {"budget": 1} for step in job["steps"]]
            self._farm.submit(job_of(job))


def farm_targets() -> Mapping[str, Target]:
    """Return a target for each thing that people ask of a farm; they share one farm."""
    fuzzed = _Fuzzed()

    def target(method: str) -> Target:
        return lambda chance: fuzzed.ask(method, chance)

    return {f"Farm.{method}": target(method) for method in _ASKED}
