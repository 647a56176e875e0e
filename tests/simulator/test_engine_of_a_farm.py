"""The whole orchestrator on the simulated engine: work is done, and its journal is telemetry."""

from __future__ import annotations

from placement.adapters.formats.journal_rows import rows_of
from placement.adapters.stores.journal import open_journal
from placement.farm.facts import NodeSpec
from placement.farm.jobs import Checkpoint, Frames, Job, Requirements, Step
from placement.orchestrator.farm import Farm
from placement.simulator.chance import DrawnTruth
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Fate, Trouble, TroubleKind
from placement.simulator.network import FaultyEngine, Network
from placement.telemetry.clean import clean

_T0 = 1.7e9


def _played(network: Network) -> tuple[Farm, list[tuple[int, str]]]:
    """A farm of three nodes, one of which dies, that renders two jobs of ten frames over a bad network."""
    clock = SimulatedClock(_T0)
    nodes = [NodeSpec(name=f"n{row}", node_class="c", cores=8, memory=8192) for row in range(3)]
    dies = Trouble(at=_T0 + 400.0, node="n1", kind=TroubleKind.DIES, seconds=900.0)
    truth = DrawnTruth(seed=4, seconds=200.0, spread=0.3, fates={Fate.ERROR: 0.1, Fate.VANISHES: 0.05})
    engine = FaultyEngine(SimulatedEngine(clock, truth, nodes, troubles=[dies]), network, seed=4)
    journal = open_journal("sqlite://")
    farm = Farm(journal, engine=engine, clock=clock, timer=lambda: 0.0, name="test")
    farm.set_client("film")
    for node in nodes:
        farm.register_node(node)
    step = Step(
        name="beauty", frames=Frames(last=10), requirements=Requirements(cores=4, memory=2048), job_type="cycles",
        seconds=200.0, checkpoint=Checkpoint.RESUMES, checkpoint_seconds=60.0, budget=9,
    )  # fmt: skip
    for name in ("a", "b"):
        farm.submit(Job(name=name, client="film", steps=(step,)))
    while farm.state.jobs and clock.true < _T0 + 86400.0:
        farm.step(_T0 + 86400.0)
    return farm, [(entry.seq, repr(entry.fact)) for entry in journal.read()]


def test_all_is_done_over_a_bad_network_and_the_journal_is_telemetry() -> None:
    network = Network(lost=0.05, doubled=0.1, late=0.1, shuffled=0.5, delay=10.0)
    farm, told = _played(network)
    assert farm.state.totals.done == 20
    rows = rows_of(farm._ledger.entries())
    assert (rows["status"] == "ok").sum() == 20
    kept, _ = clean(rows)
    assert kept.groupby("job_id")["frame"].nunique().tolist() == [10, 10]
    assert _played(network)[1] == told
