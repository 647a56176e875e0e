"""Where time goes, module by module: what library code takes counts for the module that called it."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from typing import Any

__all__ = ["shares_of"]

_PACKAGE = "/placement/"
_Function = tuple[str, int, str]


def shares_of(call: Callable[[], object]) -> dict[str, float]:
    """Call it under a profiler and return each module's share of the time, largest first.

    Profiling slows small Python functions more than work on large arrays: the shares are near the truth, not the truth.

    Examples
    --------
    >>> from placement.scheduling.slot_plan import longest_first
    >>> import numpy as np
    >>> none, one = np.zeros(9, int), np.ones((9, 1))
    >>> list(shares_of(lambda: longest_first(none, one, none[:1], np.zeros(1))))[0]
    'scheduling.slot_plan'
    """
    profile = cProfile.Profile()
    profile.runcall(call)
    spent = _own(pstats.Stats(profile).stats)  # type: ignore[attr-defined]
    modules: dict[str, float] = {}
    for function, seconds in spent.items():
        name = _module(function)
        modules[name] = modules.get(name, 0.0) + seconds
    total = sum(modules.values())
    return {name: seconds / total for name, seconds in sorted(modules.items(), key=lambda each: -each[1])}


def _module(function: _Function) -> str:
    where = function[0].replace("\\", "/")
    return where.rsplit(_PACKAGE, 1)[1].removesuffix(".py").replace("/", ".") if _ours(function) else "other"


def _ours(function: _Function) -> bool:
    return _PACKAGE in function[0].replace("\\", "/")


def _own(stats: dict[_Function, Any]) -> dict[_Function, float]:
    """Return seconds by function of ours: its own, and those of library functions below it, by how long it had them."""
    spent = {function: found[2] for function, found in stats.items()}
    for _ in range(len(stats)):
        rest = [each for each in spent if spent[each] > 0 and not _ours(each) and stats[each][4]]
        if not rest:
            break
        for function in rest:
            seconds, callers = spent[function], stats[function][4]
            spent[function] = 0.0
            whole = sum(caller[3] for caller in callers.values())
            for caller, took in callers.items():
                part = took[3] / whole if whole > 0 else 1.0 / len(callers)
                spent[caller] = spent.get(caller, 0.0) + seconds * part
    return spent
