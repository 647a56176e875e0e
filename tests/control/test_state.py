"""The fold: what cannot follow is an error, what is stored comes back, what is over is forgotten in time."""

from __future__ import annotations

import numpy as np
import pytest

from placement.control import folding_jobs
from placement.control.folding_jobs import KEEP_FAILED, KEEP_PAST
from placement.control.invariants import broken
from placement.control.packing import VERSION
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.control.transitions import (
    JOB_MOVES,
    NODE_MOVES,
    OPEN,
    POWER_MOVES,
    TASK_MOVES,
    JobLife,
    NodeLife,
    Power,
    Status,
)
from placement.errors import IncompatibleJournal, InvalidInput, JournalError, NotFound
from placement.farm.facts import (
    FACTS,
    AttemptEnded,
    AttemptStarted,
    AttemptStopping,
    BodiesDropped,
    Elected,
    GroupSet,
    JobCancelled,
    JobPaused,
    JobResumed,
    JobSubmitted,
    NodeLost,
    NodePower,
    NodeRemoved,
    Outcome,
    TaskFailed,
    TasksRetried,
)
from tests.control.bench import bench, job_of


def started(number=9, task=3, **what):
    facts = {"attempt": number, "job": "sh010", "step": "beauty", "task": task, "node": "a", "lease": 0.0, **what}
    return AttemptStarted(at=1.0, **facts)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (started(number=1), "is not 3 or more"),
        (started(job="none"), "not there"),
        (started(node="none"), "not there"),
        (started(task=0), "task 0 of step 'beauty' of job 'sh010' is RUNNING and cannot become RUNNING"),
        (started(task=77), "do not fit together"),
        (started(step="none"), "do not fit together"),
        (AttemptStopping(at=1.0, attempt=7, now=True), "attempt 7 is not live"),
        (AttemptEnded(at=1.0, attempt=7, outcome=Outcome.DONE), "attempt 7 is not live"),
        (JobSubmitted(at=1.0, job=job_of()), "a second time"),
        (JobResumed(at=1.0, job="sh010"), "is ACTIVE and cannot become ACTIVE"),
        (JobPaused(at=1.0, job="none"), "no job 'none'"),
        (NodeRemoved(at=1.0, node="a"), "while attempts"),
        (NodeLost(at=1.0, node="a"), "node 'a' is IN and cannot become LOST"),
        (NodeLost(at=1.0, node="none"), "no node 'none'"),
        (NodePower(at=1.0, node="a", up=False), "is UP and cannot become FALLING_ASLEEP"),
        (Elected(at=1.0, term=0, leader="x"), "term 0 after term 0"),
        (TasksRetried(at=1.0, job="none"), "is not there|not there"),
    ],
)
def test_what_does_not_follow_is_an_error_that_names_the_entry(fact, words):
    farm = bench(nodes=1)
    farm.submit(job_of(frames=5))
    for task in (0, 1):
        farm.fold([started(number=task + 1, task=task)])

    with pytest.raises(JournalError, match=words) as error:
        farm.state.apply(fact)
    assert str(error.value).startswith(f"entry {farm.state.seq + 1}, {type(fact).__name__}: ")


def test_every_fact_can_be_folded():
    from placement.control.state import _FOLDS

    assert {kind.__name__ for kind in _FOLDS} == set(FACTS)


def test_facts_about_the_journal_change_nothing_but_the_count():
    state = FarmState()
    state.apply(BodiesDropped(at=0.0, first=1, last=2, kinds=()))
    assert state.seq == 1
    assert broken(state) == []


@pytest.mark.parametrize(
    ("table", "states"),
    [(TASK_MOVES, Status), (NODE_MOVES, NodeLife), (POWER_MOVES, Power), (JOB_MOVES, JobLife)],
)
def test_the_tables_of_states_are_whole(table, states):
    assert set(table) == set(states)
    reached = {after for afters in table.values() for after in afters}
    first = next(iter(states))
    assert reached | {first} == set(states)
    assert all(state not in afters for state, afters in table.items())


def test_tasks_that_are_over_stay_over_unless_they_are_retried():
    assert not TASK_MOVES[Status.DONE]
    assert not TASK_MOVES[Status.CANCELLED]
    assert {state for state, afters in TASK_MOVES.items() if afters & OPEN and state not in OPEN} == {
        Status.FAILED,
        Status.DOOMED,
    }


@pytest.mark.parametrize(
    ("packed", "error", "words"),
    [
        (b"", JournalError, "0 bytes are not a stored state"),
        (b"something else\n", JournalError, "not a stored state"),
        (b"placement farm state %d\nrubbish" % VERSION, JournalError, "is damaged"),
        (b"placement farm state 99\n", IncompatibleJournal, "knows up to"),
    ],
)
def test_damaged_states_are_refused(packed, error, words):
    with pytest.raises(error, match=words):
        FarmState.load(packed)


def test_a_stored_state_that_is_cut_short_is_refused():
    packed = bench().state.dump()
    for cut in range(25, len(packed), 17):
        with pytest.raises(JournalError):
            FarmState.load(packed[:cut])


