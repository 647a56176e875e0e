"""What planners are shown, and what becomes of their plans."""

from __future__ import annotations

import numpy as np
import pytest

from placement.control import commands
from placement.control.deciding import decided
from placement.control.orders import again
from placement.control.seeing_work import asked
from placement.control.transitions import JobLife, Status
from placement.farm.facts import AttemptStarted, Decided, TaskFailed
from placement.farm.jobs import After, Checkpoint, Frames, Job, Milestone, Preview, Requirements, Step, Waits
from placement.farm.machines import NodeState, Resource
from placement.scheduling.plan import Plan, Starts
from tests.control.bench import bench, job_of


def test_an_empty_farm_can_be_looked_at():
    farm = bench(nodes=0)
    assert farm.decide() == []
    farm.submit(job_of())
    assert farm.decide() == []
    assert farm.state.round == 2


def test_nodes_that_differ_are_of_different_classes():
    farm = bench(nodes=2)
    farm.node("c", tags=("x",))
    farm.node("d", node_class="small", cores=2.0)
    seen = farm.see().snapshot

    assert seen.classes.names == ("big", "big#2", "small")
    assert seen.nodes.node_class.tolist() == [0, 0, 1, 2]
    farm.command(commands.drain, "a")
    assert farm.see().snapshot.nodes.state.tolist() == [NodeState.DRAINING, *[NodeState.UP] * 3]
    farm.command(commands.remove, "a")
    assert farm.see().snapshot.nodes.node_class.tolist() == [0, 1, 2]


def test_steps_are_shown_with_what_is_ready_and_what_they_wait_for():
    frames = Frames(last=4)
    steps = (
        Step(name="comp", frames=frames, after=(After(step="light", waits=Waits.SAME),)),
        Step(name="light", frames=frames, requirements=Requirements(cores=4, tags=("x",)), seconds=20.0),
    )
    farm = bench(nodes=1)
    farm.node("x", tags=("x",))
    farm.submit(Job(name="sh010", client="film", steps=steps, deadline=9000.0, value=3.0))
    for number in farm.decide():
        farm.ended(number)
    farm.decide()
    seen = farm.see()

    assert [name for _, name in [(job, step.name) for job, step in seen.steps]] == ["light", "comp"]
    shown = seen.snapshot.steps
    assert shown.after.tolist() == [-1, 0]
    assert (shown.waiting + shown.running + shown.done).tolist() == [4, 2]
    assert shown.blocked.tolist() == [0, 2]
    assert seen.cost.able.tolist() == [[False, True], [True, True]]
    assert seen.cost.seconds[0, 1] == 20.0
    assert seen.snapshot.jobs.deadline.tolist() == [9000.0]


def test_memory_is_asked_as_forecast_or_raised_but_no_more_than_there_is():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=1, requirements=Requirements(memory=30000.0)))
    farm.ended(farm.decide()[0], exit_code=1, cause="out of memory", memory=32000.0)
    assert farm.see().snapshot.steps.request[0, Resource.MEMORY] == 32768.0


def test_milestones_press_until_they_are_reached():
    milestones = (
        Milestone(name="first", step="beauty", due=2000.0, last=2),
        Milestone(name="all", step="beauty", due=3000.0),
    )
    job = Job(name="sh010", client="film", deadline=9000.0, milestones=milestones, steps=job_of(frames=8).steps)
    farm = bench(nodes=1)
    farm.submit(job)
    deadlines = [farm.see().snapshot.jobs.deadline[0]]
    started = farm.decide()
    for number in started:
        farm.ended(number)
        if farm.state.jobs:
            deadlines.append(farm.see().snapshot.jobs.deadline[0])

    assert deadlines == [2000.0] * 2 + [3000.0] * 6


def test_jobs_to_come_are_not_shown():
    farm = bench()
    farm.submit(Job(name="later", client="film", release=5000.0, steps=(Step(name="a"),)))
    assert farm.see().snapshot.jobs.count == 0
    assert farm.decide() == []
    farm.now = 5000.0
    assert len(farm.decide()) == 1


def test_what_clients_used_beyond_their_share_is_remembered():
    farm = bench()
    farm.client("ads", guarantee=0.5, lending="preempt")
    farm.submit(job_of(frames=40))
    farm.decide()
    farm.submit(Job(name="spot", client="ads", steps=job_of(frames=20).steps))
    farm.now += 600.0
    farm.decide()
    history = {name: client.history for name, client in farm.state.clients.items()}

    assert history["film"] > 0 > history["ads"]
    # All 16 cores were film's, of which 4 are its share: 8 are promised to the other, the rest is halved.
    assert history["film"] == pytest.approx(600.0 * (16 - 4), rel=0.01)
    assert farm.state.clients["ads"].short_since == farm.now
    farm.now += 600.0
    since = farm.now - 600.0
    farm.decide()
    assert farm.state.clients["ads"].short_since in (None, since)


