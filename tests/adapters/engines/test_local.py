"""The local engine with real processes: ends, trees, limits, logs, fences, and engines that come after it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any

import psutil
import pytest

from placement.adapters.engines.folders import Folder, Patterns, Settings
from placement.adapters.engines.local import LocalEngine
from placement.adapters.engines.processes import kill, marked
from placement.control.messages import Report, Said, Start, Stop
from placement.errors import InvalidInput

QUICK = Settings(grace=0.5, watch=0.05, progress=0.05, alive=60.0)
LONG = "import time; time.sleep(60)"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., LocalEngine]]:
    """Make engines on one folder; whatever they leave behind is killed."""

    def of(nodes: tuple[str, ...] = ("n1", "n2"), settings: Settings = QUICK) -> LocalEngine:
        return LocalEngine(tmp_path, nodes, settings=settings)

    yield of
    for folder in (tmp_path / "attempts").glob("*"):
        assert kill(0, folder, 5.0, whole=True)
        reap()


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def order(attempt: int, script: str = "", *arguments: str, **fields: Any) -> Start:
    known: dict[str, Any] = {"task": ("job", "step", attempt), "node": "n1", "frames": (1,)}
    command = fields.pop("command", (sys.executable, "-S", "-c", script, *arguments))
    return Start(attempt=attempt, command=command, **known | fields)


def hear(engine: LocalEngine, until: Callable[[list[Report]], object], within: float = 15.0) -> list[Report]:
    """Hear until a condition on all that was heard holds."""
    heard: list[Report] = []
    deadline = monotonic() + within
    while not until(heard):
        assert monotonic() < deadline, heard
        heard += engine.hear(time() + 0.2)
    return heard


def ends(heard: list[Report]) -> list[Report]:
    return [each for each in heard if each.said is Said.ENDED]


def end(engine: LocalEngine, number: int = 1) -> Report:
    """Hear so many ends, and a little longer that there are no more; return the last."""
    heard = hear(engine, lambda heard: len(ends(heard)) >= number)
    heard += [each for _ in range(3) for each in engine.hear(time() + 0.02)]
    assert len(ends(heard)) == number
    return ends(heard)[-1]


def wait_for(path: Path) -> str:
    deadline = monotonic() + 15.0
    while not path.exists() or not path.read_text():
        assert monotonic() < deadline, path
        sleep(0.01)
    return path.read_text()


def wait_until_gone(folder: Path) -> None:
    deadline = monotonic() + 15.0
    while marked(folder):
        assert monotonic() < deadline
        reap()
        sleep(0.02)


def test_a_success_tells_time_memory_outputs_and_last_words(make, tmp_path):
    out = tmp_path / "a b;$(x).exr"
    script = "import sys, time; time.sleep(0.2); open(sys.argv[1], 'w').close(); print('one\\ntwo\\n\\nthree\\nfour')"
    engine = make()

    engine.start([order(1, script, str(out), outputs=(str(out),), frames=(3, 4))])
    report = end(engine)

    assert (report.exit_code, report.signal, report.cause, report.node) == (0, None, "", "n1")
    assert (report.progress, report.saved, report.frames) == (1.0, 1.0, (3, 4))
    assert report.outputs == (str(out),)
    assert report.detail == "two\nthree\nfour"
    assert 0.2 <= report.seconds < 5.0
    assert 3.0 < report.memory < 200.0


@pytest.mark.parametrize(
    ("script", "exit_code", "number"),
    [("raise SystemExit(7)", 7, None), ("import os; os.kill(os.getpid(), 11)", None, 11)],
)
def test_a_failure_tells_exit_code_or_signal(make, script, exit_code, number):
    engine = make()

    engine.start([order(1, script, outputs=("never",))])
    report = end(engine)

    assert (report.exit_code, report.signal, report.cause) == (exit_code, number, "")
    assert report.progress == 0.0
    assert report.outputs == ()


def test_a_missing_output_is_no_success(make, tmp_path):
    there = tmp_path / "there"
    there.touch()
    engine = make(settings=Settings(cwd=tmp_path))

    engine.start([order(1, "print('all fine')", outputs=("there", "missing.exr"))])
    report = end(engine)

    assert (report.exit_code, report.cause, report.outputs) == (0, "no output", ("there",))
    assert report.detail == "'missing.exr' is not there\nall fine"


def test_a_program_that_is_not_there_is_the_nodes_fault(make):
    engine = make()

    engine.start([order(1, command=("/no/such/renderer", "-x"))])
    report = end(engine)

    assert report.cause == "node"
    assert "could not start: FileNotFoundError" in report.detail
    assert report.exit_code is None


def test_what_patterns_of_causes_find_is_named(make):
    engine = make(settings=Settings(patterns=Patterns(causes={"licence": r"no licen[cs]e", "scene": "broken"})))

    engine.start([order(1, "print('no license left'); raise SystemExit(1)"), order(2, "raise SystemExit('broken')")])
    heard = {each.attempt: each.cause for each in ends(hear(engine, lambda heard: len(ends(heard)) == 2))}

    assert heard == {1: "licence", 2: "scene"}


def test_arguments_meet_no_shell_and_the_environment_tells_the_order(make, tmp_path, monkeypatch):
    monkeypatch.delenv("PLACEMENT_NEEDS_POSTGRES", raising=False)
    script = (
        "import json, os, sys; json.dump([sys.argv[2:], os.getcwd(), sys.stdin.read(), "
        "{k: v for k, v in os.environ.items() if k.startswith('PLACEMENT_') or k == 'X'}], open(sys.argv[1], 'w'))"
    )
    odd = ("$(id)", "a;b|c&&d", "", "* ?", "'\"\\", "new\nline", "é🎬")
    engine = make(settings=Settings(cwd=tmp_path, environment={"X": "y z"}))

    engine.start([order(5, script, "told", *odd, cores=2.5, memory=4096.0, saved=0.25)])
    assert end(engine).exit_code == 0

    arguments, cwd, stdin, variables = json.loads((tmp_path / "told").read_text())
    assert tuple(arguments) == odd
    assert (cwd, stdin) == (str(tmp_path), "")
    assert variables.pop("PLACEMENT_FOLDER") == str(tmp_path / "attempts" / "5")
    assert variables == {
        "PLACEMENT_ATTEMPT": "5", "PLACEMENT_JOB": "job", "PLACEMENT_STEP": "step", "PLACEMENT_TASK": "5",
        "PLACEMENT_NODE": "n1", "PLACEMENT_CORES": "2.5", "PLACEMENT_GPUS": "0.0", "PLACEMENT_MEMORY": "4096.0",
        "PLACEMENT_SAVED": "0.25", "PLACEMENT_MODE": "0", "X": "y z",
    }  # fmt: skip


FAMILY = """
import os, sys, time
for kind in ("child", "session", "orphan"):
    if os.fork() == 0:
        if kind != "child":
            os.setsid()
        if kind == "orphan" and os.fork():
            os._exit(0)
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(os.path.join(sys.argv[1], kind), "w").write(str(os.getpid()))
        time.sleep(60)
        os._exit(0)
