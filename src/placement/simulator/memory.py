"""What an engine remembers so that orders may come twice, late and out of order."""

from __future__ import annotations

from placement.runtime.ports import Report

__all__ = ["Memory"]


class Memory:
    """Fencing tokens and ends of attempts, the latest `size` of each.

    Examples
    --------
    >>> memory = Memory()
    >>> memory.youngest(("a", "b", 0), 7), memory.youngest(("a", "b", 0), 5), memory.youngest(("a", "b", 0), 7)
    (True, False, True)
    """

    def __init__(self, size: int = 65536) -> None:
        self._size = size
        self._tokens: dict[tuple[str, str, int], int] = {}
        self._ends: dict[int, Report] = {}

    def youngest(self, task: tuple[str, str, int], attempt: int) -> bool:
        """Return whether no younger attempt of the task was seen, and note this one."""
        if self._tokens.get(task, attempt) > attempt:
            return False
        self._tokens.pop(task, None)
        self._tokens[task] = attempt
        if len(self._tokens) > self._size:
            del self._tokens[next(iter(self._tokens))]
        return True

    def keep(self, report: Report) -> None:
        """Note the end of an attempt."""
        self._ends[report.attempt] = report
        if len(self._ends) > self._size:
            del self._ends[next(iter(self._ends))]

    def ended(self, attempt: int) -> Report | None:
        """Return how an attempt ended; None: it did not, or too long ago."""
        return self._ends.get(attempt)
