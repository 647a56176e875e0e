"""An engine that runs attempts as processes of this machine."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Condition
from time import monotonic, time

from placement.adapters.engines.folders import Folder, Settings
from placement.adapters.engines.processes import Trees, spawn
from placement.adapters.engines.running import Running
from placement.control.messages import Report, Said, Start, Stop
from placement.errors import InvalidInput
from placement.runtime.ports import Clock
from placement.units import Seconds

__all__ = ["LocalEngine"]

_LOG = logging.getLogger(__name__)


class LocalEngine:
    """Runs attempts as processes, each under a small wrapper that outlives the engine.

    A new engine on the same folder takes over what still runs, and tells the ends that nobody heard. It works while
    `hear` is called; what runs goes on in between. All methods may be called from several threads.

    Parameters
    ----------
    work_dir
        Where each attempt has a folder, ``attempts/NUMBER``; of one farm alone, which numbers its attempts.
    nodes
        Names of the nodes that this machine plays.
    clock
        What `hear` compares `until` with.
    settings
        How attempts run.

    Raises
    ------
    InvalidInput
        No node, or one twice.

    Examples
    --------
    >>> import sys, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     engine = LocalEngine(Path(folder), ["here"])
    ...     command = (sys.executable, "-c", "print('rendered')")
    ...     engine.start([Start(attempt=1, task=("job", "step", 0), node="here", command=command, frames=(1,))])
    ...     heard = []
    ...     while not any(each.said == "ended" for each in heard):
    ...         heard.extend(engine.hear(until=time() + 10.0))
    ...     engine.close()
    >>> [(each.said.value, each.exit_code, each.detail) for each in heard]
    [('alive', None, ''), ('ended', 0, 'rendered')]
    """

    def __init__(
        self,
        work_dir: Path,
        nodes: Sequence[str] = ("localhost",),
        *,
        clock: Clock = time,
        settings: Settings | None = None,
    ) -> None:
        if not nodes or len(set(nodes)) < len(nodes):
            raise InvalidInput(f"nodes must be at least one name, each once, got {list(nodes)}")
        self._attempts = Path(work_dir).absolute() / "attempts"
        self._attempts.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._settings = settings or Settings()
        self._changed = Condition()
        self._awake = dict.fromkeys(nodes, True)
        self._running: dict[int, Running] = {}
        self._youngest: dict[tuple[str, str, int], int] = {}
        self._ended: deque[int] = deque()
        self._out: list[Report] = []
        self._heard: list[int] = []
        self._watch_at = self._alive_at = monotonic()
        self._floor = 0
        self._take_over()

    def start(self, orders: Sequence[Start]) -> None:
        """Start attempts; one that was ordered before is not started again, but its end is told again."""
        with self._changed:
            for order in orders:
                self._start(order)
            self._changed.notify_all()

    def stop(self, orders: Sequence[Stop]) -> None:
        """Stop attempts: ask all their processes to end now, kill them after the grace; or let them end their frame."""
        with self._changed:
            for order in orders:
                if (running := self._running.get(order.attempt)) is None:
                    self._tell_again(order.attempt, order.node)
                elif order.now:
                    running.leave(monotonic(), "interrupted", "stopped")
                else:
                    running.leave_after_frame()
            self._changed.notify_all()

    def power(self, node: str, *, up: bool) -> None:
        """Play that a node sleeps or wakes: this machine stays awake, and so does a node at work."""
        with self._changed:
            if node not in self._awake:
                return
            at_work = any(each.order.node == node for each in self._running.values())
            self._awake[node] = up or at_work
            self._out.append(Report(said=Said.UP if self._awake[node] else Said.ASLEEP, node=node))
            self._changed.notify_all()

    def hear(self, until: Seconds) -> Sequence[Report]:
        """Return reports as soon as there are some, none when the clock is at `until`; see `Engine.hear`."""
        with self._changed:
            self._confirm()
            while True:
                self._look()
                if self._out:
                    reports, self._out = self._out, []
                    self._heard += [each.attempt for each in reports if each.said is Said.ENDED]
                    return reports
                left = until - self._clock()
                if not left > 0:
                    return ()
                self._changed.wait(min(left, self._settings.poll))

    def close(self) -> None:
        """Let go of what runs: it goes on, and the next engine on the folder takes it over."""
        with self._changed:
            self._running.clear()

    def _start(self, order: Start) -> None:
        folder = self._folder(order.attempt)
        before = folder.order()
        if before is not None and before.task != order.task:
            self._refuse(
                order, "node", f"attempt {order.attempt} here is of {before.task}: the folder is another farm's"
            )
        elif order.attempt in self._running:
            return
        elif folder.ended() is not None:
            self._tell_again(order.attempt, order.node)
        elif not self._awake.get(order.node, False):
            why = "the node is not awake" if order.node in self._awake else "no such node"
            self._refuse(order, "node", why)
        elif order.attempt <= max(self._youngest.get(order.task, 0), self._floor):
            self._refuse(order, "unknown attempt", "a younger attempt of the task was ordered")
        elif not order.command:
            self._refuse(order, "scene", "there is no command to run")
        else:
            self._begin(order, folder)

    def _begin(self, order: Start, folder: Folder) -> None:
        now = monotonic()
        older = self._running.get(self._youngest.get(order.task, 0))
        self._youngest[order.task] = order.attempt
        if older is not None:
            self._end(older.finish(now, "interrupted", f"attempt {order.attempt} of the task was ordered"))
        try:
            folder.begin(order, self._settings)
            pid = spawn(folder.path, self._environment(order))
        except (OSError, ValueError) as wrong:
            folder.remove()
            self._refuse(order, "node", f"could not start: {wrong}")
            return
        self._running[order.attempt] = Running(folder, order, pid, now, self._settings)
        _LOG.info("attempt %d of %s begins on %s", order.attempt, "/".join(map(str, order.task)), order.node)

    def _environment(self, order: Start) -> dict[str, str]:
        job, step, task = order.task
        said: dict[str, object] = {
            "ATTEMPT": order.attempt, "JOB": job, "STEP": step, "TASK": task, "NODE": order.node, "CORES": order.cores,
            "GPUS": order.gpus, "MEMORY": order.memory, "SAVED": order.saved, "MODE": order.mode,
        }  # fmt: skip
        return {
            **os.environ,
            **self._settings.environment,
            **{f"PLACEMENT_{name}": str(each) for name, each in said.items()},
        }

    def _look(self) -> None:
        now = monotonic()
        for running in list(self._running.values()):
            if (ended := running.look(now)) is not None:
                self._end(ended)
        if self._running and now >= self._watch_at:
            self._watch_at = now + self._settings.watch
            trees = Trees()
            self._out += [told for each in self._running.values() if (told := each.watch(now, trees)) is not None]
        if now >= self._alive_at:
            self._alive_at = now + self._settings.alive
            self._out += [self._alive(node) for node, awake in self._awake.items() if awake]

    def _alive(self, node: str) -> Report:
        at_work = tuple(attempt for attempt, each in self._running.items() if each.order.node == node)
        return Report(said=Said.ALIVE, node=node, running=at_work)

    def _end(self, report: Report) -> None:
        self._running.pop(report.attempt, None)
        self._out.append(report)
        _LOG.info("attempt %d ended: exit code %s %s", report.attempt, report.exit_code, report.cause)

    def _refuse(self, order: Start, cause: str, why: str) -> None:
        self._out.append(Report(said=Said.ENDED, node=order.node, attempt=order.attempt, cause=cause, detail=why))

    def _tell_again(self, attempt: int, node: str) -> None:
        unknown = Report(said=Said.ENDED, node=node, attempt=attempt, cause="unknown attempt")
        self._out.append(self._folder(attempt).ended() or unknown)

    def _folder(self, attempt: int) -> Folder:
        return Folder(self._attempts / str(attempt))

    def _confirm(self) -> None:
        """Note that the ends handed out last were heard, as their hearer comes back; forget the oldest."""
        for attempt in self._heard:
            folder = self._folder(attempt)
            if folder.path.exists() and not folder.told:
                folder.tell()
                self._ended.append(attempt)
        self._heard.clear()
        while len(self._ended) > self._settings.keep:
            self._forget(self._ended.popleft())

    def _forget(self, attempt: int) -> None:
        folder = self._folder(attempt)
        order = folder.order()
        if attempt > self._floor:
            self._floor = attempt
            (self._attempts.parent / "floor").write_text(str(attempt), encoding="ascii")
        if order is not None and self._youngest.get(order.task) == attempt:
            del self._youngest[order.task]
        folder.remove()

    def _take_over(self) -> None:
        """Go on with the attempts of an engine before this one, on whatever node they run."""
        try:
            self._floor = int((self._attempts.parent / "floor").read_text(encoding="ascii"))
        except (OSError, ValueError):
            self._floor = 0
        for attempt in sorted(int(each.name) for each in self._attempts.iterdir() if each.name.isdecimal()):
            folder = self._folder(attempt)
            if (order := folder.order()) is None:
                folder.remove()
                continue
            self._youngest[order.task] = attempt
            if folder.told:
                self._ended.append(attempt)
            elif (ended := folder.ended()) is not None:
                self._out.append(ended)
            else:
                self._adopt(folder, order)

    def _adopt(self, folder: Folder, order: Start) -> None:
        known = folder.process()
        since = max(time() - known[1], 0.0) if known else 0.0
        self._running[order.attempt] = Running(folder, order, None, monotonic() - since, self._settings)
        _LOG.info("attempt %d of %s is taken over", order.attempt, "/".join(map(str, order.task)))
