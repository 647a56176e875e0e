"""What the controller makes of ends that are not good ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from placement.control import commands
from placement.control.messages import Said
from placement.control.settings import Settings
from placement.control.transitions import JobLife, NodeLife, Status
from placement.errors import Refused
from placement.farm.facts import (
    AttemptEnded,
    NodeQuarantined,
    Outcome,
    ReportRefused,
    TaskFailed,
    TasksRetried,
)
from placement.farm.jobs import After, Checkpoint, Frames, Job, Requirements, Step, Waits
from tests.control.bench import bench, job_of


def of(facts, kind):
    return [fact for fact in facts if isinstance(fact, kind)]


def fail(farm, times, **what):
    """Let a task fail, again and again where it starts."""
    facts = []
    for _ in range(times):
        farm.tick(1900.0)
        farm.decide()
        for number in list(farm.state.attempts):
            facts += farm.ended(number, **{"exit_code": 1, **what})
    return facts


def test_a_task_that_fails_waits_longer_each_time_and_is_given_up_with_its_budget():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, budget=3))
    waited = []
    for detail in ("bus", "trap", "fault"):
        farm.tick(60.0)
        (number,) = farm.decide()
        (end, *more) = farm.ended(number, exit_code=1, detail=detail)
        waited.append(None if end.again is None else end.again - farm.now)

    assert waited == [15.0, 30.0, None]
    assert more[0].why == "it failed 3 times, last by error: fault"
    assert farm.state.past["sh010"].life is JobLife.FAILED


def test_a_task_that_backs_off_does_not_start_before():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1))
    farm.ended(farm.decide()[0], exit_code=1)

    farm.tick(10.0)
    assert farm.decide() == []
    farm.tick(10.0)
    assert len(farm.decide()) == 1


def test_the_same_failure_on_two_nodes_gives_a_task_up_and_never_mind_the_budget():
    farm = bench(nodes=2)
    farm.submit(job_of(frames=1, budget=50, requirements=Requirements(cores=8)))
    ends = fail(farm, 1, detail="assert 0x1f")
    node = farm.starts[1].node
    farm.command(commands.drain, node)
    ends += fail(farm, 1, detail="assert 0x2e")

    assert farm.starts[2].node != node
    assert [end.again is None for end in of(ends, AttemptEnded)] == [False, True]
    assert "alike on 2 nodes" in of(ends, TaskFailed)[0].why


def test_a_corrupt_scene_does_not_burn_the_farm():
    farm = bench(nodes=4)
    farm.submit(job_of(frames=500, requirements=Requirements(cores=8)))

    rounds = 0
    while farm.state.jobs and rounds < 50:
        rounds += 1
        fail(farm, 1, cause="scene")

    assert farm.state.past["sh010"].life is JobLife.FAILED
    assert farm.state.totals.attempts < 40
    whole = [fact for fact in of(farm.facts, TaskFailed) if fact.task == -1]
    assert len(whole) == 1
    assert "failed alike on distinct nodes" in whole[0].why


def test_out_of_memory_asks_for_more_and_the_step_remembers():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=2, requirements=Requirements(memory=4000.0)))
    first, second = farm.decide()

    (end,) = farm.ended(first, exit_code=1, cause="out of memory", memory=6000.0)
    assert end.raise_memory == pytest.approx(6600.0)
    assert end.again == farm.now
    (end,) = farm.ended(second, exit_code=1, cause="out of memory", memory=4100.0)
    assert end.raise_memory == 0.0  # it is raised already
    assert [farm.starts[number].memory for number in farm.decide()] == [pytest.approx(6600.0)] * 2


def test_out_of_memory_on_the_largest_node_is_the_end():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, requirements=Requirements(memory=30000.0)))
    for _ in range(2):
        (number,) = farm.decide()
        facts = farm.ended(number, signal=9, exit_code=None, memory=farm.starts[number].memory)

    assert farm.starts[2].memory == 32768.0
    assert "no node that could run it has more" in of(facts, TaskFailed)[0].why


@pytest.mark.parametrize(
    ("cause", "setting", "outcome"),
    [
        ("licence", "most_licences", Outcome.LICENCE),
        ("node", "most_node_faults", Outcome.NODE),
        ("unknown attempt", "most_losses", Outcome.LOST),
        ("interrupted", "most_interruptions", Outcome.INTERRUPTED),
    ],
)
def test_what_is_not_the_tasks_fault_does_not_burn_its_budget_but_has_an_end(cause, setting, outcome):
    farm = bench(nodes=1, settings=Settings(**{setting: 5, "suspect_failures": 50}))
    farm.submit(job_of(frames=1, budget=1))

    ends = fail(farm, 6, cause=cause)

    assert [end.outcome for end in of(ends, AttemptEnded)] == [outcome] * 5
    assert [end.again is None for end in of(ends, AttemptEnded)] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"exit_code": 3}, Outcome.ERROR),
        ({"exit_code": None, "signal": 11}, Outcome.ERROR),
        ({"exit_code": None}, Outcome.LOST),
        ({"exit_code": 0, "cause": "no output"}, Outcome.NO_OUTPUT),
        ({"exit_code": 0, "cause": "a new cause"}, Outcome.ERROR),
        ({"exit_code": 143, "cause": "timeout"}, Outcome.TIMEOUT),
        ({"exit_code": 1, "cause": "scene"}, Outcome.SCENE),
    ],
)
def test_ends_are_told_apart(said, outcome):
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1))

    (end, *_) = farm.ended(farm.decide()[0], **said)

    assert end.outcome is outcome


def with_a_bad_node(budget):
    """Return a farm on which three jobs run well on node b, and all that starts from now on starts on node a."""
    farm = bench(nodes=2)
    farm.command(commands.drain, "a")
    for name in ("sh010", "sh020", "sh030"):
        farm.submit(job_of(name, frames=6, budget=budget, requirements=Requirements(cores=4)))
        farm.command(commands.pause, name)
    for name in ("sh010", "sh020", "sh030"):
        farm.command(commands.resume, name)
        for number in farm.decide():
            farm.ended(number)
        farm.command(commands.pause, name)
    farm.command(commands.give_back, "a")
    farm.command(commands.drain, "b")
    for name in ("sh010", "sh020", "sh030"):
        farm.command(commands.resume, name)
    return farm


@pytest.mark.parametrize("budget", [1, 2])
def test_a_bad_node_is_quarantined_and_its_failures_count_against_nobody(budget):
    farm = with_a_bad_node(budget)
    facts = []
    while farm.state.nodes["a"].life is NodeLife.IN:
        farm.tick(20.0)
        for number in farm.decide():
            facts += farm.ended(number, exit_code=1, detail="disk")

    (quarantined,) = of(facts, NodeQuarantined)
    assert quarantined.node == "a"
    assert "that run elsewhere" in quarantined.why
    assert len(of(facts, AttemptEnded)) <= 6
    assert bool(of(facts, TasksRetried)) == (budget == 1)
    assert {fact.by for fact in of(facts, TasksRetried)} <= {"controller"}
    farm.command(commands.give_back, "b")
    farm.tick(60.0)
    farm.run_dry()
    assert not farm.state.jobs
    assert {past.life for past in farm.state.past.values()} == {JobLife.DONE}
    farm.command(commands.give_back, "a")
    assert farm.state.nodes["a"].life is NodeLife.IN


def test_where_everything_fails_no_node_is_to_blame():
    farm = bench(nodes=2)
    for name in ("sh010", "sh020", "sh030"):
        farm.submit(job_of(name, frames=8))

    ends = fail(farm, 3, detail="no file server")

    assert not of(ends, NodeQuarantined)


def test_faults_of_the_node_itself_need_no_comparison():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=3))
    facts = [fact for number in farm.decide() for fact in farm.ended(number, exit_code=1, cause="node")]

    assert of(facts, NodeQuarantined)[0].why == "3 faults of the node itself in a row"


def test_what_waits_for_a_failed_task_fails_with_it_and_the_rest_goes_on():
    frames = Frames(last=3)
    steps = (
        Step(name="light", frames=frames, budget=1),
        Step(name="comp", frames=frames, after=(After(step="light", waits=Waits.SAME),)),
        Step(name="film", after=(After(step="comp"),)),
    )
    farm = bench()
    farm.submit(Job(name="sh010", client="film", steps=steps))
    farm.submit(Job(name="edit", client="film", steps=(Step(name="cut"),), after=(After(job="sh010"),)))
    started = farm.decide()
    farm.ended(started[1], exit_code=1)
    farm.run_dry()

    past = farm.state.past["sh010"]
    assert (past.life, past.done, past.failed) == (JobLife.PARTIAL, 4, 3)
    assert past.entry.steps[1].status.tolist() == [Status.DONE, Status.DOOMED, Status.DONE]
    assert farm.state.past["edit"].life is JobLife.FAILED

    with pytest.raises(Refused, match="would never be done"):
        farm.submit(Job(name="late", client="film", steps=(Step(name="cut"),), after=(After(job="sh010"),)))
    farm.command(commands.retry, "sh010")
    assert farm.state.jobs["edit"].gates == 1
    assert farm.run_dry() == 4
    assert {each.life for each in farm.state.past.values()} == {JobLife.DONE}


def test_retrying_names_what_it_retries():
    farm = bench()
    farm.submit(job_of(frames=3, budget=1))
    started = farm.decide()
    for number in started[:2]:
        farm.ended(number, exit_code=1, detail=str(number))
    (farm.ended(started[2]))

    farm.command(commands.retry, "sh010", step="beauty", tasks=(1,))

    step = farm.state.jobs["sh010"].steps[0]
    assert step.status.tolist() == [Status.FAILED, Status.WAITING, Status.DONE]
    with pytest.raises(Refused, match="nothing that is named has failed"):
        farm.command(commands.retry, "sh010", step="beauty", tasks=(2,))


def test_late_and_double_reports_change_nothing():
    farm = bench()
    farm.submit(job_of(frames=1))
    (first,) = farm.decide()
    farm.report(Said.GONE, farm.starts[first].node)  # the node is lost, and the task starts elsewhere
    (second,) = farm.decide()
    assert farm.starts[second].node != farm.starts[first].node
    farm.stops.clear()

    late = farm.ended(first)
    assert [type(fact) for fact in late] == [ReportRefused]
    assert farm.state.totals.unneeded == 1
    assert farm.stops[0].attempt == first
    assert farm.ended(first) == []
    assert farm.report(Said.PROGRESS, "b", attempt=first, progress=0.9) == []
    assert [type(fact) for fact in farm.ended(second)] == [AttemptEnded]
    assert farm.ended(second) == []
    assert farm.report(Said.ENDED, "a", attempt=99, exit_code=0) == []
    assert farm.state.totals.done == 1


def test_an_attempt_is_only_believed_on_its_own_node():
    farm = bench()
    farm.submit(job_of(frames=1))
    (number,) = farm.decide()
    other = {"a": "b", "b": "a"}[farm.starts[number].node]

    (fact,) = farm.report(Said.ENDED, other, attempt=number, exit_code=0)

    assert isinstance(fact, ReportRefused)
    assert farm.state.attempts


def test_checkpoints_are_gone_on_from_elsewhere():
    farm = bench()
    step = {"checkpoint": Checkpoint.RESUMES, "checkpoint_seconds": 10.0, "seconds": 100.0}
    farm.submit(job_of(frames=1, **step))
    (first,) = farm.decide()
    farm.now += 60
    farm.report(Said.PROGRESS, farm.starts[first].node, attempt=first, progress=0.6, saved=0.5)
    farm.report(Said.GONE, farm.starts[first].node)
    (end,) = [fact for fact in farm.facts if isinstance(fact, AttemptEnded)]
    (second,) = farm.decide()

    assert (end.seconds, end.saved) == (60.0, 0.5)
    assert end.lost == pytest.approx(10.0)
    assert farm.starts[second].saved == 0.5
    assert farm.state.attempts[second].forecast[0] == pytest.approx(50.0)
    assert farm.state.totals.repeated == pytest.approx(10.0 / 60.0)


def test_finished_frames_of_a_chunk_are_not_rendered_again():
    farm = bench()
    step = Step(name="beauty", frames=Frames(last=4, chunk=4), command=("r", "{first}", "{last}"),
                outputs=("f.{frame}.exr",), checkpoint=Checkpoint.FRAMES)  # fmt: skip
    farm.submit(Job(name="sh030", client="film", steps=(step,)))
    number = next(each for each in farm.decide() if farm.starts[each].task[0] == "sh030")
    farm.report(Said.PROGRESS, farm.starts[number].node, attempt=number, progress=0.5, frames=(1, 2))
    farm.ended(number, cause="interrupted", exit_code=None, frames=(1, 2, 3))
    farm.run_dry()

    again = farm.starts[max(each for each, start in farm.starts.items() if start.task[0] == "sh030")]
    assert again.saved == 0.75
    assert again.frames == (4,)
    assert again.outputs == ("f.4.exr",)
    assert again.command == ("r", "4", "4")


def test_a_paused_job_that_failed_unseen_comes_back_paused():
    farm = bench(nodes=1)
    farm.submit(job_of("first", frames=1, budget=1))
    farm.submit(replace(job_of("second", frames=1), after=(After(job="first"),)))
    farm.command(commands.pause, "second")
    farm.ended(farm.decide()[0], exit_code=1)
    assert not farm.state.jobs

    farm.command(commands.retry, "first")

    assert farm.state.jobs["first"].life is JobLife.ACTIVE
    assert farm.state.jobs["second"].life is JobLife.PAUSED
    farm.ended(farm.decide()[0])
    assert farm.decide() == []
    farm.command(commands.resume, "second")
    assert len(farm.decide()) == 1
