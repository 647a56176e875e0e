from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from placement.adapters.engines.local import LocalEngine
from placement.control.invariants import broken
from placement.errors import InvalidInput, NotFound, Refused
from placement.farm.facts import NodeSpec
from placement.farm.jobs import After, Frames, Job, Requirements, Step
from placement.orchestrator import Farm
from placement.simulator.clock import SimulatedClock
from placement.simulator.engine import SimulatedEngine
from placement.simulator.fates import Fate, Run
from tests.orchestrator.farms import NODES, farm, job


def test_jobs_run_to_their_end_in_the_order_of_their_steps() -> None:
    steps = (
        Step(name="sim", frames=Frames(last=2), seconds=60),
        Step(name="render", frames=Frames(last=6), seconds=60, after=(After(step="sim"),)),
    )
    with farm() as opened:
        opened.submit(job("sh010", steps=steps))

        opened.run()

        assert opened.job("sh010").state == "done"
        ends = {}
        starts = {}
        for told in opened.history(job="sh010"):
            if told.kind == "AttemptStarted":
                starts.setdefault(told.what["step"], []).append(told.at)
                ends[told.what["attempt"]] = told.what["step"]
        last_sim = max(
            told.at for told in opened.history(kinds=("AttemptEnded",)) if ends[told.what["attempt"]] == "sim"
        )
        assert min(starts["render"]) >= last_sim
        assert broken(opened.state) == []


def test_a_change_asked_for_twice_with_one_key_happens_once() -> None:
    with farm() as opened:
        first = opened.submit(job("sh010"), key="submit-1")

        assert opened.submit(job("sh010"), key="submit-1") == first
        opened.pause("sh010", key="pause-1")
        opened.resume("sh010")
        assert opened.pause("sh010", key="pause-1").state == "waiting"
        assert len(opened.history(kinds=("JobSubmitted",))) == 1


def test_a_key_is_for_one_kind_of_change() -> None:
    with farm() as opened:
        opened.submit(job("sh010"), key="k")

        with pytest.raises(Refused, match="key 'k' was used for JobSubmitted"):
            opened.pause("sh010", key="k")


def test_bad_jobs_are_refused_whole() -> None:
    with farm() as opened:
        before = opened.status().seq

        with pytest.raises(InvalidInput, match="no step 'lgiht'"):
            opened.submit(job("a", steps=(Step(name="light"), Step(name="comp", after=(After(step="lgiht"),)))))
        with pytest.raises(InvalidInput, match="no node could ever run it"):
            opened.submit(job("a", steps=(Step(name="huge", requirements=Requirements(cores=64)),)))
        with pytest.raises(NotFound, match="no client 'flim'"):
            opened.submit(job("a", client="flim"))
        assert opened.status().seq == before


def test_everything_that_people_change_is_seen_by_those_who_ask(tmp_path: Path) -> None:
    with farm(tmp_path / "farm.db") as one, Farm.open(tmp_path / "farm.db", clock=SimulatedClock()) as other:
        one.submit(job("sh010", group="show/sq10", deadline=4000.0))

        other.reprioritise("sh010", 7.0, by="producer")
        other.move_deadline("sh010", 5000.0)
        other.set_group("show", 2.0)
        other.set_licence("houdini", 3)
        other.set_policy(power_cap=5000.0, confidence=0.8)
        other.drain("n0", "new disk")

        assert (one.job("sh010").importance, one.job("sh010").deadline) == (7.0, 5000.0)
        assert one.status().nodes[0].state == "draining"
        assert one.state.licences == {"houdini": 3}
        assert one.state.rules["power_cap"] == 5000.0
        assert one.history(kinds=("JobReprioritised",))[0].by == "producer"
        one.run()
        assert all(told.what["node"] != "n0" for told in one.history(kinds=("AttemptStarted",)))
        one.give_back("n0")
        one.remove("n1")
        assert [node.name for node in other.status().nodes] == ["n0", "n2"]


