"""Processes forked off a test: they have everything imported, run one function, and end without the test's clean-up."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable

__all__ = ["ended_well", "forked", "killed"]


def forked(act: Callable[[], None]) -> int:
    """Run a function in a process of its own and return that one's number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        return process
    code = 1
    try:
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended_well(process: int) -> bool:
    """Wait for a process; tell whether it came to its end without an error."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


def killed(process: int) -> None:
    """Kill a process and wait until it is gone."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
