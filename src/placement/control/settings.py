"""Settings of the controller: how long it waits, how often it tries again, when it gives up; all with defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields

from placement.errors import InvalidInput
from placement.units import Seconds

__all__ = ["Settings"]

_COUNTS = ("alike", "most_licences", "most_node_faults", "most_losses", "most_interruptions", "suspect_failures",
           "suspect_jobs", "scene_tasks", "flaps")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How patient the controller is.

    Parameters
    ----------
    interval
        Seconds between decisions when nothing happens.
    gap
        Seconds that lie at least between two decisions.
    most_planning
        Share of its time that the controller may spend on decisions.
    lead
        Seconds for which the lead is taken; another process takes over after them.
    lease
        Seconds of silence after which a node counts as lost.
    grace
        Seconds for which a node may report without an attempt that should run there, before the attempt is lost.
    progress
        Share of a task by which an attempt must have come on for it to be written down.
    backoff, backoff_most
        Seconds until a task that failed starts again; doubled with each failure, up to the second.
    licence_backoff
        The same after a licence was not to be had.
    alike
        Distinct nodes on which a task must fail alike to be failed at once, whatever its budget.
    scene_tasks, scene_share
        When so many tasks of a step failed alike on distinct nodes, and they are this share of those that came to an
        end, the rest of the step is failed unseen.
    most_licences, most_node_faults, most_losses, most_interruptions
        How often a task may be without licence, on a faulty node, lost, and interrupted by others than the planner,
        before it is failed.
    memory_margin, memory_growth
        After a task ran out of memory, its step asks for so much times its peak, or times what it had, whichever is
        more.
    look
        Seconds between two looks at all nodes and attempts for what is overdue.
    stuck
        An attempt is stuck that makes no progress in so many times the seconds in which, by the forecast's 90 %
        quantile or by its own pace, it would have ended (by its pace at most as long as it ran when it last made
        progress). Doubled each time that the task was found stuck.
    stuck_least
        Seconds without progress below which nothing is stuck: reports take their time.
    timeout_grace
        Seconds that an engine has to enforce `Step.timeout` itself.
    stop_grace
        Seconds that an attempt has to end after it was told to, beside `stop_checkpoint` times its step's
        `checkpoint_seconds`.
    stop_checkpoint
        See `stop_grace`.
    suspect_window
        Seconds in which failures on a node count together.
    suspect_failures, suspect_jobs
        A node on which so many attempts in a row failed within the window, of so many jobs that run elsewhere, is
        quarantined; so is one with so many faults of its own in a row.
    flaps, flap_window, trust, trust_most
        A node that was lost so often within the window returns, but takes work only after `trust` seconds, doubled with
        each further loss, up to `trust_most`.
    wake_patience
        A node that was woken and is silent for so many times its `wake_seconds`, and a lease, is lost. So long after
        its loss a node that can sleep is told to wake, and again each time that its absence has doubled.

    Raises
    ------
    InvalidInput
        A number makes no sense.
    """

    interval: Seconds = 30.0
    gap: Seconds = 0.2
    most_planning: float = 0.25
    lead: Seconds = 15.0
    lease: Seconds = 60.0
    grace: Seconds = 45.0
    progress: float = 0.1
    backoff: Seconds = 15.0
    backoff_most: Seconds = 1800.0
    licence_backoff: Seconds = 60.0
    alike: int = 2
    scene_tasks: int = 3
    scene_share: float = 0.8
    most_licences: int = 100
    most_node_faults: int = 20
    most_losses: int = 30
    most_interruptions: int = 100
    memory_margin: float = 1.1
    memory_growth: float = 1.5
    look: Seconds = 1.0
    stuck: float = 4.0
    stuck_least: Seconds = 30.0
    timeout_grace: Seconds = 30.0
    stop_grace: Seconds = 60.0
    stop_checkpoint: float = 2.0
    suspect_window: Seconds = 3600.0
    suspect_failures: int = 3
    suspect_jobs: int = 2
    flaps: int = 2
    flap_window: Seconds = 4 * 3600.0
    trust: Seconds = 120.0
    trust_most: Seconds = 4 * 3600.0
    wake_patience: float = 2.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise InvalidInput(f"setting {each.name} must be a finite number, 0 or more, got {value!r}")
        for name in _COUNTS:
            if getattr(self, name) != int(getattr(self, name)) or getattr(self, name) < 1:
                raise InvalidInput(f"setting {name} must be a whole number above 0, got {getattr(self, name)!r}")
        for name in ("interval", "lead", "lease", "grace", "stuck"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"setting {name} must be above 0, got {getattr(self, name):g}")
        if not (0 < self.most_planning <= 1 and 0 < self.scene_share <= 1):
            raise InvalidInput(
                f"settings most_planning {self.most_planning:g} and scene_share {self.scene_share:g}: expected (0, 1]"
            )
        if not (self.memory_margin > 1 and self.memory_growth > 1):
            raise InvalidInput("settings memory_margin and memory_growth must be above 1")
