"""What users hand in: refused with the path to the fault, filled in without a shell, and plain data there and back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.errors import InvalidInput
from placement.farm.graph import check, fill
from placement.farm.job_data import as_data, job_of
from placement.farm.jobs import After, Checkpoint, Frames, Job, Milestone, Preview, Requirements, Step, Waits
from tests.farm.job_strategies import TEXTS, jobs

LIGHT = Step(name="light", frames=Frames(last=10), command=("render", "{frame}"))
COMP = Step(name="comp", frames=Frames(last=10), after=(After(step="light", waits=Waits.SAME),))
JOB = Job(name="sh010", client="film", steps=(LIGHT, COMP), release=100.0, deadline=200.0)


def step(**fields: Any) -> Job:
    return replace(JOB, steps=(LIGHT, replace(COMP, **fields)))


def needs(**fields: Any) -> Job:
    return step(requirements=Requirements(**fields))


def waits(*args: Any, **fields: Any) -> Job:
    return step(after=(After(*args, **fields),))


def due(**fields: Any) -> Job:
    return replace(JOB, milestones=(Milestone(**({"name": "wip", "step": "light", "due": 150.0} | fields)),))


class Odd:
    def __repr__(self) -> str:
        raise ZeroDivisionError


FAULTS = [
    ("sh010", "job: must be a Job, got 'sh010'"),
    (replace(JOB, name=""), "job '': name: must not be empty"),
    (replace(JOB, name="a/b"), "job 'a/b': name: 'a/b' must not hold '/'"),
    (replace(JOB, name=7), "job 7: name: must be a text, got 7"),
    (replace(JOB, name="a\0"), r"must not hold '\x00'"),
    (replace(JOB, name="\ud800"), "is no valid Unicode"),
    (replace(JOB, name=Odd()), "must be a text, got something of type Odd"),
    (replace(JOB, client=" "), "job 'sh010': client: must not be empty"),
    (replace(JOB, group="show//sh"), "group: 'show//sh' has an empty part, expected a path such as"),
    (replace(JOB, release="now"), "job 'sh010': release: must be a number, finite, got 'now'"),
    (replace(JOB, deadline=float("nan")), "deadline: must be a number, finite, got nan"),
    (replace(JOB, deadline=99.5), "job 'sh010': deadline 99.5 s is before release 100 s"),
    (replace(JOB, importance=0), "importance: must be a number >= 1e-09, got 0"),
    (replace(JOB, importance=float("inf")), "importance: must be a number >= 1e-09, got inf"),
    (replace(JOB, importance=10**400), "importance: a whole number of 1329 bits is too large, expected at most 1e+09"),
    (replace(JOB, importance=True), "importance: must be a number >= 1e-09, got True"),
    (replace(JOB, value=-1.0), "value: must be a number >= 0, got -1.0"),
    (replace(JOB, notes={"a": 1}), "notes['a']: must be a text, got 1"),
    (replace(JOB, notes={1: "a"}), "a name in notes: must be a text, got 1"),
    (replace(JOB, notes=()), "notes: must be a mapping, got ()"),
    (replace(JOB, steps=()), "job 'sh010': steps: there is none, expected at least one"),
    (replace(JOB, steps=[LIGHT]), "steps: must be a tuple, got [Step("),
    (replace(JOB, steps=(LIGHT, None)), "steps[1]: must be a Step, got None"),
    (replace(JOB, steps=(LIGHT, LIGHT)), "steps[1] 'light': steps[0] has the same name"),
    (replace(JOB, after=(After(step="light"),)), "after[0]: a job waits for jobs and groups as a whole, not for steps"),
    (replace(JOB, after=(After(waits=Waits.PREVIOUS),)), "after[0]: a job waits for jobs and groups as a whole"),
    (replace(JOB, after=(After(job="sh010"),)), "after[0]: the job waits for itself: sh010 -> sh010"),
    (replace(JOB, after=("light",)), "after[0]: must be a After, got 'light'"),
    (due(name=""), "milestones[0].name: must not be empty"),
    (due(step="lihgt"), "milestones[0] 'wip': no step 'lihgt' (did you mean 'light'?)"),
    (due(due=float("nan")), "milestones[0] 'wip': due: must be a number, finite, got nan"),
    (due(due=99.0), "milestones[0] 'wip': due 99 s is before release 100 s"),
    (due(first=0), "milestones[0] 'wip': frames 0 to 10 are not within 1 to 10 of step 'light'"),
    (due(last=11), "frames 1 to 11 are not within 1 to 10"),
    (due(first=5, last=4), "frames 5 to 4 are not within"),
    (due(first=1.0), "milestones[0] 'wip': first: must be a whole number from"),
    (replace(JOB, milestones=due().milestones * 2), "milestones[1] 'wip': a milestone before it has the same name"),
    (replace(due(first=2, last=2), steps=(replace(LIGHT, frames=Frames(last=9, by=2)),)), "1 to 9 by 2, is in 2 to 2"),
    (step(name="a/b"), "steps[1] 'a/b': name: 'a/b' must not hold '/'"),
    (step(frames=(1, 10)), "steps[1] 'comp': frames: must be a Frames, got (1, 10)"),
    (step(job_type=""), "steps[1] 'comp': job_type: must not be empty"),
    (step(requirements={}), "requirements: must be a Requirements, got {}"),
    (needs(cores=-1), "steps[1] 'comp': requirements.cores: must be a number >= 0, got -1"),
    (needs(memory=float("nan")), "requirements.memory: must be a number >= 0, got nan"),
    (needs(scratch=float("inf")), "requirements.scratch: must be a number >= 0, got inf"),
    (needs(cores="4"), "requirements.cores: must be a number >= 0, got '4'"),
    (needs(cores=0), "requirements: cores and gpus are both 0, expected some of either"),
    (needs(gpu_memory=8192), "requirements: gpu_memory 8192 MiB is asked for, but gpus is 0"),
    (needs(tags="linux"), "requirements.tags: must be a tuple, got 'linux'"),
    (needs(tags=("",)), "requirements.tags[0]: must not be empty"),
    (needs(licence=None), "requirements.licence: must be a text, got None"),
    (waits(step="lgiht"), "job 'sh010': steps[1] 'comp': after[0]: no step 'lgiht' (did you mean 'light'?)"),
    (waits(step="zzz"), "after[0]: no step 'zzz'"),
    (waits(), "after[0]: none of step, job and group is given; only Waits.PREVIOUS means the step itself"),
    (waits(step="light", job="x"), "after[0]: step and job are given, expected exactly one of step, job and group"),
    (waits(group="show", waits=Waits.ANY), "after[0]: a group is waited for as a whole, waits must be Waits.ALL"),
    (waits(job="x", waits=Waits.PREVIOUS), "after[0]: a job is waited for as a whole"),
    (waits(job="sh010"), "steps[1] 'comp': after[0]: the job waits for itself"),
    (waits(step="light", waits="all"), "after[0].waits: must be one of Waits.ALL, Waits.SAME, "),
    (waits(step=3), "after[0].step: must be a text, got 3"),
    (waits(step="comp"), "job 'sh010': steps wait for each other: comp -> comp"),
    (step(seconds=0), "seconds: must be a number above 0, got 0"),
    (step(timeout=-5), "timeout: must be a number above 0, got -5"),
    (step(quality={"frame": 1}), "quality['frame']: the name is taken, {frame} is filled in for every step"),
    (step(quality={"a{": 1}), "a name in quality: 'a{' must not hold '{'"),
    (step(quality={"spp": float("nan")}), "quality['spp']: must be a number, finite, got nan"),
    (step(quality={"spp": None}), "quality['spp']: must be a number, finite, got None"),
    (step(quality={"spp": "\0"}), "quality['spp']: "),
    (step(command=("r", "{frmae}")), "command[1]: unknown placeholder '{frmae}' (did you mean 'frame'?); known"),
    (step(command="render"), "command: must be a tuple, got 'render'"),
    (step(command=("", "x")), "command[0]: must not be empty"),
    (step(command=("r", b"x")), "command[1]: must be a text, got b'x'"),
    (step(command=("r", "x" * 100_001)), "command[1]: 100,001 characters, expected at most 100,000"),
    (step(outputs=("{fist}.exr",)), "outputs[0]: unknown placeholder '{fist}' (did you mean 'first'?)"),
    (step(outputs=("{node:04}",)), "outputs[0]: '{node:04}': only frame, first, last, attempt can be padded"),
    (step(outputs=("{frame:x}",)), "outputs[0]: '{frame:x}': only"),
    (step(formats=("",)), "formats[0]: must not be empty"),
    (step(checkpoint="frames"), "checkpoint: must be one of Checkpoint.NONE, "),
    (step(checkpoint=Checkpoint.RESUMES), "checkpoint_seconds is not given, expected with Checkpoint.RESUMES"),
    (step(budget=0), "budget: must be a whole number from 1 to 1,000,000, got 0"),
    (step(budget=2.0), "budget: must be a whole number from 1 to 1,000,000, got 2.0"),
    (step(preview=0.1), "preview: must be a Preview, got 0.1"),
    (step(preview=Preview(share=0)), "preview.share: must be a number above 0, got 0"),
    (step(preview=Preview(share=1.5)), "preview.share: 1.5 is too large, expected at most 1"),
    (step(preview=Preview(every=0)), "preview.every: must be a whole number from 1 to"),
    (step(frames=Frames(last=10_000_000)), "steps[1] 'comp': 10,000,010 frames up to here, expected at most 10,"),
    (step(frames=Frames(last=9_000_000), after=(After(step="light", waits=Waits.SAME),) * 3), "27,000,000 frames wait"),
    (step(after=(After(job="x"),) * 100_001), "after: 100,001 of them, expected at most 100,000"),
    (step(quality={f"q{each}": 1 for each in range(100_001)}), "quality: 100,001 entries, expected at most 100,000"),
]  # fmt: skip


@pytest.mark.parametrize(("job", "message"), FAULTS, ids=[message[:60] for _, message in FAULTS])
def test_a_fault_is_refused_with_the_path_to_it(job: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(job)

    assert message in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_the_job_that_the_faults_were_made_of_is_taken() -> None:
    check(JOB)
    check(due(first=2, last=9))
    check(waits(waits=Waits.PREVIOUS))
    check(waits(step="comp", waits=Waits.PREVIOUS))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"first": 10**400}, "frames: first: must be a whole number from"),
        ({"last": "10"}, "frames: last: must be a whole number from"),
        ({"by": 0}, "frames: by: must be a whole number from 1 to"),
        ({"chunk": True}, "frames: chunk: must be a whole number from 1 to"),
        ({"first": 2, "last": 1}, "frames 2 to 1 by 1: the range is empty"),
    ],
)
def test_frames_check_themselves(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Frames(**fields)


@pytest.mark.parametrize("task", [-1, 4, "0", None, True, 10**400])
def test_no_other_task_has_frames(task: Any) -> None:
    with pytest.raises(InvalidInput, match="is none of the 4 of frames 1 to 10"):
        Frames(last=10, chunk=3).of(task)


def test_placeholders_are_filled_in() -> None:
    asked = replace(
        LIGHT,
        frames=Frames(first=-3, last=7, by=2, chunk=4),
        command=(
            "r",
            "{frame:05}",
            "{first:02d}:{last}",
            "{frames}",
            "{attempt:06}@{node}",
            "{spp}/{gi}",
            "{{spp}}",
            "{}{1}",
        ),
        outputs=("{frame:04}.exr", "{first}-{last}.json", "{first}-{last}.json"),
        quality={"spp": 1.5, "gi": False},
    )

    command, outputs = fill(asked, 1, 42, "n{frame}")

    assert command == ("r", "00005", "05:7", "5,7", "000042@n{frame}", "1.5/false", "{spp}", "{}{1}")
    assert outputs == ("0005.exr", "0007.exr", "5-7.json")
    assert fill(asked, 0, 1, "n")[0][1] == "-0003"


def test_what_was_never_checked_is_still_refused() -> None:
    with pytest.raises(InvalidInput, match=r"unknown placeholder '{frmae}'"):
        fill(replace(LIGHT, command=("r", "{frmae}")), 0, 1, "n")


@given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
def test_no_shell_and_no_format_looks_at_arguments(arguments: list[str], look: str) -> None:
    check(asked := step(command=("r", *arguments, "{look}"), quality={"look": look}))

    assert fill(asked.steps[1], 0, 1, "n")[0] == ("r", *arguments, look)


def test_odd_characters_arrive_at_the_program() -> None:
    odd = ("$(touch x); `ls` && rm -rf * | 'q' \"d\" \\ \n\t %PATH% ~ é 🎬", "--x={look}", "", "{{a}} {} }{ {0}")
    tell = "import json, sys; print(json.dumps(sys.argv[1:]))"
    asked = replace(LIGHT, command=(sys.executable, "-c", tell, *odd), quality={"look": "$HOME;#'"})

    command, _ = fill(asked, 0, 1, "n")
    heard = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    assert heard == [odd[0], "--x=$HOME;#'", "", "{a} {} }{ {0}"]


@given(jobs())
def test_a_job_is_plain_data_there_and_back(job: Job) -> None:
    data = json.loads(json.dumps(as_data(job)))

    assert job_of(data) == job


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "job: must be a mapping, got []"),
        ({"client": "a", "steps": []}, "job: name is not given"),
        (
            {"name": "x", "client": "a", "stepps": []},
            "job 'x': unknown key 'stepps' (did you mean 'steps'?); known are",
        ),
        ({"name": "x", "client": "a", "steps": [], 3: 4}, "job 'x': unknown key 3; known are"),
        ({"name": "x", "client": "a", "steps": {}}, "job 'x': steps: must be a list, got {}"),
        ({"name": "x", "client": "a", "steps": [{}]}, "job 'x': steps[0]: name is not given"),
        ({"frames": {"last": 0}}, "job 'x': steps[0] 's': frames: frames 1 to 0 by 1: the range is empty"),
        ({"frames": {"lsat": 0}}, "job 'x': steps[0] 's': frames: unknown key 'lsat' (did you mean 'last'?)"),
        ({"frames": None}, "job 'x': steps[0] 's': frames: must be a mapping, got None"),
        ({"checkpoint": "frmes"}, "checkpoint: 'frmes' is unknown (did you mean 'frames'?); known are none, frames"),
        ({"checkpoint": 1}, "checkpoint: must be one of Checkpoint.NONE"),
        ({"after": [{"step": "s", "waits": "ever"}]}, "steps[0] 's': after[0]: waits: 'ever' is unknown"),
        ({"after": [{"step": "t"}]}, "job 'x': steps[0] 's': after[0]: no step 't'"),
        ({"command": "render -f 1"}, "command: must be a list, got 'render -f 1'"),
        ({"quality": [1]}, "quality: must be a mapping, got [1]"),
        ({"requirements": {"cores": "4"}}, "requirements.cores: must be a number >= 0, got '4'"),
    ],
)
def test_plain_data_is_refused_with_the_path(data: Any, message: str) -> None:
    if isinstance(data, dict) and "client" not in data:
        data = {"name": "x", "client": "a", "steps": [{"name": "s", **data}]}

    with pytest.raises(InvalidInput) as refused:
        job_of(data)

    assert message in str(refused.value)


def test_nouns_may_stand_among_plain_data() -> None:
    data = as_data(JOB) | {"steps": [LIGHT, as_data(JOB)["steps"][1]]}  # type: ignore[call-overload, index]

    assert job_of(data) == JOB
    assert job_of(as_data(step(preview=Preview())) | {"notes": {}}).steps[1].preview == Preview()
    assert job_of({"name": "x", "client": "a", "steps": [{"name": "s", "preview": None}]}).steps[0].preview is None
