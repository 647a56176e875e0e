"""What must be true of a farm after its process was killed, whenever that was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from placement.adapters.stores.journal import open_journal
from placement.control.invariants import broken
from placement.control.state import FarmState
from placement.control.transitions import JobLife
from placement.errors import PlacementError
from placement.farm.facts import AttemptEnded, AttemptStarted, JobSubmitted, Outcome
from placement.runtime.ledger import Ledger
from placement.runtime.ports import Anchor, Entry
from placement.testing.crash_farm import Plot, key_of

__all__ = ["Audit"]


@dataclass(slots=True)
class Audit:
    """Looks at a farm's journal after each crash, and remembers what must still be there after the next.

    Parameters
    ----------
    plot
        The farm.

    Attributes
    ----------
    acknowledged
        Jobs whose submission returned.
    durable
        Number of the last entry that the process said was durable.
    done
        Accepted ends of each task.
    findings
        What was not as it must be, in words.
    """

    plot: Plot
    acknowledged: set[str] = field(default_factory=set)
    durable: int = 0
    done: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    entries: int = 0
    findings: list[str] = field(default_factory=list)
    _anchor: Anchor | None = None
    _by: dict[int, AttemptStarted] = field(default_factory=dict)
    _accepted: list[int] = field(default_factory=list)

    def told(self, line: str) -> None:
        """Take what the process said before it was killed."""
        what, _, which = line.partition(" ")
        if what == "job":
            self.acknowledged.add(which)
        elif what == "entry":
            self.durable = max(self.durable, int(which))
        else:
            self.findings.append(f"the process failed: {line}")

    def look(self) -> None:
        """Reopen the journal and check everything."""
        journal = open_journal(self.plot.journal)
        try:
            self.entries = journal.verify(anchors=[self._anchor] if self._anchor is not None else [])
            self._anchor = journal.anchor()
            before = self.done
            opened = Ledger(journal).state  # others may go on to write
            state, submitted = self._fold(journal.read(until=opened.seq))
            self._check(state, opened, submitted)
            missing = [task for task in before if task not in self.done]
            self._unless(not missing, f"tasks {missing} were accepted and are not any more")
            for job in sorted(self.acknowledged & submitted):
                self._unless(journal.find(key_of(job)) is not None, f"job {job} was acknowledged, its key is lost")
        except PlacementError as wrong:
            self.findings.append(f"{type(wrong).__name__}: {wrong}")
        finally:
            journal.close()

    def _fold(self, entries: Iterable[Entry]) -> tuple[FarmState, set[str]]:
        """Fold everything from the first entry on, and note which tasks were accepted by which attempts."""
        state, submitted = FarmState(), set()
        self.done, self._accepted = Counter(), []
        for entry in entries:
            state.apply(entry.fact)
            if isinstance(entry.fact, JobSubmitted):
                submitted.add(entry.fact.job.name)
            elif isinstance(entry.fact, AttemptStarted):
                self._by[entry.fact.attempt] = entry.fact
            elif isinstance(entry.fact, AttemptEnded) and entry.fact.outcome is Outcome.DONE:
                began = self._by[entry.fact.attempt]
                self.done[began.job, began.step, began.task] += 1
                self._accepted.append(entry.fact.attempt)
        return state, submitted

    def _check(self, folded: FarmState, opened: FarmState, submitted: set[str]) -> None:
        self._unless(self.entries >= self.durable, f"entry {self.durable} was durable, the last is {self.entries}")
        self._unless(folded.dump() == opened.dump(), "the stored state and what follows differ from the whole fold")
        lost = sorted(self.acknowledged - submitted)
        self._unless(not lost, f"jobs {lost} were acknowledged and are lost")
        twice = self.twice
        self._unless(not twice, f"tasks {twice} were accepted more than once")
        self.findings += broken(opened)

    def end(self) -> None:
        """Look once more, now that the process says that all is done."""
        self.look()
        lost = self.lost
        self._unless(not lost, f"tasks {lost} are lost")
        missing = [name for name in self._outputs() if not (self.plot.folder / name).is_file()]
        self._unless(not missing, f"outputs {missing} of accepted attempts are not there")
        journal = open_journal(self.plot.journal)
        try:
            state = Ledger(journal).state
        finally:
            journal.close()
        over = [name for name, past in state.past.items() if past.life is JobLife.DONE]
        self._unless(
            len(over) == self.plot.jobs and not state.jobs and not state.attempts,
            f"{len(over)} of {self.plot.jobs} jobs are done, {len(state.attempts)} attempts live",
        )

    def _outputs(self) -> list[str]:
        if self.plot.engine != "local":
            return []
        began = (self._by[attempt] for attempt in self._accepted)
        return [f"{each.job}.{each.step}.{each.task + 1}.{each.attempt}" for each in began]

    @property
    def twice(self) -> list[tuple[str, str, int]]:
        """Tasks that were accepted from more than one attempt."""
        return [task for task, times in self.done.items() if times > 1]

    @property
    def lost(self) -> list[tuple[str, str, int]]:
        """Tasks of the plot that no attempt was accepted of."""
        every = [
            (job.name, step.name, task)
            for job in self.plot.work() for step in job.steps for task in range(step.frames.tasks)
        ]  # fmt: skip
        return [task for task in every if task not in self.done]

    def _unless(self, holds: bool, finding: str) -> None:
        if not holds:
            self.findings.append(finding)
