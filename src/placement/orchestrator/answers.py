"""When jobs will have ended, and why tasks run or wait: worked out anew by the planner, which is pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from placement.control.forecasting import Forecaster
from placement.control.holdings import not_found
from placement.control.nouns import JobEntry, StepEntry
from placement.control.seeing import Seen, see
from placement.control.settings import Settings
from placement.control.state import FarmState
from placement.control.transitions import JobLife, Status
from placement.errors import InvalidInput, NotFound
from placement.farm.given import shown, text
from placement.farm.tariff import Outlook
from placement.orchestrator.standing import in_group
from placement.orchestrator.status import Forecast, Told, Why
from placement.runtime.ports import Entry
from placement.scheduling.explain import MEANING
from placement.scheduling.explain import why as reasons
from placement.scheduling.plan import Plan, Planner, Reason
from placement.units import Seconds

__all__ = ["Answers", "told"]

_SAYS = {
    Status.DONE: "is done",
    Status.CANCELLED: "was cancelled with its job",
    Status.FAILED: "failed",
    Status.DOOMED: "failed unseen",
}


class Answers:
    """What a state says when it is asked; nothing in it changes.

    Parameters
    ----------
    now
        When it is asked, seconds since 1970.
    forecaster, planner, settings, outlook
        As of the farm; None: nothing costs anything.
    """

    def __init__(
        self,
        state: FarmState,
        now: Seconds,
        forecaster: Forecaster,
        planner: Planner,
        settings: Settings,
        outlook: Outlook | None = None,
    ) -> None:
        self._state, self._now = state, now
        self._forecaster, self._planner, self._settings = forecaster, planner, settings
        self._outlook = outlook

    def _plan(self) -> tuple[Seen, Plan]:
        """Plan as the loop would now; nothing comes of it."""
        seen = see(self._state, self._now, self._forecaster, self._settings, self._outlook)
        return seen, self._planner(seen.snapshot, seen.cost, seen.rules)

    def forecast(self, job: str, group: str) -> Forecast:
        """Return when a job, or all jobs of a group, will have ended.

        Raises
        ------
        NotFound
            There is no such job, or none in the group that is not over.
        InvalidInput
            Both or none are given, or the planner does not forecast.
        """
        text(job, "job", empty=True)
        text(group, "group", empty=True)
        if bool(job) == bool(group):
            raise InvalidInput(f"expected a job or a group, got job {shown(job)} and group {shown(group)}")
        jobs = self._state.jobs
        names = [job] if job else [name for name, entry in jobs.items() if in_group(entry.job.group, group)]
        if not names:
            raise NotFound(f"no job that is not over lies in group {shown(group)}")
        if job and job not in jobs:
            raise not_found("job", job, jobs)
        seen, plan = self._plan()
        if plan.outlooks is None:
            raise InvalidInput("the farm's planner does not forecast when jobs end")
        rows = {name: row for row, name in enumerate(seen.jobs)}
        chosen = np.array([rows[name] for name in names if name in rows], np.int64)
        if not len(chosen):
            raise NotFound(f"jobs {names[:5]} have nothing left to do")
        seen_ahead = plan.outlooks
        return Forecast(
            end=float(seen_ahead.finish[chosen].max()),
            on_time=float(seen_ahead.on_time[chosen].min()),
            slack=float(seen_ahead.slack[chosen].min()),
            earliest=float(seen_ahead.earliest[chosen].max()),
            given_up=tuple(seen.jobs[row] for row in chosen.tolist() if seen_ahead.given_up[row]),
            model=seen.model,
        )

    def why(self, job: str, step: str, task: int | None) -> Why:
        """Return why a job, a step or a task runs, waits or is over.

        Raises
        ------
        NotFound
            There is no such job, step or task.
        InvalidInput
            A task is named without its step, or a name is no text.
        """
        text(job, "job")
        text(step, "step", empty=True)
        entry = self._state.entry(job)
        if entry is None:
            return self._past(job)
        if not step:
            if task is not None:
                raise InvalidInput(f"task {shown(task)} of job {job!r}: expected its step as well")
            return self._of_job(entry)
        if step not in entry.rows:
            raise not_found(f"step of job {job!r}", step, entry.rows)
        each = entry.steps[entry.rows[step]]
        if task is None:
            return self._of_step(entry, each)
        if isinstance(task, bool) or not isinstance(task, int) or not 0 <= task < len(each.status):
            raise NotFound(f"task {shown(task)} is none of the {len(each.status)} of step {step!r} of job {job!r}")
        return self._of_task(entry, each, task)

    def _past(self, name: str) -> Why:
        past = self._state.past.get(name)
        if past is None:
            raise not_found("job", name, {**self._state.jobs, **self._state.past})
        told = f"job {name!r} is over: {past.life} ({past.done} tasks done, {past.failed} failed)"
        return Why(sentence=told, reason=past.life.name)

    def _of_job(self, entry: JobEntry) -> Why:
        if entry.life not in (JobLife.ACTIVE, JobLife.PAUSED):
            return Why(sentence=f"job {entry.name!r} is {entry.life}", reason=entry.life.name)
        waiting = [each for each in entry.steps if each.open]
        parts = [self._of_step(entry, each) for each in waiting]
        first = parts[0] if parts else Why(sentence=f"job {entry.name!r} has nothing left to do", reason="DONE")
        return Why(
            sentence="; ".join(part.sentence for part in parts) or first.sentence, reason=first.reason,
            until=first.until,
        )  # fmt: skip

    def _of_task(self, entry: JobEntry, step: StepEntry, task: int) -> Why:
        status, trouble = Status(int(step.status[task])), step.troubles.get(task)
        name = f"task {task} of step {step.name!r} of job {entry.name!r}"
        if status in _SAYS:
            because = trouble.why if trouble is not None and trouble.why else step.given_up
            return Why(sentence=f"{name} {_SAYS[status]}" + (f": {because}" if because else ""), reason=status.name)
        if status == Status.RUNNING:
            return self._running(name, entry, step, task)
        if status == Status.BACKING_OFF and trouble is not None and trouble.again > self._now:
            last = f" on {trouble.failures[-1].node}" if trouble.failures else ""
            told = f"{name} waits to be tried again after it failed{last}"
            return Why(sentence=told, reason=status.name, until=trouble.again)
        if status == Status.BLOCKED:
            return Why(sentence=f"{name} {MEANING[Reason.DEPENDS]}", reason=Reason.DEPENDS.name)
        of_step = self._of_step(entry, step)
        return Why(sentence=f"{name}: {of_step.sentence}", reason=of_step.reason, until=of_step.until)

    def _running(self, name: str, entry: JobEntry, step: StepEntry, task: int) -> Why:
        live = self._state.attempts.values()
        attempt = next(each for each in live if each.job == entry.name and each.step is step and each.task == task)
        known = attempt.reason in Reason.__members__
        because = f" It {MEANING[Reason[attempt.reason]].replace('starts:', 'started:')}." if known else ""
        told = (
            f"{name} runs on {attempt.node} as attempt {attempt.number}, {attempt.progress:.0%} done as far as is "
            f"known; forecast {attempt.forecast[0]:.0f} s."
        )
        return Why(sentence=told + because, reason="RUNNING", until=attempt.started + attempt.forecast[0])

    def _of_step(self, entry: JobEntry, step: StepEntry) -> Why:
        """Plan, and return what the plan says of the step."""
        name = f"step {step.name!r} of job {entry.name!r}"
        if not step.open:
            return Why(sentence=f"{name} has nothing left to do", reason=Reason.FINISHED.name)
        seen, plan = self._plan()
        row = next((at for at, (_, each) in enumerate(seen.steps) if each is step), None)
        if row is None:
            waits = "is not released yet" if entry.release > self._now else "waits for other jobs"
            until = entry.release if entry.release > self._now else None
            return Why(sentence=f"{name} {waits}", reason=Reason.DEPENDS.name, until=until)
        rowed = f"step {int(seen.snapshot.steps.index[row])} of job {int(seen.snapshot.jobs.index[_job(seen, row)])}"
        sentence = reasons(seen.snapshot, plan, row).replace(rowed, name, 1)
        started = plan.starts.reason[plan.starts.step == row]
        if len(started) or plan.waits is None:
            reason, until = Reason(int(started[0])).name if len(started) else "WAITING", None
        else:
            reason, until = Reason(int(plan.waits.reason[row])).name, float(plan.waits.until[row])
        return Why(sentence=sentence, reason=reason, until=until if until is not None and np.isfinite(until) else None)


def _job(seen: Seen, row: int) -> int:
    return int(seen.snapshot.steps.job[row])


def told(
    entries: Iterable[Entry], *, job: str = "", node: str = "", kinds: Sequence[str] = ()
) -> list[Told]:
    """Return entries as people read them: all, or those of a job, of a node, of some kinds.

    What attempts of a job report is its too, and so is what attempts on a node do.

    Raises
    ------
    InvalidInput
        A name is no text.
    """
    text(job, "job", empty=True)
    text(node, "node", empty=True)
    mine: set[int] = set()
    found = []
    for entry in entries:
        what = msgspec.to_builtins(entry.fact)
        kind, attempt = type(entry.fact).__name__, what.get("attempt")
        whose, where = what.get("job"), what.get("node")
        whose = whose["name"] if isinstance(whose, dict) else whose
        where = where["name"] if isinstance(where, dict) else where
        hit = (not job or whose == job) and (not node or where == node)
        if kind == "AttemptStarted" and hit:
            mine.add(int(what["attempt"]))
        if not hit and attempt in mine:
            hit = True
        if hit and (not kinds or kind in kinds):
            at, by = what.pop("at"), what.pop("by")
            found.append(Told(seq=entry.seq, at=at, by=by, kind=kind, what=what))
    return found
