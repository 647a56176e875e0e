"""A job from the door to the archive, on a farm where all goes well."""

from __future__ import annotations

import pytest

from placement.control import commands
from placement.control.state import FarmState
from placement.control.transitions import JobLife
from placement.farm.facts import AttemptEnded, AttemptStarted, Decided, JobSubmitted
from placement.farm.jobs import After, Frames, Job, Step, Waits
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.planning import plan
from tests.control.bench import bench, job_of


@pytest.mark.parametrize("planner", [plan, fifo])
def test_a_job_is_rendered(planner):
    farm = bench(planner=planner)
    farm.submit(job_of(frames=20))

    started = farm.decide()

    assert len(started) == 16  # two nodes of eight cores
    assert farm.starts[started[0]].command == ("render", "1")
    assert farm.run_dry() == 20
    past = farm.state.past["sh010"]
    assert (past.life, past.done, past.failed) == (JobLife.DONE, 20, 0)
    assert not farm.state.jobs
    assert not farm.state.attempts
    kinds = [type(fact) for fact in farm.facts]
    assert kinds.count(AttemptStarted) == kinds.count(AttemptEnded) == 20
    assert kinds.count(JobSubmitted) == 1
    assert kinds.count(Decided) >= 2


def test_steps_follow_each_other_as_they_are_told_to():
    frames = Frames(last=6)
    job = Job(
        name="sh010",
        client="film",
        steps=(
            Step(name="sim", frames=frames, after=(After(waits=Waits.PREVIOUS),)),
            Step(name="light", frames=frames, after=(After(step="sim", waits=Waits.SAME),)),
            Step(name="comp", frames=Frames(last=6, chunk=3), after=(After(step="light", waits=Waits.SAME),)),
            Step(name="check", after=(After(step="light", waits=Waits.ANY),)),
            Step(name="mail", after=(After(step="comp"), After(step="check"))),
        ),
    )
    farm = bench()
    farm.submit(job)
    order = []
    while farm.state.jobs:
        farm.decide()
        for number in list(farm.state.attempts):
            order.append(farm.starts[number].task[1:])
            farm.ended(number)

    assert len(order) == 6 + 6 + 2 + 1 + 1
    place = {task: at for at, task in enumerate(order)}
    assert all(place["sim", each] < place["sim", each + 1] for each in range(5))
    assert all(place["sim", each] < place["light", each] for each in range(6))
    assert all(place["light", each] < place["comp", each // 3] for each in range(6))
    assert place["check", 0] < place["light", 5]
    assert order[-1] == ("mail", 0)


def test_the_state_is_the_fold_of_the_facts_wherever_it_was_stored_in_between():
    farm = bench()
    farm.submit(job_of(frames=5))
    farm.run_dry()
    farm.submit(job_of("sh020", frames=9))
    farm.decide()

    whole = FarmState()
    for fact in farm.facts:
        whole.apply(fact)
    assert whole.dump() == farm.state.dump()
    for cut in range(0, len(farm.facts), 7):
        first = FarmState()
        for fact in farm.facts[:cut]:
            first.apply(fact)
        second = FarmState.load(first.dump())
        for fact in farm.facts[cut:]:
            second.apply(fact)
        assert second.dump() == whole.dump()


def test_a_cancelled_job_stops():
    farm = bench()
    farm.submit(job_of(frames=40))
    started = farm.decide()

    farm.command(commands.cancel, "sh010")

    assert not farm.state.attempts
    assert {stop.attempt for stop in farm.stops} == set(started)
    assert farm.state.past["sh010"].life is JobLife.CANCELLED
    assert farm.state.past["sh010"].cancelled == 40
