"""What a seed draws: a small farm, its engine's truth, what befalls nodes and network, jobs and forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from placement.control.forecasting import Finished, Forecasts, StepAsked
from placement.control.settings import Settings
from placement.errors import ModelError
from placement.farm.facts import NodeSpec
from placement.farm.jobs import After, Checkpoint, Frames, Job, Preview, Requirements, Step, Waits
from placement.farm.machines import NodeState
from placement.farm.snapshot import FarmSnapshot
from placement.runtime.forecasting import EstimateForecaster
from placement.runtime.ports import Start
from placement.scheduling.cost import Cost
from placement.scheduling.peers.earliest_deadline import earliest_deadline
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.plan import Plan, Planner, Power, Reason
from placement.scheduling.planning import plan
from placement.scheduling.rules import Rules
from placement.simulator.chance import DrawnTruth
from placement.simulator.fates import Fate, Run, Trouble, TroubleKind
from placement.simulator.network import Network, Partition
from placement.testing.faults.kinds import Fault, Luck
from placement.units import Seconds

__all__ = [
    "CLIENTS", "GROUPS", "LICENCE", "MESSAGES", "SETTINGS", "ShakyForecaster", "Truth", "job_of", "jumps_of",
    "network_of", "nodes_of", "planner_of", "restless", "step_of", "troubles_of",
]  # fmt: skip

#: Less patient than a real farm, so that a case is over sooner.
SETTINGS = Settings(
    interval=15.0, gap=2.0, lead=20.0, lease=40.0, grace=25.0, backoff=3.0, backoff_most=20.0, licence_backoff=5.0,
    stuck=3.0, stuck_least=20.0, timeout_grace=10.0, stop_grace=15.0, stop_checkpoint=1.0, trust=10.0, trust_most=40.0,
    suspect_window=300.0, flap_window=600.0,
)  # fmt: skip
CLIENTS = ("film", "ads", "lab")
GROUPS = ("", "show", "show/sq1", "show/sq1/sh1", "other")
LICENCE = "sim"
_LASTS = 400.0


def planner_of(luck: Random) -> Planner:
    """Return the planner of a case: mostly a cheap one, so that more cases are played."""
    return luck.choice((fifo, fifo, restless, earliest_deadline, restless, plan))


def restless(farm: FarmSnapshot, cost: Cost, rules: Rules) -> Plan:
    """First come, first served; nodes that have nothing to do sleep, and all wake as soon as something waits."""
    made, waits = fifo(farm, cost, rules), bool(farm.steps.waiting.any())
    idle = np.setdiff1d(np.arange(farm.nodes.count), [*farm.attempts.node, *made.starts.node])
    state = farm.nodes.state[idle]
    idle = idle[state == (NodeState.ASLEEP if waits else NodeState.UP)]
    idle = idle[farm.classes.wake_seconds[farm.nodes.node_class[idle]] > 0]
    reason = Reason.WORK_COMING if waits else Reason.IDLE_NODE
    return made.with_power(Power(node=idle, up=np.full(len(idle), waits), reason=np.full(len(idle), int(reason))))


def nodes_of(luck: Random) -> list[NodeSpec]:
    """Return the nodes of a case."""
    big = NodeSpec(name="", node_class="big", cores=8.0, memory=8192.0, worth=12.0, tags=("linux", "gpu"), gpus=1.0,
                   wake_seconds=10.0, sleep_seconds=5.0)  # fmt: skip
    small = NodeSpec(name="", node_class="small", cores=4.0, memory=4096.0, tags=("linux",))
    kinds = [big, *(luck.choice((big, small)) for _ in range(luck.randint(1, 3)))]
    return [_named(kind, f"n{place}") for place, kind in enumerate(kinds)]


def _named(kind: NodeSpec, name: str) -> NodeSpec:
    fields = {each: getattr(kind, each) for each in NodeSpec.__dataclass_fields__}
    return NodeSpec(**fields | {"name": name})


def step_of(luck: Random, name: str, before: Sequence[str]) -> Step:
    """Return a step that may wait for steps before it."""
    after: tuple[After, ...] = ()
    if before and luck.random() < 0.8:
        after = (After(step=luck.choice(before), waits=luck.choice((Waits.ALL, Waits.SAME, Waits.ANY))),)
    elif luck.random() < 0.15:
        after = (After(waits=Waits.PREVIOUS),)
    checkpoint = luck.choice(tuple(Checkpoint))
    chunk = luck.choice((1, 1, 2, 3))
    needs = Requirements(
        cores=luck.choice((1.0, 2.0, 4.0)),
        memory=luck.choice((300.0, 600.0, 1500.0)),
        tags=luck.choice(((), (), ("linux",), ("gpu",))),
        licence=luck.choice(("", "", "", LICENCE)),
    )
    seconds = luck.choice((None, 10.0, 20.0))
    return Step(
        name=name,
        frames=Frames(last=luck.randint(1, 4) * chunk, chunk=chunk),
        seconds=seconds,
        after=after,
        requirements=needs,
        checkpoint=checkpoint,
        checkpoint_seconds=5.0 if checkpoint is Checkpoint.RESUMES else None,
        budget=luck.randint(1, 3),
        timeout=60.0 if seconds is None or luck.random() < 0.2 else None,  # who hangs is found out in time
        outputs=("/out/{frame}.exr",) if luck.random() < 0.3 and chunk == 1 else (),
        preview=Preview(every=2) if luck.random() < 0.1 else None,
    )


class Truth:
    """What attempts are; nothing goes wrong with those that begin once all is calm."""

    def __init__(self, seed: int, luck: Luck, calm: Callable[[], bool]) -> None:
        fates: dict[Fate, float] = {}
        if luck.active(Fault.RENDERER):
            fates |= dict.fromkeys((Fate.ERROR, Fate.NO_OUTPUT, Fate.NODE, Fate.HANGS, Fate.VANISHES), 0.07)
        if luck.active(Fault.LICENCE):
            fates[Fate.LICENCE] = 0.1
        scenes = 0.15 if luck.active(Fault.RENDERER) else 0.0
        memory = 500.0 if luck.active(Fault.MEMORY) else 100.0
        self._bad = DrawnTruth(seed=seed, seconds=12.0, memory=memory, fates=fates, scenes=scenes, checkpoint=5.0)
        self._good = DrawnTruth(seed=seed, seconds=12.0, memory=100.0, checkpoint=5.0)
        self._calm, self._luck = calm, luck

    def __call__(self, order: Start, at: Seconds) -> Run:
        """Return the run of an order."""
        if self._calm():
            return self._good(order, at)
        run = self._bad(order, at)
        struck = self._luck.struck
        struck[Fault.MEMORY] += run.memory > order.memory > 0
        struck[Fault.LICENCE] += run.fate is Fate.LICENCE
        struck[Fault.RENDERER] += run.fate not in (Fate.DONE, Fate.LICENCE)
        return run


class ShakyForecaster:
    """Estimates, from a model whose file is not always there."""

    def __init__(self, gone: Callable[[], bool]) -> None:
        self._gone, self._estimates = gone, EstimateForecaster()

    def forecast(self, steps: Sequence[StepAsked], classes: Sequence[NodeSpec]) -> Forecasts:
        """Forecast, or fail."""
        if self._gone():
            raise ModelError("the file of the model is gone")
        return self._estimates.forecast(steps, classes)

    def learn(self, finished: Sequence[Finished]) -> None:
        """Learn."""
        self._estimates.learn(finished)


def network_of(luck: Luck, nodes: Sequence[str], start: Seconds) -> Network:
    """Return the network of a case."""
    partitions: list[Partition] = []
    while luck.strikes(Fault.PARTITION, 0.7) and len(partitions) < 4:
        draw = luck.of[Fault.PARTITION]
        cut = frozenset(draw.sample(list(nodes), draw.randint(1, len(nodes))))
        partitions.append(Partition(start=start + draw.uniform(0, _LASTS), seconds=draw.uniform(5, 120), nodes=cut))
    chances = {name: luck.within(fault, 0.02, 0.2) if luck.active(fault) else 0.0 for fault, name in MESSAGES.items()}
    return Network(delay=luck.within(Fault.LATE, 1.0, 30.0), partitions=tuple(partitions), **chances)


#: Faults that befall messages, and what the network calls them.
MESSAGES = {Fault.LOST: "lost", Fault.DOUBLED: "doubled", Fault.SHUFFLED: "shuffled", Fault.LATE: "late"}


def troubles_of(luck: Luck, nodes: Sequence[str], start: Seconds) -> list[Trouble]:
    """Return what befalls nodes; all of them are there again in the end."""
    found: list[Trouble] = []
    draw = luck.of[Fault.NODE]
    while luck.strikes(Fault.NODE, 0.8) and len(found) < 8:
        kind = draw.choice((TroubleKind.DIES, TroubleKind.DIES, TroubleKind.LEAVES, TroubleKind.SLOW))
        at, seconds = start + draw.uniform(0, _LASTS), draw.uniform(1, 150)
        found.append(Trouble(at=at, node=draw.choice(list(nodes)), kind=kind, seconds=seconds, factor=3.0))
    return found


def jumps_of(luck: Luck, start: Seconds) -> list[tuple[Seconds, Seconds]]:
    """Return when clocks jump, and by how much."""
    found: list[tuple[Seconds, Seconds]] = []
    while luck.strikes(Fault.CLOCK, 0.6) and len(found) < 4:
        by = luck.of[Fault.CLOCK].choice((-200.0, -30.0, -1.0, 1.0, 30.0, 200.0))
        found.append((start + luck.within(Fault.CLOCK, 0, _LASTS), by))
    return found


def job_of(luck: Random, name: str, jobs: Sequence[str], now: Seconds) -> Job:
    """Return a job that may wait for jobs and groups before it."""
    steps: list[Step] = []
    for place in range(luck.randint(1, 3)):
        steps.append(step_of(luck, f"s{place}", [each.name for each in steps]))
    after: tuple[After, ...] = ()
    if jobs and luck.random() < 0.3:
        after = (After(job=luck.choice(list(jobs))),)
    elif jobs and luck.random() < 0.15:
        after = (After(group=luck.choice(GROUPS[1:])),)
    return Job(
        name=name,
        client=luck.choice(CLIENTS),
        steps=tuple(steps),
        group=luck.choice(GROUPS),
        release=now + luck.uniform(0, 60) if luck.random() < 0.2 else None,
        deadline=now + luck.uniform(100, 600) if luck.random() < 0.4 else None,
        importance=luck.choice((1.0, 3.0)),
        after=after,
    )
