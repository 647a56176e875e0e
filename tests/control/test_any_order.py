"""Whatever users, engines and clocks do, in any order: the state keeps its promises, and its dumps fold on alike."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from placement.control import commands
from placement.control.messages import Said
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.control.transitions import Status
from placement.errors import PlacementError
from placement.farm.facts import AttemptEnded, AttemptStarted, Outcome
from placement.farm.jobs import After, Checkpoint, Frames, Job, Preview, Requirements, Step, Waits
from placement.scheduling.peers.fifo import fifo
from placement.scheduling.planning import plan
from tests.control.bench import Bench, job_of

NODES = ["a", "b", "c"]
CAUSES = ["", "", "", "out of memory", "licence", "timeout", "node", "interrupted", "no output", "scene", "nonsense"]
CHECKPOINTS = [
    {"checkpoint": Checkpoint.NONE},
    {"checkpoint": Checkpoint.FRAMES},
    {"checkpoint": Checkpoint.RESUMES, "checkpoint_seconds": 20.0},
]


@st.composite
def jobs(draw, number, others, groups):
    frames = Frames(last=draw(st.integers(1, 6)), chunk=draw(st.integers(1, 3)))
    steps = []
    for row in range(draw(st.integers(1, 3))):
        after = []
        if row and draw(st.booleans()):
            on = f"s{draw(st.integers(0, row - 1))}"
            after.append(After(step=on, waits=draw(st.sampled_from(list(Waits)))))
        if draw(st.integers(0, 5)) == 0:
            after.append(After(waits=Waits.PREVIOUS))
        if others and draw(st.integers(0, 4)) == 0:
            after.append(After(job=draw(st.sampled_from(others))))
        needs = Requirements(
            cores=draw(st.sampled_from([1.0, 4.0])),
            memory=draw(st.sampled_from([1000.0, 12000.0])),
            licence=draw(st.sampled_from(["", "", "sim"])),
        )
        steps.append(
            Step(
                name=f"s{row}", frames=frames, after=tuple(after), requirements=needs, seconds=60.0,
                budget=draw(st.integers(1, 3)), timeout=draw(st.sampled_from([None, 500.0])),
                preview=draw(st.sampled_from([None, None, Preview(share=0.1, every=2)])),
                **draw(st.sampled_from(CHECKPOINTS)),
            )
        )  # fmt: skip
    after = ()
    if others and draw(st.integers(0, 3)) == 0:
        after = (After(job=draw(st.sampled_from(others))),)
    elif groups and draw(st.integers(0, 4)) == 0:
        after = (After(group="show"),)
    return Job(
        name=f"job{number}", client=draw(st.sampled_from(["film", "ads"])), steps=tuple(steps), after=after,
        group=draw(st.sampled_from(["", "show", "show/sh1"])), deadline=draw(st.sampled_from([None, 1e6])),
        release=draw(st.sampled_from([None, None, 1200.0])),
    )  # fmt: skip


class AnyOrder(RuleBasedStateMachine):
    attempts = Bundle("attempts")

    @initialize(peer=st.booleans())
    def begin(self, peer):
        self.farm = Bench(settings=Settings(most_losses=4, most_node_faults=4), planner=fifo if peer else plan)
        self.farm.client("film", guarantee=0.3, lending="preempt")
        self.farm.client("ads", limit=0.8)
        self.farm.fold(commands.set_licence(self.farm.state, "sim", 2, self.farm.now, "admin"))
        for name in NODES[:2]:
            self.farm.node(name, wake_seconds=30.0)
        self.number = 0
        self.farm.submit(job_of("first", frames=12))
        self.shadow = FarmState()
        self.folded = 0

    def tried(self, make, *args, **options):
        """Ask for something; a refusal must be one of the documented errors and change nothing."""
        before = self.farm.state.dump()
        try:
            return self.farm.command(make, *args, **options)
        except PlacementError:
            assert self.farm.state.dump() == before
            return []

    @rule(data=st.data())
    def submit(self, data):
        names = [*self.farm.state.jobs, *self.farm.state.past]
        job = data.draw(jobs(self.number, names, self.farm.state.jobs))
        self.tried(commands.submit, job)
        self.number += 1

    @rule(data=st.data(), what=st.sampled_from(["cancel", "pause", "resume", "retry", "retry", "move", "more"]))
    def change(self, data, what):
        job = data.draw(st.sampled_from([*self.farm.state.jobs, *self.farm.state.past, "none"]))
        if what == "move":
            self.tried(commands.move_deadline, job, 5e5)
        elif what == "more":
            self.tried(commands.reprioritise, job, 7.0)
        else:
            self.tried(getattr(commands, what), job)

    @rule(data=st.data(), what=st.sampled_from(["drain", "give_back", "remove", "node", "licence", "group"]))
    def machines(self, data, what):
        node = data.draw(st.sampled_from(NODES))
        if what == "node":
            self.farm.node(node, wake_seconds=30.0)
        elif what == "licence":
            self.tried(commands.set_licence, "sim", data.draw(st.integers(0, 3)))
        elif what == "group":
            self.tried(commands.set_group, "show", 3.0)
        else:
            self.tried(getattr(commands, what), node)

    @rule(target=attempts)
    def decide(self):
        state, before = self.farm.state, dict(self.farm.state.attempts)
        self.farm.decide()
        new = [each for number, each in state.attempts.items() if number not in before]
        worth = sum(node.spec.cores for node in state.nodes.values())
        for each in new if self.farm.planner is plan else []:  # what starts never takes a client over its limit
            client = state.clients[each.client]
            assert client.limit == 1 or client.held <= client.limit * worth + 1e-6
        return max(self.farm.starts, default=0)

    @rule(data=st.data(), cause=st.sampled_from(CAUSES), code=st.sampled_from([0, 0, 0, 1, 139, None]))
    def ends(self, data, cause, code):
        """An attempt that runs ends, one way or another."""
        if not self.farm.state.attempts:
            return
        number = data.draw(st.sampled_from(list(self.farm.state.attempts)))
        self.said(number, Said.ENDED, data, cause, code)

    @rule(data=st.data(), many=st.integers(1, 6))
    def end_well(self, data, many):
        """Attempts that run are done, and the farm decides again."""
        for number in data.draw(st.permutations(list(self.farm.state.attempts)))[:many]:
            self.farm.ended(number, seconds=30.0, memory=500.0)
        self.farm.decide()

    @rule(number=attempts, data=st.data(), said=st.sampled_from([Said.ENDED, Said.PROGRESS]))
    def echo(self, number, data, said):
        """Something is said of an attempt, live or not: late, twice, out of order, or of an attempt to come."""
        number += data.draw(st.integers(-3, 1))
        self.said(number, said, data, "", data.draw(st.sampled_from([0, 1])))

    def said(self, number, said, data, cause, code):
        start = self.farm.starts.get(number)
        node = data.draw(st.sampled_from([start.node if start else "a"] * 4 + NODES + ["nobody"]))
        self.farm.report(
            said, node, attempt=number, cause=cause, exit_code=code, signal=data.draw(st.sampled_from([None, 9])),
            progress=data.draw(st.sampled_from([0.0, 0.3, 0.9, 1.0, 7.0, float("nan")])),
            saved=data.draw(st.sampled_from([0.0, 0.2, 0.8, -1.0, float("inf")])),
            seconds=data.draw(st.sampled_from([0.0, 30.0, -5.0, float("nan")])),
            memory=data.draw(st.sampled_from([0.0, 900.0, 40000.0])),
            frames=data.draw(st.sampled_from([(), (1,), (1, 2), (999,)])),
        )  # fmt: skip

    @rule(data=st.data(), said=st.sampled_from([Said.ALIVE] * 4 + [Said.GONE, Said.UP, Said.UP, Said.ASLEEP]))
    def node_says(self, data, said):
        node = data.draw(st.sampled_from([*NODES, "nobody"]))
        running = data.draw(st.lists(st.integers(-1, self.farm.state.next_attempt + 1), max_size=3))
        there = self.farm.state.nodes.get(node)
        if there is not None and data.draw(st.booleans()):
            running = list(there.attempts)
        self.farm.report(said, node, running=tuple(running))

    @rule(seconds=st.sampled_from([1.0, 20.0, 100.0, 2000.0]), alive=st.sampled_from([True, True, True, False]))
    def time_goes_by(self, seconds, alive):
        self.farm.tick(min(seconds, 200.0), alive=alive)
        self.farm.now += seconds - min(seconds, 200.0)

    @rule(seconds=st.sampled_from([-500.0, 5000.0]))
    def the_clock_jumps(self, seconds):
        self.farm.now += seconds

    @precondition(lambda self: self.farm.facts)
    @invariant()
    def stored_and_loaded_it_folds_on_alike(self):
        self.shadow = FarmState.load(self.shadow.dump())
        for fact in self.farm.facts[self.folded :]:
            self.shadow.apply(fact)
        self.folded = len(self.farm.facts)
        assert self.shadow.dump() == self.farm.state.dump()

    def teardown(self):
        """No task is done twice, and none is accepted from an attempt that was not its youngest."""
        if not hasattr(self, "farm"):
            return
        task, last, done = {}, {}, set()
        for fact in self.farm.facts:
            if isinstance(fact, AttemptStarted):
                key = (fact.job, fact.step, fact.task)
                assert key not in done
                assert fact.attempt > last.get(key, 0)
                task[fact.attempt], last[key] = key, fact.attempt
            elif isinstance(fact, AttemptEnded):
                key = task.pop(fact.attempt)
                assert last[key] == fact.attempt
                if fact.outcome is Outcome.DONE:
                    done.add(key)
        running = {
            (entry.name, step.name, one)
            for entry in self.farm.state.jobs.values()
            for step in entry.steps
            for one in step.tasks(Status.RUNNING).tolist()
        }
        assert running == set(task.values())


AnyOrder.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyOrder = AnyOrder.TestCase
