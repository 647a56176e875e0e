"""Small farms in virtual time for tests of the orchestrator."""

from __future__ import annotations

from pathlib import Path

from placement.farm.facts import NodeSpec
from placement.farm.jobs import Frames, Job, Requirements, Step
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Run, Truth

NODES = tuple(NodeSpec(name=f"n{row}", node_class="plain", cores=4, memory=16384) for row in range(3))


def job(name: str, tasks: int = 4, **more: object) -> Job:
    step = Step(name="render", frames=Frames(last=tasks), seconds=60, requirements=Requirements(cores=2, memory=2048))
    return Job(**{"name": name, "client": "film", "steps": (step,)} | more)  # type: ignore[arg-type]


def farm(
    url: str | Path = ":memory:",
    *,
    clock: SimulatedClock | None = None,
    truth: Truth = lambda order, at: Run(seconds=50.0),
    name: str = "first",
    engine: SimulatedEngine | None = None,
    **parts: object,
) -> Farm:
    """Open a farm of three nodes and one client, with an engine in virtual time."""
    clock = clock or SimulatedClock()
    engine = engine or SimulatedEngine(clock, truth, NODES)
    opened = Farm.open(url, engine=engine, clock=engine.clock, timer=lambda: 0.0, name=name, **parts)
    if not opened.status().nodes:
        opened.set_client("film", guarantee=0.5)
        for node in NODES:
            opened.register_node(node)
    return opened
