from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from placement.control.invariants import broken
from placement.errors import NotFound, Refused, Tampered
from placement.farm.tariff import Outlook
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from tests.orchestrator.farms import NODES, farm, job


def test_every_fact_is_exported_with_its_reason(tmp_path: Path) -> None:
    with farm(tmp_path / "farm.db") as opened:
        opened.submit(job("a"), by="anna")
        opened.run()

        count = opened.export(tmp_path / "audit.parquet")

        rows = pd.read_parquet(tmp_path / "audit.parquet")
        assert len(rows) == count == opened.verify()
        started = rows[rows["kind"] == "AttemptStarted"]
        assert len(started) == 4
        assert set(started["job"]) == {"a"}
        assert started["reason"].str.len().min() > 0
        assert rows[rows["kind"] == "JobSubmitted"]["by"].tolist() == ["anna"]


def test_a_name_is_forgotten_and_the_farm_goes_on(tmp_path: Path) -> None:
    clock = SimulatedClock()
    with farm(tmp_path / "farm.db", clock=clock) as opened:
        opened.submit(job("a", tasks=20))
        opened.step()
        opened.thin_out()  # keeps a state in which the name stands

        hidden = opened.redact("film")

        assert opened.job("a").client == hidden != "film"
        assert [client.name for client in opened.status().clients] == [hidden]
        opened.run()
        assert opened.job("a").state == "done"
        assert broken(opened.state) == []
        assert opened.verify() == opened.status().seq
        with pytest.raises(NotFound, match="no client or user 'film'"):
            opened.redact("film")
        opened.submit(job("b", client=hidden))
    assert b"film" not in (tmp_path / "farm.db").read_bytes()
    with Farm.open(tmp_path / "farm.db", clock=clock) as again:
        assert again.job("a").client == hidden


def test_thinning_out_keeps_the_chain_and_the_state(tmp_path: Path) -> None:
    clock = SimulatedClock()
    with farm(tmp_path / "farm.db", clock=clock) as opened:
        opened.submit(job("a", tasks=20))
        opened.run(until=100.0)

        opened.thin_out(["AttemptStarted"], by="anna")

        assert opened.verify() == opened.status().seq
        before = opened.state.dump()
        assert opened.history(kinds=("BodiesDropped",))[0].by == "anna"
    with Farm.open(tmp_path / "farm.db", clock=clock) as again:
        assert again.status().seq == opened.state.seq
        assert again.state.dump() == before


def test_anchors_show_a_journal_that_lost_its_end(tmp_path: Path) -> None:
    with farm(tmp_path / "farm.db") as opened:
        opened.submit(job("a"))
        anchor = opened.anchor()
        assert opened.verify([anchor]) == anchor.seq
    database = create_engine(f"sqlite:///{tmp_path / 'farm.db'}")
    with database.begin() as connection:
        connection.execute(text("update events set at = at + 1 where seq = 2"))
    database.dispose()

    with pytest.raises(Tampered, match="2"), Farm.open(tmp_path / "farm.db") as again:
        again.verify([anchor])


def test_a_journal_of_another_kind_keeps_no_archive() -> None:
    with farm() as opened:
        real = opened._ledger.journal
        opened._ledger.journal = object()  # type: ignore[assignment]

        with pytest.raises(Refused, match="keeps no archive"):
            opened.anchor()
        opened._ledger.journal = real


def test_work_that_can_wait_is_held_for_a_cheaper_hour() -> None:
    prices = Outlook(start=np.array([0.0, 3600.0]), price=np.array([1.0, 0.01]), carbon=np.zeros(2))
    clock = SimulatedClock()
    with farm(clock=clock, outlook=lambda now: prices) as opened:
        opened.set_policy(aim="cost")
        opened.submit(job("patient", deadline=6 * 3600.0))

        why = opened.why("patient", "render")

        assert (why.reason, why.until) == ("CHEAPER_LATER", 3600.0)
        opened.run()
        assert min(told.at for told in opened.history(kinds=("AttemptStarted",))) >= 3600.0
        assert opened.job("patient").state == "done"
        assert len(NODES) == len(opened.status().nodes)


def test_other_processes_forget_the_name_as_well(tmp_path: Path) -> None:
    clock = SimulatedClock()
    with farm(tmp_path / "farm.db", clock=clock) as one, Farm.open(tmp_path / "farm.db", clock=clock) as other:
        one.submit(job("a"))
        assert other.job("a").client == "film"

        hidden = one.redact("film")

        assert other.job("a").client == hidden
        other.submit(job("b", client=hidden))
        assert one.jobs(client=hidden) == other.jobs(client=hidden)