def test_cancelled_jobs_stop_and_paused_ones_wait() -> None:
    with farm() as opened:
        opened.submit(job("a", tasks=20))
        opened.submit(job("b", tasks=12))
        opened.step()
        assert opened.job("a").running + opened.job("b").running == 6

        opened.cancel("a")
        opened.pause("b")
        opened.run(until=300.0)

        assert opened.job("a").state == "cancelled"
        assert 0 < opened.job("b").waiting < 12
        assert opened.job("b").running == 0
        opened.resume("b")
        opened.run()
        assert opened.job("b").state == "done"
        assert opened.status().running == 0


def test_failed_tasks_can_be_tried_again() -> None:
    fails = [True]

    def truth(order: object, at: float) -> Run:
        return Run(seconds=20.0, fate=Fate.ERROR) if fails[0] else Run(seconds=20.0)

    with farm(truth=truth) as opened:
        opened.submit(job("a", tasks=3))
        opened.run()
        assert (opened.job("a").state, opened.job("a").failed) == ("failed", 3)
        assert "failed" in opened.why("a", "render", 0).sentence

        fails[0] = False
        opened.retry("a", key="again")
        opened.run()

        assert opened.job("a").state == "done"


def test_why_and_forecast_say_what_the_plan_says() -> None:
    with farm() as opened:
        comp = Step(name="comp", after=(After(step="render"),))
        opened.submit(job("a", steps=(*job("x", tasks=40).steps, comp), group="show/sq10", deadline=9000.0))
        opened.submit(job("later", release=500.0))

        assert opened.why("a", "comp").reason == "DEPENDS"
        assert "not released" in opened.why("later").sentence
        assert opened.why("later").until == 500.0
        ahead = opened.forecast("a")
        assert 300.0 < ahead.end < 2000.0
        assert ahead.on_time > 0.9
        assert opened.forecast(group="show") == ahead
        opened.step()
        running = opened.why("a", "render", 0)
        assert running.reason == "RUNNING"
        assert "runs on n" in running.sentence
        assert opened.why("a", "render", 39).reason == "OTHERS_FIRST"
        opened.run()
        assert opened.why("a").reason == "DONE"
        assert opened.why("a").sentence.startswith("job 'a' is over: done")


@pytest.mark.parametrize(
    ("job_name", "step", "task", "kind", "words"),
    [
        ("b", "", None, NotFound, "no job 'b'"),
        ("a", "rendr", None, NotFound, "close are \\['render'\\]"),
        ("a", "render", 99, NotFound, "task 99 is none of the 4"),
        ("a", "", 1, InvalidInput, "expected its step as well"),
    ],
)
def test_questions_about_nothing_are_refused(
    job_name: str, step: str, task: int | None, kind: type[Exception], words: str
) -> None:
    with farm() as opened:
        opened.submit(job("a"))

        with pytest.raises(kind, match=words):
            opened.why(job_name, step, task)


def test_forecasts_of_nothing_are_refused() -> None:
    with farm() as opened:
        for wrong in ({}, {"job": "a", "group": "b"}):
            with pytest.raises(InvalidInput, match="expected a job or a group"):
                opened.forecast(**wrong)
        with pytest.raises(NotFound, match="no job 'a'"):
            opened.forecast("a")
        with pytest.raises(NotFound, match="lies in group 'show'"):
            opened.forecast(group="show")


def test_terms_of_a_client_that_are_not_given_stay() -> None:
    with farm() as opened:
        opened.set_client("film", limit=0.9)

        assert (opened.state.clients["film"].guarantee, opened.state.clients["film"].limit) == (0.5, 0.9)
        with pytest.raises(InvalidInput, match="unknown terms \\['gurantee'\\]"):
            opened.set_client("film", gurantee=0.2)
        with pytest.raises(InvalidInput, match="by: must be a text, got 3"):
            opened.set_client("film", by=3)  # type: ignore[arg-type]


