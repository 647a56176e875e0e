"""What people ask a farm; nothing comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from placement.control.forecasting import Forecaster
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.errors import InvalidInput
from placement.farm.given import MOST_NAMES, number, several, shown, text, whole
from placement.farm.tariff import Outlook
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
_LAST = 2**63 - 1
_SHORTEST, _LONGEST = 1e-3, 86400.0


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
        self._outlook: Callable[[Seconds], Outlook] | None = None

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
        """Return what happened, oldest first: everything, or what concerns a job or a node, or some kinds of fact.

        Parameters
        ----------
        kinds
            Names of facts, such as ``["JobSubmitted"]``.
        after
            Number of the last entry that is not wanted.
        """
        named = [text(kind, f"kinds[{at}]") for at, kind in enumerate(several(kinds, "kinds", MOST_NAMES))]
        since = whole(after, "after", 0, _LAST)
        with self._lock:
            self._ledger.catch_up()
            return told(self._ledger.entries(since), job=job, node=node, kinds=named)

    def subscribe(self, after: int | None = None, *, until: Callable[[], bool] | None = None,
                  poll: Seconds = _POLL) -> Iterator[Entry]:  # fmt: skip
        """Follow the farm: every entry after a number (from now on unless given), as it becomes durable.

        Parameters
        ----------
        until
            Asked whenever there is nothing new; the iterator ends when it says so.
        poll
            Seconds between looks, from a millisecond to a day.

        Raises
        ------
        InvalidInput
            An argument makes no sense.
        """
        if until is not None and not callable(until):
            raise InvalidInput(f"until: must be something to call, or None, got {shown(until)}")
        number(poll, "poll, s", _SHORTEST, _LONGEST)
        with self._lock:
            last = self._ledger.journal.last() if after is None else whole(after, "after", 0, _LAST)
        return self._follow(last, until, poll)

    def _follow(self, last: int, until: Callable[[], bool] | None, poll: Seconds) -> Iterator[Entry]:
        while True:
            with self._lock:
                new = list(self._ledger.entries(last))
            yield from new
            last = new[-1].seq if new else last
            if not new:
                if until is not None and until():
                    return
                time.sleep(poll)

    def _known(self) -> FarmState:
        """Return the state with all that is durable."""
        self._ledger.catch_up()
        return self._ledger.state

    def _answers(self) -> Answers:
        now = self._clock()
        outlook = self._outlook(now) if self._outlook is not None else None
        return Answers(self._known(), now, self._forecaster, self._planner, self._settings, outlook)
