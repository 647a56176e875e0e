"""What happened on a farm, as columns: attempts, states of nodes, ends of jobs, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from placement.farm.sealed import seal
from placement.scheduling.plan import Reason
from placement.units import Bools, Floats, Ints, Seconds

__all__ = ["DecisionLog", "FarmHistory", "NodeSpans", "Outcome", "PastAttempts", "Recorder"]


class Outcome(IntEnum):
    """How an attempt ended."""

    DONE = 0  #: its frame is finished
    INTERRUPTED = 1  #: a plan, or a node put in quarantine, stopped it; its last checkpoint is kept
    OOM = 2  #: it took more memory than there was
    FAILED = 3  #: a bad node, its scene, or the end of its job failed it
    LOST = 4  #: its node went down; its last checkpoint is kept
    RUNNING = 5  #: it still ran when the history ended


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PastAttempts:
    """Attempts in the order of their ends, shape ``(attempts,)`` each.

    Parameters
    ----------
    index
        In the order of their starts.
    frame, step, node, mode
        Rows in the world; energy mode.
    start, end
        Seconds.
    outcome
        An `Outcome`.
    lost
        Seconds of the attempt whose work is not kept.
    saved
        Share of the frame that was done when it began.
    memory
        What its node kept for it, MiB.
    loading
        Seconds, the first ones, in which it loaded its scene.
    continued
        It took the place of the attempt before it at the instant that one ended.
    reason, stopped
        A `placement.scheduling.plan.Reason` each: why its slot was given to the step, why it was interrupted (-1: no
        plan interrupted it).
    """

    index: Ints
    frame: Ints
    step: Ints
    node: Ints
    mode: Ints
    start: Floats
    end: Floats
    outcome: Ints
    lost: Floats
    saved: Floats
    memory: Floats
    loading: Floats
    continued: Bools
    reason: Ints
    stopped: Ints

    def __post_init__(self) -> None:
        seal(self)

    @property
    def count(self) -> int:
        """Number of attempts."""
        return len(self.index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeSpans:
    """In which `placement.farm.machines.NodeState` each node was from when to when, in the order of nodes and time."""

    node: Ints
    state: Ints
    start: Floats
    end: Floats

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionLog:
    """Decisions in the order of time, shape ``(decisions,)``.

    Parameters
    ----------
    time
        Seconds.
    latency
        Seconds that the planner took, by the timer given; the only column that chance outside the world touches.
    waiting, running
        Frames at that instant, before the decision.
    starts, stops
        Attempts started; stopped at once or after their frame.
    waits
        Frames that wait after the decision by the planner's reason, shape ``(decisions, reasons)``; zeros where it
        gives none.
    """

    time: Floats
    latency: Floats
    waiting: Ints
    running: Ints
    starts: Ints
    stops: Ints
    waits: Ints

    def __post_init__(self) -> None:
        seal(self, {"waits": (len(self.time), max(Reason) + 1)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FarmHistory:
    """A world's life under one policy.

    Parameters
    ----------
    end
        When the history ends, seconds; it begins at 0.
    job_end, job_failed
        Last end of a job's frames, infinite where it did not finish; whether it failed for good. Shape ``(jobs,)``.
    step_ready, step_end
        When frames of each step could start, and when the last one ended, infinite: never. Shape ``(steps,)``.
    """

    end: Seconds
    attempts: PastAttempts
    spans: NodeSpans
    job_end: Floats
    job_failed: Bools
    step_ready: Floats
    step_end: Floats
    decisions: DecisionLog

    def __post_init__(self) -> None:
        for column in (self.job_end, self.job_failed, self.step_ready, self.step_end):
            column.setflags(write=False)


_ATTEMPTS = {
    "index": np.int64, "frame": np.int64, "step": np.int64, "node": np.int64, "mode": np.int64, "start": np.float64,
    "end": np.float64, "outcome": np.int64, "lost": np.float64, "saved": np.float64, "memory": np.float64,
    "loading": np.float64, "continued": np.bool_, "reason": np.int64, "stopped": np.int64,
}  # fmt: skip
_SPANS = {"node": np.int64, "state": np.int64, "start": np.float64, "end": np.float64}


class Recorder:
    """Gathers columns while a history grows."""

    def __init__(self) -> None:
        self._attempts: list[Mapping[str, np.ndarray]] = []
        self._spans: list[Mapping[str, np.ndarray]] = []
        self._decisions: list[tuple[float, float, int, int, int, int]] = []
        self._waits: list[Ints] = []

    def attempts(self, columns: Mapping[str, np.ndarray]) -> None:
        """Record attempts that ended."""
        self._attempts.append(columns)

    def spans(self, node: Ints, state: Ints, start: Floats, end: Floats) -> None:
        """Record spans of node states that are over; empty ones are left out."""
        some = np.flatnonzero(end > start)
        if len(some):
            self._spans.append({"node": node[some], "state": state[some], "start": start[some], "end": end[some]})

    def decision(self, row: tuple[float, float, int, int, int, int], waits: Ints) -> None:
        """Record a decision: time, latency, waiting, running, starts, stops; frames that wait by reason."""
        self._decisions.append(row)
        self._waits.append(waits)

    def past_attempts(self) -> PastAttempts:
        """Return all attempts in the order of their ends."""
        columns = _joined(self._attempts, _ATTEMPTS)
        order = np.lexsort((columns["index"], columns["end"]))
        return PastAttempts(**{name: column[order] for name, column in columns.items()})

    def node_spans(self) -> NodeSpans:
        """Return all spans in the order of nodes and time."""
        columns = _joined(self._spans, _SPANS)
        order = np.lexsort((columns["start"], columns["node"]))
        return NodeSpans(**{name: column[order] for name, column in columns.items()})

    def decision_log(self) -> DecisionLog:
        """Return all decisions."""
        table = np.array(self._decisions, float).reshape(-1, 6)
        whole = table[:, 2:].astype(np.int64)
        waits = np.array(self._waits, np.int64).reshape(-1, max(Reason) + 1)
        return DecisionLog(
            time=table[:, 0].copy(), latency=table[:, 1].copy(), waiting=whole[:, 0].copy(), running=whole[:, 1].copy(),
            starts=whole[:, 2].copy(), stops=whole[:, 3].copy(), waits=waits,
        )  # fmt: skip


def _joined(chunks: list[Mapping[str, np.ndarray]], kinds: Mapping[str, type]) -> dict[str, np.ndarray]:
    return {
        name: np.concatenate([np.zeros(0, kind), *(chunk[name] for chunk in chunks)]).astype(kind)
        for name, kind in kinds.items()
    }
