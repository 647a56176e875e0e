"""What users may ask, and what they are told when they may not."""

from __future__ import annotations

import pytest

from placement.control import commands
from placement.control.commands import rules_of
from placement.control.transitions import JobLife, NodeLife
from placement.errors import InvalidInput, NotFound, Refused
from placement.farm.facts import ClientSet, JobPaused, NodeSpec
from placement.farm.jobs import After, Frames, Job, Requirements, Step
from tests.control.bench import bench, job_of


@pytest.mark.parametrize(
    ("job", "error", "words"),
    [
        (job_of(frames=1, requirements=Requirements(cores=16)), InvalidInput, "asks for 16 cores, the most .* is 8"),
        (
            job_of(requirements=Requirements(memory=1e6)),
            InvalidInput,
            "asks for 1000000 MiB of memory, .* 32768 MiB",
        ),
        (job_of(requirements=Requirements(tags=("mac",))), InvalidInput, r"steps\[0\] 'beauty': .* tags \['mac'\]"),
        (job_of(requirements=Requirements(licence="sim")), NotFound, "no licence 'sim'"),
        (Job(name="x", client="flim", steps=(Step(name="a"),)), NotFound, "no client 'flim'; close are"),
        (Job(name="x", client="house", steps=(Step(name="a"),)), Refused, "has projects"),
        (Job(name="x", client="film", steps=(Step(name="a", after=(After(job="no"),)),)), NotFound, "no job 'no'"),
        (Job(name="x", client="film", steps=(Step(name="a"),), after=(After(group="no"),)), NotFound, "no group 'no'"),
        (Job(name="there", client="film", steps=(Step(name="a"),)), Refused, "there is a job of this name"),
        (Job(name="x", client="film", steps=()), InvalidInput, "steps: there is none"),
    ],
)
def test_impossible_jobs_are_refused_whole(job, error, words):
    farm = bench(nodes=1)
    farm.client("house")
    farm.client("show", parent="house")
    farm.submit(job_of("there"))
    before = farm.state.dump()

    with pytest.raises(error, match=words):
        farm.submit(job)
    assert farm.state.dump() == before


def test_a_farm_without_nodes_takes_everything_in():
    farm = bench(nodes=0)
    farm.submit(job_of(requirements=Requirements(cores=512, tags=("mac",))))
    assert farm.decide() == []
    farm.node("big", cores=512.0, tags=("mac", "x"))
    assert len(farm.decide()) == 1


def test_tags_are_wanted_together():
    farm = bench(nodes=0)
    farm.node("a", tags=("x",))
    farm.node("b", tags=("y",), memory=2048.0)
    with pytest.raises(InvalidInput, match="which no node has together"):
        farm.submit(job_of(requirements=Requirements(tags=("x", "y"))))
    with pytest.raises(InvalidInput, match="with these tags has is 2048 MiB"):
        farm.submit(job_of(requirements=Requirements(memory=4096.0, tags=("y",))))
    farm.node("c", cores=64.0, memory=1024.0)
    with pytest.raises(InvalidInput, match="together is more than any one node has"):
        farm.submit(job_of(requirements=Requirements(cores=32, memory=4096.0)))


def test_a_paused_job_starts_nothing_until_it_is_resumed():
    farm = bench()
    farm.submit(job_of())
    assert [type(fact) for fact in farm.command(commands.pause, "sh010")] == [JobPaused]
    assert farm.decide() == []
    with pytest.raises(Refused, match="paused already"):
        farm.command(commands.pause, "sh010")
    farm.command(commands.resume, "sh010")
    assert len(farm.decide()) == 4
    with pytest.raises(Refused, match="is not paused"):
        farm.command(commands.resume, "sh010")


@pytest.mark.parametrize("what", ["cancel", "pause", "resume"])
def test_what_is_over_stays_over(what):
    farm = bench()
    farm.submit(job_of())
    farm.run_dry()
    with pytest.raises(Refused, match="is done and cannot be"):
        farm.command(getattr(commands, what), "sh010")
    with pytest.raises(NotFound, match="no job 'sh01'; close are"):
        farm.command(getattr(commands, what), "sh01")