def test_previews_come_first_and_are_gone_on_from():
    step = Step(
        name="beauty", frames=Frames(last=9), seconds=100.0, quality={"samples": 200}, checkpoint=Checkpoint.RESUMES,
        checkpoint_seconds=30.0, command=("r", "{frame}", "{samples}"), preview=Preview(share=0.1, every=4),
    )  # fmt: skip
    farm = bench(nodes=1)
    farm.submit(Job(name="sh010", client="film", steps=(step,)))
    seen = farm.see()
    due = {step.name: due for (_, step), due in zip(seen.steps, seen.snapshot.steps.preview_due, strict=True)}
    assert due["beauty/preview"] == farm.now + 10.0
    assert np.isnan(due["beauty"])
    job = farm.state.jobs["sh010"]
    assert [asked(job, step).preview for step in job.steps] == [False, True]

    started = [farm.starts[number] for number in farm.decide()]
    shown = [start.command for start in started if start.task[1] == "beauty/preview"]
    assert shown == [("r", "1", "20"), ("r", "9", "20"), ("r", "5", "20")]
    assert {start.frames[0] for start in started if start.task[1] == "beauty"} == {2, 3, 4, 6, 7}
    for start in started:
        farm.ended(start.attempt)
    full = {start.frames[0]: start.saved for start in map(farm.starts.get, farm.decide())}
    assert full == {1: 0.1, 5: 0.1, 9: 0.1, 8: 0.0}
    farm.run_dry()
    assert farm.state.past["sh010"].done == 9


def test_a_preview_that_fails_stands_in_nobodys_way():
    step = Step(
        name="beauty", seconds=100.0, checkpoint=Checkpoint.RESUMES, checkpoint_seconds=30.0, budget=1,
        preview=Preview(),
    )  # fmt: skip
    farm = bench(nodes=1)
    farm.submit(Job(name="sh010", client="film", steps=(step,)))
    (number,) = farm.decide()
    assert farm.starts[number].task[1] == "beauty/preview"
    farm.ended(number, exit_code=1)
    farm.run_dry()
    assert farm.state.past["sh010"].life is JobLife.DONE


def test_a_preview_that_comes_too_late_is_dropped():
    step = Step(name="beauty", seconds=100.0, preview=Preview())
    farm = bench(nodes=1)
    farm.submit(Job(name="sh010", client="film", steps=(step,)))
    for number in farm.decide():
        if farm.starts[number].task[1] == "beauty":
            farm.ended(number)
        else:
            farm.ended(number, exit_code=1)
    assert farm.state.past["sh010"].life is JobLife.DONE


def plan_of(steps, nodes):
    return Plan(starts=Starts.of(np.array(steps, int), np.array(nodes, int), 6))


def test_a_plan_that_the_farm_overtook_is_carried_out_as_far_as_it_can_be():
    farm = bench()
    farm.command(commands.set_licence, "sim", 1)
    farm.submit(job_of("one", frames=30))
    farm.submit(job_of("two", frames=30, requirements=Requirements(licence="sim")))
    farm.submit(job_of("three", frames=1))
    seen = farm.see()
    farm.command(commands.cancel, "one")
    farm.command(commands.pause, "three")
    farm.command(commands.drain, "b")

    facts = decided(farm.state, seen, plan_of([0, 1, 1, 1, 2], [0, 0, 0, 1, 0]), farm.now, 0.0, farm.settings)

    assert [(fact.job, fact.node) for fact in facts if isinstance(fact, AttemptStarted)] == [("two", "a")]
    assert facts[0].starts == 1


def test_a_plan_cannot_overfill_a_node():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=30))
    facts = decided(farm.state, farm.see(), plan_of([0] * 20, [0] * 20), farm.now, 0.0, farm.settings)
    assert sum(isinstance(fact, AttemptStarted) for fact in facts) == 8


def test_a_plan_of_fewer_tasks_than_it_thinks():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=2))
    facts = decided(farm.state, farm.see(), plan_of([0] * 5, [0] * 5), farm.now, 0.0, farm.settings)
    assert sum(isinstance(fact, AttemptStarted) for fact in facts) == 2


def test_outlooks_are_written_down_when_they_move():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=80))
    farm.decide()
    assert "sh010" in farm.state.outlooks
    farm.now += 0.1
    farm.decide()
    rounds = [fact for fact in farm.facts if isinstance(fact, Decided)]
    assert dict(rounds[-1].outlooks) == {}
    assert rounds[-1].model == "declared"
    farm.command(commands.cancel, "sh010")
    assert farm.state.outlooks == {}


def test_everything_is_ordered_again_after_a_crash():
    farm = bench(nodes=1)
    farm.submit(job_of(frames=3))
    farm.decide()
    given = again(farm.state)
    assert {start.attempt: start for start in given.starts} == farm.starts
    assert given.stops == ()


def test_a_step_that_is_failed_unseen():
    farm = bench()
    farm.submit(job_of(frames=30))
    farm.decide()
    farm.fold([TaskFailed(at=farm.now, job="sh010", step="beauty", task=-1, why="enough")])
    step = farm.state.jobs["sh010"].steps[0]
    assert step.counts[Status.FAILED] == 14
    numbers = list(farm.state.attempts)
    farm.ended(numbers[0], exit_code=1)
    assert farm.facts[-1].why == "enough"
    for number in numbers[1:]:
        farm.ended(number)
    assert farm.state.past["sh010"].life is JobLife.PARTIAL
