"""What controlling a farm costs for every frame that it finishes, beside the planner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from benchmarks.alone import cores
from benchmarks.result import Result, Row
from placement.control.settings import Settings
from placement.farm.facts import NodeSpec
from placement.farm.jobs import Frames, Job, Requirements, Step
from placement.orchestrator import Farm
from placement.runtime.ports import Engine, Report, Start, Stop
from placement.scheduling.planning import plan
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import Intervals, SimulatedEngine
from placement.simulator.fates import Run
from placement.units import Seconds

__all__ = ["Meter", "TimedEngine", "busy_farm", "control_overhead"]

_TASKS, _FRAMES = 1_000, 10_000
_PER_JOB = 250
_WAITING = 3
_SECONDS = 60.0


class Meter:
    """Sums seconds of the processor that parts of a program take."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._begun: float | None = None

    def decision(self) -> float:
        """Return seconds of the processor; a loop asks when a decision begins and when the planner has answered."""
        now = process_time()
        if self._begun is not None:
            self.seconds["decisions"] += now - self._begun
        self._begun = now if self._begun is None else None
        return now

    def timed(self, what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is counted."""

        def counted(*arguments: Any, **named: Any) -> Any:
            begun = process_time()
            try:
                return act(*arguments, **named)
            finally:
                self.seconds[what] += process_time() - begun

        return counted


class TimedEngine:
    """An engine whose seconds are counted as ``"engine"``, as they are the simulator's and no controller's."""

    def __init__(self, engine: Engine, meter: Meter) -> None:
        self._engine = engine
        self._hear = meter.timed("engine", engine.hear)
        self._start = meter.timed("engine", engine.start)
        self._stop = meter.timed("engine", engine.stop)

    def start(self, orders: Sequence[Start]) -> None:
        """Pass orders on."""
        self._start(orders)

    def stop(self, orders: Sequence[Stop]) -> None:
        """Pass orders on."""
        self._stop(orders)

    def power(self, node: str, *, up: bool) -> None:
        """Pass an order on."""
        self._engine.power(node, up=up)

    def hear(self, until: Seconds) -> Sequence[Report]:
        """Pass reports on."""
        heard: Sequence[Report] = self._hear(until)
        return heard

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()


def busy_farm(
    path: Path | str,
    tasks: int,
    meter: Meter,
    mean: Seconds = _SECONDS,
    intervals: Intervals | None = None,
    settings: Settings | None = None,
) -> tuple[Farm, Callable[[], None], SimulatedClock]:
    """Open a farm with room for so many tasks at once; return it with what keeps it supplied with jobs, and its clock.

    Parameters
    ----------
    mean
        Seconds that a task takes; from half to three halves of it, by its place in its job.
    """
    clock = SimulatedClock()

    def truth(order: Start, at: Seconds) -> Run:
        return Run(seconds=mean * (0.5 + (order.task[2] * 37 % 100) / 100), memory=900.0)

    nodes = [
        NodeSpec(name=f"node-{row:04}", node_class=f"class-{row % 4}", cores=16, memory=65536)
        for row in range(tasks // 4)
    ]
    engine = TimedEngine(SimulatedEngine(clock, truth, nodes, intervals=intervals), meter)
    farm = Farm.open(path, engine=engine, clock=clock, planner=meter.timed("planner", plan), timer=meter.decision,
                     settings=settings)  # fmt: skip
    for number in range(4):
        farm.set_client(f"client-{number}", guarantee=0.2)
    for node in nodes:
        farm.register_node(node)
    numbers = count()

    def supply() -> None:
        while sum(entry.open for entry in farm.state.jobs.values()) < _WAITING * tasks:
            number = next(numbers)
            step = Step(name="render", frames=Frames(last=_PER_JOB), seconds=mean * 1.2, command=("render", "{frame}"),
                        requirements=Requirements(cores=4, memory=4096))  # fmt: skip
            farm.submit(Job(name=f"job-{number}", client=f"client-{number % 4}", steps=(step,),
                            group=f"show/{number % 20}", deadline=clock() + 60 * mean * (1 + number % 8)))  # fmt: skip

    return farm, supply, clock


def control_overhead(tasks: int = _TASKS, frames: int = _FRAMES) -> Result:
    """Run a busy farm in virtual time on a SQLite file and count seconds of the processor, on one core."""
    meter = Meter()
    with TemporaryDirectory() as folder, cores(1):
        farm, supply, _ = busy_farm(Path(folder) / "farm.db", tasks, meter)
        with farm:
            _finish(farm, supply, 2 * tasks)
            meter.seconds.clear()
            before = farm.state
            done, seq, rounds = before.totals.done, before.seq, before.round
            begun = process_time()
            running = _finish(farm, supply, frames)
            whole = process_time() - begun
            state = farm.state
            finished, entries, plans = state.totals.done - done, state.seq - seq, state.round - rounds
            size = (Path(folder) / "farm.db").stat().st_size
    ours = whole - meter.seconds["decisions"] - meter.seconds["engine"]
    rows = (
        Row("control and journal for each finished frame", ours / finished * 1e3, 1.0, "<=", "ms"),
        Row("frames running at once, mean", running, 0.95 * tasks, ">="),
    )
    each = meter.seconds["decisions"] / max(plans, 1) * 1e3
    planner = meter.seconds["planner"] / max(plans, 1) * 1e3
    notes = (
        f"{finished:,} frames, {entries / finished:.2f} entries a frame, {plans:,} plans; seconds of the processor, "
        "submissions included",
        f"beside it: decisions {each * plans / finished:.3f} ms a frame ({each:.1f} ms each, {planner:.1f} ms in the "
        f"planner, the rest for what it is shown), simulated engine "
        f"{meter.seconds['engine'] / finished * 1e3:.3f} ms a frame; journal {size / 2**20:.0f} MiB",
    )
    return Result("control-overhead", rows, notes)


def _finish(farm: Farm, supply: Callable[[], None], frames: int) -> float:
    """Run until so many more frames are done; return how many ran at once in the mean over turns."""
    until, turns, running = farm.state.totals.done + frames, 0, 0
    while farm.state.totals.done < until:
        supply()
        farm.step(float("inf"))
        turns, running = turns + 1, running + len(farm.state.attempts)
    return running / turns
