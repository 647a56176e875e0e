"""Processes of their own, on as many cores as a bar allows, so that what is timed shares nothing with who times it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from placement.errors import InvalidInput

__all__ = ["cores", "environment", "run"]

#: Of what a child may print; the rest is thrown away.
_TAIL = 2_000


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Keep this process and its children to so many cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_cores)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def environment() -> dict[str, str]:
    """Return this process's environment, with one thread for linear algebra."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run(*arguments: str) -> str:
    """Run Python with these arguments and return what it printed.

    Raises
    ------
    InvalidInput
        It failed; the message ends with what it said.
    """
    done = subprocess.run([sys.executable, *arguments], env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise InvalidInput(f"python {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-_TAIL:]}")
    return done.stdout
