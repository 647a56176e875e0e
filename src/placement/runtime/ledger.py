"""The state of a farm beside its journal: everything is durable before anybody acts on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from tqdm import tqdm

from placement.control.state import FarmState
from placement.errors import JournalError, Moved, Refused
from placement.farm.facts import Fact, NameRedacted
from placement.farm.given import shown
from placement.runtime.ports import Entry, Journal, Kept

__all__ = ["Ledger", "Make", "Wanted"]

_LOG = logging.getLogger(__name__)

#: Looks at the state and returns what follows; must not change it.
Make = Callable[[FarmState], Sequence[Fact]]

_TRIES = 1000
_SOON = 2.0  #: seconds after which a terminal is shown how far folding is


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a change with a key is about, to tell whether the key was used for the same before.

    Parameters
    ----------
    kind
        Of the first fact that the change makes.
    fields
        Those of its fields that the caller chose.

    Examples
    --------
    >>> from placement.farm.facts import JobPaused
    >>> Wanted(JobPaused, {"job": "sh010"}).unlike(JobPaused(at=5.0, by="mia", job="sh020"))
    "JobPaused with job 'sh020'"
    """

    kind: type[Fact]
    fields: Mapping[str, object]

    def unlike(self, fact: Fact) -> str:
        """Return what a fact is instead of what is wanted; empty: it is that."""
        name = type(fact).__name__
        if type(fact) is not self.kind:
            return name
        for field, value in self.fields.items():
            if not _same(was := getattr(fact, field), value):
                return f"{name} with {field} {shown(was)}"
        return ""

    def __str__(self) -> str:
        fields = ", ".join(f"{field} {shown(value)}" for field, value in self.fields.items())
        return self.kind.__name__ + (f" with {fields}" if fields else "")


def _same(one: object, other: object) -> bool:
    """Tell whether two values are equal; what cannot be compared is not."""
    try:
        return bool(one == other)
    except Exception:  # a stranger's object; whatever it is, it was not stored
        return False


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
        self._stale = self._forget = False
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
        self._stale = self._forget = False

    def catch_up(self) -> int:
        """Fold what others appended since, and return how many facts that were."""
        if self._stale:
            before = self._told
            self.reload()
            return self.state.seq - before
        count = self._fold()
        if self._forget:  # a name was erased, and stands in this state
            self.reload()
        return count

    def _fold(self) -> int:
        before, stale = self.state.seq, self._stale
        if self.journal.last() == before:  # mostly, and quickly told
            return 0
        for entry in tqdm(self.journal.read(after=before), "facts", unit=" facts", delay=_SOON, disable=None):
            self._stale = True  # if this is cut short, the fold is of no entry
            self.state.apply(entry.fact)
            self.state.seq = entry.seq
            self._stale = stale
            self._forget |= isinstance(entry.fact, NameRedacted)
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

    def command(self, make: Make, *, key: str = "", wanted: Wanted | None = None) -> Sequence[Fact]:
        """Append what a caller wants, whole or not at all; with a `key` that was used before, nothing happens again.

        Parameters
        ----------
        wanted
            What `make` is about; None: whatever the key was used for, it was this.

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
                if before.seq > self.state.seq:  # somebody else did it since the look before
                    self.catch_up()
                if wanted is not None and (was := wanted.unlike(before.fact)):
                    raise Refused(f"key {key!r} was used for {was} (entry {before.seq}), not for {wanted}")
                return [before.fact]
            facts = [_as_read(fact) for fact in make(self.state)]
            if not facts:
                return facts
            try:
                self._append(facts, None, key)
            except Moved:
                continue
            self._after(facts, key, fold=True)
            return facts
        raise JournalError(f"gave up after {_TRIES} tries: others append all the time")

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
        """Go on to what was appended: fold it if that was not done before, tell it, store the state now and then.

        It is durable: if a listener fails, the next look goes on from what the journal has.
        """
        before, self._stale = self.state.seq, True
        for place, fact in enumerate(facts):
            if fold:
                self.state.apply(fact)
            self.state.seq = before + place + 1
            if self._listeners:
                self._tell(Entry(seq=self.state.seq, fact=fact, key=key if place == 0 else ""))
        self.state.seq = self._told = before + len(facts)
        self._stale = False
        if self.state.seq - self._kept >= self._every:
            try:
                self.keep()
            except JournalError as wrong:
                self._kept = self.state.seq  # opening folds more until the next time
                _LOG.warning("the state at entry %d was not stored: %s", self.state.seq, wrong)

    def keep(self) -> None:
        """Store the state now."""
        self.journal.keep(Kept(self.state.seq, self.state.dump()))
        self._kept = self.state.seq

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Return what the journal holds above a number."""
        return self.journal.read(after=after)


def _as_read(fact: Fact) -> Fact:
    """Return a caller's fact as everybody else reads it from the journal: 4 cores as 4.0, lists as tuples."""
    return msgspec.convert(msgspec.to_builtins(fact), type(fact))
