"""Fuzzing of what users may call: whatever they send, only documented errors come out.

``python -m placement.testing.fuzz --examples 1000000 --seed 1`` feeds seeded garbage and damaged input to every target;
what a target accepts must keep what the interface promises of it. A finding names target, seed and example, and
``--only EXAMPLE`` plays it again. Exit code 0: nothing was found; 1: something was; 2: an argument is not as expected.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import TypeAlias

from placement.errors import InvalidInput, PlacementError
from placement.farm.given import shown
from placement.farm.graph import check, edges, fill
from placement.farm.job_data import as_data, job_of
from placement.farm.jobs import Frames, Job
from placement.testing.arguments import at_least_one
from placement.testing.garbage import damaged, damaged_noun, job_data, odd, odd_text

__all__ = ["TARGETS", "Finding", "Fuzzed", "Target", "fuzz", "main", "promised", "targets_of"]

#: Draws an input by chance and calls the interface with it; raises what that raises.
Target: TypeAlias = Callable[[Random], object]

_SMALL = 20_000


@dataclass(frozen=True, slots=True)
class Finding:
    """An error that is not documented.

    Parameters
    ----------
    target
        Which one it came out of.
    seed, example
        What plays it again.
    error
        Its traceback.
    """

    target: str
    seed: int
    example: int
    error: str


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What a run came to.

    Parameters
    ----------
    examples
        How many were tried.
    taken
        Of them, how many were accepted, by target; the others were refused with a documented error.
    tried
        How many, by target.
    findings
        Undocumented errors, at most one a target.
    seconds
        That it took.
    """

    examples: int
    taken: Mapping[str, int]
    tried: Mapping[str, int]
    findings: tuple[Finding, ...]
    seconds: float


def _of_data(chance: Random) -> None:
    """Send plain data, damaged now and then; what is accepted survives the way there and back."""
    data = job_data(chance)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        data = damaged(chance, data)
    job = job_of(data)
    promised(chance, job)
    if job_of(as_data(job)) != job:
        raise AssertionError("the job is another after it was plain data")


def _of_nouns(chance: Random) -> None:
    """Check jobs made of nouns with fields that are something else, and now and then what is no job at all."""
    if chance.random() < 0.02:
        check(
            odd(chance) if chance.random() < 0.5 else Job(name=odd(chance), client=odd_text(chance), steps=odd(chance))
        )
    job = job_of(job_data(chance))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        job = damaged_noun(chance, job)
    check(job)
    promised(chance, job)


def _of_frames(chance: Random) -> None:
    """Make ranges of frames, and ask for tasks."""
    names = [name for name in ("first", "last", "by", "chunk") if chance.random() < 0.5]
    frames = Frames(**{name: odd(chance) if chance.random() < 0.1 else chance.randint(1, 99) for name in names})
    found = frames.of(odd(chance) if chance.random() < 0.2 else chance.randrange(-1, 3))
    if not found or found[0] < frames.first or found[-1] > frames.last or len(found) > frames.chunk:
        raise AssertionError(f"{found} are no frames of a task of {frames}")


def promised(chance: Random, job: Job) -> None:
    """Call what must work for every job that was accepted; here even a documented error is a finding."""
    try:
        if sum(step.frames.count for step in job.steps) <= _SMALL:
            _lay_out(job)
        step = chance.choice(job.steps)
        if step.frames.chunk <= _SMALL:
            fill(step, chance.randrange(step.frames.tasks), 1, "node")
    except PlacementError as wrong:
        raise AssertionError(f"refused after it was accepted: {wrong}") from wrong


def _lay_out(job: Job) -> None:
    laid = edges(job)
    if sorted(laid.order) != list(range(len(job.steps))):
        raise AssertionError(f"the order {laid.order} does not hold every step once")
    for waits in laid.waits:
        for wait in waits:
            if len(wait.members) != len(wait.held) or (wait.by_task and wait.begin[-1] != len(wait.members)):
                raise AssertionError(f"the columns of {wait} do not agree")


#: By name; `fuzz` takes others as well.
TARGETS: Mapping[str, Target] = {
    "job_of": _of_data,
    "check": _of_nouns,
    "Frames": _of_frames,
}


def targets_of(where: str) -> Mapping[str, Target]:
    """Import targets.

    Parameters
    ----------
    where
        ``module:name`` of a mapping like `TARGETS`, or of a function that returns one.

    Raises
    ------
    InvalidInput
        There is none.
    """
    module, _, name = where.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, ValueError, AttributeError) as wrong:
        raise InvalidInput(f"no targets at {where!r}: {wrong}") from wrong
    made = found() if callable(found) else found
    if not isinstance(made, Mapping) or not made:
        raise InvalidInput(f"{where!r} must be a mapping of targets, got {shown(made)}")
    return made


def fuzz(
    examples: int,
    seed: int,
    targets: Mapping[str, Target] = TARGETS,
    *,
    first: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Fuzzed:
    """Try examples `first` up to `examples` more, one target after the other; a target with a finding is left alone.

    Targets with the same name up to the first dot take turns, so that each such family gets as many examples.

    Examples
    --------
    >>> fuzz(200, seed=1).findings
    ()
    """
    begun = perf_counter()
    open_ = dict(targets)
    families: dict[str, list[str]] = {}
    for name in targets:
        families.setdefault(name.partition(".")[0], []).append(name)
    turns = list(families.values())
    taken: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    findings = []
    for example in range(first, first + examples):
        family = turns[example % len(turns)]
        name = family[example // len(turns) % len(family)]
        if (target := open_.get(name)) is None:
            continue
        tried[name] += 1
        try:
            target(Random(seed * 2**40 + example))
        except PlacementError:
            pass
        except Exception:  # whatever else comes out is what is looked for
            findings.append(Finding(name, seed, example, traceback.format_exc()))
            del open_[name]
        else:
            taken[name] += 1
        if example % 10_000 == 9_999:
            progress(example + 1 - first)
    return Fuzzed(sum(tried.values()), dict(taken), dict(tried), tuple(findings), perf_counter() - begun)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m placement.testing.fuzz", description=__doc__)
    parser.add_argument("--examples", type=at_least_one, default=100_000, help="how many; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of chance; default: %(default)s")
    parser.add_argument("--only", type=int, help="play this example alone")
    parser.add_argument("--also", action="append", default=[], metavar="MODULE:NAME", help="a mapping of more targets")
    asked = parser.parse_args(arguments)
    try:
        targets = dict(TARGETS)
        for where in asked.also:
            targets |= targets_of(where)
    except PlacementError as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        return 2
    count, first = (asked.examples, 0) if asked.only is None else (1, asked.only)
    done = fuzz(count, asked.seed, targets, first=first, progress=lambda so_far: _say(f"{so_far:,} examples"))
    for name, tried in done.tried.items():
        _say(f"{name}: {tried:,} tried, {done.taken.get(name, 0):,} accepted")
    _say(f"{done.examples:,} examples in {done.seconds:.1f} s, {len(done.findings)} undocumented errors")
    for each in done.findings:
        _say(f"{each.target}: seed {each.seed} example {each.example}\n{each.error}")
    return 1 if done.findings else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
