"""Where jobs stand among the deadlines: who can wait, whose deadline counts for more, when late work gets its turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from placement.farm.sealed import seal
from placement.farm.snapshot import FarmSnapshot
from placement.scheduling.admission import Admission
from placement.scheduling.rules import Rules
from placement.units import Bools, Floats

__all__ = ["SPARE", "Standing", "span_of", "standing_of", "turns", "weighed"]

#: Share of its time that a job and all behind it have to spare at least, where who goes first does not matter.
SPARE = 0.4
_FORESEEN = 12 * 3600.0  #: seconds: an overload of now need not last longer, and there is time to see
_MOST = 4.5  #: times as near or as far as it is, a deadline counts at most
_ONE_BY_ONE = 64  #: late jobs given a turn of their own, to bound the time it takes; the others follow in a row
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Where each job stands among the deadlines, shape ``(jobs,)``.

    Parameters
    ----------
    turn
        Seconds from now by which its work is due, as `turns` says.
    by
        Seconds from now at which its deadline counts in the order of work, as `weighed` says; infinite: it has none.
    spare
        The least share of their time that it and all deadlines behind it have to spare; infinite: it is not to be met.
    """

    turn: Floats
    by: Floats
    spare: Floats

    def __post_init__(self) -> None:
        seal(self)


def span_of(farm: FarmSnapshot) -> Floats:
    """Return the seconds that each job has in all, from its release to its deadline, shape ``(jobs,)``.

    Examples
    --------
    >>> from placement.testing.planner_farms import snapshot_of
    >>> span_of(snapshot_of(now=50.0, jobs={"release": [20.0], "deadline": [120.0]})).tolist()
    [100.0]
    """
    return np.asarray(farm.jobs.deadline - np.minimum(farm.jobs.release, farm.now))


def standing_of(farm: FarmSnapshot, admission: Admission, rules: Rules, work: Floats, margin: Floats) -> Standing:
    """Return where jobs stand, with the certainty of `Rules.confidence`.

    Parameters
    ----------
    work
        Worth-seconds left of each job, shape ``(jobs,)``.
    margin
        Seconds by which each job's last frames may end later than expected: its work has to be done so much sooner.
        Long frames that are hard to foresee have little to spare when short ones still have much.
    """
    deviations, sure = float(ndtri(rules.confidence)), admission.due - margin
    rows = admission.admitted[np.argsort(sure[admission.admitted], kind="stable")]
    spare = admission.sets.spare(rows, sure, span_of(farm), deviations)
    return Standing(
        turn=turns(admission, farm.jobs.importance),
        by=weighed(farm.jobs.deadline - farm.now, admission, spare, work),
        spare=spare,
    )


def weighed(within: Floats, admission: Admission, spare: Floats, work: Floats) -> Floats:
    """Return in how many seconds each deadline counts in the order of work, shape ``(jobs,)``.

    The order of deadlines keeps all that can be kept. Where they cannot, since work comes that nobody foresaw or frames
    take longer, those are late that happen to be last. So where nothing is to spare, jobs that are worth more for their
    work go sooner: one that is worth twice as much as the mean counts as if it were due in half of the time. Where
    `SPARE` is to spare the deadline counts as it is; between the two the weight fades. So it does with the time to the
    deadline beyond `_FORESEEN`: what is overloaded today need not be tomorrow. Apparent tardiness cost weighs value per
    work by urgency in another way (Vepsalainen and Morton, "Priority rules for job shops with weighted tardiness
    costs", Management Science 33, 1987).

    Parameters
    ----------
    within
        Seconds from now to each deadline.
    spare
        The least share of their time that each job and all behind it have to spare.
    work
        Worth-seconds left of each job.

    Examples
    --------
    >>> from placement.scheduling.admission import admit
    >>> from placement.scheduling.bottlenecks import Bottlenecks
    >>> sets = Bottlenecks(room=np.ones(1), work=np.array([[6.0, 6.0]]), variance=np.zeros((1, 2)),
    ...                    client=np.array([-1]), classes=np.ones((1, 1), bool))
    >>> due, no = np.array([12.0, 12.0]), np.zeros(2, bool)
    >>> both = admit(sets, due, no, np.array([1.0, 3.0]), no)
    >>> weighed(due, both, np.zeros(2), np.array([6.0, 6.0])).tolist()
    [24.0, 8.0]
    >>> weighed(due, both, np.array([0.5, 0.2]), np.array([6.0, 6.0])).round(1).tolist()
    [12.0, 9.8]
    """
    some = np.isfinite(admission.due) & ~admission.given_up & (work > 0)
    if not some.any():
        return within
    density = np.divide(admission.value, work, out=np.ones(len(work)), where=some)
    mean = float(admission.value[some].sum() / work[some].sum())
    weight = np.clip(1 - spare / SPARE, 0.0, 1.0) * np.minimum(_FORESEEN / np.maximum(within, _LEAST), 1.0)
    nearer = np.where(some, np.clip((mean / density) ** weight, 1 / _MOST, _MOST), 1.0)
    return np.where(within > 0, within * nearer, within)


