"""How soon the work of a node that dies goes on elsewhere, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from benchmarks.result import Result, Row
from placement.control.settings import Settings
from placement.farm.facts import AttemptEnded, AttemptStarted, Fact, NodeSpec, Outcome
from placement.farm.jobs import Frames, Job, Step
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.fates import Run, Trouble, TroubleKind
from placement.units import Seconds

__all__ = ["node_death", "restarts"]

_DEATHS, _SEEDS = 60, 5
_NODES, _CORES = 30, 4
_HOURS = 4
_ALIVE = 10.0
_DOWN = 1_800.0
_SEED = 11
#: Seconds; nobody else wants the lead, and virtual time passes in steps of a third of it.
_LEAD = 3_600.0


def node_death(deaths: int = _DEATHS, seeds: int = _SEEDS) -> Result:
    """Let nodes die at random moments on farms with room to spare, and see when their frames start again."""
    settings = Settings(lead=_LEAD)
    waits = [wait for seed in range(_SEED, _SEED + seeds) for wait in restarts(deaths, settings, seed)]
    round_ = settings.look + settings.gap
    worst, middle = max(waits, default=float("nan")), sorted(waits)[len(waits) // 2] if waits else float("nan")
    rows = (
        Row("death to restart elsewhere, worst", worst, settings.lease + round_, "<=", "s"),
        Row("frames that were running on nodes that died", len(waits), deaths * seeds / 4, ">="),
    )
    notes = (
        f"{seeds} farms of {_NODES} nodes, up to {deaths} deaths in {_HOURS} h each; median {middle:.1f} s",
        f"nodes say every {_ALIVE:g} s that they are there, a lease is {settings.lease:g} s; a planning round: a look "
        f"at what is overdue every {settings.look:g} s, and {settings.gap:g} s between plans",
    )
    return Result("node-death", rows, notes)


def restarts(deaths: int, settings: Settings, seed: int) -> list[Seconds]:
    """Return seconds from each death to the next start of each frame that ran there; infinite: it never came."""
    random, clock = Random(seed), SimulatedClock()
    nodes = [NodeSpec(name=f"node-{row:02}", node_class="any", cores=_CORES, memory=65536) for row in range(_NODES)]
    troubles = _troubles(deaths, random)
    engine = SimulatedEngine(
        clock, lambda order, at: Run(seconds=600.0 + 60 * (order.task[2] % 11)), nodes, troubles=troubles,
        intervals=Intervals(alive=_ALIVE),
    )  # fmt: skip
    with Farm.open(":memory:", engine=engine, clock=clock, settings=settings, timer=lambda: 0.0) as farm:
        farm.set_client("film")
        for node in nodes:
            farm.register_node(node)
        step = Step(name="render", frames=Frames(last=_NODES * _CORES // 4), seconds=900.0)
        for number in range(_HOURS * 4):
            at = number * 900.0
            farm.submit(Job(name=f"job-{number:03}", client="film", steps=(step,), release=at))
        while clock() < _HOURS * 3600.0:
            farm.step(_HOURS * 3600.0)
        facts = [entry.fact for entry in farm.subscribe(0, until=lambda: True)]
    return _waits(facts, troubles)


def _troubles(deaths: int, random: Random) -> list[Trouble]:
    """Draw deaths; a node dies again only after it has long been back."""
    free = dict.fromkeys((f"node-{row:02}" for row in range(_NODES)), 600.0)
    found = []
    for _ in range(deaths):
        name = min(free, key=lambda each: free[each])
        at = free[name] + random.uniform(0.0, 2 * 3600.0)
        found.append(Trouble(at=at, node=name, kind=TroubleKind.DIES, seconds=_DOWN))
        free[name] = at + 2 * _DOWN
    return [each for each in found if each.at < (_HOURS - 1) * 3600.0]


def _waits(facts: Sequence[Fact], troubles: list[Trouble]) -> list[Seconds]:
    deaths: dict[str, list[Seconds]] = {}
    for each in troubles:
        deaths.setdefault(each.node, []).append(each.at)
    began: dict[int, AttemptStarted] = {}
    missing: dict[tuple[str, int], Seconds] = {}
    waits = []
    for fact in facts:
        if isinstance(fact, AttemptStarted):
            began[fact.attempt] = fact
            died = missing.pop((fact.job, fact.task), None)
            if died is not None:
                waits.append(fact.at - died)
        elif isinstance(fact, AttemptEnded) and fact.outcome is Outcome.LOST:
            start = began[fact.attempt]
            died = max((at for at in deaths.get(start.node, ()) if start.at <= at <= fact.at), default=None)
            if died is not None:
                missing[start.job, start.task] = died
    return [*waits, *(float("inf") for _ in missing)]
