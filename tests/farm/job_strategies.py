"""Jobs that are as they should be, for properties."""

from __future__ import annotations

from hypothesis import strategies as st

from placement.farm.jobs import After, Checkpoint, Frames, Job, Milestone, Preview, Requirements, Step, Waits

NAMES = st.text(st.characters(exclude_categories=("Cs", "Zs", "Cc"), exclude_characters="/{}"), min_size=1, max_size=8)
ARGUMENTS = ["{frame}", "-s {first:04}", "{samples}", "{}", "{{x}}"]
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0{}"), max_size=12)

QUALITY = st.dictionaries(NAMES.map("q".__add__), TEXTS, max_size=2)


@st.composite
def frames(draw: st.DrawFn, most: int = 40) -> Frames:
    first, count = draw(st.integers(-20, 60)), draw(st.integers(1, most))
    by = draw(st.integers(1, 4))
    return Frames(
        first=first, last=first + (count - 1) * by + draw(st.integers(0, by - 1)), by=by, chunk=draw(st.integers(1, 9))
    )


def shared(one: Frames, other: Frames) -> bool:
    return bool(set(range(one.first, one.last + 1, one.by)) & set(range(other.first, other.last + 1, other.by)))


@st.composite
def afters(draw: st.DrawFn, before: list[tuple[str, Frames]], own: Frames) -> After:
    kinds = ["previous", "job", "group", *(["step"] * 5 if before else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "previous":
        return After(waits=Waits.PREVIOUS)
    if kind != "step":
        return After(**{kind: draw(NAMES)})
    name, theirs = draw(st.sampled_from(before))
    known = [waits for waits in Waits if waits is not Waits.SAME or shared(own, theirs)]
    return After(step=name, waits=draw(st.sampled_from(known)))


@st.composite
def requirements(draw: st.DrawFn) -> Requirements:
    gpus = draw(st.sampled_from([0.0, 0.5, 1, 4]))
    return Requirements(
        cores=draw(st.floats(0.25, 64)),
        memory=draw(st.floats(0, 1e6)),
        gpus=gpus,
        gpu_memory=draw(st.floats(0, 1e5)) if gpus else 0.0,
        scratch=draw(st.floats(0, 1e6)),
        tags=tuple(draw(st.lists(NAMES, max_size=3))),
        licence=draw(st.sampled_from(["", "arnold"])),
    )


@st.composite
def steps(draw: st.DrawFn, name: str, before: list[tuple[str, Frames]]) -> Step:
    own = draw(frames())
    checkpoint = draw(st.sampled_from(list(Checkpoint)))
    positive = st.floats(0.1, 1e6)
    return Step(
        name=name,
        frames=own,
        command=(
            "render",
            *draw(st.lists(st.sampled_from(ARGUMENTS), max_size=4)),
        ),
        requirements=draw(requirements()),
        after=tuple(draw(st.lists(afters(before, own), max_size=3))),
        seconds=draw(st.none() | positive),
        quality={
            "samples": draw(st.integers(1, 4096)),
            **draw(QUALITY),
        },
        outputs=tuple(draw(st.lists(st.sampled_from(["a.{frame:04}.exr", "{node}/{frames}"]), max_size=2))),
        formats=tuple(draw(st.lists(NAMES, max_size=2))),
        checkpoint=checkpoint,
        checkpoint_seconds=draw(positive) if checkpoint is Checkpoint.RESUMES else None,
        budget=draw(st.integers(1, 10)),
        timeout=draw(st.none() | positive),
        preview=draw(st.none() | st.builds(Preview, share=st.floats(0.01, 1), every=st.integers(1, 10))),
    )


@st.composite
def jobs(draw: st.DrawFn, most: int = 5) -> Job:
    made: list[Step] = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=most, unique=True)):
        made.append(draw(steps(name, [(each.name, each.frames) for each in made])))
    release = draw(st.none() | st.floats(0, 1e9))
    milestones = [
        Milestone(name=f"m{row}", step=each.name, due=2e9, first=each.frames.first) for row, each in enumerate(made)
    ]
    return Job(
        name=draw(NAMES.map("job-".__add__)),
        client=draw(NAMES),
        steps=tuple(draw(st.permutations(made))),
        group=draw(st.sampled_from(["", "show", "show/seq010/sh0040"])),
        release=release,
        deadline=draw(st.none() | st.floats(release or 0, 2e9)),
        importance=draw(st.floats(1e-3, 1e6)),
        value=draw(st.floats(0, 1e6)),
        milestones=tuple(milestones[: draw(st.integers(0, 3))]),
        after=tuple(draw(st.lists(st.builds(After, group=NAMES), max_size=2))),
        notes=draw(st.dictionaries(NAMES, TEXTS, max_size=2)),
    )
