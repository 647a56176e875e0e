"""Processes of this machine: started without a shell, found with all their descendants, measured, killed whole."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep

import psutil

from placement.adapters.engines import wrapper
from placement.units import MiB, Seconds

__all__ = ["MARK", "Trees", "ended", "kill", "marked", "spawn", "terminate"]

#: Environment variable that all processes of an attempt inherit: its folder.
MARK = "PLACEMENT_FOLDER"

_MIB = 1024.0**2
_TURN = 0.01


class Trees:
    """Who descends from whom, at one instant."""

    def __init__(self) -> None:
        self._below: dict[int, list[int]] = {}
        for pid in psutil.pids():
            try:
                self._below.setdefault(psutil.Process(pid).ppid(), []).append(pid)
            except psutil.Error:
                continue

    def below(self, pid: int) -> list[int]:
        """Return all descendants of a process, parents before children."""
        found = list(self._below.get(pid, ()))
        for each in found:
            found.extend(self._below.get(each, ()))
        return found

    def memory(self, pid: int) -> MiB:
        """Return what the descendants of a process hold in memory; pages that they share count for each of them."""
        total = 0
        for each in self.below(pid):
            try:
                total += psutil.Process(each).memory_info().rss
            except psutil.Error:
                continue
        return total / _MIB


def spawn(folder: Path, environment: Mapping[str, str]) -> int:
    """Start the wrapper of an attempt's folder; return its process id."""
    command = [sys.executable, "-I", "-S", wrapper.__file__, str(folder)]
    nothing = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_RDWR, 0) for each in (0, 1, 2)]
    return os.posix_spawn(sys.executable, command, {**environment, MARK: str(folder)}, file_actions=nothing)


def ended(pid: int) -> bool | None:
    """Tell whether a child of this process is over, and reap it; None: it is no child."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return None


def marked(folder: Path) -> list[int]:
    """Return all processes of an attempt, by the mark that they inherit; those of other users cannot be seen."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def kill(pid: int, folder: Path, within: Seconds, *, whole: bool) -> bool:
    """Kill the descendants of a wrapper, until there are none; if `whole`, itself and all that are marked, too.

    Returns
    -------
    bool
        Whether nothing was left within these seconds.
    """
    until = monotonic() + within
    while True:
        targets: Sequence[int] = Trees().below(pid) if pid else ()
        if whole:
            targets = [*targets, *marked(folder)]
        alive = [each for each in targets if each != os.getpid() and _signal(each, signal.SIGKILL)]
        if not alive or monotonic() > until:
            return not alive
        sleep(_TURN)


def _signal(pid: int, number: signal.Signals) -> bool:
    """Send a signal; return whether the process is there and no zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.send_signal(number)
    except psutil.Error:
        return False
    return True


def terminate(pid: int) -> None:
    """Ask all descendants of a wrapper to end; it passes the wish on where there are none yet."""
    for each in Trees().below(pid) or [pid]:
        _signal(each, signal.SIGTERM)