"""


def family(folder: Path) -> list[int]:
    return [int(wait_for(folder / kind)) for kind in ("child", "session", "orphan")]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def test_a_tree_is_killed_whole_with_those_who_left_it(make, tmp_path):
    engine = make()
    engine.start([order(1, FAMILY + "time.sleep(60)", str(tmp_path))])
    pids = family(tmp_path)
    assert alive(pids) == pids

    engine.stop([Stop(attempt=1, node="n1"), Stop(attempt=1, node="n1")])
    report = end(engine)

    assert report.cause == "interrupted"
    assert report.signal == signal.SIGTERM
    assert alive(pids) == []


def test_what_a_success_leaves_behind_is_killed(make, tmp_path):
    engine = make()
    engine.start([order(1, FAMILY + "time.sleep(0.5)", str(tmp_path))])
    pids = family(tmp_path)

    report = end(engine)

    assert (report.exit_code, report.cause) == (0, "")
    assert alive(pids) == []


def test_who_cleans_up_when_asked_is_given_the_grace(make, tmp_path):
    script = (
        "import signal, sys, time\n"
        "def leave(*_):\n    open(sys.argv[2], 'w').write('saved'); print('saved: 40%', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave); open(sys.argv[1], 'w').write('x'); time.sleep(60)"
    )
    engine = make(settings=Settings(grace=30.0, watch=0.05))
    engine.start([order(1, script, str(tmp_path / "up"), str(tmp_path / "kept"), checkpoint="resumes")])
    wait_for(tmp_path / "up")

    engine.stop([Stop(attempt=1, node="n1")])
    report = end(engine)

    assert (tmp_path / "kept").read_text() == "saved"
    assert (report.cause, report.exit_code, report.saved) == ("interrupted", 0, 0.4)
    assert report.detail == "stopped\nsaved: 40%"


def test_too_much_memory_is_seen_and_killed(make):
    engine = make()

    engine.start([order(1, f"import os\nif os.fork() == 0:\n    x = b'1' * (300 << 20)\n{LONG}", memory=200.0)])
    report = end(engine)

    assert report.cause == "out of memory"
    assert report.signal == signal.SIGKILL
    assert report.memory > 200.0
    assert "MiB of 200 MiB" in report.detail


def test_a_failure_that_had_too_much_memory_is_out_of_memory(make):
    engine = make(settings=Settings(watch=60.0))

    engine.start([order(1, "x = b'1' * (150 << 20); raise SystemExit(1)", memory=100.0)])
    report = end(engine)

    assert (report.cause, report.exit_code) == ("out of memory", 1)


def test_a_timeout_ends_it(make):
    engine = make()

    engine.start([order(1, LONG, timeout=0.3)])
    report = end(engine)

    assert (report.cause, report.signal) == ("timeout", signal.SIGTERM)
    assert 0.1 < report.seconds < 10.0
    assert report.detail == "stopped after 0.3 s"


def test_a_flood_leaves_a_log_of_the_size_that_is_kept(make, tmp_path):
    engine = make(settings=Settings(log_bytes=100_000))

    engine.start([order(1, "for n in range(200_000): print('x' * 50, n)\nprint('\\x1b[1mlast\\0 words')")])
    report = end(engine)

    files = list((tmp_path / "attempts" / "1").glob("log*"))
    assert len(files) == 2
    assert all(each.stat().st_size <= 100_000 for each in files)
    assert report.detail.splitlines()[-1] == "[1mlast words"
    assert len(report.detail) <= 500


RENDER = """
import sys, time
for n in range(1, 1 + int((sys.argv[1:] or [4])[0])):
    for p in (50, 100):
        print(f"progress {p}%", flush=True)
        time.sleep(0.15)
    print(f"frame {n} done", flush=True)
    if n == 2:
        print("saved 60%", flush=True)
