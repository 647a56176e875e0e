"""Farms that are killed again and again lose nothing, accept nothing twice and come to their end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from placement.adapters.stores.journal import open_journal
from placement.farm.facts import JobSubmitted
from placement.testing import crashes
from placement.testing.crash_audit import Audit
from placement.testing.crash_farm import Engines, Plot, work
from placement.testing.crashes import crash
from tests.postgres import need_postgres

FRAMES = 6


def small(plot: Plot) -> Plot:
    return replace(plot, jobs=4, frames=FRAMES)


def ran(folder: Path, engine: Engines = "simulated") -> tuple[Plot, list[str]]:
    plot = Plot(journal=str(folder / "farm.db"), folder=folder, engine=engine, jobs=2, frames=FRAMES)
    said: list[str] = []
    work(plot, "life-1", said.append)
    return plot, said


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "kills"), [("simulated", 16), ("local", 6)])
def test_sqlite_farms_survive_kills(engine: Engines, kills: int) -> None:
    done = crash(kills, seed=1, engine=engine, plot=small)
    assert done.findings == []
    assert (done.lost, done.twice) == (0, 0)
    assert done.kills == kills
    assert done.tasks == done.farms * 4 * (FRAMES + 2) > 0


@pytest.mark.slow
def test_postgresql_farms_survive_kills_of_process_and_server() -> None:
    need_postgres()
    done = crash(4, seed=5, journal="postgresql", plot=small)
    assert done.findings == []
    assert (done.lost, done.twice, done.kills) == (0, 0, 4)
    assert done.servers > 0


@pytest.mark.slow
def test_the_command_says_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert crashes.main(["--runs", "2", "--seed", "3"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("2 kills of the process and 0 of the server")
    assert said.endswith("0 lost, 0 accepted twice")


def test_the_command_refuses_what_is_no_journal(capsys: pytest.CaptureFixture[str]) -> None:
    assert crashes.main(["--runs", "1", "--journal", "oracle://nowhere"]) == 2
    assert "oracle" in capsys.readouterr().err


@pytest.mark.slow
def test_a_journal_of_ones_own_holds_one_farm(tmp_path: Path) -> None:
    done = crash(2, journal=str(tmp_path / "own.db"), plot=small)
    assert done.findings == []
    assert done.farms == 1


@pytest.mark.parametrize("engine", ["simulated", "local"])
def test_work_says_what_is_durable(tmp_path: Path, engine: Engines) -> None:
    plot, said = ran(tmp_path, engine)
    assert [line for line in said if line.startswith("job")] == ["job job-0", "job job-1"]
    audit = Audit(plot)
    for line in said:
        audit.told(line)
    audit.end()
    assert audit.findings == []
    assert (audit.lost, audit.twice) == ([], [])
    assert sum(audit.done.values()) == plot.tasks
    assert audit.durable <= audit.entries


def test_an_audit_finds_what_was_promised_and_is_not_there(tmp_path: Path) -> None:
    plot, _ = ran(tmp_path)
    audit = Audit(replace(plot, jobs=3))
    audit.told("job job-9")
    audit.told("entry 100000")
    audit.told("failed with something")
    audit.end()
    found = "\n".join(audit.findings)
    assert "jobs ['job-9'] were acknowledged and are lost" in found
    assert "entry 100000 was durable" in found
    assert "the process failed: failed with something" in found
    assert "('job-2', 'prepare', 0)" in found
    assert "2 of 3 jobs are done" in found


def test_an_audit_finds_what_was_accepted_before_and_rewritten(tmp_path: Path) -> None:
    plot, _ = ran(tmp_path)
    audit = Audit(plot)
    audit.look()
    assert audit.findings == []
    (tmp_path / "other").mkdir()
    other, _ = ran(tmp_path / "other", "local")
    audit.plot = other
    audit.look()
    assert any(each.startswith("Tampered") for each in audit.findings)


def test_a_farm_that_is_already_done_has_one_submission_a_job(tmp_path: Path) -> None:
    plot, _ = ran(tmp_path)
    work(plot, "life-2", lambda line: None)
    journal = open_journal(plot.journal)
    submitted = [entry.fact.job.name for entry in journal.read() if isinstance(entry.fact, JobSubmitted)]
    journal.close()
    assert submitted == ["job-0", "job-1"]
