"""Jobs as their owners hand them in: steps with frames, what they need, what they wait for, what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from placement.errors import InvalidInput
from placement.farm.given import FARTHEST, shown, whole
from placement.units import MiB, Seconds

__all__ = ["After", "Checkpoint", "Frames", "Job", "Milestone", "Preview", "Requirements", "Step", "Waits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Frame numbers `first`, `first` + `by`, … up to `last`, rendered `chunk` at a time: one task each.

    Examples
    --------
    >>> Frames(first=1, last=10, chunk=4).tasks
    3
    >>> Frames(first=1, last=10, by=2, chunk=2).of(1)
    (5, 7)
    >>> Frames(first=5, last=1)
    Traceback (most recent call last):
        ...
    placement.errors.InvalidInput: frames 5 to 1 by 1: the range is empty, expected first <= last
    """

    first: int = 1
    last: int = 1
    by: int = 1
    chunk: int = 1

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            whole(getattr(self, name), f"frames: {name}", -FARTHEST, FARTHEST)
        for name in ("by", "chunk"):
            whole(getattr(self, name), f"frames: {name}", 1, FARTHEST)
        if self.last < self.first:
            raise InvalidInput(
                f"frames {self.first} to {self.last} by {self.by}: the range is empty, expected first <= last"
            )

    @property
    def count(self) -> int:
        """Number of frames."""
        return (self.last - self.first) // self.by + 1

    @property
    def tasks(self) -> int:
        """Number of tasks: chunks of frames."""
        return -(-self.count // self.chunk)

    def of(self, task: int) -> tuple[int, ...]:
        """Return the frame numbers of a task, counted from 0.

        Raises
        ------
        InvalidInput
            There is no such task.
        """
        if isinstance(task, bool) or not isinstance(task, int) or not 0 <= task < self.tasks:
            raise InvalidInput(f"task {shown(task)} is none of the {self.tasks} of frames {self.first} to {self.last}")
        begin = self.first + task * self.chunk * self.by
        return tuple(range(begin, min(begin + self.chunk * self.by, self.last + 1), self.by))


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What a task must have on its node.

    Parameters
    ----------
    cores, gpus
        Counted; a fraction of a core is allowed.
    memory, gpu_memory, scratch
        MiB.
    tags
        Names that the node must carry: software, operating system, anything.
    licence
        Licence that a task holds while it runs; empty: none.
    """

    cores: float = 1.0
    memory: MiB = 1024.0
    gpus: float = 0.0
    gpu_memory: MiB = 0.0
    scratch: MiB = 0.0
    tags: tuple[str, ...] = ()
    licence: str = ""


class Waits(StrEnum):
    """What a task of a step waits for in the step (or the job, or the group of jobs) it depends on."""

    ALL = "all"  #: every task of it is done
    SAME = "same"  #: the tasks of it that hold the same frame numbers are done
    ANY = "any"  #: any task of it is done
    PREVIOUS = "previous"  #: the tasks of it (by default of its own step) that hold the frame number before are done


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """One dependency; exactly one of `step`, `job` and `group` is given, and none for `PREVIOUS` in the step itself.

    Parameters
    ----------
    step
        Name of a step of the same job.
    job
        Id of another job; waited for as a whole (`Waits.ALL`).
    group
        Path of a group, such as ``"show/seq010/sh0040"``: all jobs in it and below it that are there at the time.
    """

    step: str = ""
    job: str = ""
    group: str = ""
    waits: Waits = Waits.ALL


class Checkpoint(StrEnum):
    """What is kept when an attempt is stopped."""

    NONE = "none"  #: nothing
    FRAMES = "frames"  #: finished frames of the chunk
    RESUMES = "resumes"  #: what the last checkpoint holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A quick first look at a step: its frames every `every`-th, key frames first, at `share` of the samples."""

    share: float = 0.03
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Frames that cost nearly the same.

    Parameters
    ----------
    name
        Unique in the job.
    command
        Arguments of the program, never a shell line; ``{frame}``, ``{first}``, ``{last}``, ``{frames}``, ``{attempt}``,
        ``{node}`` and names of `quality` are filled in.
    job_type
        What forecasts are keyed by, such as ``"cycles"``.
    after
        What its tasks wait for.
    seconds
        The submitter's estimate of one task on a node of worth 1 per core asked for; None: no idea.
    quality
        Parameters that change cost and look, such as ``{"samples": 256}``; also features of the forecast.
    outputs
        Files that a task must have written, with the same names filled in; a task without them failed.
    formats
        What `outputs` are, such as ``"exr"``.
    checkpoint, checkpoint_seconds
        What an interruption keeps; seconds of work between checkpoints for `Checkpoint.RESUMES`.
    budget
        How many attempts of a task may fail by its own fault before it is failed for good.
    timeout
        Seconds after which an attempt is stopped; None: only when its lack of progress contradicts the forecast.
    """

    name: str
    frames: Frames = field(default_factory=Frames)
    command: tuple[str, ...] = ()
    job_type: str = "generic"
    requirements: Requirements = field(default_factory=Requirements)
    after: tuple[After, ...] = ()
    seconds: Seconds | None = None
    quality: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    checkpoint: Checkpoint = Checkpoint.NONE
    checkpoint_seconds: Seconds | None = None
    budget: int = 3
    timeout: Seconds | None = None
    preview: Preview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """Part of a job that is due earlier: frames `first` to `last` of `step` (all of them unless given)."""

    name: str
    step: str
    due: Seconds
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work of one client.

    Parameters
    ----------
    name
        The job's id, unique on the farm and never used again.
    client
        Whose share it uses; a client without projects under it.
    steps
        At least one.
    group
        Where it belongs, such as ``"show/seq010/sh0040"``: jobs of a path are depended on, prioritised and forecast as
        one.
    release, deadline
        Seconds since 1970; released at once, no deadline unless given.
    importance
        What a second of tardiness costs, above 0; times that of its groups.
    value
        What the job is worth on time.
    milestones
        Parts that are due earlier.
    after
        Other jobs, or groups, that all of it waits for.
    """

    name: str
    client: str
    steps: tuple[Step, ...]
    group: str = ""
    release: Seconds | None = None
    deadline: Seconds | None = None
    importance: float = 1.0
    value: float = 0.0
    milestones: tuple[Milestone, ...] = ()
    after: tuple[After, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