def test_retry_refuses_what_there_is_not_to_retry():
    farm = bench()
    farm.submit(job_of())
    for job, step, tasks, error, words in (
        ("none", "", (), NotFound, "no job"),
        ("sh010", "no", (), NotFound, "no step of job"),
        ("sh010", "", (1,), InvalidInput, "named without their step"),
        ("sh010", "beauty", (99,), InvalidInput, "task 99 is none of its 4"),
        ("sh010", "", (), Refused, "nothing that is named has failed"),
    ):
        with pytest.raises(error, match=words):
            farm.command(commands.retry, job, step=step, tasks=tasks)
    farm.run_dry()
    with pytest.raises(Refused, match="nothing of it can be retried"):
        farm.command(commands.retry, "sh010")


def test_importance_and_deadlines_change():
    farm = bench()
    farm.submit(job_of())
    farm.command(commands.reprioritise, "sh010", 5)
    farm.command(commands.move_deadline, "sh010", 5000.0)
    seen = farm.see().snapshot.jobs
    assert (seen.importance.tolist(), seen.deadline.tolist()) == ([5.0], [5000.0])
    farm.command(commands.move_deadline, "sh010", None)
    assert farm.state.jobs["sh010"].job.deadline is None
    for importance in (0, -1, float("nan"), True, "much"):
        with pytest.raises(InvalidInput, match="importance: must be"):
            farm.command(commands.reprioritise, "sh010", importance)
    for deadline in (float("inf"), "soon", True, 10.0):
        with pytest.raises(InvalidInput, match="deadline"):
            farm.command(commands.move_deadline, "sh010", deadline)


def test_nodes_come_drain_and_go():
    farm = bench(nodes=1)
    farm.submit(job_of())
    farm.decide()
    farm.command(commands.drain, "a", why="new disk")
    with pytest.raises(Refused, match="draining already"):
        farm.command(commands.drain, "a")
    with pytest.raises(Refused, match="4 tasks run there"):
        farm.command(commands.remove, "a")
    with pytest.raises(Refused, match="would no longer fit"):
        farm.node("a", cores=2.0)
    farm.run_dry()
    assert farm.state.nodes["a"].life is NodeLife.DRAINING
    farm.command(commands.give_back, "a")
    with pytest.raises(Refused, match="takes work already"):
        farm.command(commands.give_back, "a")
    farm.command(commands.remove, "a")
    for what in (commands.drain, commands.remove, commands.give_back):
        with pytest.raises(NotFound, match="no node 'a'"):
            farm.command(what, "a")


def test_a_lost_node_comes_back_by_itself_or_registered_anew():
    farm = bench(nodes=1)
    farm.tick(100.0, alive=False)
    with pytest.raises(Refused, match="it returns by itself"):
        farm.command(commands.give_back, "a")
    farm.command(commands.drain, "a")
    with pytest.raises(Refused, match="draining already"):
        farm.command(commands.drain, "a")
    farm.node("a", cores=16.0)
    assert farm.state.nodes["a"].life is NodeLife.DRAINING


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": ""}, "must not be empty"),
        ({"node_class": 7}, "node_class"),
        ({"cores": 0.0}, "must be above 0"),
        ({"memory": float("nan")}, "memory: must be a number"),
        ({"tags": ["x"]}, "tags: must be a tuple"),
        ({"rack": None}, "rack: must be a text"),
        ({"gpu_watts": 201.0}, "gpu_watts 201 W is part of what busy_watts is above idle_watts, expected at most 200"),
    ],
)
def test_impossible_nodes_are_refused(spec, words):
    made = {"name": "x", "node_class": "c", "cores": 8.0, "memory": 1024.0, **spec}
    with pytest.raises(InvalidInput, match=words):
        commands.register_node(bench().state, NodeSpec(**made), 0.0, "admin")


@pytest.mark.parametrize(
    ("terms", "error", "words"),
    [
        ({"guarantee": 0.9}, InvalidInput, "above 1"),
        ({"guarantee": 0.5, "limit": 0.4}, InvalidInput, "guarantee <= limit"),
        ({"lending": "never ever"}, InvalidInput, "is none of"),
        ({"weight": 0.0}, InvalidInput, "weight: must be a number"),
        ({"weight": "x"}, InvalidInput, "weight: must be a number"),
        ({"parent": "nobody"}, NotFound, "no client 'nobody'"),
        ({"parent": "busy"}, Refused, "has jobs of its own"),
        ({"name": "film", "parent": "part"}, InvalidInput, "is under itself"),
    ],
)
def test_impossible_terms_are_refused(terms, error, words):
    farm = bench()
    farm.client("other", guarantee=0.3)
    farm.client("busy")
    farm.client("part", parent="film")
    farm.submit(Job(name="x", client="busy", steps=(Step(name="a"),)))
    with pytest.raises(error, match=words):
        commands.set_client(farm.state, ClientSet(at=0.0, **{"name": "new", **terms}))


