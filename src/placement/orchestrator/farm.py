"""`Farm`: jobs, nodes and clients of a render farm, kept in a journal that loses nothing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from placement.adapters.stores.journal import open_journal
from placement.control import commands
from placement.control.forecasting import Forecaster
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.errors import InvalidInput
from placement.farm.facts import ClientSet, Fact, NodeSpec
from placement.farm.jobs import Job
from placement.orchestrator.answers import Answers, told
from placement.orchestrator.standing import farm_status, job_status, jobs_status
from placement.orchestrator.status import FarmStatus, Forecast, JobStatus, Told, Why
from placement.runtime.forecasting import EstimateForecaster
from placement.runtime.ledger import Ledger
from placement.runtime.loop import Loop, Turn
from placement.runtime.ports import Clock, Engine, Entry, Journal
from placement.scheduling.plan import Planner
from placement.scheduling.planning import plan
from placement.units import Seconds

__all__ = ["Farm"]

_COMMAND_POLL = 0.25
_TERMS = ("parent", "guarantee", "limit", "weight", "lending", "reclaim")


class Farm:
    """A render farm: what its people ask of it, and the loop that runs it.

    Several processes may open the same farm: all may submit, ask and change things; of those that `run` it exactly one
    leads, and another takes over when it is gone. Every change is durable when its method returns. Methods may be
    called from several threads.

    Parameters
    ----------
    journal
        Where facts are kept; `open` makes one of an address.
    engine
        Where attempts run; only who runs the farm needs one.
    clock
        Seconds since 1970.
    forecaster
        How long things take; by default the submitters' estimates, corrected by what the farm did.
    planner
        Who decides.
    settings
        Leases, patience, back-off.
    name
        Of this process; by default host and process number.
    timer
        As in `placement.runtime.loop.Loop`.
    keep_every
        Facts after which the state is stored, so that opening folds few.

    Examples
    --------
    >>> from placement.farm.jobs import Frames, Step
    >>> with Farm.open(":memory:") as farm:
    ...     _ = farm.set_client("film", guarantee=0.5)
    ...     _ = farm.submit(Job(name="sh010", client="film", steps=(Step(name="render", frames=Frames(last=10)),)))
    ...     farm.job("sh010").waiting
    10
    """

    def __init__(  # noqa: PLR0913 - the parts of a farm, each replaceable
        self,
        journal: Journal,
        *,
        engine: Engine | None = None,
        clock: Clock = time.time,
        forecaster: Forecaster | None = None,
        planner: Planner = plan,
        settings: Settings | None = None,
        name: str = "",
        timer: Callable[[], Seconds] = time.perf_counter,
        keep_every: int = 20_000,
    ) -> None:
        self._ledger, self._engine, self._clock = Ledger(journal, keep_every=keep_every), engine, clock
        self._settings, self._planner, self._timer = settings or Settings(), planner, timer
        self._forecaster = forecaster or EstimateForecaster()
        self._name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._loop: Loop | None = None
        self._lock = threading.RLock()

    @classmethod
    def open(cls, url: str | Path, **parts: Any) -> Self:
        """Open a farm, or make a new one.

        Parameters
        ----------
        url
            A file (SQLite), ``sqlite:///…``, or ``postgresql://…`` where several machines share the farm;
            ``":memory:"`` is gone with this object.
        parts
            As `Farm` takes them.

        Raises
        ------
        IncompatibleJournal
            It was written by a later version of this package.
        """
        return cls(open_journal(str(url)), **parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give up the lead and let go of the journal and the engine."""
        with self._lock:
            if self._loop is not None:
                self._loop.resign()
            if self._engine is not None:
                self._engine.close()
            self._ledger.journal.close()

    # What people change: every method is idempotent by `key` and says who did it.

    def submit(self, job: Job, *, key: str = "", by: str = "") -> JobStatus:
        """Hand in a job, whole or not at all.

        Parameters
        ----------
        key
            Of this change, chosen by the caller: asked for twice with the same key, it happens once.
        by
            Who asks.

        Raises
        ------
        InvalidInput
            The job cannot be; the message has the path to the fault.
        NotFound
            No such client, or a job it waits for does not exist.
        Refused
            There is, or was, a job of this name; the key was used for something else.
        """
        self._do(commands.submit, job, key=key, by=by)
        return self.job(job.name)

    def cancel(self, job: str, *, key: str = "", by: str = "") -> JobStatus:
        """End a job; what runs of it is stopped, what is done stays done."""
        self._do(commands.cancel, job, key=key, by=by)
        return self.job(job)

    def pause(self, job: str, *, key: str = "", by: str = "") -> JobStatus:
        """Start nothing more of a job; what runs goes on."""
        self._do(commands.pause, job, key=key, by=by)
        return self.job(job)

    def resume(self, job: str, *, key: str = "", by: str = "") -> JobStatus:
        """Let a paused job go on."""
        self._do(commands.resume, job, key=key, by=by)
        return self.job(job)

    def reprioritise(self, job: str, importance: float, *, key: str = "", by: str = "") -> JobStatus:
        """Change what a second of tardiness of a job costs, above 0."""
        self._do(commands.reprioritise, job, importance, key=key, by=by)
        return self.job(job)

    def set_group(self, group: str, importance: float, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Change by what factor all jobs of a group, and of groups below it, are more important."""
        return self._do(commands.set_group, group, importance, key=key, by=by)

    def move_deadline(self, job: str, deadline: Seconds | None, *, key: str = "", by: str = "") -> JobStatus:
        """Change a job's deadline, seconds since 1970; None: it has none any more."""
        self._do(commands.move_deadline, job, deadline, key=key, by=by)
        return self.job(job)

    def retry(self, job: str, step: str = "", tasks: Sequence[int] = (), *, key: str = "", by: str = "") -> JobStatus:
        """Try failed tasks again with a full budget: all of the job, or of a step, or those named."""
        self._do(commands.retry, job, step, tuple(tasks), key=key, by=by)
        return self.job(job)

    def register_node(self, node: NodeSpec, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Add a node, or change what it offers."""
        return self._do(commands.register_node, node, key=key, by=by)

    def drain(self, node: str, why: str = "", *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Start nothing more on a node; what runs there ends."""
        return self._do(partial(commands.drain, why=why), node, key=key, by=by)

    def give_back(self, node: str, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Let a node that was drained or quarantined take work again."""
        return self._do(commands.give_back, node, key=key, by=by)

    def remove(self, node: str, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Take a node out of the farm; what runs there is stopped and starts elsewhere."""
        return self._do(commands.remove, node, key=key, by=by)

    def set_client(self, name: str, *, key: str = "", by: str = "", **terms: Any) -> Sequence[Fact]:
        """Add a client, or change its terms: `parent`, `guarantee`, `limit`, `weight`, `lending`, `reclaim`.

        As `placement.farm.facts.ClientSet` has them; what is not given stays as it was.
        """
        with self._lock:
            known = self._ledger.state.clients.get(name)
            if known is not None:
                terms = {each: getattr(known, each) for each in _TERMS} | terms
            unknown = [each for each in terms if each not in _TERMS]
            if unknown:
                raise InvalidInput(f"client {name!r}: unknown terms {unknown}, expected some of {list(_TERMS)}")
        return self._do(lambda state, at, by: commands.set_client(state, ClientSet(at=at, by=by, name=name, **terms)),
                        key=key, by=by)  # fmt: skip

    def set_policy(self, *, key: str = "", by: str = "", **rules: float | str) -> Sequence[Fact]:
        """Change the farm's rules: fields of `placement.scheduling.rules.Rules`, and `power_cap` in W."""
        return self._do(commands.set_policy, rules, key=key, by=by)

    def set_licence(self, name: str, count: int, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Say how many of a licence there are."""
        return self._do(commands.set_licence, name, count, key=key, by=by)

    def _do(self, command: Callable[..., Sequence[Fact]], *what: Any, key: str, by: str) -> Sequence[Fact]:
        """Append what a command makes of the state as it is then."""
        if not isinstance(key, str) or not isinstance(by, str):
            raise InvalidInput(f"key and by must be texts, got {key!r} and {by!r}")
        with self._lock:
            at = self._clock()
            return self._ledger.command(lambda state: command(state, *what, at=at, by=by), key=key)

    # What people ask.

    def status(self) -> FarmStatus:
        """Return how the farm stands."""
        with self._lock:
            return farm_status(self._known(), self._clock())

    def job(self, name: str) -> JobStatus:
        """Return how a job stands.

        Raises
        ------
        NotFound
            There is none of this name.
        """
        with self._lock:
            return job_status(self._known(), name)

    def jobs(self, *, client: str = "", group: str = "") -> Sequence[JobStatus]:
        """Return how jobs stand: all, or those of a client, or of a group and the groups below it."""
        with self._lock:
            return jobs_status(self._known(), client=client, group=group)

    def forecast(self, job: str = "", *, group: str = "") -> Forecast:
        """Return when a job, or all jobs of a group, will have ended.

        Raises
        ------
        NotFound
            There is no such job, or no job in the group.
        """
        with self._lock:
            return self._answers().forecast(job, group)

    def why(self, job: str, step: str = "", task: int | None = None) -> Why:
        """Return why a job, a step or a task is not running; or why it is, and where.

        Raises
        ------
        NotFound
            There is no such job, step or task.
        """
        with self._lock:
            return self._answers().why(job, step, task)

    def history(self, *, job: str = "", node: str = "", kinds: Sequence[str] = (), after: int = 0) -> Sequence[Told]:
        """Return what happened, oldest first: everything, or what concerns a job or a node, or some kinds of fact."""
        with self._lock:
            self._ledger.catch_up()
            return told(self._ledger.entries(after), job=job, node=node, kinds=tuple(kinds))

    def subscribe(self, after: int | None = None, *, until: Callable[[], bool] | None = None,
                  poll: Seconds = _COMMAND_POLL) -> Iterator[Entry]:  # fmt: skip
        """Follow the farm: every entry after a number (from now on unless given), as it becomes durable.

        Parameters
        ----------
        until
            Asked whenever there is nothing new; the iterator ends when it says so.
        poll
            Seconds between looks.
        """
        with self._lock:
            last = self._ledger.journal.last() if after is None else after
        while True:
            with self._lock:
                new = list(self._ledger.entries(last))
            yield from new
            last = new[-1].seq if new else last
            if not new:
                if until is not None and until():
                    return
                time.sleep(poll)

    def verify(self) -> int:
        """Check that nobody changed the journal, and return how many entries it holds.

        Raises
        ------
        Tampered
            Somebody did; names the first bad entry.
        """
        with self._lock:
            return self._ledger.journal.verify()

    def _known(self) -> FarmState:
        """Return the state with all that is durable."""
        self._ledger.catch_up()
        return self._ledger.state

    def _answers(self) -> Answers:
        return Answers(self._known(), self._clock(), self._forecaster, self._planner, self._settings)

    # The loop.

    def step(self, until: Seconds | None = None) -> Turn:
        """Take one turn of the loop: hear what the engine says, decide, act; wait for news no longer than `until`.

        Raises
        ------
        InvalidInput
            The farm was opened without an engine.
        """
        with self._lock:
            return self._running().turn(self._clock() if until is None else until)

    def run(self, until: Seconds | Callable[[FarmState], bool] | None = None, *, poll: Seconds = _COMMAND_POLL) -> None:
        """Run the farm until all jobs are over, a time has come, or `until` says so of the state.

        Parameters
        ----------
        poll
            Seconds for which the loop waits for news of the engine before it lets other threads in.
        """
        while not self._over(until):
            with self._lock:
                turn = self._running().turn(self._clock() + poll)
            if not turn.leads:
                time.sleep(poll)

    def _over(self, until: Seconds | Callable[[FarmState], bool] | None) -> bool:
        state = self._ledger.state
        if callable(until):
            return until(state)
        return self._clock() >= until if until is not None else not state.jobs

    def _running(self) -> Loop:
        if self._engine is None:
            raise InvalidInput("this farm was opened without an engine: pass engine=… to Farm.open to run it")
        if self._loop is None:
            self._loop = Loop(
                self._ledger, self._engine, self._clock, name=self._name, forecaster=self._forecaster,
                planner=self._planner, settings=self._settings, timer=self._timer,
            )  # fmt: skip
        return self._loop

    @property
    def state(self) -> FarmState:
        """The state as this process knows it; not to be changed."""
        return self._ledger.state