def test_only_who_has_an_engine_can_run() -> None:
    with Farm.open(":memory:") as opened, pytest.raises(InvalidInput, match="without an engine"):
        opened.step()


def test_subscribers_hear_everything_once_and_in_order(tmp_path: Path) -> None:
    with farm(tmp_path / "farm.db") as one:
        over = threading.Event()
        heard: list[int] = []

        def follow() -> None:
            with Farm.open(tmp_path / "farm.db") as other:
                heard.extend(entry.seq for entry in other.subscribe(0, until=over.is_set, poll=0.01))

        thread = threading.Thread(target=follow)
        thread.start()
        one.submit(job("a"))
        one.run()
        over.set()
        thread.join(30)

        assert heard == list(range(1, one.status().seq + 1))


def test_a_farm_goes_on_where_it_was_after_it_was_closed(tmp_path: Path) -> None:
    clock = SimulatedClock()
    with farm(tmp_path / "farm.db", clock=clock) as opened:
        opened.submit(job("a", tasks=30))
        opened.run(until=120.0)
        done = opened.job("a").done
        assert 0 < done < 30

    with farm(tmp_path / "farm.db", clock=clock, name="second") as again:
        assert again.job("a").done == done
        again.run()

        assert again.job("a").state == "done"
        assert again.status().leader == "second"
        assert again.verify() == again.status().seq
        assert broken(again.state) == []


def test_two_processes_and_one_leads(tmp_path: Path) -> None:
    clock = SimulatedClock()
    network = SimulatedEngine(clock, lambda order, at: Run(seconds=50.0), NODES)
    url = tmp_path / "farm.db"
    with farm(url, engine=network) as one, farm(url, engine=network, name="second") as two:
        one.submit(job("a", tasks=12))

        assert one.step().leads
        assert not two.step().leads
        clock.move(16.0)  # the first says nothing for longer than its lead
        assert two.step().leads
        turn = one.step()

        assert not turn.leads
        two.run()
        assert two.job("a").state == "done"
        assert one.job("a") == two.job("a")


def test_real_processes_write_real_files(tmp_path: Path) -> None:
    out = str(tmp_path / "frame{frame}.txt")
    write = (sys.executable, "-c", "import sys; open(sys.argv[1], 'w').write('x')", out)
    node = NodeSpec(name="here", node_class="desk", cores=2, memory=4096)
    with Farm.open(tmp_path / "farm.db", engine=LocalEngine(tmp_path / "work", ["here"])) as opened:
        opened.set_client("film")
        opened.register_node(node)
        steps = (
            Step(name="render", frames=Frames(last=3), command=write, outputs=(out,)),
            Step(name="comp", command=(sys.executable, "-c", "pass"), after=(After(step="render"),)),
        )
        opened.submit(Job(name="sh010", client="film", steps=steps))
        give_up = time.time() + 60

        opened.run(until=lambda state: not state.jobs or time.time() > give_up)

        assert opened.job("sh010").state == "done"
        assert sorted(path.name for path in tmp_path.glob("frame*.txt")) == [f"frame{row}.txt" for row in (1, 2, 3)]
        ended = [told.what for told in opened.history(kinds=("AttemptEnded",))]
        assert {each["exit_code"] for each in ended} == {0}
        assert all(each["memory"] > 0 for each in ended)


def test_jobs_are_listed_by_client_and_group() -> None:
    with farm() as opened:
        opened.set_client("advert")
        opened.submit(job("a", group="show/sq1"))
        opened.submit(job("b", group="show/sq10"))
        opened.submit(job("c", client="advert"))

        assert [each.name for each in opened.jobs()] == ["a", "b", "c"]
        assert [each.name for each in opened.jobs(group="show/sq1")] == ["a"]
        assert [each.name for each in opened.jobs(client="advert")] == ["c"]
        assert opened.job("a").progress == 0.0
        assert not opened.job("a").over
        assert opened.status().clients[0].holds == 0.0
        assert len(opened.status().nodes) == len(NODES)