def turns(admission: Admission, importance: Floats) -> Floats:
    """Return by when the work of each job is due: its deadline if that is to be met, else the first turn it can have.

    A job whose deadline was given up costs its importance for every second until it ends, and work without a deadline
    costs nothing: so it is not left behind all others, but put where it delays no deadline that can be met. Late jobs
    choose one after the other, by importance per work (Smith, "Various optimizers for single-stage production", Naval
    Research Logistics Quarterly 3, 1956): each takes the earliest place in the order of deadlines from which on every
    bottleneck has room to spare for its work, or the last.

    Parameters
    ----------
    importance
        Cost of a second of lateness, shape ``(jobs,)``.

    Returns
    -------
    Floats
        Seconds from now, infinite without a deadline, shape ``(jobs,)``.

    Examples
    --------
    Of work of 6, 5 and 2 s by 10 s and by 12 s, the second is late; it goes before the last, which can wait for it.

    >>> from placement.scheduling.admission import admit
    >>> from placement.scheduling.bottlenecks import Bottlenecks
    >>> sets = Bottlenecks(room=np.ones(1), work=np.array([[6.0, 5.0, 2.0]]), variance=np.zeros((1, 3)),
    ...                    client=np.array([-1]), classes=np.ones((1, 1), bool))
    >>> no = np.zeros(3, bool)
    >>> chosen = admit(sets, np.array([10.0, 10.0, 13.0]), no, np.array([3.0, 1.0, 3.0]), no)
    >>> chosen.given_up.tolist(), turns(chosen, np.ones(3)).tolist()
    ([False, True, False], [10.0, 11.0, 13.0])
    """
    turn, sets = admission.due.copy(), admission.sets
    late, rows = np.flatnonzero(admission.given_up), admission.admitted
    if not len(late):
        return turn
    room = np.maximum(sets.room, _LEAST)[:, None]
    size = np.maximum((sets.work[:, late] / room).max(axis=0), _LEAST)
    late = late[np.argsort(-importance[late] / size, kind="stable")]
    due, done = np.maximum(turn[rows], 0.0), np.cumsum(sets.work[:, rows], axis=1)
    for job in late[:_ONE_BY_ONE].tolist():
        work = sets.work[:, job, None]
        place, before = _place(room * due - done, work), np.zeros_like(work)
        if place:
            before, turn[job] = done[:, place - 1, None], due[place - 1]
        else:
            turn[job] = 0.0
        turn[job] = max(turn[job], float(np.where(work > 0, (before + work) / room, 0.0).max()))
        due = np.insert(due, place, turn[job])
        done = np.concatenate([done[:, :place], before + work, done[:, place:] + work], axis=1)
    turn[late[_ONE_BY_ONE:]] = _in_a_row(sets.work[:, late[_ONE_BY_ONE:]], done[:, -1:], room, due[-1])
    return turn


def _place(spare: Floats, work: Floats) -> int:
    """Return before which of the places in a row `work` fits, given what is spare at each, shape ``(sets, places)``."""
    least = np.minimum.accumulate(spare[:, ::-1], axis=1)[:, ::-1]
    fits: Bools = np.asarray(((least >= work) | (work <= 0)).all(axis=0))
    return int(fits.argmax()) if len(fits) and fits[-1] else len(fits)


def _in_a_row(work: Floats, done: Floats, room: Floats, last: float) -> Floats:
    """Return when jobs end that follow one after the other on all that was `done` before, the last of it at `last`."""
    return np.asarray(np.maximum(((done + np.cumsum(work, axis=1)) / room).max(axis=0, initial=0.0), last))