def test_licences_bound_what_runs_at_once():
    farm = bench()
    farm.command(commands.set_licence, "sim", 3)
    farm.submit(job_of(frames=8, requirements=Requirements(licence="sim")))
    assert len(farm.decide()) == 3
    farm.command(commands.set_licence, "sim", 1)
    assert farm.decide() == []
    farm.run_dry()
    assert farm.state.past["sh010"].life is JobLife.DONE
    for count in (-1, 2.5, True):
        with pytest.raises(InvalidInput, match="count: must be"):
            farm.command(commands.set_licence, "sim", count)


def test_groups_are_prioritised_and_waited_for_as_one():
    farm = bench()
    for name, group in (("one", "show/sh1"), ("two", "show/sh2"), ("three", "shower")):
        farm.submit(Job(name=name, client="film", group=group, steps=(Step(name="a"),)))
    farm.command(commands.set_group, "show", 4.0)
    farm.command(commands.set_group, "show/sh2", 2.0)
    assert farm.see().snapshot.jobs.importance.tolist() == [4.0, 8.0, 1.0]
    farm.command(commands.set_group, "show/sh2", 1.0)
    assert farm.see().snapshot.jobs.importance.tolist() == [4.0, 4.0, 1.0]
    farm.submit(Job(name="edit", client="film", steps=(Step(name="cut"),), after=(After(group="show"),)))
    assert farm.state.jobs["edit"].gates == 2
    first = farm.decide()
    assert len(first) == 3
    for number in first:
        farm.ended(number)
    assert farm.starts[farm.decide()[0]].task[0] == "edit"
    for group, importance in (("a//b", 1.0), ("", 1.0), ("a", 0.0), ("a", "x")):
        with pytest.raises(InvalidInput):
            farm.command(commands.set_group, group, importance)


def test_a_step_waits_for_a_job():
    farm = bench()
    farm.submit(job_of("sim"))
    steps = (Step(name="model"), Step(name="light", frames=Frames(last=2), after=(After(job="sim"),)))
    farm.submit(Job(name="shot", client="film", steps=steps))
    started = {farm.starts[number].task[:2] for number in farm.decide()}
    assert started == {("sim", "beauty"), ("shot", "model")}
    assert farm.run_dry() == 7
    farm.submit(Job(name="late", client="film", steps=(Step(name="a", after=(After(job="sim"),)),)))
    assert len(farm.decide()) == 1


def test_rules_are_checked_and_kept():
    farm = bench()
    farm.command(commands.set_policy, {"aim": "performance", "power_cap": 900.0})
    farm.command(commands.set_policy, {"preempt_most": 1})
    assert farm.state.rules == {"aim": "performance", "power_cap": 900.0, "preempt_most": 1}
    seen = farm.see()
    assert (seen.rules.aim.value, seen.rules.interval, seen.snapshot.power_cap) == ("performance", 30.0, 900.0)
    for rules in (
        {"aims": 1}, {"aim": "speed"}, {"power_cap": 0}, {"confidence": 2.0}, {"confidence": "x"}, {"half_life": True},
        {"preempt_most": 1.5}, {"interval": float("inf")}, {"power_cap": "x"},
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            farm.command(commands.set_policy, rules)
    assert rules_of({})[0].confidence == 0.9


def test_a_cancelled_job_fails_those_that_wait_for_it():
    farm = bench()
    farm.submit(job_of("one"))
    farm.submit(Job(name="two", client="film", steps=(Step(name="a"),), after=(After(job="one"),)))
    farm.command(commands.cancel, "one")
    assert {name: past.life for name, past in farm.state.past.items()} == {
        "one": JobLife.CANCELLED, "two": JobLife.FAILED,
    }  # fmt: skip
