"""What the wrapper of an attempt keeps and understands of what is printed."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.adapters.engines.folders import Folder, Patterns, Settings
from placement.adapters.engines.wrapper import Log, Watch, write
from placement.control.messages import Report, Said, Start


def patterns() -> dict[str, str]:
    said = asdict(Patterns())
    del said["causes"]
    return said


def watched(*pieces: bytes) -> dict[str, object]:
    watch = Watch(patterns())
    for piece in pieces:
        watch.feed(piece)
    return watch.said()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"progress: 12.5%\n", {"frames": [], "percent": 12.5, "saved": 0.0}),
        (b"progress 10%\rprogress 20%\r", {"frames": [], "percent": 20.0, "saved": 0.0}),
        (b"progress 10%\nframe 3 done\n", {"frames": [3], "percent": 0.0, "saved": 0.0}),
        (b"frame 3 done\nprogress 10%\n", {"frames": [3], "percent": 10.0, "saved": 0.0}),
        (b"frame 2 done\nframe 1 done\nframe 2 done\n", {"frames": [2, 1], "percent": 0.0, "saved": 0.0}),
        (b"saved 40%\nsaved: 30%\n", {"frames": [], "percent": 0.0, "saved": 40.0}),
        (b"progress 999%\n", {"frames": [], "percent": 100.0, "saved": 0.0}),
        (b"progress 10%", {"frames": [], "percent": 0.0, "saved": 0.0}),
        (b"\xff\xfe progress many%\n\0\n", {"frames": [], "percent": 0.0, "saved": 0.0}),
    ],
)
def test_lines_say_how_far_it_is(text: bytes, said: dict[str, object]) -> None:
    assert watched(text) == said


def test_a_pattern_that_finds_no_number_says_nothing() -> None:
    watch = Watch({"progress": r"at (\w+)", "frame": "", "saved": ""})

    watch.feed(b"at once\n")

    assert not watch.changed
    assert watch.said()["percent"] == 0.0


LINES = st.lists(
    st.sampled_from(
        [b"progress 10%", b"progress: 99.5%", b"frame 7 done", b"frame 8 done", b"saved 5%", b"", b"x" * 90]
    ),
    max_size=20,
).map(lambda lines: b"".join(line + b"\n" for line in lines))


@given(LINES, st.lists(st.integers(0, 500), max_size=10))
def test_how_it_is_cut_into_pieces_makes_no_difference(text: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[begin:end] for begin, end in pairwise(places)]

    assert watched(*pieces) == watched(text)


@given(st.lists(st.binary(max_size=300), max_size=30), st.integers(1, 200))
def test_a_log_keeps_the_end_in_two_files(pieces: list[bytes], most: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        log = Log(name, most)
        for piece in pieces:
            log.add(piece)
        log.close()
        files = [Path(name) / each for each in ("log.old", "log")]
        kept = [each.read_bytes() for each in files if each.exists()]

    assert all(len(each) <= most for each in kept)
    last = next((piece for piece in reversed(pieces) if piece), b"")
    assert b"".join(kept).endswith(last[-most:])


def test_a_log_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    log = Log(str(tmp_path), 10)
    (tmp_path / "log.old").mkdir()

    log.add(b"0123456789")
    log.add(b"abc")
    log.add(b"def")
    log.close()

    assert (tmp_path / "log").read_bytes() == b"0123456789"


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write(str(tmp_path), "said.json", {"a": [1]})
    with pytest.raises(TypeError):
        write(str(tmp_path), "said.json", {"a": object()})

    assert json.loads((tmp_path / "said.json").read_text()) == {"a": [1]}


def test_orders_and_ends_are_read_as_they_were_written(tmp_path: Path) -> None:
    order = Start(
        attempt=3, task=("job", "ste\u00fcp", 7), node="n", command=("a", "\u00e9 \n"), frames=(1, 3), outputs=("o",),
        timeout=2.5, checkpoint="frames", saved=0.25, memory=100.0, gpus=1.0, mode=2,
    )  # fmt: skip
    report = Report(
        said=Said.ENDED,
        node="n",
        attempt=3,
        frames=(1,),
        outputs=("o",),
        exit_code=1,
        detail="é",
        seconds=1.5,
        cause="x",
    )  # fmt: skip
    folder = Folder(tmp_path / "3")

    assert folder.order() is None
    assert folder.ended() is None
    assert folder.begin(order, Settings())
    assert not folder.begin(order, Settings())
    folder.keep(report)

    assert Folder(tmp_path / "3").order() == order
    assert Folder(tmp_path / "3").ended() == report
    assert not folder.told
    folder.tell()
    assert folder.told
    folder.remove()
    folder.keep(report)
    folder.tell()
    assert not folder.path.exists()
    assert folder.last_words() == ""
