"""A witness beside the orchestrator: reads the journal by itself, knows what engines really did, and what users heard.

It shares no code with what it watches but facts and the codec: a little model of its own tells what a sound journal may
say next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from placement.errors import JournalError
from placement.farm import facts as of
from placement.farm.facts import Fact, Outcome
from placement.runtime.ports import Entry, Journal, Report, Said, Start, Stop

__all__ = ["Broken", "Witness"]

_BY_THE_LOOP = (of.Elected, of.Decided, of.AttemptStarted, of.AttemptStopping, of.AttemptProgressed, of.ReportRefused,
                of.NodeLost, of.TaskFailed)  # fmt: skip


class Broken(AssertionError):
    """Something that must always hold does not."""


@dataclass(slots=True)
class _Started:
    task: tuple[str, str, int]
    node: str


@dataclass(slots=True)
class Witness:
    """What must hold of a journal, whatever went wrong.

    Parameters
    ----------
    journal
        Read by `catch_up`.
    seq, digest
        The last entry that was read.
    """

    journal: Journal
    seq: int = 0
    digest: str = ""
    term: int = 0
    finished: set[tuple[int, str]] = field(default_factory=set)
    ends: set[tuple[int, str]] = field(default_factory=set)
    marks: Counter[str] = field(default_factory=Counter)
    keys: dict[str, int] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)
    _attempts: dict[int, _Started] = field(default_factory=dict)
    _live: dict[tuple[str, str, int], int] = field(default_factory=dict)
    _done: set[tuple[str, str, int]] = field(default_factory=set)
    _paused: set[str] = field(default_factory=set)
    _cancelled: set[str] = field(default_factory=set)
    _shut: dict[str, str] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)
    _power: set[tuple[str, bool]] = field(default_factory=set)

    # What engines really did.

    def heard(self, reports: Sequence[Report]) -> None:
        """Note what an engine says, before the network has its way with it."""
        for report in reports:
            if report.said is Said.ENDED:
                self.ends.add((report.attempt, report.node))
                if report.exit_code == 0 and not report.cause:
                    self.finished.add((report.attempt, report.node))

    # What is ordered.

    def order(self, orders: Sequence[Start | Stop]) -> None:
        """Check orders before an engine has them.

        Raises
        ------
        Broken
            The journal holds no fact for one of them.
        """
        self.catch_up()
        for order in orders:
            known = self._attempts.get(order.attempt)
            if known is None:
                raise Broken(f"attempt {order.attempt} is ordered, and nothing of it is durable")
            if isinstance(order, Start) and (known.task, known.node) != (order.task, order.node):
                raise Broken(f"attempt {order.attempt} is ordered as {order.task} on {order.node}, durable is {known}")

    def switch(self, node: str, up: bool) -> None:
        """Check an order to wake or to sleep.

        Raises
        ------
        Broken
            The journal holds no fact for it.
        """
        self.catch_up()
        if (node, up) not in self._power:
            raise Broken(f"node {node} is told to be {'up' if up else 'asleep'}, and no such fact is durable")

    # What is written.

    def wrote(self, facts: Sequence[Fact], term: int | None) -> None:
        """Check what a process was allowed to append.

        Raises
        ------
        Broken
            Its term is over, or it wrote a leader's fact without leading.
        """
        for fact in facts:
            if term is not None and term < self.term:
                raise Broken(f"{type(fact).__name__} of term {term} was appended after term {self.term} began")
            if term is None and isinstance(fact, _BY_THE_LOOP):
                raise Broken(f"{type(fact).__name__} was appended by somebody who does not lead")
            if isinstance(fact, of.Elected):
                self.term = fact.term
            elif term is not None and term > self.term:
                raise Broken(f"{type(fact).__name__} of term {term} was appended before it began")

    def catch_up(self) -> None:
        """Read what is new.

        Raises
        ------
        Broken
            It cannot follow from what was before, or what was there is gone.
        """
        if self.journal.last() < self.seq:
            raise Broken(f"entry {self.seq} was durable, now the journal ends at {self.journal.last()}")
        for entry in self.journal.read(self.seq):
            if entry.seq != self.seq + 1:
                raise Broken(f"entry {entry.seq} comes after entry {self.seq}")
            self._read(entry)
            self.seq, self.digest = entry.seq, entry.digest

    def _read(self, entry: Entry) -> None:
        fact = entry.fact
        if entry.key:
            if entry.key in self.keys:
                raise Broken(f"key {entry.key} stands for entries {self.keys[entry.key]} and {entry.seq}")
            self.keys[entry.key] = entry.seq
        if not isinstance(fact, of.AttemptEnded):
            self.marks[fact.by] += 1
        if isinstance(fact, of.Elected):
            self.term = max(self.term, fact.term)
        elif isinstance(fact, of.AttemptStarted):
            self._start(entry.seq, fact)
        elif isinstance(fact, of.AttemptEnded):
            self._end(entry.seq, fact)
        elif isinstance(fact, of.JobSubmitted):
            if fact.job.name in self.jobs:
                raise Broken(f"entry {entry.seq}: job {fact.job.name} was handed in before")
            self.jobs.add(fact.job.name)
        elif isinstance(fact, of.JobPaused):
            self._paused.add(fact.job)
        elif isinstance(fact, of.JobCancelled):
            self._cancelled.add(fact.job)
        elif isinstance(fact, of.JobResumed | of.TasksRetried):
            self._paused.discard(fact.job)  # who was paused when it ended begins anew when it is retried
        else:
            self._of_node(fact)

    def _of_node(self, fact: Fact) -> None:
        if isinstance(fact, of.NodeRemoved | of.NodeDraining | of.NodeQuarantined):
            self._shut[fact.node] = type(fact).__name__
        elif isinstance(fact, of.NodeLost):
            self._lost.add(fact.node)
        elif isinstance(fact, of.NodeReturned):
            if fact.node not in self._lost:
                self._shut.pop(fact.node, None)
            self._lost.discard(fact.node)
        elif isinstance(fact, of.NodeRegistered):
            self._lost.discard(fact.node.name)
            if self._shut.get(fact.node.name) == "NodeRemoved":
                del self._shut[fact.node.name]
        elif isinstance(fact, of.NodePower) and not fact.settled:
            self._power.add((fact.node, fact.up))

    def _start(self, seq: int, fact: of.AttemptStarted) -> None:
        task = (fact.job, fact.step, fact.task)
        wrong = ""
        if fact.attempt in self._attempts:
            wrong = "its number was used before"
        elif task in self._live:
            wrong = f"attempt {self._live[task]} of the task is live"
        elif task in self._done:
            wrong = "the task is done"
        elif fact.job in self._paused | self._cancelled or fact.job not in self.jobs:
            wrong = "its job is paused, cancelled or not there"
        elif fact.node in self._shut or fact.node in self._lost:
            wrong = f"its node takes no work: {self._shut.get(fact.node, 'NodeLost')}"
        if wrong:
            raise Broken(f"entry {seq}: attempt {fact.attempt} of {task} on {fact.node} started, but {wrong}")
        self._attempts[fact.attempt] = _Started(task, fact.node)
        self._live[task] = fact.attempt

    def _end(self, seq: int, fact: of.AttemptEnded) -> None:
        known = self._attempts.get(fact.attempt)
        what = f"entry {seq}: attempt {fact.attempt} ended ({fact.outcome.value})"
        if known is None or self._live.get(known.task) != fact.attempt:
            raise Broken(f"{what}, which is not live")
        del self._live[known.task]
        if fact.by == "engine" and (fact.attempt, known.node) not in self.ends:
            raise Broken(f"{what} by the word of an engine that never said so")
        if fact.outcome is Outcome.DONE:
            if (fact.attempt, known.node) not in self.finished:
                raise Broken(f"{what}, and no engine finished it")
            self._done.add(known.task)

    # What users heard.

    def acknowledged(self, by: str, key: str) -> None:
        """Check that what a user was told is durable, and once.

        Raises
        ------
        Broken
            It is not.
        """
        self.catch_up()
        if key and key not in self.keys:
            raise Broken(f"{by} was told that {key} is done, and the journal does not have it")
        if not self.marks[by]:
            raise Broken(f"{by} was told that something is done, and the journal does not have it")
        if self.marks[by] > 1:
            raise Broken(f"{by} asked for one thing with key {key!r} and it was done {self.marks[by]} times")

    def verify(self) -> None:
        """Check the chain, and that it ends with what was read: then nothing that was ever read is gone or changed.

        Raises
        ------
        Broken
            It does not hold.
        """
        try:
            count = self.journal.verify()
        except JournalError as wrong:
            raise Broken(f"the chain does not verify: {wrong}") from wrong
        if count != self.seq:
            raise Broken(f"the chain verifies {count} entries of {self.seq}")
        if [entry.digest for entry in self.journal.read(self.seq - 1)] != [self.digest]:
            raise Broken(f"entry {self.seq} is not the one that was read before")

    @property
    def live(self) -> int:
        """How many attempts the journal has as running."""
        return len(self._live)
