"""The state of a farm: the fold of its facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from placement.control import folding_attempts, folding_farm, folding_jobs
from placement.control.holdings import Holdings
from placement.control.packing import pack, unpack
from placement.errors import JournalError
from placement.farm import facts
from placement.farm.facts import Fact

__all__ = ["FarmState"]

_Fold: TypeAlias = Callable[[Holdings, Any], None]


def _nothing(farm: Holdings, fact: Fact) -> None:
    """Change nothing: the fact is about the journal itself."""


_FOLDS: Mapping[type[Fact], _Fold] = {
    facts.Elected: folding_farm.elected,
    facts.ClientSet: folding_farm.client_set,
    facts.PolicySet: folding_farm.policy_set,
    facts.LicencesSet: folding_farm.licences_set,
    facts.GroupSet: folding_farm.group_set,
    facts.JobSubmitted: folding_jobs.submitted,
    facts.JobCancelled: folding_jobs.cancelled,
    facts.JobPaused: folding_jobs.paused,
    facts.JobResumed: folding_jobs.resumed,
    facts.JobReprioritised: folding_jobs.reprioritised,
    facts.DeadlineMoved: folding_jobs.deadline_moved,
    facts.TasksRetried: folding_jobs.retried,
    facts.NodeRegistered: folding_farm.registered,
    facts.NodeDraining: folding_farm.draining,
    facts.NodeRemoved: folding_farm.removed,
    facts.NodeLost: folding_farm.lost,
    facts.NodeReturned: folding_farm.returned,
    facts.NodeQuarantined: folding_farm.quarantined,
    facts.NodePower: folding_farm.power,
    facts.Decided: folding_farm.decided,
    facts.AttemptStarted: folding_attempts.started,
    facts.AttemptStopping: folding_attempts.stopping,
    facts.AttemptProgressed: folding_attempts.progressed,
    facts.AttemptEnded: folding_attempts.ended,
    facts.TaskFailed: folding_jobs.task_failed,
    facts.ReportRefused: folding_attempts.refused,
    facts.NameRedacted: _nothing,
    facts.BodiesDropped: _nothing,
}


class FarmState(Holdings):
    """What is known of a farm: folding the same facts gives the same state, whenever it was stored in between.

    Examples
    --------
    >>> from placement.farm.facts import ClientSet, JobSubmitted
    >>> from placement.farm.jobs import Frames, Job, Step
    >>> state = FarmState()
    >>> state.apply(ClientSet(at=0.0, name="film"))
    >>> job = Job(name="sh010", client="film", steps=(Step(name="beauty", frames=Frames(last=3)),))
    >>> state.apply(JobSubmitted(at=0.0, job=job))
    >>> state.seq, state.jobs["sh010"].open
    (2, 3)
    >>> FarmState.load(state.dump()).dump() == state.dump()
    True
    """

    def apply(self, fact: Fact) -> None:
        """Fold in one more fact.

        Raises
        ------
        JournalError
            It does not follow from the facts before: the journal is damaged, or not one that this package wrote. The
            state is then of no more use.
        """
        try:
            _FOLDS[type(fact)](self, fact)
        except JournalError as wrong:
            raise JournalError(f"entry {self.seq + 1}, {type(fact).__name__}: {wrong}") from wrong
        except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as wrong:
            raise JournalError(
                f"entry {self.seq + 1}, {type(fact).__name__}: {wrong!r}: the facts do not fit together"
            ) from wrong
        self.seq += 1

    def dump(self) -> bytes:
        """Return the state as bytes."""
        return pack(self)

    @classmethod
    def load(cls, packed: bytes) -> FarmState:
        """Return the state that was dumped.

        Raises
        ------
        IncompatibleJournal
            A later version wrote it.
        JournalError
            The bytes are damaged.
        """
        state = cls()
        unpack(packed, state)
        return state