"""


def test_progress_is_heard_and_grows(make):
    engine = make()
    engine.start([order(1, RENDER, frames=(1, 2, 3, 4), checkpoint="frames")])

    heard = hear(engine, ends)
    news = [each for each in heard if each.said is Said.PROGRESS]

    assert len(news) >= 3
    assert [each.progress for each in news] == sorted(each.progress for each in news)
    assert {each.progress * 8 % 1 for each in news} == {0.0}
    assert len({each.frames for each in news} & {(1,), (1, 2), (1, 2, 3)}) >= 2
    assert all(each.saved == len(each.frames) / 4 for each in news)
    assert all(each.memory > 0 for each in news[1:])


def test_it_ends_after_its_frame_and_tells_what_is_kept(make):
    engine = make()
    frames = tuple(range(1, 21))
    engine.start([order(1, RENDER, "20", frames=frames, checkpoint="frames"), order(2, RENDER, frames=(1, 2))])
    hear(engine, lambda heard: any(each.frames for each in heard))

    engine.stop([Stop(attempt=1, node="n1", now=False), Stop(attempt=2, node="n1", now=False)])
    heard = {each.attempt: each for each in ends(hear(engine, lambda heard: len(ends(heard)) == 2))}

    assert heard[1].cause == "interrupted"
    done = len(heard[1].frames)
    assert 2 <= done < 20
    assert heard[1].frames == frames[:done]
    assert heard[1].saved == done / 20
    assert (heard[2].cause, heard[2].exit_code) == ("", 0)  # it keeps no frames: it ends all of them


def test_what_earlier_attempts_finished_counts(make):
    engine = make()

    engine.start(
        [order(1, "print('frame 3 done'); raise SystemExit(1)", frames=(1, 2, 3, 4), saved=0.5, checkpoint="frames")]
    )
    report = end(engine)

    assert (report.frames, report.saved, report.progress) == ((1, 2, 3), 0.75, 0.75)


def test_killed_from_outside_is_a_signal(make, tmp_path):
    engine = make()
    engine.start(
        [order(1, "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));" + LONG, str(tmp_path / "pid"))]
    )

    os.kill(int(wait_for(tmp_path / "pid")), signal.SIGKILL)
    report = end(engine)

    assert (report.signal, report.exit_code, report.cause) == (signal.SIGKILL, None, "")


def test_a_wrapper_killed_from_outside_takes_all_with_it(make, tmp_path):
    engine = make()
    engine.start([order(1, FAMILY + "time.sleep(60)", str(tmp_path))])
    pids = family(tmp_path)

    os.kill(Folder(tmp_path / "attempts" / "1").process()[0], signal.SIGKILL)
    report = end(engine)

    assert report.cause == "node"
    assert "its wrapper was killed" in report.detail
    assert alive(pids) == []


def test_a_wrapper_that_hangs_is_killed_as_well(make, tmp_path):
    engine = make()
    engine.start([order(1, "import sys; open(sys.argv[1], 'w').write('x');" + LONG, str(tmp_path / "up"))])
    wait_for(tmp_path / "up")
    os.kill(Folder(tmp_path / "attempts" / "1").process()[0], signal.SIGSTOP)

    engine.stop([Stop(attempt=1, node="n1")])
    report = end(engine)

    assert report.cause == "interrupted"


def test_the_same_attempt_runs_once_and_says_its_end_again_when_asked(make, tmp_path):
    engine = make()
    script = "import sys; open(sys.argv[1], 'a').write('x')"
    once = order(1, script, str(tmp_path / "runs"))

    engine.start([once, once])
    first = end(engine)
    engine.start([once])
    second = end(engine)
    engine.stop([Stop(attempt=1, node="n1")])

    assert end(engine) == second == first
    assert (tmp_path / "runs").read_text() == "x"


def test_another_farms_attempt_of_the_same_number_is_no_answer(make):
    engine = make()
    engine.start([order(1, "")])
    assert end(engine).exit_code == 0

    engine.start([order(1, "", task=("another", "step", 0))])
    report = end(engine)

    assert report.cause == "node"
    assert report.detail == "attempt 1 here is of ('job', 'step', 1): the folder is another farm's"


def test_a_younger_attempt_fences_the_older(make, tmp_path):
    engine = make()
    task = ("job", "step", 0)
    engine.start([order(2, FAMILY + "time.sleep(60)", str(tmp_path), task=task)])
    pids = family(tmp_path)

    engine.start([order(1, "", task=task)])
    refused = end(engine)
    assert (refused.attempt, refused.cause) == (1, "unknown attempt")
    assert alive(pids) == pids
    engine.start([order(3, "", task=task)])
    heard = {each.attempt: each for each in ends(hear(engine, lambda heard: len(ends(heard)) == 2))}

    assert heard[2].cause == "interrupted"
    assert "attempt 3 of the task was ordered" in heard[2].detail
    assert heard[3].exit_code == 0
    assert alive(pids) == []


@pytest.mark.parametrize(
    ("asked", "cause", "detail"),
    [
        (order(1, node="n9"), "node", "no such node"),
        (order(1, node="n2"), "node", "the node is not awake"),
        (order(1, command=()), "scene", "there is no command to run"),
        (order(1, command=("a\0b",)), "node", "could not start"),
        (order(1, task=("a\0b", "step", 0)), "node", "could not start"),
    ],
)
def test_what_cannot_run_ends_with_its_cause(make, asked, cause, detail):
    engine = make()
    engine.power("n2", up=False)

    engine.start([asked])
    report = end(engine)

    assert report.cause == cause
    assert detail in report.detail


def test_unknown_attempts_are_said_to_be_unknown(make):
    engine = make()

    engine.stop([Stop(attempt=9, node="n1")])

    assert end(engine).cause == "unknown attempt"


def test_nodes_say_that_they_are_there_with_what_runs(make):
    engine = make(settings=Settings(alive=0.1))
    engine.start([order(1, LONG)])

    heard = hear(engine, lambda heard: len(heard) >= 6)

    assert {each.node for each in heard} == {"n1", "n2"}
    assert all(each.said is Said.ALIVE for each in heard)
    assert [each.running for each in heard if each.node == "n2"] == [()] * (len(heard) // 2)
    assert (1,) in [each.running for each in heard if each.node == "n1"]


def test_nodes_play_that_they_sleep_unless_they_work(make):
    engine = make()
    engine.start([order(1, LONG)])
    engine.hear(time())

    for node, up in (("n1", False), ("n2", False), ("n2", True), ("n9", True)):
        engine.power(node, up=up)

    assert [(each.node, each.said) for each in engine.hear(time())] == [
        ("n1", Said.UP), ("n2", Said.ASLEEP), ("n2", Said.UP),
    ]  # fmt: skip


def test_hearing_ends_when_the_clock_says_so(tmp_path):
    clock = iter(range(100))
    engine = LocalEngine(tmp_path, clock=lambda: float(next(clock)), settings=QUICK)
    engine.hear(0.0)

    start = monotonic()
    assert engine.hear(5.0) == ()
    assert monotonic() - start < 2.0
    assert next(clock) >= 5


def test_several_threads_may_talk_to_it(make):
    engine = make()
    heard: list[Report] = []

    def starts(at: int) -> None:
        engine.start([order(at, ""), order(100 + at, LONG)])
        engine.stop([Stop(attempt=100 + at, node="n1")])

    def hears() -> None:
        deadline = monotonic() + 15.0
        while len(ends(heard)) < 8 and monotonic() < deadline:
            heard.extend(engine.hear(time() + 0.1))

    threads = [threading.Thread(target=starts, args=(at,)) for at in range(1, 5)]
    threads += [threading.Thread(target=hears) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(each.attempt for each in ends(heard)) == [1, 2, 3, 4, 101, 102, 103, 104]


def test_the_next_engine_takes_over_what_runs(make, tmp_path):
    first = make()
    script = "import sys, time; open(sys.argv[1], 'w').write('x'); time.sleep(0.8); raise SystemExit(5)"
    first.start([order(1, script, str(tmp_path / "up")), order(2, FAMILY + "time.sleep(60)", str(tmp_path))])
    wait_for(tmp_path / "up")
    pids = family(tmp_path)
    first.close()
    assert first.hear(time())[0].running == ()

    second = make()
    assert second.hear(time() + 5.0)[0].running == (1, 2)
    second.start([order(1, script, str(tmp_path / "up"))])
    report = end(second)
    second.stop([Stop(attempt=2, node="n1")])

    assert (report.attempt, report.exit_code) == (1, 5)
    assert 0.8 <= report.seconds < 10.0
    assert end(second).cause == "interrupted"
    assert alive(pids) == []


def test_ends_while_nobody_heard_are_told_by_the_next_engine(make, tmp_path):
    first = make()
    first.start([order(1, "raise SystemExit(3)"), order(2, LONG), order(3, "import time; time.sleep(0.5)")])
    hear(first, ends)  # handed out, never confirmed
    wait_for(tmp_path / "attempts" / "2" / "process.json")
    wrapper = Folder(tmp_path / "attempts" / "2").process()
    first.close()
    os.kill(wrapper[0], signal.SIGKILL)
    wait_until_gone(tmp_path / "attempts" / "2")
    wait_until_gone(tmp_path / "attempts" / "3")

    heard = {each.attempt: each for each in ends(hear(make(), lambda heard: len(ends(heard)) == 3))}

    assert (heard[1].exit_code, heard[2].cause, heard[3].exit_code) == (3, "node", 0)


def test_one_stopped_before_it_began_does_not_wait_for_the_grace(make):
    engine = make(settings=Settings(grace=60.0))
    engine.start([order(1, LONG)])

    engine.stop([Stop(attempt=1, node="n1")])

    assert end(engine).cause == "interrupted"


def test_what_was_heard_is_not_told_again(make):
    first = make()
    first.start([order(1, "")])
    end(first)  # hears on, which confirms
    first.close()

    assert ends(list(make().hear(time()))) == []


def test_a_timeout_counts_on_in_the_next_engine(make, tmp_path):
    first = make()
    asked = order(1, "import sys; open(sys.argv[1], 'w').write('x');" + LONG, str(tmp_path / "up"), timeout=1.0)
    first.start([asked])
    wait_for(tmp_path / "up")
    first.close()
    start = monotonic()

    assert end(make()).cause == "timeout"
    assert monotonic() - start < 5.0


def test_a_folder_that_was_never_whole_is_removed(make, tmp_path):
    (tmp_path / "attempts" / "7").mkdir(parents=True)
    (tmp_path / "attempts" / "7" / "order.json").write_text('{"attempt": 7')
    (tmp_path / "attempts" / "note").touch()

    make()

    assert [each.name for each in (tmp_path / "attempts").iterdir()] == ["note"]


def test_old_folders_are_removed_and_old_orders_refused(make, tmp_path):
    settings = Settings(keep=1, watch=0.05)
    engine = make(settings=settings)
    for attempt in (1, 2, 3):
        engine.start([order(attempt, "")])
        end(engine)

    assert [each.name for each in (tmp_path / "attempts").iterdir()] == ["3"]
    engine.start([order(1, "")])
    assert end(engine).cause == "unknown attempt"
    later = make(settings=settings)
    later.start([order(2, "")])
    assert end(later).cause == "unknown attempt"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda path: LocalEngine(path, []), "at least one name"),
        (lambda path: LocalEngine(path, ["a", "a"]), "each once"),
        (lambda path: Settings(poll=0.0), "poll 0.0 must be above 0"),
        (lambda path: Settings(grace=float("nan")), "grace nan must be >= 0"),
        (lambda path: Patterns(frame="("), "is no regular expression"),
        (lambda path: Patterns(progress="%"), "has no group"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, wrong, message):
    with pytest.raises(InvalidInput, match=message):
        wrong(tmp_path)
