"""The smallest case that still fails: fewer kinds of faults, fewer jobs, fewer steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from placement.testing.faults.kinds import Case, Fault
from placement.testing.faults.world import play

__all__ = ["shrunk"]


def shrunk(case: Case, fails: Callable[[Case], bool] = lambda case: bool(play(case).broken)) -> Case:
    """Return a case that fails and of which nothing more can be left out, one thing at a time.

    Parameters
    ----------
    case
        Fails.
    fails
        Whether one does; by default it is played.

    Examples
    --------
    >>> small = shrunk(Case(seed=5), lambda case: case.jobs >= 2 and Fault.TORN not in case.without)
    >>> small.jobs, small.steps, set(Fault) - small.without
    (2, 1, {<Fault.TORN: 'torn'>})
    """
    while (smaller := next((each for each in _smaller(case) if fails(each)), None)) is not None:
        case = smaller
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Yield cases with less in them, those with much less first."""
    left = [fault for fault in Fault if fault not in case.without]
    if len(left) > 2:
        yield replace(case, without=case.without | set(left))
        yield replace(case, without=case.without | set(left[len(left) // 2 :]))
        yield replace(case, without=case.without | set(left[: len(left) // 2]))
    if case.steps > 1:
        yield replace(case, steps=case.steps // 2)
    if case.jobs > 1:
        yield replace(case, jobs=case.jobs // 2)
    for fault in left:
        yield replace(case, without=case.without | {fault})
    if case.jobs > 1:
        yield replace(case, jobs=case.jobs - 1)
    if case.steps > 8:
        yield replace(case, steps=case.steps * 7 // 8)
    if case.steps > 1:
        yield replace(case, steps=case.steps - 1)