def test_a_large_farm_is_stored_small():
    farm = bench()
    for number in range(50):
        farm.submit(job_of(f"job{number}", frames=2000))
    farm.decide()

    packed = farm.state.dump()
    assert len(packed) < 50_000  # of 100,000 tasks
    loaded = FarmState.load(packed)
    assert loaded.dump() == packed
    assert sum(entry.open for entry in loaded.jobs.values()) == 100_000
    assert broken(loaded) == []


def end_badly(farm, name):
    farm.submit(job_of(name, frames=1, budget=1))
    (number,) = farm.decide()
    farm.ended(number, exit_code=1)


def test_what_is_over_is_remembered_for_a_while():
    farm = bench(nodes=1)
    end_badly(farm, "bad")
    farm.submit(job_of("good"))
    farm.run_dry()
    assert farm.state.past["bad"].entry is not None
    assert farm.state.past["good"].entry is None

    farm.now += KEEP_FAILED + 1
    farm.submit(job_of("next", frames=1))
    farm.run_dry()
    assert farm.state.past["bad"].entry is None
    farm.now += KEEP_PAST
    farm.submit(job_of("last", frames=1))
    farm.run_dry()
    assert list(farm.state.past) == ["last"]


def test_no_more_is_remembered_than_fits(monkeypatch):
    monkeypatch.setattr(folding_jobs, "MOST_PAST", 5)
    monkeypatch.setattr(folding_jobs, "MOST_FAILED", 2)
    farm = bench(nodes=1)
    for number in range(9):
        end_badly(farm, f"bad{number}")
        farm.tick(30.0)

    assert list(farm.state.past) == [f"bad{number}" for number in range(4, 9)]
    assert list(farm.state.retryable) == ["bad7", "bad8"]


def test_facts_about_jobs_that_are_forgotten_are_let_pass():
    farm = bench()
    farm.fold([TaskFailed(at=1.0, job="long ago", step="a", task=0, why="x")])
    with pytest.raises(JournalError):
        farm.state.apply(JobCancelled(at=1.0, job="long ago"))


def test_what_is_looked_up_is_found_or_named():
    farm = bench()
    farm.submit(job_of())
    assert farm.state.job("sh010").name == "sh010"
    with pytest.raises(NotFound, match="close are"):
        farm.state.job("sh01")
    with pytest.raises(NotFound, match="no node 'z'"):
        farm.state.node("z")
    farm.fold([GroupSet(at=0.0, group="show", importance=2.0)])
    assert farm.state.importance("show/a") == 2.0
    assert farm.state.importance("") == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease": 0.0}, {"lease": -1.0}, {"lease": float("nan")}, {"alike": 1.5}, {"alike": 0}, {"most_planning": 0.0},
        {"memory_growth": 1.0}, {"lead": True}, {"scene_share": 2.0},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InvalidInput):
        Settings(**wrong)


def damage_counts(state):
    state.jobs["sh010"].steps[0].counts[0] += 1


def damage_status(state):
    state.jobs["sh010"].steps[0].status[0] = Status.WAITING


def damage_node(state):
    state.nodes["a"].attempts.clear()


def damage_licence(state):
    state.licences_held["sim"] = 2


def damage_client(state):
    state.clients["film"].held += 1.0
    state.clients["film"].running += 1


def damage_memory(state):
    for attempt in state.attempts.values():
        attempt.memory = 1e6


def damage_number(state):
    state.next_attempt = 1


def damage_double(state):
    state.attempts[2].task = state.attempts[1].task


def damage_life(state):
    state.jobs["sh010"].life = JobLife.DONE


def damage_gate(state):
    state.jobs["sh010"].gates = 1
    state.jobs["sh010"].steps[0].gates = -1


def damage_back_off(state):
    state.backing_off["sh010", 0, 3] = 5.0


def damage_saved(state):
    state.attempts[1].saved = 2.0


def damage_lost(state):
    state.nodes["a"].life = NodeLife.LOST


def damage_stranger(state):
    state.nodes["a"].attempts[99] = None
    state.nodes["a"].attempts[98] = None


def damage_tags(state):
    step = state.jobs["sh010"].steps[0].step
    object.__setattr__(step.requirements, "tags", ("mac",))


def damage_job(state):
    state.jobs.pop("sh010")


@pytest.mark.parametrize("damage", [value for name, value in sorted(globals().items()) if name.startswith("damage_")])
def test_what_must_hold_is_missed_when_it_does_not(damage):
    farm = bench(nodes=1)
    farm.submit(job_of(frames=5))
    farm.decide()
    assert broken(farm.state) == []

    damage(farm.state)

    assert broken(farm.state)


def test_tasks_that_may_start_too_early_are_missed():
    from placement.farm.jobs import After, Frames, Job, Step, Waits

    for waits in Waits:
        farm = bench(nodes=1)
        steps = (Step(name="a", frames=Frames(last=3)), Step(name="b", frames=Frames(last=3),
                 after=(After(step="a", waits=waits),)))  # fmt: skip
        farm.submit(Job(name="x", client="film", steps=steps))
        step = farm.state.jobs["x"].steps[1]
        step.status[:] = Status.WAITING
        step.counts[:] = np.bincount(step.status, minlength=8).tolist()
        assert any("may start before" in wrong for wrong in broken(farm.state))
