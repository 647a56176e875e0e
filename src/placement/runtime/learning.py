"""What finished tasks teach the forecaster."""

from __future__ import annotations

from collections.abc import Sequence

from placement.control.forecasting import Finished
from placement.control.seeing_work import asked
from placement.control.state import FarmState
from placement.farm.facts import AttemptEnded, Fact, Outcome

__all__ = ["finished_of"]


def finished_of(state: FarmState, facts: Sequence[Fact]) -> list[Finished]:
    """Return the tasks that facts say are done whole: by one attempt, from nothing, in the fastest mode.

    Parameters
    ----------
    state
        As it is before these facts.
    """
    found = []
    for fact in facts:
        if not isinstance(fact, AttemptEnded) or fact.outcome is not Outcome.DONE or not fact.seconds > 0:
            continue
        attempt = state.attempts.get(fact.attempt)
        if attempt is None or attempt.begun > 0 or attempt.mode or attempt.node not in state.nodes:
            continue
        job = state.jobs.get(attempt.job)
        if job is not None:
            node = state.nodes[attempt.node].spec
            found.append(Finished(asked=asked(job, attempt.step), node=node, seconds=fact.seconds, memory=fact.memory))
    return found
