from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from placement.adapters.stores.journal.sql import SqlJournal
from placement.farm.facts import AttemptEnded, NodeDraining, NodeRegistered, NodeSpec, Outcome
from placement.runtime.ports import Kept
from tests.adapters.stores.journal.some_facts import some_day


@pytest.fixture
def rows(journal: SqlJournal, tmp_path: Path) -> pd.DataFrame:
    journal.lead("a", 0.0, 10.0)
    journal.append(some_day(), after=0, term=1, keys=["first", *[""] * 9])
    node = NodeSpec(name="n1", node_class="big", cores=8.0, memory=1000.0)
    late = AttemptEnded(at=41.0, by="engine", attempt=1, outcome=Outcome.LOST)
    more = [NodeRegistered(at=40.0, by="mia", node=node), NodeDraining(at=40.5, by="mia", node="n1", why="dust"), late]
    journal.append(more, after=10)
    journal.keep(Kept(6, b"state"))
    journal.drop_bodies(6, at=50.0)

    assert journal.export(tmp_path / "audit.parquet") == 14
    return pd.read_parquet(tmp_path / "audit.parquet").set_index("seq")


def test_there_is_a_row_for_every_entry(rows: pd.DataFrame, journal: SqlJournal) -> None:
    assert list(rows.index) == list(range(1, 15))
    assert list(rows.kind[:4]) == ["ClientSet", "ClientSet", "JobSubmitted", "Decided"]
    assert {entry.seq: entry.digest for entry in journal.read()}.items() <= dict(rows.digest).items()
    assert rows.key[1] == "first"
    assert rows.term[1] == 1
    assert rows.term.isna().sum() == 4


def test_what_is_told_of_an_attempt_has_its_task_and_node(rows: pd.DataFrame) -> None:
    for seq in (5, 7, 8):
        assert list(rows.loc[seq, ["job", "step", "task", "node"]]) == ["job-1", "render", 0, "n1"]
    assert rows.reason[5] == "fastest"
    assert rows.reason[8] == "done"
    assert pd.isna(rows.job[13]), "the attempt had ended"


def test_who_what_and_why_are_columns(rows: pd.DataFrame) -> None:
    assert list(rows.by[[1, 3, 4, 5, 7]]) == ["mia", "noor", "planner", "planner", "engine"]
    assert rows.job[3] == "job-1"
    assert rows.node[11] == "n1"
    assert rows.reason[12] == "dust"


def test_bodies_have_names_and_dropped_ones_are_null(rows: pd.DataFrame) -> None:
    assert json.loads(rows.body[2])["name"] == "film"
    assert pd.isna(rows.body[6])
    assert rows.kind[6] == "AttemptProgressed"
    assert rows["at"][6] == 10.0
    assert len(rows.body_hash[6]) == 64
