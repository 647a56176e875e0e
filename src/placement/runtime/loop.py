"""The loop that runs a farm: hear, record, decide, record, act. Nothing is ordered that is not durable."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from placement.control.deciding import decided
from placement.control.forecasting import Finished, Forecaster
from placement.control.orders import again, orders, strays
from placement.control.reactions import react
from placement.control.seeing import see
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.control.timers import next_chance, next_due, overdue
from placement.errors import Fenced
from placement.farm.facts import AttemptProgressed, Elected, Fact, ReportRefused
from placement.farm.tariff import Outlook
from placement.runtime.learning import finished_of
from placement.runtime.ledger import Ledger, Make
from placement.runtime.ports import Clock, Engine, Report
from placement.scheduling.plan import Planner
from placement.scheduling.planning import plan
from placement.units import Seconds

__all__ = ["Loop", "Turn"]

_LOG = logging.getLogger(__name__)
#: Facts that change nothing a plan would look at.
_QUIET = (AttemptProgressed, ReportRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn of the loop did.

    Parameters
    ----------
    leads
        Whether this process leads; if not, it only followed.
    heard, facts
        Reports, and facts that were appended.
    decided
        Whether a plan was made.
    """

    leads: bool
    heard: int = 0
    facts: int = 0
    decided: bool = False


