"""The state of a farm beside its journal: everything is durable before anybody acts on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from placement.control.state import FarmState
from placement.errors import JournalError, Moved, Refused
from placement.farm.facts import Fact
from placement.runtime.ports import Entry, Journal, Kept

__all__ = ["Ledger", "Make"]

#: Looks at the state and returns what follows; must not change it.
Make = Callable[[FarmState], Sequence[Fact]]

_TRIES = 1000


class Ledger:
    """A journal and the fold of it, in step.

    Parameters
    ----------
    journal
        Read at once: from the youngest stored state on.
    keep_every
        Facts after which the state is stored, so that opening folds few.

    Attributes
    ----------
    state
        The fold of all that is durable, as far as this process has read.
    """

    def __init__(self, journal: Journal, *, keep_every: int = 20_000) -> None:
        self.journal = journal
        self.state = FarmState()
        self._every = keep_every
        self._kept = self._told = 0
        self._stale = False
        self._listeners: list[Callable[[Entry], None]] = []
        self.reload()

    def reload(self) -> None:
        """Fold anew from the youngest stored state; if the journal cannot be read now, the next look does it."""
        self._stale = True
        kept, senses = self.journal.kept(), self.state.senses
        self.state = FarmState() if kept is None else FarmState.load(kept.state)
        self.state.senses = senses
        self._kept = self.state.seq
        self._fold()
        self._stale = False

    def catch_up(self) -> int:
        """Fold what others appended since, and return how many facts that were."""
        if self._stale:
            before = self._told
            self.reload()
            return self.state.seq - before
        return self._fold()

    def _fold(self) -> int:
        before = self.state.seq
        for entry in self.journal.read(after=before):
            self.state.apply(entry.fact)
            self.state.seq = entry.seq
            if entry.seq > self._told:
                self._tell(entry)
        self._told = max(self._told, self.state.seq)
        return self.state.seq - before

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` for every entry from now on, in order, once it is durable."""
        self._listeners.append(listener)

    def _tell(self, entry: Entry) -> None:
        self._told = entry.seq
        for listener in self._listeners:
            listener(entry)

    def command(self, make: Make, *, key: str = "") -> Sequence[Fact]:
        """Append what a caller wants, whole or not at all; with a `key` that was used before, nothing happens again.

        Returns
        -------
        Sequence of Fact
            What was appended; of a used key the first fact of then.

        Raises
        ------
        Refused
            The key was used for something else.
        PlacementError
            What `make` raises.
        """
        for _ in range(_TRIES):
            self.catch_up()
            before = self.journal.find(key) if key else None
            if before is not None:
                return [self._same(before, make)]
            facts = list(make(self.state))
            if not facts:
                return facts
            try:
                self._append(facts, None, key)
            except Moved:
                continue
            self._after(facts, key, fold=True)
            return facts
        raise JournalError(f"gave up after {_TRIES} tries: others append all the time")

    def _same(self, before: Entry, make: Make) -> Fact:
        """Return the fact of a used key, if the same is wanted now as far as can still be told."""
        try:
            wanted = list(make(self.state))[:1]
        except (Refused, ValueError, LookupError):
            return before.fact  # what was wanted is done, so it cannot be wanted again
        if wanted and type(wanted[0]) is not type(before.fact):
            was, now = type(before.fact).__name__, type(wanted[0]).__name__
            raise Refused(f"key {before.key!r} was used for {was} (entry {before.seq}), not for {now}")
        return before.fact

    def round(self, makes: Sequence[Make], *, term: int) -> Sequence[Fact]:
        """Append what follows from several looks, each at the state after those before, in one go.

        Raises
        ------
        Fenced
            Somebody leads in a later term; the state is as the journal has it.
        JournalError
            The journal did not take it; the state is as the journal has it.
        """
        for _ in range(_TRIES):
            self.catch_up()
            before = self.state.seq
            facts: list[Fact] = []
            try:
                for make in makes:
                    new = list(make(self.state))
                    for fact in new:
                        self.state.apply(fact)
                    facts += new
                self.state.seq = before
                if facts:
                    self._append(facts, term, "")
            except Moved:
                self.reload()
                continue
            except BaseException:
                self.reload()
                raise
            self._after(facts, "", fold=False)
            return facts
        raise JournalError(f"gave up after {_TRIES} tries: others append all the time")

    def _append(self, facts: Sequence[Fact], term: int | None, key: str) -> None:
        keys = [key, *[""] * (len(facts) - 1)] if key else None
        self.journal.append(facts, after=self.state.seq, term=term, keys=keys)

    def _after(self, facts: Sequence[Fact], key: str, *, fold: bool) -> None:
        """Go on to what was appended: fold it if that was not done before, tell it, store the state now and then."""
        before = self.state.seq
        for place, fact in enumerate(facts):
            if fold:
                self.state.apply(fact)
            self.state.seq = before + place + 1
            if self._listeners:
                self._tell(Entry(seq=self.state.seq, fact=fact, key=key if place == 0 else ""))
        self.state.seq = self._told = before + len(facts)
        if self.state.seq - self._kept >= self._every:
            self.keep()

    def keep(self) -> None:
        """Store the state now."""
        self.journal.keep(Kept(self.state.seq, self.state.dump()))
        self._kept = self.state.seq

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Return what the journal holds above a number."""
        return self.journal.read(after=after)
