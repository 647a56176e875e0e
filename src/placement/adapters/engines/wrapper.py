"""Runs one attempt and outlives the engine: ``python -I -S wrapper.py FOLDER``, with nothing but the standard library.

It reads ``order.json`` of the folder and starts the command (a list of arguments, never a shell) in a session of its
own. It keeps the end of what that prints in ``log`` and ``log.old``, and what it says of its progress in
``progress.json``. In the end it kills whatever the command left behind and writes ``result.json``: whoever finds that
file knows how it ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time
from typing import IO, Any

__all__ = ["Log", "Watch", "main", "write"]

_PIECE = 1 << 16
_TURN = 0.1
_PROGRESS_SECONDS = 0.2
_DRAIN_SECONDS = 1.0
_SWEEP_SECONDS = 5.0
_SHORT_TURN = 0.002
_WRITE_TRIES = 20
# From linux/prctl.h.
_DEATH_SIGNAL, _SUBREAPER = 1, 36


def write(folder: str, name: str, said: object) -> None:
    """Write a JSON file that is there whole or not at all."""
    path = os.path.join(folder, name)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(said, file)
    os.replace(f"{path}.new", path)


class Log:
    """The end of what was printed: at most two files of `most` bytes; a full disk costs the log, not the attempt."""

    def __init__(self, folder: str, most: int) -> None:
        self._path = os.path.join(folder, "log")
        self._most = most
        self._size = 0
        self._file: IO[bytes] | None = open(self._path, "wb", buffering=0)  # noqa: SIM115

    def add(self, piece: bytes) -> None:
        """Append what was printed."""
        if self._file is None:
            return
        piece = piece[-self._most :]
        try:
            if self._size + len(piece) > self._most:
                self._file.close()
                os.replace(self._path, f"{self._path}.old")
                self._file, self._size = open(self._path, "wb", buffering=0), 0  # noqa: SIM115
            self._file.write(piece)
            self._size += len(piece)
        except OSError:
            self.close()

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Watch:
    """What the lines that were printed say of progress.

    Parameters
    ----------
    patterns
        Regular expressions under ``"progress"`` (per cent), ``"frame"`` (a number that is finished) and ``"saved"``
        (per cent in the last checkpoint), each with the number as its first group; empty: not looked for.
    """

    def __init__(self, patterns: dict[str, str]) -> None:
        self._patterns = {name: re.compile(each.encode()) for name, each in patterns.items() if each}
        self._rest = b""
        self.frames: dict[int, None] = {}
        self.percent = 0.0
        self.saved = 0.0
        self.changed = False

    def feed(self, piece: bytes) -> None:
        """Look at whole lines, those that end in a carriage return among them; keep the rest for later."""
        text = self._rest + piece
        whole = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        self._rest = text[whole:][-_PIECE:]
        lines = text[:whole]
        found = [(hit.start(), name, hit[1]) for name, each in self._patterns.items() for hit in each.finditer(lines)]
        for _, name, number in sorted(found):
            self._take(name, number)

    def _take(self, name: str, number: bytes) -> None:
        try:
            value = float(number)
        except ValueError:
            return
        self.changed = True
        if name == "frame":
            self.frames[int(value)] = None
            self.percent = 0.0
        elif name == "saved":
            self.saved = max(self.saved, min(value, 100.0))
        else:
            self.percent = min(value, 100.0)

    def said(self) -> dict[str, Any]:
        """Return it as ``progress.json`` holds it."""
        return {"frames": list(self.frames), "percent": self.percent, "saved": self.saved}


def main(folder: str) -> int:
    """Run the attempt of a folder; return 0 when its end is written."""
    with open(os.path.join(folder, "order.json"), encoding="utf-8") as file:
        order = json.load(file)
    if os.getpid() != os.getsid(0):
        os.setsid()
    _control(_SUBREAPER, 1)
    wished: list[int] = []
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, lambda number, _: wished.append(number))  # not SIG_IGN, which the command would inherit
    begun = time.monotonic()
    write(folder, "process.json", {"pid": os.getpid(), "began": time.time()})
    log, watch = Log(folder, order["log_bytes"]), Watch(order["patterns"])
    try:
        child = subprocess.Popen(
            order["command"], cwd=order["cwd"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as wrong:
        return _told(folder, {"error": f"{type(wrong).__name__}: {wrong}", "errno": getattr(wrong, "errno", None)})
    status = _pump(child, folder, log, watch, wished)
    log.close()
    swept = _sweep()
    code = os.waitstatus_to_exitcode(status)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = {
        "exit_code": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
        "seconds": time.monotonic() - begun,
        "memory": peak / 1024.0 if sys.platform != "darwin" else peak / 1024.0**2,
        "swept": swept,
        "progress": watch.said(),
    }
    return _told(folder, result)


def _told(folder: str, result: dict[str, Any]) -> int:
    for _ in range(_WRITE_TRIES):
        try:
            write(folder, "result.json", result)
        except OSError:
            time.sleep(_TURN)
        else:
            return 0
    return 1


def _control(option: int, value: int) -> None:
    """Ask Linux for the parent of orphans below, or for a signal when the parent dies; others have neither."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_parent() -> None:
    _control(_DEATH_SIGNAL, signal.SIGKILL)


def _pump(child: subprocess.Popen[bytes], folder: str, log: Log, watch: Watch, wished: list[int]) -> int:
    """Take in what is printed until the command ends, whoever else still holds its output; return its wait status.

    A wish to end (`wished`) is passed on.
    """
    assert child.stdout is not None
    out = child.stdout.fileno()
    os.set_blocking(out, False)
    written, open_, pause = 0.0, True, _SHORT_TURN
    while True:
        if not open_:
            time.sleep(pause)
            pause = min(2.0 * pause, _TURN)
        elif select.select([out], [], [], _TURN)[0]:
            open_ = _take(out, log, watch)
        if wished:
            os.kill(child.pid, wished.pop())
        status = _reap(child.pid)
        if status is not None:
            child.returncode = 0
            until = time.monotonic() + _DRAIN_SECONDS
            while open_ and time.monotonic() < until and select.select([out], [], [], 0)[0]:
                open_ = _take(out, log, watch)
            watch.feed(b"\n")
            return status
        if watch.changed and time.monotonic() - written > _PROGRESS_SECONDS:
            watch.changed, written = False, time.monotonic()
            try:
                write(folder, "progress.json", watch.said())
            except OSError:
                watch.changed = True


def _take(out: int, log: Log, watch: Watch) -> bool:
    """Take one piece; return whether there may be more."""
    try:
        piece = os.read(out, _PIECE)
    except BlockingIOError:
        return True
    log.add(piece)
    watch.feed(piece)
    return bool(piece)


def _reap(pid: int) -> int | None:
    """Reap orphans that became ours; return the wait status of `pid` once it ended."""
    while True:
        found, status = os.waitpid(-1, os.WNOHANG)
        if found == pid:
            return status
        if not found:
            return None


def _sweep() -> bool:
    """Kill all that the command left behind, level by level as orphans become ours; return whether nothing is left."""
    listed = f"/proc/self/task/{os.getpid()}/children"
    until = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < until:
        try:
            with open(listed, encoding="ascii") as file:
                below = [int(each) for each in file.read().split()]
        except OSError:
            return False
        for each in below:
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return sys.platform == "linux"
        time.sleep(_SHORT_TURN)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
