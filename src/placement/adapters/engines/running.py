"""An attempt that runs on this machine: watched, asked to end, killed, and what is said of its end."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import Any

import psutil

from placement.adapters.engines.folders import Folder, Settings
from placement.adapters.engines.processes import MARK, Trees, ended, kill, marked, terminate
from placement.control.messages import Report, Said, Start
from placement.farm.jobs import Checkpoint
from placement.units import MiB, Seconds

__all__ = ["Running"]

_KILL_SECONDS = 5.0


class Running:
    """One attempt between its start and its end.

    Parameters
    ----------
    folder, order
        Of the attempt.
    pid
        Of the wrapper; None: look for it, the attempt is taken over.
    began
        When it began, by the monotonic clock, seconds.
    settings
        Of the engine.
    """

    def __init__(self, folder: Folder, order: Start, pid: int | None, began: Seconds, settings: Settings) -> None:
        self.folder, self.order = folder, order
        self._settings = settings
        self._began = began
        self._wrapper = _process(folder, pid)
        self._peak: MiB = 0.0
        self._cause = self._detail = ""
        self._kill_at = inf
        self._killed_before = False
        self._leaves_after: int | None = None
        self._said = folder.progress()
        self._told: tuple[float, float, int] = (order.saved, order.saved, 0)
        self._tell_at = began + settings.progress

    def look(self, now: Seconds) -> Report | None:
        """Return the report of the end, once it ended; else see to it that it does in time."""
        if self._gone():
            return self._end(now)
        limit = self.order.timeout
        if limit is not None and now - self._began > limit:
            self.leave(now, "timeout", f"stopped after {limit:g} s")
        if now >= self._kill_at:
            self._kill_at = now + _KILL_SECONDS
            self._killed()
        return None

    def watch(self, now: Seconds, trees: Trees) -> Report | None:
        """Look at memory and progress; return a report of progress when there is news and it is time."""
        if self._wrapper is None:
            return None
        used = trees.memory(self._wrapper.pid)
        self._peak = max(self._peak, used)
        if 0 < self.order.memory < used and not self._cause:
            self._cause = "out of memory"
            self._detail = f"held {used:.0f} MiB of {self.order.memory:.0f} MiB"
            self._kill_at = now
        self._said = self.folder.progress() or self._said
        if self._leaves_after is not None and len(self._frames()) > self._leaves_after:
            self._leaves_after = None
            self.leave(now, "interrupted", "stopped after its frame")
        state = (self._progress(), self._saved(), len(self._frames()))
        if now < self._tell_at or state == self._told:
            return None
        self._tell_at, self._told = now + self._settings.progress, state
        return self._report(Said.PROGRESS, now - self._began)

    def leave(self, now: Seconds, cause: str, detail: str = "") -> None:
        """Ask it to end, and kill it when it does not within the grace; the first cause counts."""
        if self._cause or self._wrapper is None or self.folder.result():
            return
        self._cause, self._detail = cause, detail
        self._kill_at = now + self._settings.grace
        terminate(self._wrapper.pid)

    def leave_after_frame(self) -> None:
        """Let it end after its present frame if it keeps finished frames, else after all of them."""
        if self.order.checkpoint != Checkpoint.NONE and len(self.order.frames) > 1 and self._leaves_after is None:
            self._leaves_after = len(self._frames())

    def finish(self, now: Seconds, cause: str, detail: str) -> Report:
        """Kill it now, and come back when nothing of it is left."""
        if not self._cause and not self.folder.result():
            self._cause, self._detail = cause, detail
        kill(0 if self._wrapper is None else self._wrapper.pid, self.folder.path, _KILL_SECONDS, whole=True)
        self._gone()
        return self._end(now)

    def _killed(self) -> None:
        """Kill what the wrapper runs, so that it tells the end; if it has not the next time, kill it as well."""
        if self._wrapper is not None:
            kill(self._wrapper.pid, self.folder.path, _KILL_SECONDS, whole=self._killed_before)
            self._killed_before = True

    def _gone(self) -> bool:
        if self._wrapper is None:
            return True
        over = ended(self._wrapper.pid)
        if over is None:
            over = not self._wrapper.is_running() or self._wrapper.status() == psutil.STATUS_ZOMBIE
        if over:
            self._wrapper = None
        return over

    def _end(self, now: Seconds) -> Report:
        result = self.folder.result()
        if not result.get("swept"):
            kill(0, self.folder.path, _KILL_SECONDS, whole=True)
        self._said = result.get("progress") or self.folder.progress() or self._said
        seconds = result.get("seconds", max(now - self._began, 0.0))
        self._peak = max(self._peak, result.get("memory", 0.0))
        report = self._judged(result, seconds)
        self.folder.keep(report)
        return report

    def _judged(self, result: dict[str, Any], seconds: Seconds) -> Report:
        order, words = self.order, self.folder.last_words()
        outputs = tuple(each for each in order.outputs if self._path(each).exists())
        known: dict[str, Any] = {"outputs": outputs, "detail": words, "exit_code": result.get("exit_code")}
        if self._cause:
            detail = f"{self._detail}\n{words}".strip()
            ends = known | {"cause": self._cause, "detail": detail, "signal": result.get("signal")}
        elif not result:
            detail = f"its wrapper was killed or the machine stopped\n{words}".strip()
            ends = known | {"cause": "node", "detail": detail}
        elif "error" in result:
            ends = known | {"cause": "node", "detail": f"could not start: {result['error']}"}
        elif result["exit_code"] == 0 and len(outputs) == len(order.outputs):
            frames = order.frames
            return self._report(Said.ENDED, seconds, **known | {"progress": 1.0, "saved": 1.0, "frames": frames})
        elif result["exit_code"] == 0:
            missing = next(each for each in order.outputs if each not in outputs)
            ends = known | {"cause": "no output", "detail": f"{missing!r} is not there\n{words}".strip()}
        else:
            ends = known | {"cause": self._failure(words), "signal": result["signal"]}
        return self._report(Said.ENDED, seconds, **ends)

    def _failure(self, words: str) -> str:
        """Name what a failure comes from: its memory, what its last words say, or nothing known."""
        if 0 < self.order.memory < self._peak:
            return "out of memory"
        causes = self._settings.patterns.causes
        return next((cause for cause, pattern in causes.items() if re.search(pattern, words)), "")

    def _path(self, output: str) -> Path:
        return (Path.cwd() if self._settings.cwd is None else self._settings.cwd) / output

    def _report(self, said: Said, seconds: Seconds, **known: Any) -> Report:
        about: dict[str, Any] = {"node": self.order.node, "attempt": self.order.attempt, "memory": self._peak}
        about |= {"progress": self._progress(), "saved": self._saved(), "frames": self._frames(), "seconds": seconds}
        return Report(said=said, **about | known)

    def _frames(self) -> tuple[int, ...]:
        """Return the finished frames, those of earlier attempts among them."""
        order = self.order
        if order.checkpoint == Checkpoint.NONE:
            return ()
        before = order.frames[: int(order.saved * len(order.frames) + 1e-9)]
        done = {*before, *self._said.get("frames", ())}
        return tuple(frame for frame in order.frames if frame in done)

    def _progress(self) -> float:
        order = self.order
        number = max(len(order.frames), 1)
        before = order.frames[: int(order.saved * number + 1e-9)] if order.checkpoint != Checkpoint.NONE else ()
        done = len({*before, *self._said.get("frames", ())}.intersection(order.frames))
        at_work = float(self._said.get("percent", 0.0)) / 100.0
        return max(min((done + at_work) / number, 1.0), order.saved)

    def _saved(self) -> float:
        order = self.order
        if order.checkpoint == Checkpoint.NONE:
            return order.saved
        kept = len(self._frames()) / max(len(order.frames), 1)
        if order.checkpoint == Checkpoint.RESUMES:
            kept = max(kept, self._said.get("saved", 0.0) / 100.0)
        return max(kept, order.saved)


def _process(folder: Folder, pid: int | None) -> psutil.Process | None:
    """Return the wrapper's process, if it is there and is this attempt's."""
    known = folder.process()
    candidates = [pid] if pid is not None else [known[0]] if known else marked(folder.path)[:1]
    for each in candidates:
        try:
            process = psutil.Process(each)
            if pid is not None or process.environ().get(MARK) == str(folder.path):
                return process
        except psutil.Error:
            continue
    return None
