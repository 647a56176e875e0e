from __future__ import annotations

import pytest

from benchmarks import journal
from placement.adapters.stores.journal import open_journal
from placement.farm.facts import AttemptEnded, AttemptProgressed, AttemptStarted
from placement.testing.tampering import BESIDE, TAMPERINGS
from tests.postgres import need_postgres

pytestmark = pytest.mark.slow


def test_facts_of_attempts_are_a_mix_that_any_journal_keeps() -> None:
    facts = journal.facts_of_attempts(10)

    kinds = [AttemptStarted, AttemptProgressed, AttemptProgressed, AttemptEnded]
    assert [type(fact) for fact in facts] == [*kinds, *kinds, *kinds[:2]]
    kept = open_journal("sqlite://")
    kept.append(facts, after=0)
    assert [entry.fact for entry in kept.read()] == facts
    kept.close()


def test_durable_events_are_measured_on_both_databases() -> None:
    need_postgres()

    result = journal.durable_events(facts=1_000)

    assert [row.bar for row in result.rows] == [20_000.0, 10_000.0]
    assert all(row.value > 0 for row in result.rows)
    assert sum("verified" in note for note in result.notes) == 2


def test_all_tampering_is_found_and_every_kind_is_tried() -> None:
    result = journal.tamper(length=9)

    assert result.passed
    assert f"{len(TAMPERINGS)} kinds of them of entries, {len(BESIDE)} of what is kept beside" in result.notes[0]


def test_tampering_that_is_missed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"look at": lambda _, seq: seq == 3, "edit time": TAMPERINGS["edit time"]}
    monkeypatch.setattr(journal, "TAMPERINGS", changes)
    monkeypatch.setattr(journal, "BESIDE", {})

    result = journal.tamper(length=12)

    assert not result.passed
    assert result.rows[0].value == pytest.approx(100.0 * 12 / 13)
    assert "not found: look at at 3" in result.notes
