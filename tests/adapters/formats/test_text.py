"""No byte of a text file is lost, whatever its encoding."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.adapters.formats.text import UNDECODED, Recoded, decoded, encoding_of, shown


@given(st.binary(max_size=60))
def test_undecodable_bytes_are_shown_one_by_one(raw):
    text = shown(decoded(raw))

    assert text == raw.decode("utf-8", errors="backslashreplace")


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(["utf-8-sig", "utf-16"]), st.integers(2, 9))
def test_a_recoded_stream_holds_the_text(text, encoding, head):
    raw = text.encode(encoding)

    stream = io.BufferedReader(Recoded(raw[:head], io.BytesIO(raw[head:]), encoding_of(raw)), 4)

    assert stream.read() == text.encode()


def test_a_text_that_cannot_be_written_is_an_error_of_its_own():
    with pytest.raises(UnicodeEncodeError):
        "\ud800".encode("ascii", errors="placement_undecoded")
    assert UNDECODED.startswith("[")
