"""The bare contents of a farm's state, and how they are looked up; the fold of facts is built on them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from placement.control.nouns import Attempt, JobEntry, Past
from placement.control.nouns_farm import Client, Node, Totals
from placement.control.senses import Senses
from placement.errors import JournalError, NotFound
from placement.farm.facts import Outcome
from placement.farm.given import shown
from placement.units import Seconds

__all__ = ["Holdings", "not_found"]

_COMPARED = 80


def not_found(what: str, name: str, known: Mapping[str, object]) -> NotFound:
    """Return the error for a name that nothing has; names close ones.

    Examples
    --------
    >>> str(not_found("job", "sh01", {"sh010": 1}))
    "no job 'sh01'; close are ['sh010']"
    """
    close = get_close_matches(name[:_COMPARED], [each for each in [*known][:10_000] if len(each) <= _COMPARED], 3)
    return NotFound(f"no {what} {shown(name)}" + (f"; close are {close}" if close else f"; there are {len(known)}"))


class Holdings:
    """What is known of a farm.

    Attributes
    ----------
    seq
        Number of the last fact folded in.
    term, leader, elected
        Who leads since when.
    clients, licences, groups, rules
        By name; licences: how many; groups: importance.
    nodes
        By name.
    jobs
        By name, those that are not over.
    past
        By name, those that are, as long as they are remembered, oldest end first.
    retryable
        Names of those of them that can be retried, with their ends, oldest first.
    attempts
        Live ones by number.
    backing_off
        (job, step row, task) of tasks that back off.
    next_attempt, next_job, next_step, next_node
        Numbers to come.
    round, decided
        Number and time of the last decision.
    outlooks
        Job -> (median end, probability to be on time, given up), as last decided.
    refused
        Attempts of which a report was refused, the youngest thousand.
    over
        Attempts that ended lately: node and outcome; no part of the fold.
    senses
        What was heard lately; no part of the fold.
    fleet, fleet_version
        What `placement.control.seeing_nodes` made of the nodes' specifications, and how often these changed.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.term = 0
        self.leader = ""
        self.elected: Seconds = 0.0
        self.clients: dict[str, Client] = {}
        self.licences: dict[str, int] = {}
        self.licences_held: dict[str, int] = {}
        self.licence_peak: dict[str, int] = {}
        self.groups: dict[str, float] = {}
        self.rules: dict[str, float | int | str] = {}
        self.nodes: dict[str, Node] = {}
        self.jobs: dict[str, JobEntry] = {}
        self.past: dict[str, Past] = {}
        self.retryable: dict[str, Seconds] = {}
        self.attempts: dict[int, Attempt] = {}
        self.backing_off: dict[tuple[str, int, int], Seconds] = {}
        self.next_attempt = 1
        self.next_job = 0
        self.next_step = 0
        self.next_node = 0
        self.round = 0
        self.decided: Seconds = 0.0
        self.outlooks: dict[str, tuple[Seconds, float, bool]] = {}
        self.model = ""
        self.refused: dict[int, None] = {}
        self.totals = Totals()
        self.over: dict[int, tuple[str, Outcome]] = {}
        self.senses = Senses()
        self.fleet_version = 0
        self.fleet: object | None = None

    def job(self, name: str) -> JobEntry:
        """Return a job that is not over.

        Raises
        ------
        NotFound
            There is none of this name.
        """
        found = self.jobs.get(name)
        if found is None:
            raise not_found("job", name, self.jobs)
        return found

    def node(self, name: str) -> Node:
        """Return a node.

        Raises
        ------
        NotFound
            There is none of this name.
        """
        found = self.nodes.get(name)
        if found is None:
            raise not_found("node", name, self.nodes)
        return found

    def entry(self, name: str) -> JobEntry | None:
        """Return a job that is not over, or can be retried; None: neither."""
        found = self.jobs.get(name)
        if found is None and name in self.past:
            return self.past[name].entry
        return found

    def attempt(self, number: int) -> Attempt:
        """Return a live attempt.

        Raises
        ------
        JournalError
            There is none of this number, so the facts do not fit together.
        """
        found = self.attempts.get(number)
        if found is None:
            raise JournalError(f"attempt {number} is not live: the facts do not fit together")
        return found

    def last_node(self, number: int) -> str:
        """Return the node of an attempt that ended lately; empty: that is forgotten."""
        return self.over[number][0] if number in self.over else ""

    def importance(self, group: str) -> float:
        """Return the factor that a group, and all it lies in, gives its jobs; of many groups it may be 0 or infinite.

        Examples
        --------
        >>> farm = Holdings()
        >>> farm.groups |= {"show": 2.0, "show/sh01": 3.0}
        >>> farm.importance("show/sh01/fx"), farm.importance("show/sh02")
        (6.0, 2.0)
        """
        if not self.groups or not group:
            return 1.0
        factor, parts = 1.0, group.split("/")
        for end in range(1, len(parts) + 1):
            factor *= self.groups.get("/".join(parts[:end]), 1.0)
        return factor
