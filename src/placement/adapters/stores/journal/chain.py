"""The hash chain: every entry's digest covers the entry and the digest of the one before.

::

    digest = SHA-256( digest before | SHA-256(body) | seq, at, version, term | kind | key )

What a body said can go while its hash stays, so dropped bodies do not break the chain.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

from placement.units import Seconds

__all__ = ["GENESIS", "Row", "chained", "hashed", "hashed_state"]

#: Digest before the first entry.
GENESIS = bytes(32)

_NUMBERS = struct.Struct(">qdqqI")
_NO_TERM = -1


class Row(NamedTuple):
    """An entry as it is stored; `body` is None where it was dropped."""

    seq: int
    at: Seconds
    kind: str
    version: int
    body: str | None
    body_hash: bytes
    key: str | None
    term: int | None
    digest: bytes


def hashed(body: str) -> bytes:
    """Return the hash of a body."""
    return hashlib.sha256(body.encode()).digest()


def hashed_state(digest: bytes, state: bytes) -> bytes:
    """Return the hash of a stored state that was folded up to the entry of this digest."""
    return hashlib.sha256(digest + state).digest()


def chained(before: bytes, row: Row) -> bytes:
    """Return the digest of an entry after one of digest `before`; the row's own digest and body do not matter.

    Raises
    ------
    AttributeError, TypeError, ValueError, struct.error
        A column holds something that no journal writes there.
    """
    kind = row.kind.encode()
    term = _NO_TERM if row.term is None else row.term
    if term < 0 and row.term is not None:
        raise ValueError(f"term {term} is negative")
    key = b"\0" if row.key is None else b"\1" + row.key.encode()
    numbers = _NUMBERS.pack(row.seq, row.at, row.version, term, len(kind))
    return hashlib.sha256(before + row.body_hash + numbers + kind + key).digest()
