"""The folder of an attempt: its order, its log, how far it is, how it ended; what a new engine takes over from."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from placement.adapters.engines.wrapper import write
from placement.control.messages import Report, Said, Start
from placement.errors import InvalidInput
from placement.units import Seconds

__all__ = ["Folder", "Patterns", "Settings"]

_TAIL = 4096
_DETAIL = 500
_LAST_LINES = 3
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    r"""Regular expressions for what a program prints; the number is the first group, an empty one is not looked for.

    Parameters
    ----------
    progress
        Per cent, of the frame at work if the task has several, else of the task.
    frame
        Number of a frame that is finished and kept.
    saved
        Per cent of the task that the last checkpoint holds.
    causes
        Of an attempt that failed, looked for in its last words: cause -> expression, such as
        ``{"licence": r"no licen[cs]e"}``.
    """

    progress: str = r"progress[: ]+(\d+(?:\.\d+)?)%"
    frame: str = r"frame (\d+) done"
    saved: str = r"saved[: ]+(\d+(?:\.\d+)?)%"
    causes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, each in {**self.causes, "progress": self.progress, "frame": self.frame, "saved": self.saved}.items():
            try:
                groups = re.compile(each).groups
            except re.error as wrong:
                raise InvalidInput(f"pattern of {name}: {each!r} is no regular expression: {wrong}") from wrong
            if each and name not in self.causes and not groups:
                raise InvalidInput(f"pattern of {name}: {each!r} has no group, expected the number as its first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a local engine runs attempts.

    Parameters
    ----------
    cwd
        Where commands run and relative outputs lie; None: where this process runs.
    environment
        Variables that commands see beside those of this process.
    grace
        Seconds between being asked to end and being killed.
    poll
        Seconds between looks at whether an attempt ended.
    watch
        Seconds between looks at memory and progress: what is used in between is seen too late.
    alive, progress
        Seconds between reports of nodes and of an attempt that moves on.
    log_bytes
        Of a log's two files each.
    keep
        Folders of ended attempts that are kept; older ones are removed.
    """

    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    patterns: Patterns = field(default_factory=Patterns)
    grace: Seconds = 10.0
    poll: Seconds = 0.02
    watch: Seconds = 0.5
    alive: Seconds = 10.0
    progress: Seconds = 5.0
    log_bytes: int = 4 << 20
    keep: int = 1000

    def __post_init__(self) -> None:
        for name in ("poll", "watch", "alive", "progress", "log_bytes"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} {getattr(self, name)} must be above 0")
        for name in ("grace", "keep"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"{name} {getattr(self, name)} must be >= 0")


class Folder:
    """One attempt's files.

    Parameters
    ----------
    path
        ``…/attempts/NUMBER``, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, order: Start, settings: Settings) -> bool:
        """Write the order; return False when the attempt was begun before."""
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            return False
        patterns = asdict(settings.patterns)
        del patterns["causes"]
        cwd = str(Path.cwd() if settings.cwd is None else settings.cwd)
        said = asdict(order) | {"cwd": cwd, "patterns": patterns, "log_bytes": settings.log_bytes}
        write(str(self.path), "order.json", said)
        return True

    def order(self) -> Start | None:
        """Return the order; None: it was never wholly written, so that nothing was started."""
        said = self._read("order.json")
        try:
            known = {each.name: said[each.name] for each in fields(Start)}
            tuples = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
            return Start(**known | tuples)
        except KeyError:
            return None

    def process(self) -> tuple[int, Seconds] | None:
        """Return the wrapper's process id and when it began, seconds since 1970."""
        said = self._read("process.json")
        return (said["pid"], said["began"]) if said else None

    def progress(self) -> dict[str, Any]:
        """Return what `placement.adapters.engines.wrapper.Watch` said last."""
        return self._read("progress.json")

    def result(self) -> dict[str, Any]:
        """Return how it ended; empty: it did not, or the wrapper was killed."""
        return self._read("result.json")

    def keep(self, report: Report) -> None:
        """Write the report of the end, so that it can be said again; a full disk does not keep it from being said."""
        try:
            write(str(self.path), "ended.json", asdict(report))
        except OSError:
            return

    def ended(self) -> Report | None:
        """Return the report of the end."""
        said = self._read("ended.json")
        if not said:
            return None
        tuples = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        return Report(**said | tuples | {"said": Said(said["said"])})

    @property
    def told(self) -> bool:
        """Whether the end was heard."""
        return (self.path / "told").exists()

    def tell(self) -> None:
        """Write that the end was heard."""
        try:
            (self.path / "told").touch()
        except OSError:
            return

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def last_words(self) -> str:
        """Return the last lines of the log, in printable characters."""
        said = b"".join(self._tail(name) for name in ("log.old", "log"))[-_TAIL:]
        lines = [_UNPRINTABLE.sub("", each).strip() for each in re.split(r"[\r\n]", said.decode("utf-8", "replace"))]
        return "\n".join([each for each in lines if each][-_LAST_LINES:])[-_DETAIL:]

    def _tail(self, name: str) -> bytes:
        try:
            with (self.path / name).open("rb") as file:
                file.seek(0, 2)
                file.seek(max(file.tell() - _TAIL, 0))
                return file.read()
        except OSError:
            return b""

    def _read(self, name: str) -> dict[str, Any]:
        try:
            said = json.loads((self.path / name).read_bytes())
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}
