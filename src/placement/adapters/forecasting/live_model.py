"""The model that a running farm uses: followed when another is promoted, left when that one is worse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from placement.errors import InvalidInput, PlacementError
from placement.forecast.distribution import Forecast

__all__ = ["LiveModel", "Scorer"]

_LOG = logging.getLogger(__name__)
_MANIFEST = "manifest.json"
#: Looks until a model that could not be loaded is tried again.
_PATIENCE = 20
#: A promoted model is left when its mean error is more than so many times that of the one before.
_WORSE = 1.05

_Stamp = tuple[int, int, int] | None


class Scorer(Protocol):
    """What is asked of a model; `placement.placer.Placer` is one."""

    digest: str

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that it looks at."""
        ...

    def forecast(
        self, tasks: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Forecast]:
        """Return distributions over (tasks, node classes) by telemetry column."""
        ...


class LiveModel:
    """A model folder that is watched.

    Another model in the folder takes over at the next `look`; one that cannot be loaded changes nothing. Over the next
    `trial` finished tasks that both know, the absolute error of the log of the run time is compared: when that of the
    promoted model is more than 1.05 times that of the one before in the mean, the one before is back, and the promoted
    one is not taken again. A model that comes while another is on trial is held against the last one that stood its
    trial.

    Parameters
    ----------
    folder
        Such as ``models/live``.
    load
        Reads it, such as `placement.placer.Placer.load`.
    trial
        Finished tasks.

    Attributes
    ----------
    current
        The model in use; None: none could be loaded yet.
    previous
        The last one that was trusted, while the current one is on trial.

    Examples
    --------
    >>> from placement.adapters.stores.shipped import shipped
    >>> def broken(folder):
    ...     raise InvalidInput("no model")
    >>> live = LiveModel(shipped("models/live"), broken)
    >>> live.look(), live.current is None
    (False, True)
    """

    def __init__(self, folder: str | Path, load: Callable[[Path], Scorer], *, trial: int = 50) -> None:
        if trial < 1:
            raise InvalidInput(f"a trial of {trial} tasks: expected 1 or more")
        self.folder, self.trial = Path(folder), trial
        self.current: Scorer | None = None
        self.previous: Scorer | None = None
        self._load = load
        self._stamp: _Stamp = None
        self._retry = 0
        self._left: set[str] = set()
        self._errors = [0.0, 0.0]
        self._judged = 0

    def look(self) -> bool:
        """Load the model if it is another than before; return whether another is in use now."""
        stamp = self._seen()
        if stamp is None or (stamp == self._stamp and self._retry == 0):
            return False
        if stamp == self._stamp and self._retry > 1:
            self._retry -= 1
            return False
        self._stamp, self._retry = stamp, 0
        try:
            fresh = self._load(self.folder)
        except (PlacementError, OSError) as wrong:
            kept = "none" if self.current is None else self.current.digest[:12]
            _LOG.warning("model in %s cannot be loaded, %s stays in use: %s", self.folder, kept, wrong)
            self._retry = _PATIENCE
            return False
        return self._take(fresh)

    def _seen(self) -> _Stamp:
        try:
            found = (self.folder / _MANIFEST).stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _take(self, fresh: Scorer) -> bool:
        if fresh.digest in self._left or (self.current is not None and fresh.digest == self.current.digest):
            return False
        if self.previous is None:
            self.previous = self.current
        elif fresh.digest == self.previous.digest:  # taken back by hand
            self.previous = None
        self.current = fresh
        self._errors, self._judged = [0.0, 0.0], 0
        _LOG.info("model %s from %s is in use", fresh.digest[:12], self.folder)
        return True

    def judge(self, current: float, previous: float) -> bool:
        """Take note of how far both models were from a finished task; return whether the one before is back.

        Parameters
        ----------
        current, previous
            Absolute errors of the log of the run time.
        """
        if self.previous is None:
            return False
        self._errors[0] += current
        self._errors[1] += previous
        self._judged += 1
        if self._judged < self.trial:
            return False
        worse = self._errors[0] > _WORSE * self._errors[1]
        if worse and self.current is not None:
            _LOG.warning(
                "model %s is worse than %s over %d tasks (mean error of the log %.3f, %.3f) and is left",
                self.current.digest[:12], self.previous.digest[:12], self._judged, self._errors[0] / self._judged,
                self._errors[1] / self._judged,
            )  # fmt: skip
            self._left.add(self.current.digest)
            self.current = self.previous
        self.previous = None
        return worse
