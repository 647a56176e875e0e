"""Check a whole journal: the chain, what is beside it, and anchors that were kept elsewhere.

What can be found: an entry whose columns or body were edited; entries removed, added or moved; a tail cut off; a body
removed without a `BodiesDropped` that covers it; a head, an anchor, a kept state or a name that was changed. Who can
write to the database can also compute every hash afresh; that is found only with an anchor that was kept elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from placement.adapters.stores.journal.chain import GENESIS, Row, chained, hashed
from placement.errors import Tampered
from placement.farm.facts import BodiesDropped
from placement.runtime.ports import Anchor

__all__ = ["Chain", "known_by_number"]

_STRANGE = (AttributeError, TypeError, ValueError, struct.error)


@dataclass(slots=True)
class Chain:
    """Follows the chain entry by entry.

    Parameters
    ----------
    noted
        The journal's own anchors, number -> (digest, time).
    every
        Every how many entries there has to be one.
    known
        Anchors that were kept elsewhere, number -> digest.
    drops
        What was dropped on purpose.
    seq, digest
        The last entry that was followed.
    """

    noted: dict[int, tuple[bytes, float]]
    every: int
    known: dict[int, bytes] = field(default_factory=dict)
    drops: Sequence[tuple[int, BodiesDropped]] = ()
    seq: int = 0
    digest: bytes = GENESIS

    def follow(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows that follow one another.

        Raises
        ------
        Tampered
            One does not; the message names the first.
        """
        for row in rows:
            self._check(row)
            self.seq, self.digest = row.seq, row.digest
            yield row

    def _check(self, row: Row) -> None:
        expected = self.seq + 1
        if row.seq < expected:
            raise Tampered(f"entry {row.seq} was added: entries are counted from 1, once each")
        if row.seq > expected:
            raise Tampered(f"entry {expected} is missing: the next one is {row.seq}")
        self._check_body(row)
        try:
            digest = chained(self.digest, row)
        except _STRANGE as wrong:
            raise Tampered(f"entry {row.seq} was edited: {wrong}") from wrong
        if digest != row.digest:
            raise Tampered(f"entry {row.seq} does not follow from the one before: edited, moved or added")
        self._check_anchors(row)

    def _check_body(self, row: Row) -> None:
        if row.body is None:
            if not any(seq > row.seq and _covers(drop, row) for seq, drop in self.drops):
                raise Tampered(f"entry {row.seq}: its body was removed, and no BodiesDropped covers it")
            return
        try:
            content = hashed(row.body)
        except AttributeError as wrong:
            raise Tampered(f"entry {row.seq}: its body was edited: it is no text") from wrong
        if content != row.body_hash:
            raise Tampered(f"entry {row.seq}: its body or the hash of it was edited")

    def _check_anchors(self, row: Row) -> None:
        if self.known.get(row.seq, row.digest) != row.digest:
            sound = max((seq for seq in self.known if seq < row.seq), default=0)
            raise Tampered(
                f"entry {row.seq} is not the one of the anchor kept elsewhere: "
                f"the journal was rewritten from an entry between {sound + 1} and {row.seq}"
            )
        if row.seq % self.every == 0 and self.noted.pop(row.seq, None) != (row.digest, row.at):
            raise Tampered(f"entry {row.seq}: its anchor is missing or was edited")

    def end(self, head_seq: int, head_digest: bytes) -> None:
        """Check that the chain ends where head and anchors say.

        Raises
        ------
        Tampered
            It does not.
        """
        if head_seq > self.seq:
            raise Tampered(f"entry {self.seq + 1} is missing: the head tells of {head_seq} entries")
        if head_seq < self.seq:
            raise Tampered(f"entry {head_seq + 1} was added, or the head edited: it tells of {head_seq} entries")
        if head_digest != self.digest:
            raise Tampered(f"entry {self.seq}: the head was edited, or the entry: their digests differ")
        if beyond := sorted(seq for seq in self.known if seq > self.seq):
            raise Tampered(f"entry {self.seq + 1} is missing: there is an anchor of entry {beyond[0]} elsewhere")
        if self.noted:
            seq = min(self.noted)
            what = f"entry {self.seq + 1} is missing, or" if seq > self.seq else ""
            raise Tampered(f"{what} the anchor of entry {seq} was added".strip())


def _covers(drop: BodiesDropped, row: Row) -> bool:
    return drop.first <= row.seq <= drop.last and row.kind in drop.kinds and row.key is None


def known_by_number(anchors: Iterable[Anchor]) -> dict[int, bytes]:
    """Return digests by number.

    Raises
    ------
    Tampered
        Two anchors of an entry differ, or one of entry 0 is not where every chain begins.
    """
    found = {0: GENESIS}
    for anchor in anchors:
        digest = bytes.fromhex(anchor.digest)
        if found.setdefault(anchor.seq, digest) != digest:
            raise Tampered(f"two anchors of entry {anchor.seq} differ: one of them is of another journal")
    return found
