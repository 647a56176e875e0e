"""What people change on a farm; every change is durable, whole or not at all, and happens once by its key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from placement.control import commands
from placement.control.state import FarmState
from placement.errors import InvalidInput
from placement.farm import facts as of
from placement.farm.facts import Fact, NodeSpec
from placement.farm.given import MOST_NAME, noun, several, shown, text
from placement.farm.job_checks import MOST_FRAMES
from placement.farm.jobs import Job
from placement.orchestrator.standing import job_status
from placement.orchestrator.status import JobStatus
from placement.runtime.ledger import Ledger, Wanted
from placement.runtime.ports import Clock
from placement.units import Seconds

__all__ = ["Changes"]

_TERMS = ("parent", "guarantee", "limit", "weight", "lending", "reclaim")


class Changes:
    """The part of `placement.orchestrator.Farm` that changes things.

    Every method takes `key`, of this change, chosen by the caller (asked for twice with the same key it happens once;
    a key that was used for something else is refused), and `by`: who asks. What is refused changes nothing.

    Parameters
    ----------
    ledger
        State and journal.
    clock
        Seconds since 1970.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._lock = threading.RLock()

    def submit(self, job: Job, *, key: str = "", by: str = "") -> JobStatus:
        """Hand in a job, whole or not at all.

        Parameters
        ----------
        key
            Of this change, chosen by the caller: asked for twice with the same key, it happens once.
        by
            Who asks.

        Raises
        ------
        InvalidInput
            The job cannot be; the message has the path to the fault.
        NotFound
            No such client, or a job it waits for does not exist.
        Refused
            There is, or was, a job of this name; the key was used for something else.
        """
        noun(job, "job", Job)
        self._do(commands.submit, of.JobSubmitted, key=key, by=by, job=job)
        return self._stands(job.name)

    def cancel(self, job: str, *, key: str = "", by: str = "") -> JobStatus:
        """End a job; what runs of it is stopped, what is done stays done."""
        self._do(commands.cancel, of.JobCancelled, key=key, by=by, job=job)
        return self._stands(job)

    def pause(self, job: str, *, key: str = "", by: str = "") -> JobStatus:
        """Start nothing more of a job; what runs goes on."""
        self._do(commands.pause, of.JobPaused, key=key, by=by, job=job)
        return self._stands(job)

    def resume(self, job: str, *, key: str = "", by: str = "") -> JobStatus:
        """Let a paused job go on."""
        self._do(commands.resume, of.JobResumed, key=key, by=by, job=job)
        return self._stands(job)

    def reprioritise(self, job: str, importance: float, *, key: str = "", by: str = "") -> JobStatus:
        """Change what a second of tardiness of a job costs, above 0."""
        self._do(commands.reprioritise, of.JobReprioritised, key=key, by=by, job=job, importance=importance)
        return self._stands(job)

    def set_group(self, group: str, importance: float, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Change by what factor all jobs of a group, and of groups below it, are more important."""
        return self._do(commands.set_group, of.GroupSet, key=key, by=by, group=group, importance=importance)

    def move_deadline(self, job: str, deadline: Seconds | None, *, key: str = "", by: str = "") -> JobStatus:
        """Change a job's deadline, seconds since 1970; None: it has none any more."""
        self._do(commands.move_deadline, of.DeadlineMoved, key=key, by=by, job=job, deadline=deadline)
        return self._stands(job)

    def retry(self, job: str, step: str = "", tasks: Sequence[int] = (), *, key: str = "", by: str = "") -> JobStatus:
        """Try failed tasks again with a full budget: all of the job, or of a step, or those named."""
        named = several(tasks, "tasks", MOST_FRAMES)
        self._do(commands.retry, of.TasksRetried, key=key, by=by, job=job, step=step, tasks=named)
        return self._stands(job)

    def register_node(self, node: NodeSpec, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Add a node, or change what it offers."""
        return self._do(commands.register_node, of.NodeRegistered, key=key, by=by, node=node)

    def drain(self, node: str, why: str = "", *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Start nothing more on a node; what runs there ends."""
        return self._do(commands.drain, of.NodeDraining, key=key, by=by, node=node, why=why)

    def give_back(self, node: str, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Let a node that was drained or quarantined take work again."""
        return self._do(commands.give_back, of.NodeReturned, key=key, by=by, node=node)

    def remove(self, node: str, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Take a node on which nothing runs off the farm."""
        return self._do(commands.remove, of.NodeRemoved, key=key, by=by, node=node)

    def set_client(self, name: str, *, key: str = "", by: str = "", **terms: Any) -> Sequence[Fact]:
        """Add a client, or change its terms: `parent`, `guarantee`, `limit`, `weight`, `lending`, `reclaim`.

        As `placement.farm.facts.ClientSet` has them; what is not given stays as it was.
        """
        unknown = [each for each in terms if each not in _TERMS]
        if unknown:
            raise InvalidInput(f"client {shown(name)}: unknown terms {unknown}, expected some of {list(_TERMS)}")
        return self._do(_set_client, of.ClientSet, key=key, by=by, name=name, **terms)

    def set_policy(self, *, key: str = "", by: str = "", **rules: float | str) -> Sequence[Fact]:
        """Change the farm's rules: fields of `placement.scheduling.rules.Rules`, and `power_cap` in W."""
        return self._do(commands.set_policy, of.PolicySet, key=key, by=by, rules=rules)

    def set_licence(self, name: str, count: int, *, key: str = "", by: str = "") -> Sequence[Fact]:
        """Say how many of a licence there are."""
        return self._do(commands.set_licence, of.LicencesSet, key=key, by=by, name=name, count=count)

    def _do(
        self, command: Callable[..., Sequence[Fact]], kind: type[Fact], *, key: str, by: str, **fields: Any
    ) -> Sequence[Fact]:
        """Append what a command makes of the state as it is then: first a fact of this kind with these fields."""
        text(key, "key", empty=True, most=MOST_NAME)
        text(by, "by", empty=True, most=MOST_NAME)
        with self._lock:
            at = self._clock()
            wanted = Wanted(kind, fields)
            return self._ledger.command(lambda state: command(state, at=at, by=by, **fields), key=key, wanted=wanted)

    def _stands(self, job: str) -> JobStatus:
        with self._lock:
            return job_status(self._ledger.state, job)


def _set_client(state: FarmState, *, name: str, at: Seconds, by: str, **terms: Any) -> Sequence[Fact]:
    """Set the terms that are given; others of a client that is there stay."""
    known = state.clients.get(text(name, "client: name"))
    if known is not None:
        terms = {each: getattr(known, each) for each in _TERMS} | terms
    return commands.set_client(state, of.ClientSet(at=at, by=by, name=name, **terms))
