"""Attempts that hang when they have hardly begun, or while leaders change."""

from __future__ import annotations

import pytest

from placement.control.messages import Said
from placement.control.nouns import Attempt
from placement.control.senses import Senses
from placement.control.timers import stuck_at
from placement.farm.facts import Outcome
from placement.farm.jobs import Frames, Job, Step
from tests.control.bench import Bench

JOB = Job(name="a", client="film", steps=(Step(name="render", frames=Frames(last=1), seconds=60.0),))


def running() -> tuple[Bench, Attempt]:
    """One task of the job runs."""
    bench = Bench()
    bench.client()
    bench.node()
    bench.submit(JOB)
    bench.decide()
    return bench, next(iter(bench.state.attempts.values()))


@pytest.mark.parametrize("progress", [1e-6, 0.001, 0.01])
def test_it_is_found_stuck_although_at_its_pace_it_would_take_for_ever(progress: float) -> None:
    bench, attempt = running()
    bench.tick(100.0)
    bench.report(Said.PROGRESS, attempt=attempt.number, progress=progress)

    due = stuck_at(bench.state, attempt, bench.settings)

    expected = max(attempt.forecast[1] * (1 - progress), 100.0)
    assert due == pytest.approx(bench.now + bench.settings.stuck * expected)
    for _ in range(60):
        bench.tick(20.0)
        if attempt.number not in bench.state.attempts:
            break
    assert bench.state.over[attempt.number] == ("a", Outcome.STUCK)


def test_a_new_leader_does_not_take_for_progress_what_it_hears_again() -> None:
    bench, attempt = running()
    bench.tick(60.0)
    bench.report(Said.PROGRESS, attempt=attempt.number, progress=0.4)
    heard = bench.now
    bench.tick(100.0)

    bench.state.senses = Senses()  # another process leads
    bench.tick(5.0)
    bench.report(Said.PROGRESS, attempt=attempt.number, progress=0.4)

    assert bench.state.senses.pulse.get(attempt.number, (0.4, attempt.heard)) == (0.4, heard)
    patience = bench.settings.stuck * max(attempt.forecast[1] * 0.6, 60.0)
    assert stuck_at(bench.state, attempt, bench.settings) == pytest.approx(bench.state.senses.awake + patience)
