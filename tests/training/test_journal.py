"""From a farm's journal to a model that forecasts what the farm does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placement.adapters.stores.journal import open_journal
from placement.errors import InvalidInput
from placement.farm.facts import AttemptEnded, AttemptStarted, Fact, JobSubmitted, NodeRegistered, NodeSpec, Outcome
from placement.farm.jobs import Frames, Job, Requirements, Step
from placement.placer import Placer
from placement.runtime.ports import Entry
from training.__main__ import main
from training.journal import train_entries
from training.target import Effort

_T0 = 1.7e9
_SPEED = {"slow": 1.0, "fast": 3.0}


def _farm(jobs: int = 16) -> list[Fact]:
    """Jobs of 6 frames whose time is proportional to their samples, on nodes of two classes."""
    rng = np.random.default_rng(1)
    facts: list[Fact] = [
        NodeRegistered(at=_T0, node=NodeSpec(name=name, node_class=name, cores=8, memory=32768)) for name in _SPEED
    ]
    attempt = 0
    for number in range(jobs):
        samples = int(2 ** rng.uniform(4, 9))
        step = Step(
            name="beauty", frames=Frames(last=6), job_type="cycles/path", requirements=Requirements(cores=8),
            quality={"spp": samples, "crowd": int(rng.integers(1, 50))},
        )  # fmt: skip
        facts.append(JobSubmitted(at=_T0, job=Job(name=f"job{number}", client="film", steps=(step,))))
        for task in range(6):
            attempt += 1
            node = "slow" if rng.random() < 0.5 else "fast"
            seconds = 2.0 * samples / _SPEED[node] * float(rng.lognormal(0, 0.05))
            at = _T0 + 1000.0 * attempt
            facts += [
                AttemptStarted(
                    at=at, attempt=attempt, job=f"job{number}", step="beauty", task=task, node=node, lease=0.0
                ),
                AttemptEnded(at=at + seconds, attempt=attempt, outcome=Outcome.DONE, seconds=seconds, memory=500.0),
            ]
    return facts


def test_a_farms_facts_train_a_model_that_knows_its_classes(tmp_path: Path) -> None:
    entries = [Entry(seq=seq, fact=fact) for seq, fact in enumerate(_farm(), start=1)]
    effort = Effort(draws=1, folds=3, jobs=1, backoff=False, progress=False)
    trained, telemetry = train_entries(entries, quarantine=tmp_path / "bad.jsonl", effort=effort)
    assert telemetry.report.rows_kept == 96
    told = (
        trained.placer()
        .forecast(
            [{"job_type": "cycles/path", "spp": 128, "crowd": 10}],
            [{"node_class": name, "cores": 8, "threads": 8, "memory": 32768} for name in _SPEED],
        )["run_time"]
        .quantile(0.5)[0]
    )
    assert told[0] == pytest.approx(256.0, rel=0.4)
    assert told[0] / told[1] == pytest.approx(3.0, rel=0.3)


def test_the_command_trains_on_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = open_journal(tmp_path / "farm.db")
    journal.append(_farm(), after=0)
    journal.close()
    arguments = ["--out", str(tmp_path / "model"), "--draws", "1", "--folds", "2", "--jobs", "1", "--quiet"]
    asked = [*arguments, "--journal", str(tmp_path / "farm.db"), "--tracking", "none"]
    assert main(asked) == 0
    assert "96 rows in 1 files: 96 kept" in capsys.readouterr().out
    assert "crowd" in Placer.load(tmp_path / "model").features


def test_a_journal_that_is_not_there_or_empty_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "model"), "--journal", str(tmp_path / "none.db"), "--quiet"]) == 2
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(InvalidInput, match="holds no attempt"):
        train_entries([], quarantine=tmp_path / "bad.jsonl")
