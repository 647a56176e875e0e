"""`Farm`: jobs, nodes and clients of a render farm, kept in a journal that loses nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from placement.adapters.stores.journal import open_journal
from placement.control.forecasting import Forecaster
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.errors import InvalidInput
from placement.farm.given import FARTHEST, MOST_NAME, noun, number, shown, text, whole
from placement.farm.tariff import Outlook
from placement.orchestrator.records import Records
from placement.runtime.forecasting import EstimateForecaster
from placement.runtime.ledger import Ledger
from placement.runtime.loop import Loop, Turn
from placement.runtime.ports import Clock, Engine, Journal
from placement.runtime.steady import SteadyForecaster
from placement.scheduling.plan import Planner
from placement.scheduling.planning import plan
from placement.units import Seconds

__all__ = ["Farm"]

_POLL = 0.25
_SHORTEST, _LONGEST = 1e-3, 86400.0


class Farm(Records):
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
    outlook
        (now) -> prices and carbon to come, such as `placement.farm.tariff.Tariff.outlook`.
    name
        Of this process; by default host and process number.
    timer
        As in `placement.runtime.loop.Loop`.
    keep_every
        Facts after which the state is stored, so that opening folds few.

    Examples
    --------
    >>> from placement.farm.jobs import Frames, Job, Step
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
        outlook: Callable[[Seconds], Outlook] | None = None,
        name: str = "",
        timer: Callable[[], Seconds] = time.perf_counter,
        keep_every: int = 20_000,
    ) -> None:
        for what, part in (("clock", clock), ("planner", planner), ("timer", timer)):
            if not callable(part):
                raise InvalidInput(f"{what}: must be something to call, got {shown(part)}")
        if settings is not None:
            noun(settings, "settings", Settings)
        text(name, "name", empty=True, most=MOST_NAME)
        ledger = Ledger(journal, keep_every=whole(keep_every, "keep_every", 1, FARTHEST))
        steady = EstimateForecaster() if forecaster is None else SteadyForecaster(forecaster)
        super().__init__(ledger, clock, steady, planner, settings or Settings())
        self._engine, self._timer, self._outlook = engine, timer, outlook
        self._name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._loop: Loop | None = None

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
        InvalidInput
            The address names no database, or a part is none.
        JournalError
            The database cannot be opened.
        IncompatibleJournal
            It was written by a later version of this package.
        """
        journal = open_journal(text(str(url) if isinstance(url, Path) else url, "url"))
        try:
            return cls(journal, **parts)
        except BaseException:
            journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give up the lead and let go of the journal and the engine."""
        with self._lock, ExitStack() as closing:  # each, whatever becomes of the others
            closing.callback(self._ledger.journal.close)
            if self._engine is not None:
                closing.callback(self._engine.close)
            if self._loop is not None:
                closing.callback(self._loop.resign)

    def step(self, until: Seconds | None = None) -> Turn:
        """Take one turn of the loop: hear what the engine says, decide, act; wait for news no longer than `until`.

        Raises
        ------
        InvalidInput
            The farm was opened without an engine, or `until` is no time.
        """
        wanted = None if until is None else _instant(until)
        with self._lock:
            return self._running().turn(self._clock() if wanted is None else wanted)

    def run(self, until: Seconds | Callable[[FarmState], bool] | None = None, *, poll: Seconds = _POLL) -> None:
        """Run the farm until all jobs are over, a time has come, or `until` says so of the state.

        Parameters
        ----------
        poll
            Seconds for which the loop waits for news of the engine before it lets other threads in, from a
            millisecond to a day.

        Raises
        ------
        InvalidInput
            The farm was opened without an engine, or an argument is no time.
        """
        if until is not None and not callable(until):
            _instant(until)
        number(poll, "poll, s", _SHORTEST, _LONGEST)
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
                planner=self._planner, settings=self._settings, timer=self._timer, outlook=self._outlook,
            )  # fmt: skip
        return self._loop

    @property
    def state(self) -> FarmState:
        """The state as this process knows it; not to be changed."""
        return self._ledger.state


def _instant(until: object) -> Seconds:
    """Return a time, seconds since 1970; infinite: never."""
    return inf if isinstance(until, float) and until == inf else number(until, "until, s since 1970", -1e15)
