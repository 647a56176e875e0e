"""What a forecaster is taught: each task that was done, as soon as that is durable."""

from __future__ import annotations

import math

from placement.control.forecasting import Finished, Forecaster, StepAsked
from placement.control.seeing_work import asked
from placement.farm.facts import AttemptEnded, AttemptStarted, Elected, NodeSpec, Outcome
from placement.runtime.ledger import Ledger
from placement.runtime.ports import Entry

__all__ = ["Lessons"]


class Lessons:
    """Tells a forecaster of tasks that were done whole, from nothing, in the fastest mode.

    On opening it is told once for each node class of each live step what its tasks took in the mean: what a farm
    learned of jobs that are over stays in the journal, for training.

    Parameters
    ----------
    ledger
        Listened to from now on.
    """

    def __init__(self, ledger: Ledger, forecaster: Forecaster) -> None:
        self._ledger, self._forecaster = ledger, forecaster
        self._running: dict[int, tuple[StepAsked, NodeSpec]] = {}
        state = ledger.state
        classes = {node.spec.node_class: node.spec for node in state.nodes.values()}
        for entry in state.jobs.values():
            for step in entry.steps:
                forecaster.learn(
                    [
                        Finished(asked=asked(entry, step), node=classes[name], seconds=math.exp(seen.mean))
                        for name, seen in step.finished.items()
                        if name in classes
                    ]
                )
        for number, attempt in state.attempts.items():
            if attempt.begun == 0 and attempt.mode == 0:
                self._note(number, attempt.job, attempt.step.name, attempt.node)
        ledger.listen(self)

    def __call__(self, entry: Entry) -> None:
        """Take note of an entry of the journal."""
        fact = entry.fact
        if isinstance(fact, AttemptStarted):
            if fact.saved == 0 and fact.mode == 0:
                self._note(fact.attempt, fact.job, fact.step, fact.node)
        elif isinstance(fact, AttemptEnded):
            known = self._running.pop(fact.attempt, None)
            if known is not None and fact.outcome is Outcome.DONE and fact.seconds > 0:
                step, node = known
                self._forecaster.learn([Finished(asked=step, node=node, seconds=fact.seconds, memory=fact.memory)])
        elif isinstance(fact, Elected):
            live = self._ledger.state.attempts
            self._running = {number: known for number, known in self._running.items() if number in live}

    def _note(self, attempt: int, job: str, step: str, node: str) -> None:
        state = self._ledger.state
        entry, machine = state.jobs.get(job), state.nodes.get(node)
        if entry is not None and machine is not None and step in entry.rows:
            self._running[attempt] = (asked(entry, entry.steps[entry.rows[step]]), machine.spec)
