"""Bytes to text without loss: what is not UTF-8 is kept visible as private characters, byte by byte."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

from placement.adapters.formats.pieces import DAMAGE

__all__ = ["UNDECODED", "Recoded", "decoded", "encoding_of", "shown"]

_ERRORS = "placement_undecoded"
#: Undecodable byte 0x80 + n is kept as the private character U+F780 + n; `placement.telemetry.names` refuses those.
_FIRST = 0xF700
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CHUNK_BYTES = 1 << 20

#: Pattern of one character kept for an undecodable byte.
UNDECODED = f"[{chr(0xF780)}-{chr(0xF7FF)}]"


def _keep(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_FIRST | byte | 0x80) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _keep)
#: Bytes that no encoding of text here decodes.
BROKEN_OFF = b"\xff"

_SHOWN = {_FIRST | byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}


def encoding_of(head: bytes) -> str:
    """Return the encoding that the byte-order mark at the start of a file tells, UTF-8 without one.

    Examples
    --------
    >>> encoding_of("job".encode("utf-16")), encoding_of(b"job")
    ('utf-16', 'utf-8')
    """
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8")


def decoded(raw: bytes, encoding: str = "utf-8") -> str:
    r"""Return `raw` as text, undecodable bytes as private characters.

    Examples
    --------
    >>> shown(decoded(b"caf\xe9"))
    'caf\\xe9'
    """
    return raw.decode(encoding, errors=_ERRORS)


def shown(text: str) -> str:
    """Return `text` with the private characters of `decoded` written as escapes."""
    return text.translate(_SHOWN)


class Recoded(io.RawIOBase):
    """A binary stream in `encoding`, whose `head` was read already, as a binary stream of valid UTF-8."""

    def __init__(self, head: bytes, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors=_ERRORS)
        self._left = self._decoder.decode(head).encode("utf-8", errors="replace")
        self.damage: Exception | None = None

    def readable(self) -> bool:
        """Tell io that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with the next bytes; 0 at the end."""
        ended = False
        while not self._left and not ended:
            chunk = self._chunk()
            ended = not chunk
            self._left = self._decoder.decode(chunk, final=ended).encode("utf-8", errors="replace")
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)

    def _chunk(self) -> bytes:
        """Read on; where the stream is damaged end there, with a mark that spoils the value it broke off in."""
        if self.damage is not None:
            return b""
        try:
            return self._stream.read(_CHUNK_BYTES)
        except DAMAGE as damage:
            self.damage = damage
            return BROKEN_OFF