class Loop:
    """Runs a farm on an engine as long as this process leads.

    Parameters
    ----------
    ledger
        Journal and state.
    engine
        Where attempts run.
    clock
        Seconds since 1970; may jump.
    name
        Of this process, unique among those that may lead.
    planner, forecaster
        Who decides, and who tells how long things take.
    settings
        Leases, patience, back-off.
    outlook
        (now) -> what a kilowatt-hour is published to cost from then on, such as `placement.farm.tariff.Tariff.outlook`;
        by default nothing costs anything.
    timer
        Seconds of a clock that only grows, for how long decisions take; in virtual time one that stands still.
    """

    def __init__(  # noqa: PLR0913 - the parts of a farm, each replaceable
        self,
        ledger: Ledger,
        engine: Engine,
        clock: Clock,
        *,
        name: str,
        forecaster: Forecaster,
        planner: Planner = plan,
        settings: Settings | None = None,
        outlook: Callable[[Seconds], Outlook] | None = None,
        timer: Callable[[], Seconds] = time.perf_counter,
    ) -> None:
        self.ledger, self.engine, self.clock, self.name = ledger, engine, clock, name
        self.forecaster, self.planner, self.settings = forecaster, planner, settings or Settings()
        self._timer, self._outlook = timer, outlook
        self._term: int | None = None
        self._lead_until = -math.inf
        self._decided_at = -math.inf
        self._took = 0.0
        self._fresh = True
        self._seen = 0
        self._chance = math.inf
        self._learnt: list[Finished] = []

    @property
    def state(self) -> FarmState:
        """What is known of the farm."""
        return self.ledger.state

    @property
    def leads(self) -> bool:
        """Whether this process led at its last turn."""
        return self._term is not None

    def turn(self, until: Seconds) -> Turn:
        """Take part once: lead if nobody else does, hear until there is news or it is `until`, decide, act.

        Raises
        ------
        JournalError
            The journal does not take what happened, or did not say so. After this and any other error, the next turn
            starts from what is durable, and tells the engine again what should run.
        """
        if not self._lead():
            self._fresh = self.ledger.catch_up() > 0 or self._fresh
            return Turn(leads=False)
        reports: Sequence[Report] = ()
        try:
            self._look()
            reports = self.engine.hear(self._patience(until))
            return self._turn(reports)
        except Fenced as other:
            _LOG.warning("%s follows from now on: %s", self.name, other, extra=self._told())
            self._term = None
            self.ledger.catch_up()
            return Turn(leads=False, heard=len(reports))
        except BaseException:
            self._term = None  # what was heard may be lost, and what is durable not ordered: begin anew
            raise

    def _turn(self, reports: Sequence[Report]) -> Turn:
        now = self.clock()
        makes: list[Make] = [partial(self._react, report, now) for report in reports]
        facts = self._record([self._unlearn, *makes, partial(self._overdue, now)])
        if self._learnt:
            self.forecaster.learn(self._learnt)
        stops = [stop for report in reports for stop in strays(self.state, report)]
        if stops:
            self.engine.stop(stops)
        due = self._may_decide(now)
        if due:
            facts = [*facts, *self._decide(now)]
        return Turn(leads=True, heard=len(reports), facts=len(facts), decided=due)

    def _unlearn(self, state: FarmState) -> Sequence[Fact]:
        """Forget what an earlier try of the same round taught."""
        self._learnt = []
        return ()

    def _react(self, report: Report, now: Seconds, state: FarmState) -> Sequence[Fact]:
        facts = react(state, report, now, self.settings)
        self._learnt += finished_of(state, facts)
        return facts

    def _overdue(self, now: Seconds, state: FarmState) -> Sequence[Fact]:
        return overdue(state, now, self.settings)

    def _record(self, makes: Sequence[Make]) -> Sequence[Fact]:
        """Make facts durable, then order what follows from them."""
        facts = self.ledger.round(makes, term=self._term or 0)
        self._look(facts)
        self._fresh |= any(not isinstance(fact, _QUIET) for fact in facts)
        return facts

    def _look(self, own: Sequence[Fact] = ()) -> None:
        """Act on what came last of its own, and before that on what users want, here or elsewhere: that is news."""
        others = self.state.seq - len(own) - self._seen
        if others > 0:
            self._fresh = True
            self._act([entry.fact for entry in self.ledger.entries(self._seen) if entry.seq <= self._seen + others])
        self._seen = self.state.seq
        self._act(own)

    def _act(self, facts: Sequence[Fact]) -> None:
        given = orders(self.state, facts)
        if given.starts:
            self.engine.start(given.starts)
        if given.stops:
            self.engine.stop(given.stops)
        for node, up in given.power:
            self.engine.power(node, up=up)

    def _may_decide(self, now: Seconds) -> bool:
        """Tell whether a plan is due: there is news, and planning leaves the processor most of the time."""
        if now < self._decided_at:  # the clock jumped back
            return True
        if self._fresh or now >= self._chance:
            return now >= self._decided_at + self._gap()  # rounded as in `_patience`
        return now >= self._decided_at + self.settings.interval and bool(self.state.attempts or self.state.jobs)

    def _gap(self) -> Seconds:
        return max(self.settings.gap, self._took * (1 / self.settings.most_planning - 1))

    def _decide(self, now: Seconds) -> Sequence[Fact]:
        begun, before = self._timer(), self.state.seq
        seen = see(self.state, now, self.forecaster, self.settings, self._outlook(now) if self._outlook else None)
        made = self.planner(seen.snapshot, seen.cost, seen.rules)
        self._took = self._timer() - begun
        facts = self._record([lambda state: decided(state, seen, made, now, self._took, self.settings)])
        _LOG.debug("decided on %d facts in %.3f s", len(facts), self._took, extra=self._told(facts=len(facts)))
        self._decided_at, self._fresh = now, self.state.seq > before + len(facts)  # what came meanwhile is not in it
        self._chance = next_chance(self.state, now)
        return facts

    def _patience(self, until: Seconds) -> Seconds:
        """Return until when to wait for news."""
        now = self.clock()
        soon = next_due(self.state, now, self.settings)
        if self._fresh:
            soon = min(soon, self._decided_at + self._gap())
        elif self.state.jobs:
            chance = max(self._chance, self._decided_at + self._gap())
            soon = min(soon, chance, self._decided_at + self.settings.interval)
        return min(until, max(soon, now), now + self.settings.lead / 3)

    def _lead(self) -> bool:
        """Take or keep the lead; who is new in it tells the engine again what should run."""
        now = self.clock()
        if self._term is not None and now < self._lead_until - self.settings.lead * 2 / 3:
            return True
        term = self.ledger.journal.lead(self.name, now, self.settings.lead)
        if term is None:
            if self._term is not None:
                _LOG.warning("%s lost the lead", self.name, extra=self._told())
            self._term = None
            return False
        self._lead_until = now + self.settings.lead
        return term == self._term or self._begin(now, term)

    def _begin(self, now: Seconds, term: int) -> bool:
        """Lead in a term, new or begun before and left after trouble with the journal."""
        self._term = None
        try:
            self.ledger.round([partial(self._elected, now, term)], term=term)
        except Fenced:
            return False
        self._term, self._fresh, self._seen = term, True, self.state.seq
        _LOG.info("%s leads in term %d", self.name, term, extra=self._told())
        given = again(self.state)
        self.engine.start(given.starts)
        self.engine.stop(given.stops)
        return True

    def _elected(self, now: Seconds, term: int, state: FarmState) -> Sequence[Fact]:
        if state.term > term:
            raise Fenced(f"{self.name} was to lead in term {term}, the journal is in term {state.term}")
        return [Elected(at=now, by=self.name, term=term, leader=self.name)] if state.term < term else []

    def _told(self, **more: object) -> dict[str, object]:
        """Return the fields of a log record."""
        return {"leader": self.name, "term": self._term, "entry": self.state.seq, **more}

    def resign(self) -> None:
        """Give the lead up, so that another process need not wait for it to run out."""
        if self._lead_until > -math.inf:
            self._term, self._lead_until = None, -math.inf
            self.ledger.journal.resign(self.name)
