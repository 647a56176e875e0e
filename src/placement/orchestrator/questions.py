"""What people ask a farm; nothing comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from placement.control.forecasting import Forecaster
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.orchestrator.answers import Answers, told
from placement.orchestrator.changes import Changes
from placement.orchestrator.standing import farm_status, job_status, jobs_status
from placement.orchestrator.status import FarmStatus, Forecast, JobStatus, Told, Why
from placement.runtime.ledger import Ledger
from placement.runtime.ports import Clock, Entry
from placement.scheduling.plan import Planner
from placement.units import Seconds

__all__ = ["Questions"]

_POLL = 0.25


class Questions(Changes):
    """The part of `placement.orchestrator.Farm` that answers.

    Parameters
    ----------
    ledger, clock
        As `placement.orchestrator.changes.Changes` takes them.
    forecaster, planner, settings
        Whom `why` and `forecast` ask.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, forecaster: Forecaster, planner: Planner, settings: Settings
    ) -> None:
        super().__init__(ledger, clock)
        self._forecaster, self._planner, self._settings = forecaster, planner, settings

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
                  poll: Seconds = _POLL) -> Iterator[Entry]:  # fmt: skip
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
