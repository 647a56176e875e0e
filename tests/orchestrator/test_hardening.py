"""Whatever people ask for, a farm says no in words of its own, loses nothing, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement.control.invariants import broken
from placement.control.seeing_work import jobs_of
from placement.errors import InvalidInput, JournalError, NotFound, PlacementError, Refused
from placement.farm.facts import NodeSpec
from placement.farm.job_checks import IMPORTANCES
from placement.farm.jobs import After
from placement.orchestrator import Farm
from placement.testing.garbage import Hostile
from tests.orchestrator.farms import NODES, farm, job

HUGE = 10**5000
ODD: tuple[Any, ...] = (
    None, 3, 1.5, nan, -inf, HUGE, -HUGE, True, b"a", [], {}, {"a"}, (None,), object(), Hostile(), np.zeros(3),
    "\ud800", "a\0b", "x" * 100_001,
)  # fmt: skip
CALLS: dict[str, Callable[[Farm, Any], object]] = {
    "submit": lambda opened, odd: opened.submit(odd),
    "cancel": lambda opened, odd: opened.cancel(odd),
    "pause": lambda opened, odd: opened.pause(odd),
    "resume": lambda opened, odd: opened.resume(odd),
    "reprioritise": lambda opened, odd: opened.reprioritise(odd, 2.0),
    "importance": lambda opened, odd: opened.reprioritise("a", [odd]),  # type: ignore[arg-type]
    "set_group": lambda opened, odd: opened.set_group(odd, 2.0),
    "move_deadline": lambda opened, odd: opened.move_deadline(odd, 5.0),
    "retry": lambda opened, odd: opened.retry(odd),
    "tasks": lambda opened, odd: opened.retry("a", "render", [odd]),
    "register_node": lambda opened, odd: opened.register_node(odd),
    "node name": lambda opened, odd: opened.register_node(NodeSpec(name=odd, node_class="a", cores=1.0, memory=1.0)),
    "cores": lambda opened, odd: opened.register_node(NodeSpec(name="n9", node_class="a", cores=[odd], memory=1.0)),  # type: ignore[arg-type]
    "drain": lambda opened, odd: opened.drain(odd),
    "give_back": lambda opened, odd: opened.give_back(odd),
    "remove": lambda opened, odd: opened.remove(odd),
    "set_client": lambda opened, odd: opened.set_client(odd),
    "parent": lambda opened, odd: opened.set_client("new", parent=[odd]),
    "set_policy": lambda opened, odd: opened.set_policy(half_life=[odd]),  # type: ignore[arg-type]
    "set_licence": lambda opened, odd: opened.set_licence(odd, 1),
    "job": lambda opened, odd: opened.job(odd),
    "why": lambda opened, odd: opened.why(odd),
    "task": lambda opened, odd: opened.why("a", "render", [odd]),  # type: ignore[arg-type]
    "forecast": lambda opened, odd: opened.forecast([odd]),  # type: ignore[arg-type]
    "redact": lambda opened, odd: opened.redact(odd),
}


@pytest.fixture(scope="module")
def lasting() -> Any:
    with farm() as opened:
        opened.submit(job("a"))
        yield opened


@pytest.mark.parametrize("which", range(len(ODD)))
@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments_are_refused_and_nothing_is_lost(lasting: Farm, name: str, which: int) -> None:
    before, last = lasting.state.dump(), lasting.status().seq

    with pytest.raises(PlacementError):
        CALLS[name](lasting, ODD[which])

    assert (lasting.state.dump(), lasting.status().seq) == (before, last)


@pytest.mark.parametrize("which", range(len(ODD)))
@pytest.mark.parametrize("name", ["key", "by"])
def test_odd_keys_and_names_of_users_are_refused(lasting: Farm, name: str, which: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        lasting.set_licence("houdini", 1, **{name: ODD[which]})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda opened: opened.retry("a", tasks=3), "tasks: must be a sequence, got 3"),
        (lambda opened: opened.retry("a", "render", range(10**400)), "tasks: more than 10,000,000"),
        (lambda opened: opened.retry("a", "render", [HUGE]), "task a whole number of 16610 bits is none of its 4"),
        (lambda opened: opened.history(kinds=1.0), "kinds: must be a sequence, got 1.0"),
        (lambda opened: opened.history(kinds="JobPaused"), "kinds: must be a sequence"),
        (lambda opened: opened.history(after=2**63), "after: must be a whole number from 0"),
        (lambda opened: opened.subscribe(-1), "after: must be a whole number from 0"),
        (lambda opened: opened.subscribe(poll=0.0), "poll, s: must be a number >= 0.001"),
        (lambda opened: opened.subscribe(until=3), "until: must be something to call, or None, got 3"),
        (lambda opened: opened.step(nan), "until, s since 1970: must be a number, finite, got nan"),
        (lambda opened: opened.run("soon"), "until, s since 1970: must be a number, finite, got 'soon'"),
        (lambda opened: opened.run(poll=HUGE), "poll, s: a whole number of 16610 bits is too large"),
        (lambda opened: opened.reprioritise("a", 1e300), "importance: 1e.300 is too large, expected at most 1e.09"),
        (lambda opened: opened.set_group("show", 1e-300), "importance: must be a number >= 1e-09, got 1e-300"),
        (lambda opened: opened.move_deadline("a", HUGE), "deadline: a whole number of 16610 bits is too large"),
        (lambda opened: opened.set_policy(power_cap=10**400), "power_cap: a whole number of 1329 bits is too large"),
        (lambda opened: opened.set_policy(half_life=1e-300), "half_life: 1e-300 is too small"),
        (lambda opened: opened.set_client("film", weight=1e-300), "weight: must be a number >= 1e-06"),
        (lambda opened: opened.verify([1]), r"anchors\[0\]: must be a Anchor, got 1"),
        (lambda opened: opened.verify(7), "anchors: must be some anchors, got 7"),
        (lambda opened: opened.export(3), "path: must be a text, got 3"),
        (lambda opened: opened.thin_out("AttemptProgressed"), "kinds: must be a sequence"),
    ],
)
def test_what_is_wrong_is_said(lasting: Farm, call: Callable[[Farm], object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        call(lasting)


@pytest.mark.parametrize(
    "parts",
    [{"clock": 3}, {"planner": "fast"}, {"timer": None}, {"settings": {}}, {"name": "\ud800"}, {"keep_every": 0}],
)
def test_parts_that_are_none_are_refused(tmp_path: Path, parts: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(parts))}: "):
        Farm.open(tmp_path / "farm.db", **parts)


@pytest.mark.parametrize("url", ["", " ", "a\0b", "sqlite:///x?timeout=soon", "mysql://db/farm", 3, None])
def test_addresses_that_are_none_are_refused(url: Any) -> None:
    with pytest.raises(InvalidInput):
        Farm.open(url)


def test_a_place_that_is_not_there_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="unable to open"):
        Farm.open(tmp_path / "nowhere" / "farm.db")


SAME: dict[str, tuple[Callable[[Farm, str], object], Callable[[Farm, str], object]]] = {
    "submit": (lambda to, key: to.submit(job("b"), key=key), lambda to, key: to.submit(job("b", tasks=9), key=key)),
    "cancel": (lambda to, key: to.cancel("a", key=key), lambda to, key: to.cancel("c", key=key)),
    "reprioritise": (
        lambda to, key: to.reprioritise("a", 2, key=key), lambda to, key: to.reprioritise("a", 3.0, key=key),
    ),
    "deadline": (
        lambda to, key: to.move_deadline("a", 9e3, key=key), lambda to, key: to.move_deadline("a", None, key=key),
    ),
    "set_group": (lambda to, key: to.set_group("show", 2, key=key), lambda to, key: to.set_group("show", 3, key=key)),
    "drain": (lambda to, key: to.drain("n0", "disk", key=key), lambda to, key: to.drain("n0", "dust", key=key)),
    "remove": (lambda to, key: to.remove("n0", key=key), lambda to, key: to.remove("n1", key=key)),
    "node": (lambda to, key: to.register_node(NODES[0], key=key), lambda to, key: to.register_node(NODES[1], key=key)),
    "set_client": (
        lambda to, key: to.set_client("film", limit=0.9, key=key),
        lambda to, key: to.set_client("film", limit=0.8, key=key),
    ),
    "set_policy": (lambda to, key: to.set_policy(aim="cost", key=key), lambda to, key: to.set_policy(key=key)),
    "licence": (lambda to, key: to.set_licence("x", 1, key=key), lambda to, key: to.set_licence("x", 2, key=key)),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_key_is_for_one_change_and_this_may_be_asked_for_again(name: str) -> None:
    same, other = SAME[name]
    with farm() as opened:
        opened.submit(job("a"))
        opened.submit(job("c"))
        same(opened, "k")
        last = opened.status().seq

        same(opened, "k")
        with pytest.raises(Refused, match=r"^key 'k' was used for \w+ with .* \(entry \d+\), not for "):
            other(opened, "k")
        with pytest.raises(Refused, match="key 'k' was used for"):
            opened.resume("a", key="k")

        assert opened.status().seq == last


def test_a_change_may_be_asked_for_again_after_the_state_moved_on() -> None:
    with farm() as opened:
        opened.submit(job("a"), key="submit")
        opened.set_client("film", guarantee=0.2, key="terms")
        opened.set_client("film", limit=0.7, weight=3.0)
        opened.reprioritise("a", 5.0, key="first")
        opened.reprioritise("a", 9.0)
        opened.drain("n0", key="drain")
        opened.give_back("n0")
        opened.run()
        opened.remove("n0")
        last = opened.status().seq

        assert opened.submit(job("a"), key="submit").state == "done"
        opened.set_client("film", guarantee=0.2, key="terms")
        opened.reprioritise("a", 5.0, key="first")
        opened.drain("n0", key="drain")

        assert opened.status().seq == last
        with pytest.raises(InvalidInput, match="job: must be a Job, got 3"):
            opened.submit(3, key="submit")  # type: ignore[arg-type]
        with pytest.raises(Refused, match="key 'first' was used"):
            opened.reprioritise("a", Hostile(), key="first")  # type: ignore[arg-type]


def test_refused_calls_lose_nothing_and_leave_a_farm_that_works() -> None:
    with farm() as opened:
        opened.submit(job("a", tasks=6))
        opened.step()
        for name, call in CALLS.items():
            with pytest.raises(PlacementError):
                call(opened, Hostile())
            assert broken(opened.state) == [], name
            assert opened.status().running == 6

        opened.run()

        assert opened.job("a").done == 6
        assert opened.verify() == opened.status().seq


def test_terms_are_changed_as_they_are_by_then(tmp_path: Path) -> None:
    with farm(tmp_path / "farm.db") as one, Farm.open(tmp_path / "farm.db", clock=lambda: 0.0) as other:
        other.set_client("film", limit=0.8)

        one.set_client("film", weight=2.0)  # has not looked since

        client = one.status().clients[0]
        assert (client.guarantee, client.limit) == (0.5, 0.8)


def test_importance_stays_within_bounds_however_groups_multiply() -> None:
    with farm() as opened:
        deep, flat = "/".join("abcdefgh" * 5), "/".join("qrstuvwx" * 5)
        for path in (deep, flat):
            parts = path.split("/")
            for end in range(1, len(parts) + 1):
                opened.set_group("/".join(parts[:end]), IMPORTANCES[1] if path == deep else IMPORTANCES[0])
        opened.submit(job("most", group=deep, deadline=5000.0))
        opened.submit(job("least", group=flat, deadline=5000.0))

        seen = jobs_of(opened.state, list(opened.state.jobs.values()), {"film": 0})

        assert seen.importance.tolist() == [IMPORTANCES[1], IMPORTANCES[0]]
        assert opened.forecast("most").on_time > 0.5
        opened.run()
        assert opened.job("least").state == "done"


def test_a_value_next_to_nothing_counts_as_the_least_importance() -> None:
    with farm() as opened:
        opened.submit(job("least", value=5e-324, deadline=5000.0))
        opened.submit(job("most", value=1e15, deadline=5000.0))
        opened.submit(job("none", deadline=5000.0))

        seen = jobs_of(opened.state, list(opened.state.jobs.values()), {"film": 0})

        assert seen.value.tolist() == [IMPORTANCES[0], 1e15, 0.0]
        assert opened.forecast("least").on_time > 0.5


def test_a_job_may_wait_for_its_own_group() -> None:
    with farm() as opened:
        alone = job("a", group="show/sq10", after=(After(group="show"),))
        with pytest.raises(NotFound, match="no group 'show'"):
            opened.submit(alone)
        opened.submit(job("first", group="show/sq10"))

        opened.submit(alone)
        opened.step()

        assert opened.job("a").running == 0
        opened.run()
        assert opened.job("a").state == "done"
        ends = [told.at for told in opened.history(job="first", kinds=("AttemptEnded",))]
        assert min(told.at for told in opened.history(job="a", kinds=("AttemptStarted",))) >= max(ends)
