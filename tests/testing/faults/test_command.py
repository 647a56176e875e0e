from __future__ import annotations

import re

import pytest

from placement.errors import InvalidInput, Tampered
from placement.farm import facts as of
from placement.farm.facts import Fact, NodeSpec, Outcome
from placement.farm.jobs import Job, Step
from placement.runtime.ports import Report, Said, Start, Stop
from placement.testing.faults import __main__ as command
from placement.testing.faults.__main__ import main
from placement.testing.faults.disk import MemoryDisk, MemoryJournal
from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.witness import Broken, Witness


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says nothing but its own; tests after it may."""
    monkeypatch.setattr(command.logging, "disable", lambda level: None)


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_TOLD_EVERY", 2)

    assert main(["--seeds", "4", "--first", "10", "--steps", "15", "--work", "2", "--without", "torn,crash"]) == 0

    said = capsys.readouterr().out
    assert re.search(r"^2 seeds in \d+ s, 0 broken$", said, re.MULTILINE)
    assert re.search(r"^4 seeds, 60 steps, [\d,]+ entries in", said, re.MULTILINE)
    assert "faults: crash 0, torn 0, " in said
    assert said.endswith("broken: 0\n")


def test_the_command_shows_the_smallest_case_that_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = MemoryJournal.append
    monkeypatch.setattr(
        MemoryJournal, "append", lambda self, facts, **more: append(self, facts, **more | {"keys": None})
    )

    assert main(["--seeds", "2", "--steps", "30"]) == 1

    said = capsys.readouterr().out
    assert said.startswith("seed 0: u1 was told")
    assert "broken: 2\nsmallest: " in said
    assert "smallest: python -m placement.testing.faults --seeds 1 --first 0 --steps 1 --work 1 --without " in said


@pytest.mark.parametrize("wrong", [["--without", "rain"], ["--steps", "0"], ["--first", "-3"], ["--work", "0"]])
def test_the_command_refuses_nonsense(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)

    assert "error: " in capsys.readouterr().err


def test_a_case_is_what_its_command_line_says() -> None:
    case = Case(seed=9, steps=7, jobs=3, without=frozenset({Fault.TORN, Fault.CLOCK}))

    assert case.command.endswith("--seeds 1 --first 9 --steps 7 --work 3 --without clock,torn")
    with pytest.raises(InvalidInput, match="expected a seed of 0 or more"):
        Case(seed=-1)


# What the witness says of journals that no sound orchestrator writes.

JOB = of.JobSubmitted(at=0.0, by="u", job=Job(name="a", client="film", steps=(Step(name="s"),)))
START = of.AttemptStarted(at=1.0, by="planner", attempt=1, job="a", step="s", task=0, node="n", lease=9.0)
AGAIN = of.AttemptStarted(at=2.0, by="planner", attempt=2, job="a", step="s", task=0, node="n", lease=9.0)
LOST = of.AttemptEnded(at=2.0, by="controller", attempt=1, outcome=Outcome.LOST)
DONE = of.AttemptEnded(at=2.0, by="engine", attempt=1, outcome=Outcome.DONE)
ENDED = Report(said=Said.ENDED, node="n", attempt=1, exit_code=0)
RENDERER_FAILED = Report(said=Said.ENDED, node="n", attempt=1, exit_code=1)
SPEC = NodeSpec(name="n", node_class="c", cores=1.0, memory=1.0)


def witness_of(*facts: Fact, said: tuple[Report, ...] = ()) -> Witness:
    journal = MemoryDisk().open()
    journal.append(facts, after=0)
    witness = Witness(journal)
    witness.heard(said)
    return witness


@pytest.mark.parametrize(
    ("facts", "said", "why"),
    [
        ((JOB, JOB), (), "job a was handed in before"),
        ((START,), (), "its job is paused, cancelled or not there"),
        ((JOB, of.JobPaused(at=0.5, job="a"), START), (), "its job is paused"),
        ((JOB, of.JobCancelled(at=0.5, job="a"), START), (), "its job is paused, cancelled"),
        ((JOB, of.NodeDraining(at=0.5, node="n"), START), (), "takes no work: NodeDraining"),
        ((JOB, of.NodeLost(at=0.5, node="n"), START), (), "takes no work: NodeLost"),
        ((JOB, of.NodeQuarantined(at=0.5, node="n", why=""), of.NodeLost(at=0.5, node="n"),
          of.NodeReturned(at=0.7, node="n"), START), (), "takes no work: NodeQuarantined"),
        ((JOB, START, AGAIN), (), "attempt 1 of the task is live"),
        ((JOB, START, LOST, START), (), "its number was used before"),
        ((JOB, START, DONE, AGAIN), (ENDED,), "the task is done"),
        ((JOB, START, DONE), (), "engine that never said so"),
        ((JOB, START, DONE), (RENDERER_FAILED,), "no engine finished it"),
        ((JOB, START, LOST, DONE), (ENDED,), "which is not live"),
        ((DONE,), (ENDED,), "which is not live"),
    ],
)  # fmt: skip
def test_a_witness_knows_what_may_follow(facts: tuple[Fact, ...], said: tuple[Report, ...], why: str) -> None:
    with pytest.raises(Broken, match=why):
        witness_of(*facts, said=said).catch_up()


def test_a_witness_follows_what_is_sound() -> None:
    sound = (
        JOB, of.NodeRegistered(at=0.0, node=SPEC), of.JobPaused(at=0.1, job="a"), of.JobResumed(at=0.2, job="a"),
        of.NodeDraining(at=0.3, node="n"), of.NodeReturned(at=0.4, node="n"), of.NodeRemoved(at=0.5, node="n"),
        of.NodeRegistered(at=0.6, node=SPEC), of.NodeLost(at=0.7, node="n"), of.NodeRegistered(at=0.8, node=SPEC),
        of.NodePower(at=0.9, node="n", up=False), START, LOST, AGAIN,
    )  # fmt: skip
    witness = witness_of(*sound)
    witness.catch_up()
    order = Start(attempt=2, task=("a", "s", 0), node="n", command=(), frames=(1,))

    assert witness.live == 1
    witness.order([order, Stop(attempt=1, node="n")])
    witness.switch("n", False)
    witness.verify()
    with pytest.raises(Broken, match="durable is"):
        witness.order([Start(attempt=2, task=("a", "s", 0), node="m", command=(), frames=(1,))])
    with pytest.raises(Broken, match="nothing of it is durable"):
        witness.order([Stop(attempt=3, node="n")])
    with pytest.raises(Broken, match="told to be up"):
        witness.switch("n", True)


def test_a_witness_knows_who_may_write() -> None:
    witness = Witness(MemoryDisk().open())
    witness.wrote([of.Elected(at=0.0, term=1, leader="a"), START], 1)
    witness.wrote([JOB], None)
    witness.wrote([of.Elected(at=0.0, term=2, leader="b")], 2)

    for facts, term, why in (
        ([START], 1, "term 1 was appended after term 2"),
        ([START], None, "does not lead"),
        ([START], 3, "before it began"),
    ):
        with pytest.raises(Broken, match=why):
            witness.wrote(facts, term)


def test_a_witness_remembers_what_users_were_told() -> None:
    journal = MemoryDisk().open()
    pauses = [of.JobPaused(at=0.0, by="mia", job="a"), of.JobPaused(at=0.0, by="mia", job="b")]
    journal.append(pauses[:1], after=0, keys=["k"])
    witness = Witness(journal)

    witness.acknowledged("mia", "k")
    for by, key in (("mia", "other"), ("noor", "")):
        with pytest.raises(Broken, match="the journal does not have it"):
            witness.acknowledged(by, key)
    journal.append(pauses[1:], after=1)
    with pytest.raises(Broken, match="done 2 times"):
        witness.acknowledged("mia", "k")


class Strange(MemoryJournal):
    """A journal that does not say what it said."""

    lies = ""

    def last(self) -> int:
        return 0 if self.lies == "short" else super().last()

    def verify(self, entries: object = None) -> int:
        if self.lies == "tampered":
            raise Tampered("entry 1 was edited")
        return super().verify() + (self.lies == "more")

    def read(self, after: int = 0, until: int | None = None):  # type: ignore[no-untyped-def]
        for entry in super().read(after, until):
            yield entry if self.lies != "other" else type(entry)(seq=entry.seq, fact=entry.fact, digest="00")


@pytest.mark.parametrize(
    ("lies", "why"),
    [("tampered", "does not verify: entry 1"), ("more", "verifies 2 entries of 1"), ("other", "is not the one")],
)
def test_a_witness_checks_the_chain(lies: str, why: str) -> None:
    journal = Strange(MemoryDisk())
    journal.append([JOB], after=0)
    witness = Witness(journal)
    witness.catch_up()
    witness.verify()
    journal.lies = lies

    with pytest.raises(Broken, match=why):
        witness.verify()


def test_a_witness_misses_what_was_durable() -> None:
    journal = Strange(MemoryDisk())
    journal.append([JOB], after=0)
    witness = Witness(journal)
    witness.catch_up()
    journal.lies = "short"

    with pytest.raises(Broken, match="entry 1 was durable, now the journal ends at 0"):
        witness.catch_up()
