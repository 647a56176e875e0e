"""Who waits for whom, against the slowest plain way to say it; orders and circles; what is shared."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.graph import Wait, check, edges
from placement.farm.jobs import After, Frames, Job, Step, Waits
from tests.farm.job_strategies import frames, jobs, shared


def job_of_steps(*steps: Step) -> Job:
    return Job(name="sh010", client="film", steps=steps)


def pair(ours: Frames, theirs: Frames, waits: Waits) -> Wait:
    job = job_of_steps(
        Step(name="b", frames=ours, after=(After(step="a", waits=waits),)), Step(name="a", frames=theirs)
    )
    return edges(job).waits[0][0]


def holders(theirs: Frames, number: int) -> set[int]:
    return {task for task in range(theirs.tasks) if number in theirs.of(task)}


def slow(ours: Frames, theirs: Frames, waits: Waits, *, own: bool = False) -> list[set[int]]:
    """Say for each task what it waits for, number by number."""
    back = ours.by if waits is Waits.PREVIOUS else 0
    all_of = []
    for task in range(ours.tasks):
        found: set[int] = set()
        for number in ours.of(task):
            found |= holders(theirs, number - back)
        all_of.append(found - {task} if own else found)
    return all_of


def laid(wait: Wait, tasks: int) -> list[set[int]]:
    return [set(wait.of(task).tolist()) for task in range(tasks)]


@given(frames(), frames(), st.sampled_from([Waits.SAME, Waits.PREVIOUS]))
def test_each_task_waits_for_those_that_hold_its_frames(ours: Frames, theirs: Frames, waits: Waits) -> None:
    wait = pair(ours, theirs, waits)

    assert laid(wait, ours.tasks) == slow(ours, theirs, waits)
    assert wait.by_task
    assert wait.counts.tolist() == [len(each) for each in slow(ours, theirs, waits)]
    assert all(np.all(np.diff(wait.of(task)) > 0) for task in range(ours.tasks))


@given(frames(), frames(), st.sampled_from([Waits.SAME, Waits.PREVIOUS]))
def test_who_is_waited_for_knows_who_waits(ours: Frames, theirs: Frames, waits: Waits) -> None:
    wait = pair(ours, theirs, waits)

    forth = {(task, on) for task in range(ours.tasks) for on in wait.of(task).tolist()}
    back = {(task, on) for on in range(theirs.tasks) for task in wait.waiting(on).tolist()}

    assert forth == back


@given(frames())
def test_a_chain_of_its_own_frames_runs_forward(own: Frames) -> None:
    wait = edges(job_of_steps(Step(name="sim", frames=own, after=(After(waits=Waits.PREVIOUS),)))).waits[0][0]

    assert laid(wait, own.tasks) == slow(own, own, Waits.PREVIOUS, own=True)
    assert laid(wait, own.tasks) == [set(), *({task - 1} for task in range(1, own.tasks))]


@pytest.mark.parametrize("waits", [Waits.ALL, Waits.ANY])
def test_whole_steps_need_no_columns(waits: Waits) -> None:
    wait = pair(Frames(last=100_000), Frames(last=100_000), waits)

    assert not wait.by_task
    assert len(wait.members) == len(wait.counts) == len(wait.held) == 0
    assert (wait.step, wait.on, wait.waits) == (0, 1, waits)


@given(jobs())
def test_jobs_as_they_should_be_are_taken_and_laid_out(job: Job) -> None:
    check(job)
    laid_out = edges(job)

    place = {row: position for position, row in enumerate(laid_out.order)}
    assert sorted(laid_out.order) == list(range(len(job.steps)))
    for row, waits in enumerate(laid_out.waits):
        asked = [each for each in job.steps[row].after if not each.job and not each.group]
        assert [wait.waits for wait in waits] == [each.waits for each in asked]
        for wait in waits:
            assert wait.step == row
            assert place[wait.on] < place[row] or (wait.on == row and wait.waits is Waits.PREVIOUS)
            assert not wait.members.flags.writeable


@given(jobs(most=6), st.data())
def test_any_circle_is_found_and_is_one(job: Job, data: st.DataObject) -> None:
    """Make the steps a ring: whatever else they wait for, the message shows a way round."""
    names = [step.name for step in job.steps]
    ring = [
        Step(name=step.name, frames=step.frames, after=(*step.after, After(step=names[row - 1])))
        for row, step in enumerate(job.steps)
    ]

    with pytest.raises(InvalidInput, match="wait for each other: ") as refused:
        check(Job(name=job.name, client="film", steps=tuple(ring)))

    way = str(refused.value).split("wait for each other: ")[1].split(" -> ")
    needs = {step.name: {each.step or step.name for each in step.after} for step in ring}
    assert way[0] == way[-1]
    assert all(on in needs[step] for step, on in pairwise(way))


def test_the_earlier_of_two_free_steps_comes_first() -> None:
    steps = (Step(name="d", after=(After(step="a"), After(step="c"))), Step(name="c"), Step(name="b"), Step(name="a"))

    assert edges(job_of_steps(*steps)).order == (1, 2, 3, 0)


def test_a_long_circle_is_named_in_short() -> None:
    steps = tuple(Step(name=f"s{row}", after=(After(step=f"s{(row + 1) % 500}"),)) for row in range(500))

    with pytest.raises(InvalidInput, match=r"s0 -> s1 -> .* -> … -> s0$"):
        check(job_of_steps(*steps))


def test_a_chain_of_twenty_thousand_steps_is_no_recursion() -> None:
    steps = (Step(name="s0"), *(Step(name=f"s{row}", after=(After(step=f"s{row - 1}"),)) for row in range(1, 20_000)))
    job = job_of_steps(*steps)

    check(job)

    assert edges(job).order == tuple(range(20_000))


@given(frames(), frames())
def test_the_same_frames_of_strangers_are_refused(ours: Frames, theirs: Frames) -> None:
    steps = (Step(name="a", frames=theirs), Step(name="b", frames=ours, after=(After(step="a", waits=Waits.SAME),)))

    if shared(ours, theirs):
        check(job_of_steps(*steps))
        return
    with pytest.raises(InvalidInput, match=r"steps\[1\] 'b': after\[0\]: no frame of .* would wait for nothing"):
        check(job_of_steps(*steps))


def test_a_hundred_thousand_frames_are_laid_out_fast() -> None:
    light = Step(name="light", frames=Frames(last=100_000))
    same, before = After(step="light", waits=Waits.SAME), After(waits=Waits.PREVIOUS)
    job = job_of_steps(light, Step(name="comp", frames=Frames(last=100_000, chunk=7), after=(same, before)))
    start = perf_counter()

    check(job)
    waits = edges(job).waits[1]

    assert perf_counter() - start < 1.0  # 6 ms where it was written
    assert waits[0].of(14_285).tolist() == list(range(99_995, 100_000))
    assert waits[1].of(14_285).tolist() == [14_284]
