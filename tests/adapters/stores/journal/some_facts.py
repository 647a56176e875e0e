"""Facts of every kind, drawn and by hand."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from placement.farm.facts import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    ClientSet,
    Decided,
    Fact,
    JobPaused,
    JobSubmitted,
    Outcome,
)
from placement.farm.jobs import Frames, Job, Step

NUMBERS = st.floats(allow_nan=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
FRAMES = st.builds(Frames, first=st.integers(-9, 9), last=st.integers(9, 99), by=st.integers(1, 5))


def drawn(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that the hint allows."""
    plain = {float: NUMBERS, int: WHOLE, str: NAMES, bool: st.booleans(), Frames: FRAMES, type(None): st.none()}
    if hint in plain:
        return plain[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: drawn(hints[field.name]) for field in fields(hint)})
    parts = get_args(hint)
    if get_origin(hint) in {Union, UnionType}:
        return st.one_of([drawn(part) for part in parts])
    if get_origin(hint) is tuple:
        many = parts[-1] is ...
        return st.lists(drawn(parts[0]), max_size=3).map(tuple) if many else st.tuples(*map(drawn, parts))
    return st.dictionaries(*map(drawn, parts), max_size=3) if parts else st.sampled_from(list(hint))


def facts_of(kind: type[Fact]) -> st.SearchStrategy[Fact]:
    """Facts of a kind."""
    hints = get_type_hints(kind)
    drawn_fields = {field.name: drawn(hints[field.name]) for field in fields(kind)}
    return st.builds(kind, **{**drawn_fields, "at": st.floats(-1e12, 1e12)})


def paused(number: int, by: str = "mia") -> JobPaused:
    """A small fact."""
    return JobPaused(at=1000.0 + number, by=by, job=f"job-{number}")


def some_day() -> list[Fact]:
    """Ten facts of a farm, with two users and two clients."""
    job = Job(name="job-1", client="film", steps=(Step(name="render", frames=Frames(last=2)),))
    return [
        ClientSet(at=1.0, by="mia", name="studio"),
        ClientSet(at=2.0, by="mia", name="film", parent="studio"),
        JobSubmitted(at=3.0, by="noor", job=job),
        Decided(at=4.0, by="planner", round=1, waiting=2, running=0, starts=1, stops=0, seconds=0.1,
                history={"film": 3.5}, short_since={"film": 4.0}),
        AttemptStarted(at=4.0, by="planner", attempt=1, job="job-1", step="render", task=0, node="n1", lease=60.0,
                       reason="fastest", forecast=(30.0, 40.0), score=1.5),
        AttemptProgressed(at=10.0, by="engine", attempt=1, lease=70.0, progress=0.2),
        AttemptProgressed(at=20.0, by="engine", attempt=1, lease=80.0, progress=0.6, frames=(1,)),
        AttemptEnded(at=30.0, by="engine", attempt=1, outcome=Outcome.DONE, seconds=26.0, exit_code=0),
        paused(2),
        paused(3, "noor"),
    ]  # fmt: skip
