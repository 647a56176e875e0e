"""What is done with the journal of a farm: checked, exported, thinned out, made to forget names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from placement.control.renaming import renamed
from placement.errors import InvalidInput, Refused
from placement.farm.given import MOST_NAME, MOST_NAMES, noun, several, shown, text
from placement.orchestrator.questions import Questions
from placement.runtime.ports import Anchor, Archive

__all__ = ["Records"]


class Records(Questions):
    """The part of `placement.orchestrator.Farm` that looks after the journal."""

    def verify(self, anchors: Iterable[Anchor] = ()) -> int:
        """Check that nobody changed the journal, and return how many entries it holds.

        Parameters
        ----------
        anchors
            What `anchor` returned earlier and was kept elsewhere: only these show that somebody rewrote entries and
            worked all hashes out afresh.

        Raises
        ------
        Tampered
            Somebody did; names the first bad entry.
        InvalidInput
            Something among the anchors is none.
        """
        if not isinstance(anchors, Iterable):
            raise InvalidInput(f"anchors: must be some anchors, got {shown(anchors)}")
        known = list(anchors)
        for place, each in enumerate(known):
            noun(each, f"anchors[{place}]", Anchor)
        with self._lock:
            return self._archive().verify(anchors=known)

    def anchor(self) -> Anchor:
        """Return the digest of all that happened so far, to be kept elsewhere."""
        with self._lock:
            return self._archive().anchor()

    def export(self, path: str | Path) -> int:
        """Write the whole audit trail as a Parquet file, a row per entry, and return how many.

        Raises
        ------
        OSError
            The file cannot be written.
        InvalidInput
            The path is none.
        """
        text(str(path) if isinstance(path, Path) else path, "path")
        with self._lock:
            return self._archive().export(path)

    def redact(self, name: str, *, by: str = "") -> str:
        """Erase the name of a client or user from everything that is kept; return the pseudonym it has from now on.

        The chain still verifies. A client goes on under its pseudonym.

        Raises
        ------
        NotFound
            The journal has no such name.
        InvalidInput
            It cannot be one.
        """
        text(name, "name", most=MOST_NAME)
        text(by, "by", empty=True, most=MOST_NAME)
        with self._lock:
            hidden = self._archive().redact(name, at=self._clock(), by=by, rewrite=renamed)
            self._ledger.reload()
            return hidden

    def thin_out(self, kinds: Sequence[str] | None = None, *, by: str = "") -> int:
        """Drop what old entries of high volume say (how far attempts were) up to now, and return how many.

        Their hashes stay and the chain verifies. Old states are removed, audit is kept.

        Parameters
        ----------
        kinds
            Of facts; None: `AttemptProgressed`.

        Raises
        ------
        InvalidInput
            There is no such kind, or it is one that checks need.
        """
        text(by, "by", empty=True, most=MOST_NAME)
        chosen = {} if kinds is None else {"kinds": _names(kinds)}
        with self._lock:
            archive = self._archive()
            self._ledger.catch_up()
            self._ledger.keep()
            dropped = archive.drop_bodies(self._ledger.state.seq, at=self._clock(), by=by, **chosen)
            archive.compact()
            return dropped

    def _archive(self) -> Archive:
        journal = self._ledger.journal
        if not isinstance(journal, Archive):
            raise Refused(f"this farm's journal is a {type(journal).__name__}, which keeps no archive")
        return journal


def _names(kinds: Sequence[str]) -> tuple[str, ...]:
    return tuple(text(kind, f"kinds[{place}]") for place, kind in enumerate(several(kinds, "kinds", MOST_NAMES)))
